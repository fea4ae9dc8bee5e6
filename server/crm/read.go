package crm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"omni/server/bitrix24"
	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/rules"
)

// searchTypes are the kinds crm.duplicate.findbycomm knows. One call per kind: twenty hits of one would hide the others.
var searchTypes = []string{"LEAD", "CONTACT", "COMPANY"}

// maxValues is how many numbers or addresses findbycomm takes.
const maxValues = 20

// finds are the commands of the first half of reading a picture: who is known by these numbers and addresses, and the CRM's mode.
// They are independent of each other, so that they leave in one request.
func finds(need Need, client ids.ClientID, round int) []outbox.Command {
	var phones, emails []string
	for _, a := range need.Aliases {
		switch a.Kind {
		case AliasPhone:
			phones = append(phones, written(a.Value)...)
		case AliasEmail:
			emails = append(emails, a.Value)
		case AliasVisitor, AliasUsername:
		}
	}
	plan := planner{need: need, client: client, name: fmt.Sprintf("find:%d:%d", client, round), kind: KindFound}
	plan.read("mode", "crm.settings.mode.get", nil)
	for _, t := range searchTypes {
		for kind, values := range map[string][]string{"PHONE": phones, "EMAIL": emails} {
			if len(values) > 0 {
				plan.read(kind+"_"+t, "crm.duplicate.findbycomm", map[string]any{"type": kind, "entity_type": t, "values": values[:min(len(values), maxValues)]})
			}
		}
	}
	slices.SortFunc(plan.commands, func(a, b outbox.Command) int { return strings.Compare(a.Name, b.Name) })
	return plan.commands
}

// meta goes along with a command: the key is the client's, and this is the communication it is planned for.
type meta struct {
	About string `json:"about"`
}

// planner gathers the commands of one plan.
type planner struct {
	need     Need
	client   ids.ClientID
	name     string
	kind     string
	decision Decision
	first    firstOn
	// stands are the entities of the plan that an earlier try made.
	stands   map[EntityType]int64
	commands []outbox.Command
}

func (p *planner) command(name, method string, params map[string]any) *outbox.Command {
	if params == nil {
		params = map[string]any{}
	}
	key := ids.ClientKey(p.client)
	p.commands = append(p.commands, outbox.Command{Lane: outbox.LaneRef{Kind: "b24", Portal: p.need.Portal}, Key: key, Kind: method, Params: params,
		Meta: meta{About: p.need.Ref}, Plan: p.name, Name: name, Priority: outbox.Live, ReplyKey: key, ReplyKind: p.kind, Tag: json.RawMessage(`{}`)})
	return &p.commands[len(p.commands)-1]
}

func (p *planner) read(name, method string, params map[string]any) {
	p.command(name, method, params).Independent = true
}

// readFound understands the answers of finds.
func readFound(results map[string]outbox.Result) (found, Mode, error) {
	var f found
	mode := Classic
	for name, r := range results {
		if r.State != "done" {
			return f, mode, fmt.Errorf("%s: %s %s", name, r.State, r.Text)
		}
		if name == "mode" {
			var m bitrix24.ID
			if err := json.Unmarshal(r.Result, &m); err != nil {
				return f, mode, fmt.Errorf("crm.settings.mode.get answered %s: %w", r.Result, err)
			}
			if m == 2 {
				mode = Simple
			}
			continue
		}
		hits, err := readHits(r.Result)
		if err != nil {
			return f, mode, fmt.Errorf("crm.duplicate.findbycomm: %w", err)
		}
		for t, list := range hits {
			for _, id := range list {
				f.add(Ref{EntityType(strings.ToLower(t)), int64(id)})
			}
		}
	}
	for _, list := range [][]int64{f.Leads, f.Contacts, f.Companies} {
		slices.Sort(list)
	}
	return f, mode, nil
}

// readHits reads {"CONTACT":[275]}; nothing found comes as [].
func readHits(raw json.RawMessage) (map[string][]bitrix24.ID, error) {
	hits := map[string][]bitrix24.ID{}
	if strings.HasPrefix(strings.TrimSpace(string(raw)), "[") {
		return hits, nil
	}
	err := json.Unmarshal(raw, &hits)
	return hits, err
}

// pictureFields are what the planner looks at.
var pictureFields = []string{"id", "title", "name", "lastName", "assignedById", "createdTime", "stageId", "stageSemanticId", "contactId", "contactIds", "companyId", "leadId"}

func fieldsOf(need Need, t EntityType, first firstOn) []string {
	drop := map[EntityType][]string{
		Lead:    {"leadId"},
		Deal:    {"name", "lastName"},
		Contact: {"title", "stageId", "stageSemanticId", "contactId", "contactIds", "leadId"},
		Company: {"name", "lastName", "stageId", "stageSemanticId", "contactId", "contactIds", "companyId", "leadId"},
	}[t]
	fields := slices.DeleteFunc(slices.Clone(pictureFields), func(f string) bool { return slices.Contains(drop, f) })
	if first.on(t) {
		fields = append(fields, rules.FirstIDField)
	}
	if need.Watch != nil {
		fields = append(fields, "updatedTime")
	}
	return fields
}

// reads are the second half: what those entities are like. Ids are explicit and never empty: an empty list might mean "no filter".
func reads(need Need, client ids.ClientID, round int, f found, first firstOn) []outbox.Command {
	plan := planner{need: need, client: client, name: fmt.Sprintf("read:%d:%d", client, round), kind: KindRead}
	list := func(t EntityType, filter map[string]any) {
		plan.read(string(t), "crm.item.list", map[string]any{"entityTypeId": t.Wire(), "select": fieldsOf(need, t, first), "filter": filter, "order": map[string]any{"id": "DESC"},
			"useOriginalUfNames": "Y"})
	}
	for t, wanted := range map[EntityType][]int64{Contact: f.Contacts, Company: f.Companies, Lead: f.Leads} {
		if len(wanted) > 0 {
			list(t, map[string]any{"@id": wanted})
		}
	}
	var ways []map[string]any
	for field, wanted := range map[string][]int64{"@contactId": f.Contacts, "@companyId": f.Companies, "@leadId": f.Leads, "@id": f.Deals} {
		if len(wanted) > 0 {
			ways = append(ways, map[string]any{field: wanted})
		}
	}
	if len(ways) == 1 {
		list(Deal, ways[0])
	} else if len(ways) > 1 {
		group := map[string]any{"logic": "OR"}
		for i, w := range ways {
			group[fmt.Sprint(i)] = w
		}
		list(Deal, map[string]any{"0": group})
	}
	slices.SortFunc(plan.commands, func(a, b outbox.Command) int { return strings.Compare(a.Name, b.Name) })
	return plan.commands
}

// item is one row of crm.item.list.
type item struct {
	ID           bitrix24.ID   `json:"id"`
	Title        string        `json:"title"`
	Name         string        `json:"name"`
	LastName     string        `json:"lastName"`
	AssignedByID bitrix24.ID   `json:"assignedById"`
	CreatedTime  string        `json:"createdTime"`
	UpdatedTime  string        `json:"updatedTime"`
	Semantic     string        `json:"stageSemanticId"`
	ContactID    bitrix24.ID   `json:"contactId"`
	ContactIDs   []bitrix24.ID `json:"contactIds"`
	CompanyID    bitrix24.ID   `json:"companyId"`
	LeadID       bitrix24.ID   `json:"leadId"`
	// FirstID is rules.FirstIDField.
	FirstID bitrix24.String `json:"UF_CRM_OMNI_FIRST_ID"`
}

// readPicture understands the answers of reads. Rows that were not asked for are dropped: a filter the portal did not understand
// must never bring foreign records in.
func readPicture(results map[string]outbox.Result, f found, mode Mode, now time.Time) (Picture, error) {
	p := Picture{At: now, Mode: mode}
	for _, t := range []EntityType{Contact, Company, Lead, Deal} {
		r, asked := results[string(t)]
		if !asked {
			continue
		}
		if r.State != "done" {
			return p, fmt.Errorf("crm.item.list of %ss: %s %s", t, r.State, r.Text)
		}
		var answer struct {
			Items []item `json:"items"`
		}
		if err := json.Unmarshal(r.Result, &answer); err != nil {
			return p, fmt.Errorf("crm.item.list of %ss: %w", t, err)
		}
		for _, i := range answer.Items {
			if belongs(t, i, f) {
				p.Entities = append(p.Entities, i.entity(t))
			}
		}
	}
	return p, nil
}

func belongs(t EntityType, i item, f found) bool {
	has := func(list []int64, id bitrix24.ID) bool { return id != 0 && slices.Contains(list, int64(id)) }
	switch t {
	case Contact:
		return has(f.Contacts, i.ID)
	case Company:
		return has(f.Companies, i.ID)
	case Lead:
		return has(f.Leads, i.ID)
	case Deal:
		linked := has(f.Deals, i.ID) || has(f.Contacts, i.ContactID) || has(f.Companies, i.CompanyID) || has(f.Leads, i.LeadID)
		for _, c := range i.ContactIDs {
			linked = linked || has(f.Contacts, c)
		}
		return linked
	case Activity:
	}
	return false
}

func (i item) entity(t EntityType) Entity {
	e := Entity{Ref: Ref{t, int64(i.ID)}, Title: i.Title, Responsible: ids.B24UserID(i.AssignedByID), Company: int64(i.CompanyID), FirstID: strings.TrimSpace(string(i.FirstID))}
	if e.Title == "" {
		e.Title = strings.TrimSpace(i.Name + " " + i.LastName)
	}
	if t == Lead || t == Deal {
		e.Semantic = i.Semantic
		if e.Semantic == "" {
			e.Semantic = "P"
		}
	}
	if at, err := time.Parse(time.RFC3339, i.CreatedTime); err == nil {
		e.CreatedAt = at
	}
	if at, err := time.Parse(time.RFC3339, i.UpdatedTime); err == nil {
		e.ChangedAt = at
	}
	for _, c := range i.ContactIDs {
		e.Contacts = append(e.Contacts, int64(c))
	}
	return e
}
