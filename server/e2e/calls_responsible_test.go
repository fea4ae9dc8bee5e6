package e2e_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// callRow is a row of T9: what is in the CRM before, the call, and whom everything belongs to afterwards.
type callRow struct {
	row      string
	kind     string
	number   string
	employee int64
	// found are the entities there before, each with its responsible.
	found []found
	// created is the kind of the new entity (0: none) and whose it is; kept are the responsibles of found afterwards.
	created, createdBy int
	kept               []int
	activity           int
	// bound are the kinds of the entities the activity shows in.
	bound []int
}

type found struct {
	typ, responsible int
	closed           bool
}

const (
	caller   = 1002 // matched with user 2
	stranger = 1009 // nobody at the portal
	// dismissed is a user of the portal who was dismissed.
	dismissed = 9
)

func callRows() []callRow {
	lead, contact, company, deal := portal.Lead, portal.Contact, portal.Company, portal.Deal
	openLead := []found{{lead, 1, false}}
	return []callRow{
		{"1", "outgoing", mainNumber, stranger, nil, lead, 4, nil, 4, []int{lead}},
		{"2", "outgoing", mainNumber, caller, nil, lead, 2, nil, 2, []int{lead}},
		{"3", "missed", mainNumber, caller, nil, lead, 4, nil, 4, []int{lead}},
		{"4", "answered", mainNumber, caller, nil, lead, 2, nil, 2, []int{lead}},
		{"4 not matched", "answered", mainNumber, stranger, nil, lead, 4, nil, 4, []int{lead}},
		{"5", "missed", advertNumber, caller, nil, lead, 3, nil, 3, []int{lead}},
		{"6", "answered", advertNumber, caller, nil, lead, 2, nil, 2, []int{lead}},
		{"7", "missed", advertNumber, caller, openLead, 0, 0, []int{1}, 1, []int{lead}},
		{"8", "missed", mainNumber, caller, openLead, 0, 0, []int{1}, 1, []int{lead}},
		{"9", "missed", otherNumber, caller, openLead, 0, 0, []int{1}, 1, []int{lead}},
		{"10", "answered", advertNumber, caller, openLead, 0, 0, []int{2}, 2, []int{lead}},
		{"10 contact stays", "answered", advertNumber, caller, []found{{contact, 1, false}, {deal, 4, false}}, 0, 0, []int{1, 2}, 2, []int{contact, deal}},
		{"11", "answered", mainNumber, caller, openLead, 0, 0, []int{1}, 2, []int{lead}},
		{"12", "outgoing", mainNumber, caller, openLead, 0, 0, []int{1}, 2, []int{lead}},
		{"12 unanswered", "outgoing_missed", mainNumber, caller, openLead, 0, 0, []int{1}, 2, []int{lead}},
		{"13", "outgoing", mainNumber, stranger, openLead, 0, 0, []int{1}, 1, []int{lead}},
		{"14 missed", "missed", mainNumber, caller, []found{{contact, 1, false}, {company, 3, false}, {deal, 4, false}}, 0, 0, []int{1, 3, 4}, 1, []int{contact, deal}},
		{"14 answered", "answered", mainNumber, caller, []found{{contact, 1, false}, {company, 3, false}, {deal, 4, false}}, 0, 0, []int{1, 3, 4}, 2, []int{contact, deal}},
		{"15 missed", "missed", mainNumber, caller, []found{{contact, 1, false}, {company, 3, false}, {deal, 4, true}}, deal, 1, []int{1, 3, 4}, 1, []int{contact, deal}},
		{"15 answered", "answered", advertNumber, caller, []found{{contact, 1, false}, {company, 3, false}, {deal, 4, true}}, deal, 1, []int{1, 3, 4}, 2, []int{contact, deal}},
		{"16 missed", "missed", mainNumber, caller, []found{{company, 3, false}, {deal, 4, false}}, 0, 0, []int{3, 4}, 3, []int{company, deal}},
		{"16 answered", "answered", mainNumber, caller, []found{{company, 3, false}, {deal, 4, false}}, 0, 0, []int{3, 4}, 2, []int{company, deal}},
		{"18 missed", "missed", mainNumber, caller, []found{{contact, 1, false}, {deal, 4, false}}, 0, 0, []int{1, 4}, 1, []int{contact, deal}},
		{"18 answered", "answered", mainNumber, caller, []found{{contact, 1, false}, {deal, 4, false}}, 0, 0, []int{1, 4}, 2, []int{contact, deal}},
		{"19 missed", "missed", mainNumber, caller, []found{{lead, 3, false}, {contact, 1, false}, {company, 3, false}, {deal, 4, false}}, 0, 0, []int{3, 1, 3, 4}, 1, []int{contact, deal}},
		{"19 answered", "answered", mainNumber, caller, []found{{lead, 3, false}, {contact, 1, false}, {company, 3, false}, {deal, 4, false}}, 0, 0, []int{3, 1, 3, 4}, 2, []int{contact, deal}},
		{"20 missed", "missed", mainNumber, caller, []found{{contact, 1, false}, {lead, 3, false}}, 0, 0, []int{1, 3}, 1, []int{contact, lead}},
		{"20 answered", "answered", mainNumber, caller, []found{{contact, 1, false}, {lead, 3, false}}, 0, 0, []int{1, 3}, 2, []int{contact, lead}},
		{"21 missed", "missed", mainNumber, caller, openLead, 0, 0, []int{1}, 1, []int{lead}},
		{"21 answered", "answered", mainNumber, caller, openLead, 0, 0, []int{1}, 2, []int{lead}},
		{"22 missed", "missed", mainNumber, caller, []found{{lead, 3, true}}, lead, 3, []int{3}, 3, []int{lead}},
		{"22 answered", "answered", mainNumber, caller, []found{{lead, 3, true}}, lead, 3, []int{3}, 2, []int{lead}},
		{"the contact's was dismissed, missed", "missed", mainNumber, caller, []found{{contact, dismissed, false}, {company, 3, false}, {deal, 4, true}}, deal, 3, []int{dismissed, 3, 4}, 3, []int{contact, deal}},
		{"the contact's was dismissed, answered", "answered", mainNumber, caller, []found{{contact, dismissed, false}, {deal, 3, false}}, 0, 0, []int{dismissed, 3}, 2, []int{contact, deal}},
		{"all were dismissed, missed", "missed", advertNumber, caller, []found{{lead, dismissed, true}}, lead, 3, []int{dismissed}, 3, []int{lead}},
		{"transfer, first talker", "transfer", mainNumber, caller, nil, lead, 2, nil, 2, []int{lead}},
	}
}

// T9 in a portal with leads: every row that can come about by telephone alone (17 is in TestResponsiblesOfADealAlone). Two numbers have a rule each.
func TestResponsiblesOfCalls(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) {
		s["responsibles"] = []any{numberRule(3, advertNumber), numberRule(4, otherNumber)}
	})
	type state struct {
		items   map[int][]int
		session int64
	}
	rows := callRows()
	states := make([]state, len(rows))
	for i, row := range rows {
		phone := fmt.Sprintf("790055510%02d", i)
		states[i].items = map[int][]int{}
		for _, f := range row.found {
			states[i].items[f.typ] = append(states[i].items[f.typ], c.putFound(f, phone, states[i].items))
		}
		states[i].session = c.play(row.kind, uisplatform.CallSpec{Contact: phone, VirtualNumber: row.number, Employee: row.employee})
	}
	c.quiet()
	for i, row := range rows {
		t.Run(row.row, func(t *testing.T) {
			phone, s := fmt.Sprintf("790055510%02d", i), states[i]
			at := c.at(s.session)
			require.True(t, at.Finished)
			a := c.activity(at.Activity)
			require.Equal(t, fmt.Sprint(row.activity), a.Fields["RESPONSIBLE_ID"], "the activity's")
			require.Equal(t, map[bool]string{true: "Y", false: "N"}[row.kind != "missed" && row.kind != "outgoing_missed"], a.Fields["COMPLETED"])
			var kinds []int
			for _, b := range a.Bindings {
				kinds = append(kinds, b.Type)
			}
			require.ElementsMatch(t, row.bound, kinds, "where the activity shows")
			n := map[int]int{}
			for k, f := range row.found {
				id := s.items[f.typ][n[f.typ]]
				n[f.typ]++
				require.Equal(t, row.kept[k], c.responsible(f.typ, id), "entity of kind %d that was there", f.typ)
			}
			c.t = t
			created := c.created(row.created, phone, s.items)
			if row.created == 0 {
				require.Empty(t, created)
				return
			}
			require.Len(t, created, 1)
			require.Equal(t, row.createdBy, c.responsible(row.created, created[0]), "the new one's")
			c.belongs(row.created, created[0], s.items)
		})
	}
	c.t = t
	c.w.clean()
}

// numberRule gives calls of one number to somebody.
func numberRule(user int, number string) map[string]any {
	return map[string]any{"user": user, "filter": []any{[]any{map[string]any{"param": "virtual_number", "op": "include", "values": []string{number}}}}}
}

// belongs asserts that what is new is tied to the contact and the company that were found (T9 row 15).
func (c *callCentre) belongs(typ, id int, before map[int][]int) {
	c.t.Helper()
	for _, item := range c.portal.Items(typ) {
		if item.ID != id {
			continue
		}
		for kind, name := range map[int]string{portal.Contact: "contactId", portal.Company: "companyId"} {
			if len(before[kind]) > 0 {
				require.Equal(c.t, before[kind][0], whole(item.Fields[name]), name)
			}
		}
	}
}

// T9 row 22 in a CRM without leads that had some: the closed lead's person gets the new deal and its contact.
func TestResponsibleOfAnOldLead(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	phones := map[string]string{"missed": "79005551101", "answered": "79005551102"}
	leads := map[string]int{}
	for kind, phone := range phones {
		leads[kind] = c.putFound(found{portal.Lead, 3, true}, phone, nil)
	}
	c.portal.SetLeadsMode(portal.Simple)
	for kind, user := range map[string]string{"missed": "3", "answered": "2"} {
		k := c.at(c.playQuietly(kind, uisplatform.CallSpec{Contact: phones[kind], VirtualNumber: advertNumber, Employee: caller}))
		contacts := c.of(portal.Contact, phones[kind])
		require.Len(t, contacts, 1)
		require.Equal(t, 3, whole(c.dealOf(contacts[0].ID).Fields["assignedById"]), "the old lead's")
		require.Equal(t, user, c.activity(k.Activity).Fields["RESPONSIBLE_ID"])
		require.Equal(t, 3, c.responsible(portal.Lead, leads[kind]), "unchanged")
	}
	c.w.clean()
}

// T9 row 17: a deal without a contact is found by what an earlier call from the same number is tied to.
func TestResponsiblesOfADealAlone(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Simple, nil)
	for kind, user := range map[string]string{"missed": "4", "answered": "2"} {
		phone := map[string]string{"missed": "79005551111", "answered": "79005551112"}[kind]
		c.playQuietly("missed", uisplatform.CallSpec{Contact: phone, Employee: caller})
		contact := c.of(portal.Contact, phone)[0].ID
		deal := c.dealOf(contact).ID
		require.NoError(t, c.portal.ChangeItem(portal.Deal, deal, map[string]any{"contactIds": []any{}}, 1))
		c.portal.DeleteItem(portal.Contact, contact, 1)
		deals := len(c.portal.Items(portal.Deal))
		session := c.playQuietly(kind, uisplatform.CallSpec{Contact: phone, Employee: caller})
		require.Len(t, c.portal.Items(portal.Deal), deals, "nothing new")
		require.Empty(t, c.of(portal.Contact, phone))
		require.Equal(t, 4, c.responsible(portal.Deal, deal), "unchanged")
		a := c.lastActivity(portal.Deal, deal)
		require.Equal(t, user, a.Fields["RESPONSIBLE_ID"], "%s %d", kind, session)
		require.Equal(t, map[bool]string{true: "Y", false: "N"}[kind == "answered"], a.Fields["COMPLETED"])
	}
	c.w.clean()
}

// playQuietly plays a call and waits until it is done.
func (c *callCentre) playQuietly(kind string, spec uisplatform.CallSpec) int64 {
	c.t.Helper()
	session := c.play(kind, spec)
	c.quiet()
	return session
}

// lastActivity is the newest activity of an entity.
func (c *callCentre) lastActivity(typ, id int) (last portal.Activity) {
	c.t.Helper()
	for _, a := range c.portal.State().Activities {
		if slices.Contains(a.Bindings, portal.Binding{Type: typ, ID: id}) && a.ID > last.ID {
			last = a
		}
	}
	require.NotZero(c.t, last.ID)
	return last
}

// putFound makes an entity that is there before; a deal belongs to the contact or company made before it.
func (c *callCentre) putFound(f found, phone string, made map[int][]int) int {
	more := map[string]any{}
	number := phone
	switch f.typ {
	case portal.Deal:
		number = ""
		if list := made[portal.Contact]; len(list) > 0 {
			more["contactIds"] = []any{list[0]}
		} else if list := made[portal.Company]; len(list) > 0 {
			more["companyId"] = list[0]
		}
		if f.closed {
			more["stageId"] = "WON"
		}
	case portal.Lead:
		if f.closed {
			more["stageId"] = "JUNK"
		}
	}
	return c.put(f.typ, number, f.responsible, more)
}

func (c *callCentre) responsible(typ, id int) int {
	for _, item := range c.portal.Items(typ) {
		if item.ID == id {
			return whole(item.Fields["assignedById"])
		}
	}
	return 0
}

// created are the leads or deals of a client that were not there before.
func (c *callCentre) created(typ int, phone string, before map[int][]int) []int {
	var list []int
	for _, kind := range []int{portal.Lead, portal.Deal} {
		for _, item := range c.portal.Items(kind) {
			old := false
			for _, id := range before[kind] {
				old = old || id == item.ID
			}
			mine := false
			for _, p := range item.Phones {
				mine = mine || portal.NormalizePhone(p) == portal.NormalizePhone("+"+phone)
			}
			for _, contact := range before[portal.Contact] {
				mine = mine || whole(item.Fields["contactId"]) == contact
			}
			for _, company := range before[portal.Company] {
				mine = mine || whole(item.Fields["companyId"]) == company
			}
			for _, contact := range c.of(portal.Contact, phone) { // made with the deal
				mine = mine || whole(item.Fields["contactId"]) == contact.ID
			}
			if mine && !old {
				require.Equal(c.t, typ, kind, "what kind is new")
				list = append(list, item.ID)
			}
		}
	}
	return list
}
