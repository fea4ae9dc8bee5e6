package settings

// Known is what the directories hold, as far as validation looks at it. A nil set is not checked: an empty or unread directory never makes a document
// wrong (S4, U4).
type Known struct {
	Portals  map[int64]bool
	Channels map[int64]bool
	// Numbers are the account's virtual numbers, digits without plus.
	Numbers map[string]bool
	// Lists are what conditions may name, by the directory a parameter's values come from (rules.Parameter): ids as they stand in a filter.
	Lists map[string]map[string]bool
	// At is what each portal has to choose from that a section works with.
	At map[int64]Choices
}

// Choices are what a portal has to choose from. Its users and stages say nothing about another portal's: both count from 1.
type Choices struct {
	// Users are the portal's active users.
	Users map[int64]bool
	// LeadStages and DealStages are stages of leads, and of deals by pipeline.
	LeadStages map[string]bool
	DealStages map[int64]map[string]bool
	// Fields are the fields that may be written to, "lead:UF_CRM_1", and whether a field holds text (R7).
	Fields map[string]bool
	// Simple: the portal's CRM works without leads.
	Simple bool
}

// PortalsOf are the portals, of the account's, whose choices validation looks at, each once: the main one and those that sections chose for themselves.
func PortalsOf(doc Document, portals map[int64]bool) []int64 {
	var list []int64
	seen := map[int64]bool{}
	for _, own := range []*int64{nil, doc.Telephony.Portal, doc.Chats.Portal, doc.Requests.Portal, doc.Lines.Portal} {
		if portal := works(doc, own, portals); portals[portal] && !seen[portal] {
			seen[portal] = true
			list = append(list, portal)
		}
	}
	return list
}

// works is the portal a section works with: its own, else the main one. While none is chosen it is the account's only portal; with several nobody
// knows yet (0), and what the section names is compared when one is chosen.
func works(doc Document, own *int64, portals map[int64]bool) int64 {
	if portal := doc.PortalOf(own); portal != 0 {
		return int64(portal)
	}
	if len(portals) == 1 {
		for only := range portals {
			return only
		}
	}
	return 0
}

// of is what a section may name: what is in the portal it works with.
func (k Known) of(doc Document, own *int64) Choices { return k.At[works(doc, own, k.Portals)] }
