package openlines

import (
	"encoding/json"
	"strings"

	"omni/server/bitrix24"
	"omni/server/outbox"
)

// done is the state of a command that the portal has carried out.
const done = "done"

// What is wrong, as far as it can be told; the sentence is lines.trouble.<code>.
const (
	troubleLine      = "line"      // NOT_ACTIVE_LINE: it is off or gone
	troubleConnector = "connector" // IMCONNECTOR_NO_CORRECT_PROVIDER: the portal does not know the connector
	troubleRight     = "right"     // ACCESS_DENIED, WRONG_AUTH_TYPE, insufficient_scope
	troubleNo        = "no"        // it answered "no" inside a successful answer
	troubleOver      = "over"      // it was never sent: dropped by a person, or the app was removed
	troubleOther     = "other"     // its own words
)

// fault finds the first of some commands of a plan that was not done. The methods answer true (docs: imconnector-activate, imconnector-connector-data-set); a false
// in a successful answer is a refusal.
func fault(answer outbox.PlanAnswer, names ...string) (code, words string, wrong bool) {
	for _, name := range names {
		r := answer.Results[name]
		if r.State != done {
			return troubleOf(r.State, r.Class, r.Code, r.Text), r.Text, true
		}
		if no, text := denied(r.Result); no {
			return troubleNo, text, true
		}
	}
	return "", "", false
}

// denied tells whether a successful answer says no: false, or {"result":false,"error":…} as the register methods have it. Null is the result of a repeat that
// was proven to be done.
func denied(raw json.RawMessage) (bool, string) {
	text := strings.TrimSpace(string(raw))
	if strings.HasPrefix(text, "{") {
		var answer struct {
			Result  *bitrix24.Bool  `json:"result"`
			Success *bitrix24.Bool  `json:"SUCCESS"`
			Words   bitrix24.String `json:"error_description"`
			Code    bitrix24.String `json:"error"`
		}
		if json.Unmarshal(raw, &answer) != nil {
			return false, ""
		}
		if answer.Result != nil && !bool(*answer.Result) || answer.Success != nil && !bool(*answer.Success) {
			if answer.Words == "" {
				answer.Words = answer.Code
			}
			return true, string(answer.Words)
		}
		return false, ""
	}
	return text == "false" || text == `"N"` || text == "0", ""
}

// troubleOf sorts a command that was not done.
func troubleOf(state, class, code, text string) string {
	switch {
	case state == "dropped" || state == "expired" || state == "cancelled" || state == "unconfirmed":
		return troubleOver
	case code == "NOT_ACTIVE_LINE":
		return troubleLine
	case code == "IMCONNECTOR_NO_CORRECT_PROVIDER":
		return troubleConnector
	case class == string(bitrix24.AccessDenied) || class == string(bitrix24.InsufficientScope) || code == "WRONG_AUTH_TYPE":
		return troubleRight
	case text == "":
		return troubleNo
	}
	return troubleOther
}

// Standing is how the connector stands on a line at the portal.
type Standing int

// Absent: it is not on the line. Working: it is. Broken: it is there, and the portal marks it as faulty or not set up to the end.
const (
	Absent Standing = iota
	Working
	Broken
)

// StatusOf reads imconnector.status (docs: imconnector-status).
func StatusOf(raw json.RawMessage) (Standing, error) {
	var s struct {
		Error      bitrix24.Bool `json:"ERROR"`
		Configured bitrix24.Bool `json:"CONFIGURED"`
		Status     bitrix24.Bool `json:"STATUS"`
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return Broken, err
	}
	switch {
	case bool(s.Status):
		return Working, nil
	case bool(s.Error) || bool(s.Configured):
		return Broken, nil
	}
	return Absent, nil
}
