package crm_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/crm"
	"omni/server/ids"
)

func made(t crm.EntityType, id int64, semantic string, responsible ids.B24UserID) crm.Entity {
	return crm.Entity{Ref: crm.Ref{Type: t, ID: id}, Semantic: semantic, Responsible: responsible, CreatedAt: time.Date(2026, 1, int(id), 0, 0, 0, 0, time.UTC)}
}

// T4, every row, with the switch on and off, in both modes of the CRM (T5 is the same for outbound calls).
func TestDecideCall(t *testing.T) {
	t.Parallel()
	contact, company := made(crm.Contact, 1, "", 11), made(crm.Company, 2, "", 12)
	openLead, openDeal := made(crm.Lead, 3, "P", 13), made(crm.Deal, 4, "P", 14)
	lostLead, wonDeal := made(crm.Lead, 5, "F", 15), made(crm.Deal, 6, "S", 16)
	type want struct {
		create []crm.EntityType
		joined []int64
	}
	lead, deal, both := []crm.EntityType{crm.Lead}, []crm.EntityType{crm.Deal}, []crm.EntityType{crm.Contact, crm.Deal}
	for name, row := range map[string]struct {
		found                []crm.Entity
		classic, simple, off want
	}{
		"nothing":                      {nil, want{lead, nil}, want{both, nil}, want{}},
		"an open lead":                 {[]crm.Entity{openLead}, want{nil, []int64{3}}, want{nil, []int64{3}}, want{nil, []int64{3}}},
		"an open deal with a contact":  {[]crm.Entity{contact, openDeal}, want{nil, []int64{1, 4}}, want{nil, []int64{1, 4}}, want{nil, []int64{1, 4}}},
		"the newest of two open ones":  {[]crm.Entity{openLead, openDeal, company}, want{nil, []int64{2, 4}}, want{nil, []int64{2, 4}}, want{nil, []int64{2, 4}}},
		"open beside closed":           {[]crm.Entity{openLead, wonDeal}, want{nil, []int64{3}}, want{nil, []int64{3}}, want{nil, []int64{3}}},
		"a closed deal and a contact":  {[]crm.Entity{contact, wonDeal}, want{deal, []int64{1}}, want{deal, []int64{1}}, want{nil, []int64{1, 6}}},
		"a closed lead alone":          {[]crm.Entity{lostLead}, want{lead, nil}, want{both, nil}, want{nil, []int64{5}}},
		"closed lead, then deal":       {[]crm.Entity{lostLead, wonDeal}, want{both, nil}, want{both, nil}, want{nil, []int64{6}}},
		"a contact":                    {[]crm.Entity{contact}, want{lead, []int64{1}}, want{deal, []int64{1}}, want{nil, []int64{1}}},
		"a company":                    {[]crm.Entity{company}, want{lead, []int64{2}}, want{deal, []int64{2}}, want{nil, []int64{2}}},
		"contact and company together": {[]crm.Entity{company, contact}, want{lead, []int64{1}}, want{deal, []int64{1}}, want{nil, []int64{1}}},
	} {
		for mode, w := range map[crm.Mode]want{crm.Classic: row.classic, crm.Simple: row.simple, "": row.off} {
			policy := crm.CallPolicy{Create: mode != "", Responsible: 4}
			d := crm.DecideCall(policy, crm.Picture{Mode: mode, Entities: row.found})
			var joined []int64
			for _, e := range d.Joined {
				joined = append(joined, e.ID)
			}
			require.Equal(t, w.create, d.Create, "%s, %s", name, mode)
			require.Equal(t, w.joined, joined, "%s, %s", name, mode)
			require.Equal(t, len(row.found) == 0, d.First, name)
			require.NotEmpty(t, d.Reasons)
		}
	}
}

// T9 rows 14 to 22: whose is the activity of a missed call, which is the highest person's, whose what is new, and to what it belongs.
func TestCallPictures(t *testing.T) {
	t.Parallel()
	contact, company := made(crm.Contact, 1, "", 11), made(crm.Company, 2, "", 12)
	openLead, openDeal := made(crm.Lead, 3, "P", 13), made(crm.Deal, 4, "P", 14)
	lostLead, wonDeal := made(crm.Lead, 5, "F", 15), made(crm.Deal, 6, "S", 16)
	for _, row := range []struct {
		row      string
		found    []crm.Entity
		existing ids.B24UserID
		made     map[crm.Mode]string // what is new and its ties
	}{
		{"14", []crm.Entity{openDeal, company, contact}, 11, nil},
		{"15", []crm.Entity{wonDeal, company, contact}, 11, map[crm.Mode]string{crm.Classic: "deal [1] 2", crm.Simple: "deal [1] 2"}},
		{"15, a contact and its company alone", []crm.Entity{company, contact}, 11, map[crm.Mode]string{crm.Classic: "lead [1] 2", crm.Simple: "deal [1] 2"}},
		{"16", []crm.Entity{openDeal, company}, 12, nil},
		{"16, closed", []crm.Entity{wonDeal, company}, 12, map[crm.Mode]string{crm.Classic: "deal <nil> 2", crm.Simple: "deal <nil> 2"}},
		{"17", []crm.Entity{openDeal}, 14, nil},
		{"18", []crm.Entity{openDeal, contact}, 11, nil},
		{"19", []crm.Entity{openLead, openDeal, company, contact}, 11, nil},
		{"20", []crm.Entity{openLead, contact}, 11, nil},
		{"21", []crm.Entity{openLead}, 13, nil},
		{"22", []crm.Entity{lostLead}, 15, map[crm.Mode]string{crm.Classic: "lead <nil> <nil>", crm.Simple: "deal <nil> <nil>"}},
	} {
		for _, mode := range []crm.Mode{crm.Classic, crm.Simple} {
			policy := crm.CallPolicy{Create: true, Responsible: 4}
			picture := crm.Picture{Mode: mode, Entities: row.found}
			require.Equal(t, row.existing, crm.Existing(picture, nil)[0], row.row)
			d := crm.DecideCall(policy, picture)
			require.Equal(t, row.existing, d.Responsible, row.row)
			have := ""
			for _, c := range crm.CarryOut(crm.Need{Ref: "call:5", Portal: 1, Call: &policy}, d) {
				fields := c.Params.(map[string]any)["fields"].(map[string]any)
				require.EqualValues(t, row.existing, fields["assignedById"], row.row)
				if c.Name == string(crm.Lead) || c.Name == string(crm.Deal) {
					have = fmt.Sprintf("%s %v %v", c.Name, fields["contactIds"], fields["companyId"])
				}
			}
			if row.row == "22" && mode == crm.Simple { // its contact is made with it
				require.Contains(t, have, "deal [map[$from:contact")
				continue
			}
			require.Equal(t, row.made[mode], have, "%s, %s", row.row, mode)
		}
	}
}

// T9: what a repeat call creates gets the highest existing person who still works there.
func TestCallResponsibleOfNew(t *testing.T) {
	t.Parallel()
	found := []crm.Entity{made(crm.Deal, 6, "S", 16), made(crm.Company, 2, "", 12), made(crm.Contact, 1, "", 11)}
	for _, row := range []struct {
		dismissed []ids.B24UserID
		want      ids.B24UserID
	}{{nil, 11}, {[]ids.B24UserID{11}, 12}, {[]ids.B24UserID{11, 12}, 16}, {[]ids.B24UserID{11, 12, 16}, 4}} {
		d := crm.DecideCall(crm.CallPolicy{Create: true, Responsible: 4, Dismissed: row.dismissed}, crm.Picture{Mode: crm.Classic, Entities: found})
		require.Equal(t, row.want, d.Responsible)
	}
}
