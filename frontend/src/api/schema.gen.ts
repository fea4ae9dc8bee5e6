// Made by "npm run generate" from server/web/api/openapi.yaml. Do not edit.
export interface paths {
    "/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Renews the browser session by the portal's own token of the person in the frame. */
        post: operations["renewSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getMe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getSettings"];
        /** @description Saves the whole document at once. Needs `If-Match "<version>"`; a newer one answers 409 with both documents, bad fields 422; nothing is saved in part. */
        put: operations["putSettings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/settings/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listSettingsVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Who changed what in the account and when, newest first; versions of the settings with what they changed, and changes of matches, of the connection to UIS and of portals in words. Administrators only. */
        get: operations["listHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/settings/versions/{n}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["restoreSettings"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/uis": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getUIS"];
        /** @description Stores the credentials, tests each at once, registers the chat adapter. A failed check is in `checks`, the answer is still 200 when something could be stored. */
        put: operations["putUIS"];
        post?: never;
        delete: operations["deleteUIS"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/uis/notifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listUISNotifications"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/portals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listPortals"];
        put?: never;
        post: operations["addPortal"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/portals/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** @description Takes the portal out of the account, with its tokens; sessions of its people end. The account's only portal keeps its settings for the day the app is opened there again, one of several is erased. */
        delete: operations["removePortal"];
        options?: never;
        head?: never;
        patch: operations["changePortal"];
        trace?: never;
    };
    "/portals/{id}/repair": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description The round arrow: binds again what is missing of placements, events and the connector, and begins a reading of the portal's lists and users. Answers the steps as they stand when done and the reading; or where to give consent, when no token of the portal works. 409: portal_unpaid, portal_uninstalled. */
        post: operations["repairPortal"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/test-event": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Asks the portal to send its test event; when it has arrived, the self-check's "events" says so. */
        post: operations["testEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/employees": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listEmployees"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/employees/{b24_user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put: operations["matchEmployee"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/employees/sync": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["syncEmployees"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/directories/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Lists people choose from in the settings. variables and parameters are the product's own: where a variable or a parameter of conditions may be used, and from when on it is known. mode tells whether the CRM has leads. */
        get: operations["getDirectory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/directories/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["refreshDirectories"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/communications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Communications of a kind (chat when none is named), newest first. q finds by the client's name, address, part of a phone, or the number at UIS. Calls alone are narrowed by direction, outcome and state. Administrators only. */
        get: operations["listCommunications"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/communications/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description "Why?": ref is {kind}:{id}, for chats the chat number at UIS. Administrators only. */
        get: operations["getCommunication"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/communications/{ref}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Repeats what failed of a communication; takes up its rows and its client's that were set aside, sends refused and not confirmed commands again. 409 nothing_to_replay when nothing failed. */
        post: operations["replayCommunication"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/chats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description One list of the workplace. With entity_type and entity_id only chats with the clients of that card (by every phone and e-mail of it). */
        get: operations["listChats"];
        put?: never;
        /** @description Write first. The same id answers the same chat again. Exactly one of phone, email, username. */
        post: operations["startChat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/chats/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getChat"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/chats/{id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description A page of the conversation, oldest first. before and after are message ids; without both the newest page. `next` is the id to pass as before (or after), null at the end. */
        get: operations["listMessages"];
        put?: never;
        /** @description The same id answers the same message again. Text, file or both. */
        post: operations["sendMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/chats/{id}/messages/{message}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Sends a failed or not confirmed message again. The client-made id makes a repeat harmless. */
        post: operations["retryMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/chats/{id}/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["acceptChat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/chats/{id}/close": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["closeChat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/chats/{id}/transfer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["transferChat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/chats/{id}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["readChat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description multipart/form-data with one part named file, streamed. At most OMNI_FILE_LIMIT. */
        post: operations["uploadFile"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/lines": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Open lines of a portal with the channel each carries, and the channels they may carry (all but SMS and Yandex). Administrators only. */
        get: operations["listLines"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/lines/{line}": {
        parameters: {
            query?: {
                /** @description a portal of the account; without it, the portal of the session */
                portal?: components["parameters"]["Portal"];
            };
            header?: never;
            path: {
                /** @description the line's number at the portal */
                line: number;
            };
            cookie?: never;
        };
        get?: never;
        /** @description Puts a channel on a line, as the connector page does, and waits until the portal has done it. The latest choice wins: the channel leaves the line that carried it, and the chats' channels of the settings. 202: the portal has not answered within ten seconds; it goes on by itself, and line.changed tells the end. Refused by the portal, the line stays as it was. Administrators only. */
        put: operations["chooseLine"];
        post?: never;
        /** @description Takes the channel off a line. Nothing passes from that moment on. It does not come back to the chats' channels by itself. Administrators only. */
        delete: operations["releaseLine"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/operations/commands": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listCommands"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/operations/commands/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["retryCommand"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/operations/commands/{id}/drop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["dropCommand"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/operations/lanes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description What of every lane of the account is waiting, how full its budget is, and why it does not send. Administrators only. */
        get: operations["listLanes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/operations/requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description The log of requests to portals and to UIS, newest first, without secrets. Administrators only. */
        get: operations["listRequests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/operations/requests/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getRequest"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/operations/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Rows of the inbox that were set aside, newest first. Administrators only. */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/operations/events/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Takes the row up again. */
        post: operations["retryEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/operations/events/{id}/drop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Gives the row up for good. */
        post: operations["dropEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Problem: {
            status: number;
            /** @description a stable word such as not_found or key_blocked */
            code: string;
            /** @description a sentence in the person's language */
            detail: string;
            errors?: components["schemas"]["FieldError"][];
        };
        FieldError: {
            /** @description a JSON pointer */
            field: string;
            code: string;
            text: string;
        };
        SessionRequest: {
            /** @description the portal's access token of the person */
            auth_id: string;
            /** @description the portal's host as the frame knows it */
            domain?: string;
        };
        Session: {
            session: string;
            /** Format: date-time */
            expires_at: string;
        };
        Me: {
            /** @description the Bitrix24 user */
            user: number;
            name: string;
            admin: boolean;
            lang: string;
            rights: ("cabinet" | "chats" | "chats_others")[];
            /** @description who the person is at UIS; null: nobody matched him yet */
            employee?: components["schemas"]["EmployeeRef"] | null;
            account: number;
            portal: number;
            portals: components["schemas"]["Portal"][];
        };
        EmployeeRef: {
            /** @description the employee's number at UIS */
            id: number;
            name: string;
            group?: string | null;
        };
        /** @description the document of design section 12; missing keys take their initial values, unknown ones are refused */
        Settings: {
            version: number;
            /** @default {} */
            main: components["schemas"]["SettingsMain"];
            /** @default {} */
            telephony: components["schemas"]["SettingsTelephony"];
            /** @default {} */
            chats: components["schemas"]["SettingsChats"];
            /** @default {} */
            requests: components["schemas"]["SettingsRequests"];
            /** @default {} */
            lines: components["schemas"]["SettingsLines"];
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsMain: {
            /** @default false */
            enabled: boolean;
            /** @default null */
            portal: number | null;
            /** @default false */
            import_statuses: boolean;
            /** @default true */
            sync_all: boolean;
            /** @default [] */
            sync_only: number[];
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsTelephony: {
            /** @default false */
            enabled: boolean;
            /** @default null */
            portal: number | null;
            /** @default false */
            other_telephony: boolean;
            /** @default false */
            personal_manager: boolean;
            /** @default false */
            create_inbound: boolean;
            /** @default false */
            create_outbound: boolean;
            /**
             * @default first
             * @enum {string}
             */
            talker: "first" | "last";
            /** @default false */
            responsible_later: boolean;
            /**
             * @default 5
             * @enum {integer}
             */
            responsible_after_min: 5 | 10 | 15 | 20 | 25;
            /** @default false */
            number_as_source: boolean;
            /** @default false */
            filter_on: boolean;
            /** @default [] */
            filter_inbound: components["schemas"]["SettingsCondition"][][];
            /** @default [] */
            filter_outbound: components["schemas"]["SettingsCondition"][][];
            /** @default {} */
            click: components["schemas"]["SettingsClick"];
            /** @default {} */
            callback: components["schemas"]["SettingsCallback"];
            /** @default {} */
            records: components["schemas"]["SettingsRecords"];
            /** @default false */
            call_message: boolean;
            /** @default [] */
            templates: components["schemas"]["SettingsCallTemplate"][];
            /** @default {} */
            funnel: components["schemas"]["SettingsFunnel"];
            /** @default [] */
            funnels_inbound: components["schemas"]["SettingsFunnelRule"][];
            /** @default [] */
            funnels_outbound: components["schemas"]["SettingsFunnelRule"][];
            /** @default null */
            responsible_inbound: number | null;
            /** @default null */
            responsible_outbound: number | null;
            /** @default [] */
            responsibles: components["schemas"]["SettingsResponsibleRule"][];
            /** @default [] */
            fields: components["schemas"]["SettingsFieldMapping"][];
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsCondition: {
            /** @default  */
            param: string;
            /** @enum {string} */
            op: "include" | "exclude";
            /** @default [] */
            values: string[];
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsClick: {
            /** @default false */
            on: boolean;
            /** @default null */
            number: string | null;
            /** @default false */
            override_caller_id: boolean;
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsCallback: {
            /** @default false */
            on: boolean;
            /** @default null */
            number: string | null;
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsRecords: {
            /** @default false */
            send: boolean;
            /** @default false */
            with_filters: boolean;
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsCallTemplate: {
            /** @enum {string} */
            direction: "in" | "out";
            /** @enum {string} */
            entity: "lead" | "deal" | "contact" | "company";
            /** @default [] */
            filter: components["schemas"]["SettingsCondition"][][];
            /** @default  */
            text: string;
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsFunnel: {
            /** @default null */
            lead_stage: string | null;
            /** @default null */
            pipeline: number | null;
            /** @default null */
            deal_stage: string | null;
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsFunnelRule: {
            /** @default [] */
            filter: components["schemas"]["SettingsCondition"][][];
            /** @default null */
            lead_stage: string | null;
            /** @default null */
            pipeline: number | null;
            /** @default null */
            deal_stage: string | null;
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsResponsibleRule: {
            /** @default [] */
            filter: components["schemas"]["SettingsCondition"][][];
            /** @default 0 */
            user: number;
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsFieldMapping: {
            /**
             * @default
             * @enum {string}
             */
            entity: "lead" | "deal" | "contact" | "company" | "";
            /** @default  */
            field: string;
            /** @default  */
            param: string;
            /** @default false */
            always: boolean;
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsChats: {
            /** @default false */
            enabled: boolean;
            /** @default null */
            portal: number | null;
            /** @default null */
            responsible: number | null;
            /** @default [] */
            responsibles: components["schemas"]["SettingsResponsibleRule"][];
            /** @default {} */
            first: components["schemas"]["SettingsCreation"];
            /** @default {} */
            repeat: components["schemas"]["SettingsCreation"];
            /**
             * @default null
             * @enum {string|null}
             */
            comment_priority: "deals" | "leads" | "both" | null;
            /** @default false */
            copy_to_contact: boolean;
            /** @default false */
            notify: boolean;
            /** @default false */
            closed_entities: boolean;
            /** @default false */
            without_contacts: boolean;
            /** @default [] */
            filter: components["schemas"]["SettingsCondition"][][];
            /** @default Чат на сайте {{site_domain_name}} Канал: {{chat_channel_name}} с посетителем {{name}} */
            template: string;
            /** @default {} */
            funnel_first: components["schemas"]["SettingsChatFunnel"];
            /** @default {} */
            funnel_repeat: components["schemas"]["SettingsChatFunnel"];
            /** @default false */
            fields_on: boolean;
            /** @default [] */
            fields: components["schemas"]["SettingsFieldMapping"][];
            /** @default [] */
            channels: number[];
            /** @default false */
            create: boolean;
            /**
             * @default start
             * @enum {string}
             */
            create_at: "start" | "end";
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsCreation: {
            /** @default false */
            on: boolean;
            /** @default [] */
            create: ("lead" | "deal" | "activity")[];
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsChatFunnel: {
            /** @default false */
            on: boolean;
            /** @default null */
            lead_stage: string | null;
            /** @default null */
            pipeline: number | null;
            /** @default null */
            deal_stage: string | null;
            /** @default [] */
            rules: components["schemas"]["SettingsFunnelRule"][];
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsRequests: {
            /** @default false */
            enabled: boolean;
            /** @default null */
            portal: number | null;
            /** @default null */
            responsible: number | null;
            /** @default [] */
            responsibles: components["schemas"]["SettingsResponsibleRule"][];
            /** @default {} */
            first: components["schemas"]["SettingsCreation"];
            /** @default {} */
            repeat: components["schemas"]["SettingsCreation"];
            /**
             * @default null
             * @enum {string|null}
             */
            comment_priority: "deals" | "leads" | "both" | null;
            /** @default false */
            copy_to_contact: boolean;
            /** @default false */
            notify: boolean;
            /** @default false */
            closed_entities: boolean;
            /** @default false */
            without_contacts: boolean;
            /** @default [] */
            filter: components["schemas"]["SettingsCondition"][][];
            /** @default Заявка с сайта {{site_domain_name}} от {{name}} */
            template: string;
            /** @default {} */
            funnel_first: components["schemas"]["SettingsChatFunnel"];
            /** @default {} */
            funnel_repeat: components["schemas"]["SettingsChatFunnel"];
            /** @default false */
            fields_on: boolean;
            /** @default [] */
            fields: components["schemas"]["SettingsFieldMapping"][];
        };
        /** @description a part of the settings document; missing keys take the values named here */
        SettingsLines: {
            /** @default false */
            enabled: boolean;
            /** @default null */
            portal: number | null;
            /** @default true */
            operator_name: boolean;
            /** @default {} */
            auto_close_min: {
                [key: string]: number;
            };
            /** @default [] */
            fields: components["schemas"]["SettingsFieldMapping"][];
        };
        SettingsConflict: {
            status: number;
            code: string;
            detail: string;
            theirs: components["schemas"]["Settings"];
            yours: components["schemas"]["Settings"];
        };
        SettingsVersionList: {
            items: components["schemas"]["SettingsVersion"][];
            next: string | null;
        };
        SettingsVersion: {
            version: number;
            /** Format: date-time */
            saved_at: string;
            saved_by: string;
            diff: components["schemas"]["SettingsDiff"][];
        };
        HistoryList: {
            items: components["schemas"]["HistoryItem"][];
            next: string | null;
        };
        HistoryItem: {
            id: string;
            /** Format: date-time */
            at: string;
            /** @description empty when nobody of the account did it */
            by: string;
            /** @enum {string} */
            kind: "settings" | "matched" | "unmatched" | "uis_connected" | "uis_changed" | "uis_removed" | "portal_added" | "portal_opened" | "portal_renamed" | "portal_removed" | "app_uninstalled";
            text: string;
            /** @description of the settings */
            version: number | null;
            diff: components["schemas"]["SettingsDiff"][];
        };
        SettingsDiff: {
            field: string;
            before?: unknown;
            after?: unknown;
        };
        Check: {
            /** @enum {string} */
            code: "data_api" | "call_api" | "chats_login" | "adapter" | "channels" | "employees";
            ok: boolean;
            text: string;
            cure?: string | null;
        };
        UISCredentials: {
            /** @enum {string} */
            brand: "uis" | "comagic" | "callgear" | "novofon";
            /** @description null or absent keeps the stored one */
            api_key?: string | null;
            chats_login?: string | null;
            chats_password?: string | null;
        };
        UISConnection: {
            connected: boolean;
            brand: string | null;
            has_api_key: boolean;
            chats_login?: string | null;
            has_chats_password: boolean;
            account_name?: string | null;
            checks: components["schemas"]["Check"][];
            channels: components["schemas"]["Channel"][];
        };
        Channel: {
            /** @description the account's chat channel at UIS */
            id: number;
            type: string;
            name: string;
            active: boolean;
            status?: string | null;
            write_first: ("phone" | "email" | "username")[];
        };
        UISNotificationList: {
            items: components["schemas"]["UISNotification"][];
            /** @description what a scenario asks for the personal manager (interactive call processing); null: UIS is not connected */
            manager_url: string | null;
            next: string | null;
        };
        UISNotification: {
            event: string;
            title?: string;
            method: string;
            url: string;
            body: string;
            /** Format: date-time */
            last_received: string | null;
        };
        Portal: {
            id: number;
            name: string;
            domain: string;
            /** @enum {string} */
            state: "waiting" | "installing" | "active" | "blocked" | "unpaid" | "uninstalled";
            /** @description a sentence when the state is not active */
            reason?: string | null;
            /** @description the portal this page stands in */
            current: boolean;
            /** @description bindings that are missing */
            missing?: string[];
        };
        PortalList: {
            items: components["schemas"]["Portal"][];
            next: string | null;
        };
        PortalRequest: {
            name?: string | null;
            domain?: string;
        };
        PortalRepair: {
            items: components["schemas"]["Step"][];
            next: string | null;
            /** @description the reading of the lists; null: none was begun */
            job: components["schemas"]["Job"] | null;
            /** @description where a person consents anew; nothing was done then */
            authorize_url: string | null;
        };
        PortalConsent: {
            authorize_url: string;
        };
        PortalChange: {
            portal: components["schemas"]["Portal"];
            authorize_url?: string | null;
        };
        Step: {
            code: string;
            ok: boolean;
            text: string;
            cure?: string | null;
            detail?: string | null;
        };
        StepList: {
            items: components["schemas"]["Step"][];
            next: string | null;
        };
        Employee: {
            b24_user: number;
            name: string;
            last_name_missing?: boolean;
            email?: string | null;
            inner_number?: string | null;
            position?: string | null;
            active: boolean;
            uis_employee: number | null;
            uis_name?: string | null;
            /** @enum {string} */
            match: "none" | "auto" | "hand" | "several";
            /** @description email */
            matched_by?: string | null;
            candidates?: components["schemas"]["EmployeeRef"][];
        };
        EmployeeList: {
            items: components["schemas"]["Employee"][];
            uis: components["schemas"]["EmployeeRef"][];
            /** Format: date-time */
            synced_at: string | null;
            job?: components["schemas"]["Job"] | null;
            /** @description what the last synchronisation of this portal came to */
            result: components["schemas"]["SyncResult"] | null;
            workdays: components["schemas"]["Workdays"];
            next: string | null;
        };
        SyncResult: {
            users: number;
            employees: number;
            matched: number;
            several: number;
            without_last_name: number;
            changes: components["schemas"]["MatchChange"][];
            /** Format: date-time */
            at: string;
        };
        MatchChange: {
            user: number;
            name: string;
            /** @description UIS employee before; 0: nobody */
            before: number;
            /** @description UIS employee now; 0: nobody */
            after: number;
            how: string;
        };
        Workdays: {
            /** @description the portal granted the right to working days (timeman) */
            granted: boolean;
            /** @description why nothing is imported */
            trouble: components["schemas"]["Reason"] | null;
        };
        EmployeeMatch: {
            uis_employee: number | null;
        };
        Job: {
            id: number;
            /** @enum {string} */
            kind: "employees" | "directories" | "file" | "backfill";
            /** @enum {string} */
            state: "queued" | "running" | "done" | "failed";
            done: number;
            total: number | null;
            seconds_left?: number | null;
            /** Format: date-time */
            started_at?: string | null;
            /** Format: date-time */
            finished_at?: string | null;
            error?: components["schemas"]["Reason"] | null;
            result?: {
                [key: string]: unknown;
            } | null;
        };
        Directory: {
            items: components["schemas"]["DirectoryItem"][];
            /** Format: date-time */
            read_at: string | null;
            stale: boolean;
            next: string | null;
            /** @description why the last try to read it anew failed; the copy of before is shown */
            trouble?: components["schemas"]["Reason"] | null;
        };
        DirectoryItem: {
            id: number | string;
            name: string;
        } & {
            [key: string]: unknown;
        };
        Reason: {
            code: string;
            text: string;
            /** Format: date-time */
            at?: string;
            settings_version?: number | null;
        };
        EntityRef: {
            /** @enum {string} */
            type: "lead" | "deal" | "contact" | "company" | "activity";
            id: number;
            title?: string | null;
            /** @description a path inside the portal, or a whole address; empty: it has no page */
            url: string;
            /** @description made by this communication */
            created?: boolean;
        };
        Command: {
            id: number;
            kind: string;
            key?: string;
            /** @enum {string} */
            state: "waiting" | "sent" | "done" | "refused" | "unclear" | "unconfirmed" | "cancelled" | "expired" | "dropped";
            attempts?: number;
            reason?: components["schemas"]["Reason"] | null;
            asked?: unknown;
            answered?: unknown;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            sent_at?: string | null;
            /** Format: date-time */
            done_at?: string | null;
        };
        CommandList: {
            items: components["schemas"]["Command"][];
            next: string | null;
        };
        Communication: components["schemas"]["CommunicationShort"] & {
            /** @description where its entities are */
            portal: components["schemas"]["CommunicationPortal"] | null;
            /** @description why it came to what it came to */
            reasons: components["schemas"]["Noted"][];
            advice: components["schemas"]["Advice"][];
            /** @description newest first */
            commands: components["schemas"]["Command"][];
            /** @description the newest ones of the log */
            requests: components["schemas"]["RequestShort"][];
            more_requests: boolean;
            aside: components["schemas"]["Aside"][];
            failed: components["schemas"]["Replay"];
        };
        CommunicationShort: {
            /** @description chat:4711 */
            ref: string;
            /** @enum {string} */
            kind: "call" | "chat" | "request";
            /** @description its number at UIS */
            id: number;
            title: string;
            /** @description empty when nothing is known of him */
            client: string;
            phones: string[];
            emails: string[];
            channel: string | null;
            state: components["schemas"]["Reason"];
            /** @description its number in the workplace */
            chat: number | null;
            /** Format: date-time */
            started_at: string;
            /** Format: date-time */
            ended_at: string | null;
            entities: components["schemas"]["EntityRef"][];
        };
        CommunicationPortal: {
            id: number;
            name: string;
            /** @description it is the portal of the session; else the entities' addresses are whole ones */
            current: boolean;
        };
        Noted: {
            code: string;
            text: string;
            /** Format: date-time */
            at: string;
            settings_version: number | null;
        };
        Advice: {
            code: string;
            text: string;
            /** @description where it is done: a pointer into the settings (/chats/filter), or operations, employees */
            place: string | null;
        };
        CommunicationList: {
            items: components["schemas"]["CommunicationShort"][];
            next: string | null;
        };
        Replay: {
            commands: number;
            rows: number;
        };
        ActionID: {
            /** Format: uuid */
            id?: string;
        };
        Transfer: {
            /** Format: uuid */
            id?: string;
            /** @description the employee's number at UIS */
            employee: number;
        };
        StartChat: {
            /** Format: uuid */
            id: string;
            channel: number;
            phone?: string;
            email?: string;
            username?: string;
            text?: string;
            file?: number;
        };
        SendMessage: {
            /** Format: uuid */
            id: string;
            text?: string;
            file?: number;
            reply_to?: number;
            template?: {
                [key: string]: unknown;
            } | null;
        };
        UploadedFile: {
            file: number;
            name: string;
            size: number;
            mime: string;
        };
        ClientRef: {
            id: number | null;
            name: string;
            phone?: string | null;
            phones?: string[];
            email?: string | null;
            username?: string | null;
            company?: string | null;
            comment?: string | null;
        };
        Abilities: {
            accept: boolean;
            write: boolean;
            close: boolean;
            transfer: boolean;
            /** @description the sentence shown instead of the composer */
            why_not?: components["schemas"]["Reason"] | null;
        };
        Chat: {
            id: number;
            /** @description the chat's number at UIS, null while it is being started */
            uis_chat?: number | null;
            /** @enum {string} */
            state: "starting" | "new" | "work" | "closed" | "failed";
            /**
             * @description where it stands for the person who asks
             * @enum {string}
             */
            list: "new" | "mine" | "others" | "closed";
            channel: components["schemas"]["Channel"];
            client: components["schemas"]["ClientRef"];
            employee: components["schemas"]["EmployeeRef"] | null;
            unread: number;
            last_message?: components["schemas"]["Message"] | null;
            /** @description why it failed or how it was closed */
            reason?: components["schemas"]["Reason"] | null;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description of the last message or change; the lists are ordered by it
             */
            changed_at: string;
            /** Format: date-time */
            closed_at?: string | null;
            can: components["schemas"]["Abilities"];
            entities: components["schemas"]["EntityRef"][];
        };
        ChatCounters: {
            new: number;
            mine: number;
            others: number;
            closed: number;
            unread: number;
        };
        /** @description contact data of the card */
        CardClient: {
            name?: string | null;
            phones: string[];
            emails: string[];
        };
        ChatList: {
            items: components["schemas"]["Chat"][];
            next: string | null;
            counters: components["schemas"]["ChatCounters"];
            card?: components["schemas"]["CardClient"] | null;
        };
        File: {
            id: number | null;
            name: string;
            size: number;
            mime: string;
            /** @enum {string} */
            state: "coming" | "ready" | "failed";
            /** @description signed and expiring; ranges work */
            url?: string | null;
        };
        Quote: {
            id: number;
            text: string;
            side: string;
            author?: string | null;
        };
        Message: {
            id: number;
            chat: number;
            /** @description the client-made id it was sent with */
            key?: string | null;
            /** @enum {string} */
            side: "client" | "operator" | "system";
            author?: components["schemas"]["EmployeeRef"] | null;
            /** @enum {string} */
            kind: "text" | "image" | "video" | "audio" | "voice" | "document" | "system" | "unsupported";
            text: string;
            file?: components["schemas"]["File"] | null;
            reply_to?: components["schemas"]["Quote"] | null;
            /** @enum {string} */
            status: "received" | "queued" | "checking" | "sent" | "delivered" | "read" | "failed" | "unconfirmed";
            reason?: components["schemas"]["Reason"] | null;
            edited?: boolean;
            /** Format: date-time */
            created_at: string;
        };
        MessageList: {
            items: components["schemas"]["Message"][];
            next: number | null;
        };
        Line: {
            id: number;
            name: string;
            active: boolean;
            /** @description the portal does not list it */
            gone: boolean;
            /** @description whose messages pass */
            channel: number | null;
            channel_name: string | null;
            channel_type: string | null;
            /**
             * @description failed: the portal did not do what was asked last; what the line carried it carries still
             * @enum {string}
             */
            state: "none" | "on" | "connecting" | "disconnecting" | "failed";
            trouble: components["schemas"]["Reason"] | null;
            chosen_by: string | null;
        };
        LineChoice: {
            /** @description the account's chat channel */
            channel: number;
            /**
             * Format: uuid
             * @description made by the client: a repeat is harmless, and line.changed names it
             */
            id?: string;
        };
        LineChannel: components["schemas"]["Channel"] & {
            /** @description the line that carries it */
            line: number | null;
            /** @description the portal of that line */
            line_portal: number | null;
        };
        LineList: {
            items: components["schemas"]["Line"][];
            /** @description the connector's code at the portal */
            connector: string;
            /** @description channels that lines may carry */
            channels: components["schemas"]["LineChannel"][];
            /** @description the section is on and works with this portal; off */
            enabled: boolean;
            /** @description the portal the section works with; null: it is off */
            portal: number | null;
            next: string | null;
        };
        Lane: {
            /** @enum {string} */
            kind: "b24" | "uis.data" | "uis.call" | "uis.chat";
            portal: number | null;
            portal_name: string | null;
            /** @description requests in the portal's bucket now */
            level: number;
            /** @description 0: the platform has no bucket */
            size: number;
            /** @description requests that leave the bucket in a second */
            drain: number;
            /** @description commands that wait */
            ready: number;
            in_flight: number;
            /** @description commands whose fate is being looked into */
            unclear: number;
            /** @description failed requests in a row */
            failures: number;
            /** @description why nothing is sent */
            asleep: components["schemas"]["Reason"] | null;
            /** Format: date-time */
            paused_until: string | null;
            resting: components["schemas"]["RestingMethod"][];
            operating: components["schemas"]["OperatingMethod"][];
            points: components["schemas"]["Points"] | null;
            /** Format: date-time */
            oldest_ready_at: string | null;
        };
        RestingMethod: {
            method: string;
            /** Format: date-time */
            until: string;
        };
        OperatingMethod: {
            method: string;
            used_seconds: number;
            limit_seconds: number;
            /** Format: date-time */
            reset_at: string | null;
        };
        Points: {
            day_left: number;
            day_limit: number;
            minute_left: number;
            minute_limit: number;
        };
        LaneList: {
            items: components["schemas"]["Lane"][];
            next: string | null;
        };
        RequestShort: {
            id: string;
            /** Format: date-time */
            at: string;
            /** @enum {string} */
            kind: "b24" | "uis.data" | "uis.call" | "uis.chat";
            portal: number | null;
            took_ms: number;
            /** @description how many commands the request carried */
            commands: number;
            /** @description how many of them failed */
            failed: number;
            methods: string[];
            communications: string[];
        };
        RequestList: {
            items: components["schemas"]["RequestShort"][];
            next: string | null;
        };
        Request: components["schemas"]["RequestShort"] & {
            parts: components["schemas"]["RequestPart"][];
        };
        RequestPart: {
            /** @description null: a request of no lane, such as the proof of a caller */
            command: number | null;
            method: string;
            communication: string | null;
            asked: unknown;
            answered: unknown;
            error: components["schemas"]["RequestError"] | null;
            took_ms: number;
            /** @description too long to be kept whole */
            cut: boolean;
        };
        RequestError: {
            code: string;
            class: string;
            text: string;
        };
        AsideList: {
            items: components["schemas"]["Aside"][];
            next: string | null;
        };
        Aside: {
            id: number;
            /** @description whose queue it stood in, such as chat:101 */
            key: string;
            /** @description what it is */
            kind: string;
            attempts: number;
            reason: components["schemas"]["Reason"];
            /** Format: date-time */
            received_at: string;
        };
    };
    responses: {
        /** @description what went wrong */
        Problem: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description the chat */
        Chat: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Chat"];
            };
        };
        /** @description the line */
        Line: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Line"];
            };
        };
        /** @description the command */
        Command: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Command"];
            };
        };
    };
    parameters: {
        ID: number;
        N: number;
        Query: string;
        Cursor: string;
        /** @description a portal of the account; without it, the portal of the session */
        Portal: number;
    };
    requestBodies: {
        Action: {
            content: {
                "application/json": components["schemas"]["ActionID"];
            };
        };
    };
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    renewSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SessionRequest"];
            };
        };
        responses: {
            /** @description a new session */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the person */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the whole document */
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    putSettings: {
        parameters: {
            query?: never;
            header: {
                "If-Match": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Settings"];
            };
        };
        responses: {
            /** @description the saved document */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
            /** @description somebody saved first */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["SettingsConflict"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listSettingsVersions: {
        parameters: {
            query?: {
                cursor?: components["parameters"]["Cursor"];
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description versions newest first, page by page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SettingsVersionList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listHistory: {
        parameters: {
            query?: {
                cursor?: components["parameters"]["Cursor"];
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a page of changes */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HistoryList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    restoreSettings: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                n: components["parameters"]["N"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the restored document as a new version */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getUIS: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the connection and its checks */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UISConnection"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    putUIS: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UISCredentials"];
            };
        };
        responses: {
            /** @description the connection and its checks */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UISConnection"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    deleteUIS: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description disconnected */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    listUISNotifications: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description what to paste at UIS */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UISNotificationList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listPortals: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description portals of the account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortalList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    addPortal: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PortalRequest"];
            };
        };
        responses: {
            /** @description where to give consent */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortalConsent"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    removePortal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description removed */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    changePortal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PortalRequest"];
            };
        };
        responses: {
            /** @description the portal */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortalChange"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    repairPortal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description what was done */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortalRepair"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the self-check */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StepList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    testEvent: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the portal was asked */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    listEmployees: {
        parameters: {
            query?: {
                /** @description the one of the session when absent */
                portal?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description people of the portal and whom they are at UIS */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EmployeeList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    matchEmployee: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                b24_user: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EmployeeMatch"];
            };
        };
        responses: {
            /** @description the person */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Employee"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    syncEmployees: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the running job */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description progress and result */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getDirectory: {
        parameters: {
            query?: {
                /** @description whose lists, for those of a portal; without it, the portal of the session */
                portal?: number;
            };
            header?: never;
            path: {
                name: "b24-users" | "departments" | "pipelines" | "stages" | "sources" | "fields" | "lines" | "mode" | "uis-employees" | "groups" | "numbers" | "sites" | "campaigns" | "scenarios" | "operations" | "channels" | "tags" | "variables" | "parameters";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the cached copy */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Directory"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    refreshDirectories: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the running job */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listCommunications: {
        parameters: {
            query?: {
                kind?: "call" | "chat" | "request";
                /** @description calls only */
                direction?: "in" | "out";
                /** @description calls only; missed are those that are over */
                outcome?: "answered" | "missed";
                /** @description calls only; how far they were carried */
                state?: "live" | "done" | "off" | "failed";
                q?: components["parameters"]["Query"];
                cursor?: components["parameters"]["Cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description communications newest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommunicationList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getCommunication: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description reasons */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Communication"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    replayCommunication: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description taken up again */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Replay"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listChats: {
        parameters: {
            query?: {
                list?: "new" | "mine" | "others" | "closed";
                q?: components["parameters"]["Query"];
                channel?: number;
                employee?: number;
                entity_type?: "lead" | "deal" | "contact" | "company";
                entity_id?: number;
                cursor?: components["parameters"]["Cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description chats newest activity first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChatList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    startChat: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["StartChat"];
            };
        };
        responses: {
            /** @description the chat */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Chat"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getChat: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the chat */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Chat"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listMessages: {
        parameters: {
            query?: {
                before?: number;
                after?: number;
                limit?: number;
            };
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description messages */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MessageList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    sendMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SendMessage"];
            };
        };
        responses: {
            /** @description the message as queued */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    retryMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
                message: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ActionID"];
            };
        };
        responses: {
            /** @description the message as queued */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    acceptChat: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Action"];
        responses: {
            200: components["responses"]["Chat"];
            default: components["responses"]["Problem"];
        };
    };
    closeChat: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Action"];
        responses: {
            200: components["responses"]["Chat"];
            default: components["responses"]["Problem"];
        };
    };
    transferChat: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Transfer"];
            };
        };
        responses: {
            200: components["responses"]["Chat"];
            default: components["responses"]["Problem"];
        };
    };
    readChat: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Action"];
        responses: {
            200: components["responses"]["Chat"];
            default: components["responses"]["Problem"];
        };
    };
    uploadFile: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": {
                    /** Format: binary */
                    file: string;
                };
            };
        };
        responses: {
            /** @description stored */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UploadedFile"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listLines: {
        parameters: {
            query?: {
                /** @description a portal of the account; without it, the portal of the session */
                portal?: components["parameters"]["Portal"];
                /** @description 1: the lines are read from the portal first; one that does not answer leaves the copy */
                fresh?: 0 | 1;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description open lines and the channel each carries */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LineList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    chooseLine: {
        parameters: {
            query?: {
                /** @description a portal of the account; without it, the portal of the session */
                portal?: components["parameters"]["Portal"];
            };
            header?: never;
            path: {
                /** @description the line's number at the portal */
                line: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LineChoice"];
            };
        };
        responses: {
            200: components["responses"]["Line"];
            202: components["responses"]["Line"];
            default: components["responses"]["Problem"];
        };
    };
    releaseLine: {
        parameters: {
            query?: {
                /** @description a portal of the account; without it, the portal of the session */
                portal?: components["parameters"]["Portal"];
                /** @description made by the client; line.changed names it */
                id?: string;
            };
            header?: never;
            path: {
                /** @description the line's number at the portal */
                line: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description nothing passes any more; the portal has not confirmed yet */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description the line carries nothing */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    listCommands: {
        parameters: {
            query?: {
                state?: "refused" | "unclear";
                cursor?: components["parameters"]["Cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description commands that need a look */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CommandList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    retryCommand: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Command"];
            default: components["responses"]["Problem"];
        };
    };
    dropCommand: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Command"];
            default: components["responses"]["Problem"];
        };
    };
    listLanes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the lanes */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LaneList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listRequests: {
        parameters: {
            query?: {
                portal?: number;
                /** @description chat:4711; also what was planned for its client */
                communication?: string;
                method?: string;
                /** @description only requests of which something failed */
                failed?: 0 | 1;
                cursor?: components["parameters"]["Cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description requests */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getRequest: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a request with what it asked and was answered */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Request"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    listEvents: {
        parameters: {
            query?: {
                cursor?: components["parameters"]["Cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description rows set aside */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AsideList"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    retryEvent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description taken up again */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
    dropEvent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["parameters"]["ID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description given up */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            default: components["responses"]["Problem"];
        };
    };
}
