package lists

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"omni/server/account/directory"
	"omni/server/bitrix24"
	"omni/server/ids"
	"omni/server/outbox"
)

// department.get gives 50 at a time and counts from START (docs: department-get); nobody has more than departmentsMost.
const (
	departmentsPage = 50
	departmentsMost = 5000
)

// departments reads the departments of a portal page by page. One page is the rule, so the first leaves with the other reads.
func (l *Lists) departments(ctx context.Context, account ids.AccountID, portal ids.PortalID) read {
	r := read{kind: directory.Departments}
	for start := 0; start < departmentsMost; start += departmentsPage {
		raw, err := l.Asker.Ask(ctx, account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: portal}, "department.get",
			map[string]any{"sort": "ID", "order": "ASC", "START": start}, outbox.Background)
		if err != nil {
			r.err = err
			return r
		}
		page, err := parseDepartments(raw)
		if err != nil {
			r.err = err
			return r
		}
		r.entries = append(r.entries, page...)
		if len(page) < departmentsPage {
			break
		}
	}
	return r
}

func parseDepartments(raw json.RawMessage) ([]directory.Entry, error) {
	var rows bitrix24.List[struct {
		ID     bitrix24.ID     `json:"ID"`
		Name   bitrix24.String `json:"NAME"`
		Parent bitrix24.ID     `json:"PARENT"`
	}]
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, fmt.Errorf("department.get: %w", err)
	}
	list := make([]directory.Entry, 0, len(rows))
	for _, row := range rows {
		data := map[string]any{}
		if row.Parent != 0 {
			data["parent"] = int64(row.Parent)
		}
		list = append(list, directory.Entry{ID: strconv.FormatInt(int64(row.ID), 10), Name: string(row.Name), Data: data})
	}
	return list, nil
}
