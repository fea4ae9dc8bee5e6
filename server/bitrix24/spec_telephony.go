package bitrix24

import (
	"encoding/json"
	"slices"
	"strings"
)

// specsTelephony are external lines and calls.
var specsTelephony = slices.Concat(
	each(Spec{Scope: "telephony", Mode: CheckRead}, "telephony.externalLine.get", "telephony.externalCall.searchCrmEntities", "voximplant.statistic.get"),
	// Showing and hiding a card is a push to open pages: harmless to repeat, and worth nothing when it is late.
	each(Spec{Scope: "telephony", Mode: CheckSet}, "telephony.externalCall.show", "telephony.externalCall.hide"),
	[]Spec{
		{Method: "telephony.externalLine.add", Scope: "telephony", App: true, Mode: CheckFind, Done: already,
			Probe: probe(func(value) Call { return Call{Method: "telephony.externalLine.get"} }),
			Judge: inList(
				func(params, row value) bool {
					return row.at("NUMBER").text() != "" && row.at("NUMBER").text() == params.at("NUMBER").text()
				},
				func(row value) json.RawMessage { return row.raw() })},
		{Method: "telephony.externalLine.update", Scope: "telephony", App: true, Mode: CheckSet},
		{Method: "telephony.externalLine.delete", Scope: "telephony", App: true, Mode: CheckSet, Done: gone},
		// The same number, type, user, line and EXTERNAL_CALL_ID give the same CALL_ID for 30 minutes (docs: telephony.externalcall.register).
		{Method: "telephony.externalCall.register", Scope: "telephony", App: true, Mode: CheckSet},
		{Method: "telephony.externalCall.finish", Scope: "telephony", App: true, Mode: CheckSet, Done: callEnded,
			Probe: probe(func(p value) Call { return CallStatistic(p.at("CALL_ID").text()) }),
			Judge: inList(
				func(params, row value) bool {
					return row.at("CALL_ID").text() != "" && row.at("CALL_ID").text() == params.at("CALL_ID").text()
				},
				func(row value) json.RawMessage { return row.raw() })},
		// A repeat replaces the record. The portal fetches the file during the call, so it shares its request with nobody.
		{Method: "telephony.externalCall.attachRecord", Scope: "telephony", Alone: true, Mode: CheckSet},
	},
)

// callEnded knows the answer of a second finish: the row of an ended call is gone (seen in the portal's source).
func callEnded(e *Error) bool {
	return strings.Contains(strings.ToLower(e.Description), "call is not found")
}

// CallTypes of CallRegister.
const (
	CallOutgoing   = 1
	CallIncoming   = 2
	CallRedirected = 3
	CallBack       = 4
)

// CallStatistic finds an ended call with its activity (voximplant.statistic.get). It needs the right to see call statistics; without it CallActivity finds the activity.
func CallStatistic(callID string) Call {
	if callID == "" {
		return Call{}
	}
	return Call{Method: "voximplant.statistic.get", Params: Params{"FILTER": Params{"CALL_ID": callID}}}
}

// CallActivity finds the activity of an ended call by its origin (crm.activity.list; the origin is seen in the portal's source).
func CallActivity(callID string) Call {
	return Call{Method: "crm.activity.list", Params: Params{"filter": Params{"PROVIDER_ID": "VOXIMPLANT_CALL", "ORIGIN_ID": "VI_" + callID}, "select": []string{"ID", "ORIGIN_ID"}}}
}

// CallShow opens the card of a call for employees (telephony.externalCall.show); false is the answer for a call that is over.
func CallShow(callID string, users ...int64) Call {
	return Call{Method: "telephony.externalCall.show", Params: Params{"CALL_ID": callID, "USER_ID": users}}
}

// CallHide closes the card of a call for employees (telephony.externalCall.hide).
func CallHide(callID string, users ...int64) Call {
	return Call{Method: "telephony.externalCall.hide", Params: Params{"CALL_ID": callID, "USER_ID": users}}
}

// AttachRecord makes the portal fetch the record of an ended call (telephony.externalCall.attachRecord). The name must end in .mp3 or .wav.
func AttachRecord(callID, name, address string) Call {
	return Call{Method: "telephony.externalCall.attachRecord", Params: Params{"CALL_ID": callID, "FILENAME": name, "RECORD_URL": address}}
}

// Registered is the answer of telephony.externalCall.register.
type Registered struct {
	CallID  String            `json:"CALL_ID"`
	Lead    ID                `json:"CRM_CREATED_LEAD"`
	Created List[CallBinding] `json:"CRM_CREATED_ENTITIES"`
	// EntityType and EntityID are the primary object, found or made.
	EntityType String `json:"CRM_ENTITY_TYPE"`
	EntityID   ID     `json:"CRM_ENTITY_ID"`
	// LeadError says why no lead was made although it should have been; the call is registered nevertheless.
	LeadError String `json:"LEAD_CREATION_ERROR"`
}

// CallBinding names one CRM object: LEAD, CONTACT, COMPANY or DEAL.
type CallBinding struct {
	Type String `json:"ENTITY_TYPE"`
	ID   ID     `json:"ENTITY_ID"`
}

// Finished is the answer of telephony.externalCall.finish, and a row of voximplant.statistic.get.
type Finished struct {
	ID       ID     `json:"ID"`
	CallID   String `json:"CALL_ID"`
	Activity ID     `json:"CRM_ACTIVITY_ID"`
	UserID   ID     `json:"PORTAL_USER_ID"`
	Duration ID     `json:"CALL_DURATION"`
	Code     String `json:"CALL_FAILED_CODE"`
}
