package lists

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"omni/server/account/directory"
	"omni/server/bitrix24"
	"omni/server/rules"
)

// status is a row of crm.status.list (docs: crm-status-list).
type status struct {
	Entity    bitrix24.String `json:"ENTITY_ID"`
	Status    bitrix24.String `json:"STATUS_ID"`
	Name      bitrix24.String `json:"NAME"`
	Semantics bitrix24.String `json:"SEMANTICS"`
}

func parseStatuses(raw json.RawMessage) (bitrix24.List[status], error) {
	var rows bitrix24.List[status]
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, fmt.Errorf("crm.status.list: %w", err)
	}
	return rows, nil
}

// dealStages names the stages of a pipeline in crm.status.list: DEAL_STAGE is the first pipeline's, DEAL_STAGE_{id} another one's.
const dealStages = "DEAL_STAGE"

// parseStages takes the stages of leads and of all pipelines. Their ids begin with lead: or deal:, as both may have a NEW.
func parseStages(raw json.RawMessage) ([]directory.Entry, error) {
	rows, err := parseStatuses(raw)
	if err != nil {
		return nil, err
	}
	var list []directory.Entry
	for _, row := range rows {
		semantic := "P"
		if s := string(row.Semantics); s == "S" || s == "F" {
			semantic = s
		}
		data := map[string]any{"stage": string(row.Status), "semantic": semantic}
		switch entity, rest, _ := strings.Cut(string(row.Entity)+"_", dealStages); {
		case row.Entity == "STATUS":
			data["entity"] = "lead"
		case entity == "" && rest == "_":
			data["entity"], data["pipeline"] = "deal", 0
		case entity == "":
			pipeline, err := strconv.ParseInt(strings.Trim(rest, "_"), 10, 64)
			if err != nil {
				continue
			}
			data["entity"], data["pipeline"] = "deal", pipeline
		default:
			continue
		}
		list = append(list, directory.Entry{ID: fmt.Sprintf("%s:%s", data["entity"], row.Status), Name: string(row.Name), Data: data})
	}
	return list, nil
}

func parseSources(raw json.RawMessage) ([]directory.Entry, error) {
	rows, err := parseStatuses(raw)
	if err != nil {
		return nil, err
	}
	var list []directory.Entry
	for _, row := range rows {
		list = append(list, directory.Entry{ID: string(row.Status), Name: string(row.Name)})
	}
	return list, nil
}

func parseLines(raw json.RawMessage) ([]directory.Entry, error) {
	var rows bitrix24.List[struct {
		ID     bitrix24.ID     `json:"ID"`
		Name   bitrix24.String `json:"LINE_NAME"`
		Active bitrix24.Bool   `json:"ACTIVE"`
	}]
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, fmt.Errorf("imopenlines.config.list.get: %w", err)
	}
	var list []directory.Entry
	for _, row := range rows {
		list = append(list, directory.Entry{ID: strconv.FormatInt(int64(row.ID), 10), Name: string(row.Name), Data: map[string]any{"active": bool(row.Active)}})
	}
	return list, nil
}

// fillable are the types of fields that an extra field may be written to (docs: crm.item.fields); text ones are offered for telephony too (R7).
var (
	textTypes = []string{"string", "text", "url"}
	fillable  = []string{"string", "text", "url", "integer", "double", "boolean", "date", "datetime", "char"}
	// ours are fields that the product itself fills, or that are no place for a communication's values.
	ours = []string{"id", "title", "name", "lastName", "secondName", "stageId", "categoryId", "originId", "originatorId", "originVersion", "opened", "closed", "leadId", "isMyCompany",
		"isManualOpportunity", "companyTitle", "begindate", "closedate", "birthdate", "probability", "opportunity", "stageDescription"}
)

func parseFields(entity string, raw json.RawMessage) ([]directory.Entry, error) {
	var answer struct {
		Fields map[string]struct {
			Type      bitrix24.String `json:"type"`
			ReadOnly  bitrix24.Bool   `json:"isReadOnly"`
			Immutable bitrix24.Bool   `json:"isImmutable"`
			Multiple  bitrix24.Bool   `json:"isMultiple"`
			Dynamic   bitrix24.Bool   `json:"isDynamic"`
			Title     bitrix24.String `json:"title"`
		} `json:"fields"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("crm.item.fields: %w", err)
	}
	var list []directory.Entry
	for name, f := range answer.Fields {
		if bool(f.ReadOnly) || bool(f.Immutable) || !slices.Contains(fillable, string(f.Type)) || slices.Contains(ours, name) || name == rules.FirstIDField {
			continue
		}
		title := string(f.Title)
		if title == "" {
			title = name
		}
		list = append(list, directory.Entry{ID: entity + ":" + name, Name: title, Data: map[string]any{"entity": entity, "field": name, "type": string(f.Type),
			"multiple": bool(f.Multiple), "own": bool(f.Dynamic), "text": slices.Contains(textTypes, string(f.Type))}})
	}
	slices.SortFunc(list, func(a, b directory.Entry) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return list, nil
}
