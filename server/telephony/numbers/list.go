package numbers

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"omni/server/bitrix24"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/outbox"
)

// kinds are the entities that have numbers, in the order of the walk: the highest first.
var kinds = []crm.EntityType{crm.Contact, crm.Company, crm.Lead}

func walked(kind crm.EntityType) bool { return slices.Contains(kinds, kind) }

// page asks for entities of a kind with their numbers, by id upwards, uncounted. The lists of old name the multi-field they answer; crm.item.list gives it only
// together with everything else (docs: crm.contact.list; crm.item.list).
func page(kind crm.EntityType, filter map[string]any) outbox.Question {
	fields := []string{"ID", "ASSIGNED_BY_ID", "DATE_CREATE", "PHONE"}
	if kind == crm.Lead {
		fields = append(fields, "STATUS_SEMANTIC_ID")
	}
	return outbox.Question{Kind: "crm." + string(kind) + ".list", Params: map[string]any{"select": fields, "filter": filter, "order": map[string]any{"ID": "ASC"}, "start": -1}}
}

// listed is a row of such a list. All values are strings.
type listed struct {
	ID          bitrix24.ID     `json:"ID"`
	Responsible bitrix24.ID     `json:"ASSIGNED_BY_ID"`
	Created     bitrix24.String `json:"DATE_CREATE"`
	Semantic    bitrix24.String `json:"STATUS_SEMANTIC_ID"`
	Phones      bitrix24.List[struct {
		Value bitrix24.String `json:"VALUE"`
	}] `json:"PHONE"`
}

// read understands a page: the ids in it, and their numbers.
func read(kind crm.EntityType, raw json.RawMessage) ([]int64, []crm.Known, error) {
	var rows bitrix24.List[listed]
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, nil, fmt.Errorf("crm.%s.list: %w", kind, err)
	}
	var numbers []int64
	var list []crm.Known
	for _, row := range rows {
		numbers = append(numbers, int64(row.ID))
		made, err := time.Parse(time.RFC3339, string(row.Created))
		if err != nil {
			made = time.Time{}
		}
		for _, p := range row.Phones {
			if phone, ok := crm.Phone(string(p.Value)); ok {
				list = append(list, crm.Known{Ref: crm.Ref{Type: kind, ID: int64(row.ID)}, Phone: phone, Responsible: ids.B24UserID(row.Responsible), CreatedAt: made,
					Closed: row.Semantic == "S" || row.Semantic == "F"})
			}
		}
	}
	return numbers, list, nil
}
