package portal

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Entity types of the CRM.
const (
	Lead    = 1
	Deal    = 2
	Contact = 3
	Company = 4
)

// entityNames spell the types in events and placements.
var entityNames = map[int]string{Lead: "Lead", Deal: "Deal", Contact: "Contact", Company: "Company"}

// entityType finds a type by its name in any case.
func entityType(name string) int {
	for t, n := range entityNames {
		if strings.EqualFold(n, name) {
			return t
		}
	}
	return 0
}

// multi is one phone, e-mail, site or messenger of a client.
type multi struct {
	id                     int
	typeID, valType, value string
	norm                   string // as the search for duplicates compares it
}

// item is a lead, deal, contact or company.
type item struct {
	typ    int
	id     int
	fields *arr // camelCase names, user fields by their UF_CRM_ names
	fm     []*multi
}

func (it *item) str(k string) string { return it.fields.str(k) }

// name is what lists and cards show.
func (it *item) name() string {
	if it.typ == Contact {
		if n := strings.TrimSpace(it.str("name") + " " + it.str("lastName")); n != "" {
			return n
		}
		return fmt.Sprintf("#%d", it.id)
	}
	return it.str("title")
}

// values are all entries of a kind, such as PHONE.
func (it *item) values(typeID string) []string {
	var out []string
	for _, m := range it.fm {
		if m.typeID == typeID {
			out = append(out, m.value)
		}
	}
	return out
}

// status is a stage or an entry of a directory.
type status struct {
	id                 int
	entity, code, name string
	sort               int
	semantics          string // P, S, F for stages
	category           int
	color              string
	system             bool
}

type category struct {
	id   int
	name string
}

type userField struct {
	id    int
	typ   int
	name  string // UF_CRM_…
	kind  string
	data  *arr
	multi bool
}

type crmState struct {
	items      map[int]map[int]*item
	ordered    map[int][]*item // by id
	statuses   []*status
	categories []category
	userFields []*userField
	fields     map[fieldKey]fieldSet      // cache
	origins    map[int]map[string][]*item // by originId in lower case
	comments   map[int]*comment
	activities map[int]*activity
}

func newCRM() *crmState {
	return &crmState{
		items:   map[int]map[int]*item{Lead: {}, Deal: {}, Contact: {}, Company: {}},
		ordered: map[int][]*item{}, fields: map[fieldKey]fieldSet{}, origins: map[int]map[string][]*item{}, comments: map[int]*comment{}, activities: map[int]*activity{},
	}
}

// sorted are the items of a type by id; the slice is not to be changed.
func (s *crmState) sorted(typ int) []*item { return s.ordered[typ] }

// put stores a new item, the one with the highest id of its type.
func (s *crmState) put(it *item) {
	s.items[it.typ][it.id] = it
	s.ordered[it.typ] = append(s.ordered[it.typ], it)
	s.reindex(it, "")
}

// reindex keeps the index of originId after a change from before.
func (s *crmState) reindex(it *item, before string) {
	now := it.str("originId")
	if it.id == 0 || now == before {
		return
	}
	index := s.origins[it.typ]
	if index == nil {
		index = map[string][]*item{}
		s.origins[it.typ] = index
	}
	if before != "" {
		key := strings.ToLower(before)
		index[key] = slices.DeleteFunc(slices.Clone(index[key]), func(x *item) bool { return x == it })
	}
	if now != "" {
		index[strings.ToLower(now)] = append(index[strings.ToLower(now)], it)
	}
}

// drop removes an item.
func (s *crmState) drop(it *item) {
	delete(s.items[it.typ], it.id)
	if before := it.str("originId"); before != "" {
		it.fields.set("originId", nil)
		s.reindex(it, before)
	}
	s.ordered[it.typ] = slices.DeleteFunc(slices.Clone(s.ordered[it.typ]), func(x *item) bool { return x == it })
}

// stage finds a stage of a type.
func (s *crmState) stage(typ int, code string) *status {
	for _, st := range s.statuses {
		if st.code == code && (typ == Lead && st.entity == "STATUS" || typ == Deal && strings.HasPrefix(st.entity, "DEAL_STAGE")) {
			return st
		}
	}
	return nil
}

// stages are the stages of a lead or of a deal's pipeline, in order.
func (s *crmState) stages(typ, category int) []*status {
	entity := "STATUS"
	if typ == Deal {
		entity = dealStageEntity(category)
	}
	var out []*status
	for _, st := range s.statuses {
		if st.entity == entity {
			out = append(out, st)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].sort < out[j].sort })
	return out
}

func dealStageEntity(category int) string {
	if category == 0 {
		return "DEAL_STAGE"
	}
	return fmt.Sprintf("DEAL_STAGE_%d", category)
}

func (s *crmState) hasStatus(entity, code string) bool {
	for _, st := range s.statuses {
		if st.entity == entity && st.code == code {
			return true
		}
	}
	return false
}

func (s *crmState) category(id int) *category {
	for i := range s.categories {
		if s.categories[i].id == id {
			return &s.categories[i]
		}
	}
	return nil
}

func (s *crmState) userField(typ int, name string) *userField {
	for _, f := range s.userFields {
		if f.typ == typ && f.name == name {
			return f
		}
	}
	return nil
}

// camelUF turns UF_CRM_UIS_CHAT into ufCrmUisChat.
func camelUF(name string) string {
	parts := strings.Split(strings.ToLower(name), "_")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}

// fireItem raises the event of a changed item.
func (c *call) fireItem(typ, id int, what string) {
	c.fire("onCrm"+entityNames[typ]+what, kv("FIELDS", kv("ID", id)))
}

// fire raises an event caused by this call.
func (c *call) fire(event string, data any) {
	c.p.fire(event, data, c.user, c.hops())
}

// hops is what fire gets: how far events caused by this call may still echo.
func (c *call) hops() int {
	if c.tok.hops <= 0 {
		return -1
	}
	return c.tok.hops
}
