// Package numbers knows whose clients the numbers of a portal's CRM are, keeps that knowledge fresh, and tells a scenario of UIS whom a caller's call belongs
// to (T3).
package numbers

import (
	"strings"

	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
)

// person is what the account knows of a user of its portal.
type person struct {
	// active: he works there. matched: he is an employee of UIS. phones are that employee's active numbers, in order.
	active, matched bool
	phones          []string
}

// choose is T3's choice: the responsible of the highest entity (T9, "existing"), else the next one who can be called; no phones: nobody. It is pure.
func choose(entities []crm.Entity, people map[ids.B24UserID]person) ([]string, []flow.Reason) {
	var reasons []flow.Reason
	for _, user := range crm.Existing(crm.Picture{Entities: entities}, nil) {
		p := people[user]
		because := func(code string) {
			reasons = append(reasons, flow.Reason{Code: code, Args: map[string]any{"user": user}})
		}
		switch {
		case !p.active:
			because("manager.dismissed")
		case !p.matched:
			because("manager.not_matched")
		case len(p.phones) == 0:
			because("manager.no_phone")
		default:
			return p.phones, append(reasons, flow.Reason{Code: "manager.given", Args: map[string]any{"user": user, "phones": strings.Join(p.phones, ", ")}})
		}
	}
	return nil, append(reasons, flow.Reason{Code: "manager.nobody_reachable"})
}

// offBecause says why nobody is asked, by the word the lookup answers.
func offBecause(word string) flow.Reason {
	switch word {
	case "telephony_off":
		return flow.Reason{Code: "manager.telephony_off"}
	case "switch_off":
		return flow.Reason{Code: "manager.switch_off"}
	case "no_portal":
		return flow.Reason{Code: "manager.no_portal"}
	case "asleep":
		return flow.Reason{Code: "manager.asleep"}
	case "other_telephony":
		return flow.Reason{Code: "manager.other_telephony"}
	}
	return flow.Reason{Code: "manager.main_off"}
}
