package uisplatform

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_]*)\s*\}\}`)

// render puts values into a notification's body template. Placeholders stand without quotes and become JSON values: quoted strings, numbers, lists or null.
// In a GET notification (query true) they become plain query-escaped text. It also names the variables the platform does not know.
func render(template string, vars map[string]any, query bool) (string, []string) {
	var unknown []string
	out := placeholder.ReplaceAllStringFunc(template, func(found string) string {
		name := placeholder.FindStringSubmatch(found)[1]
		if !slices.Contains(knownVariables, name) {
			unknown = append(unknown, name)
		}
		v := vars[name]
		if s, ok := v.(string); ok {
			v = wireText(s)
		}
		if query {
			return queryText(v)
		}
		raw, err := encode(v)
		if err != nil {
			return "null"
		}
		return string(raw)
	})
	return out, unknown
}

func queryText(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case wireText:
		return url.QueryEscape(string(x))
	case string:
		return url.QueryEscape(x)
	}
	raw, err := encode(v)
	if err != nil {
		return ""
	}
	return url.QueryEscape(string(raw))
}

// checkTemplate names what a person who pasted this template into the personal account has got wrong, "" when nothing.
func checkTemplate(n Notification) string {
	sample := map[string]any{}
	for _, name := range knownVariables {
		sample[name] = "x" // text shows placeholders that stand between quotes
	}
	body, unknown := render(n.Body, sample, n.Method == "GET")
	if len(unknown) > 0 {
		return fmt.Sprintf("unknown variables %s", strings.Join(unknown, ", "))
	}
	if n.Method != "GET" && !json.Valid([]byte(body)) {
		return "with values the body is not JSON; placeholders must stand without quotes"
	}
	return ""
}

// knownVariables are the variables of notifications known from the default bodies, the parameter directory and third-party clients.
var knownVariables = strings.Fields(`
notification_name notification_time notification_mnemonic notification_timestamp app_id app_name tp_project
call_session_id call_source direction external_id virtual_phone_number contact_phone_number calling_phone_number called_phone_number is_internal is_transfer
is_lost lost_reason start_time finish_time finish_time_localized wait_time_duration talk_time_duration total_time_duration clean_talk_time_duration leg_id leg_ids
status scenario_id scenario_name communication_id communication_number communication_type communication_group_name attributes transferred_by_employee_full_name
cpn_region_id cpn_region_name contact_utc_offset operator_rating
file_link file_duration file_link_hash full_record_file_link wav_call_records wav_legs_records_metadata call_session_recognized_text
call_session_recognized_text_array
employee_id employee_ids employee_full_name employee_phone_number employee_email extension_phone_number noanswered_employee_full_names
first_talked_employee_email last_talked_employee_email last_talked_employee_id first_answered_employee_email previous_employee_id previous_employee_full_name
contact_id contact_full_name contact_group_ids tag_id tag_name tag_ids tag_names
chat_id chat_channel_type chat_channel_name messages last_message session_id channel_name channel_type channel_status
visitor_id visitor_name visitor_phone_number visitor_email visitor_message visitor_is_new visitor_country visitor_city visitor_language
visitor_first_campaign_id visitor_first_campaign_name visitor_contact_info
offline_message_id offline_message_form_name offline_message_properties offline_message_user_fields ct_phone_numbers
email_subject email_message email_account_name
site_domain_name campaign_id campaign_name channel search_engine search_query entrance_page utm_campaign utm_content utm_medium utm_source utm_term
eq_utm_source eq_utm_medium eq_utm_term eq_utm_content eq_utm_campaign eq_utm_referrer eq_utm_expid openstat_ad openstat_campaign openstat_service
openstat_source tag_from ua_client_id ppc_gr_id ppc_gr_name ppc_place event_id event_log_id event_name event_type goal_name ua_category ua_label ua_action
ua_value action label category value sa_scenario_name sa_communication_score sa_scenario_score sa_call_summary src_latitude src_longitude taxi_address
sip_line_id sip_line_login report app_user_login login ip authentication_source`)
