package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// What a large company has to choose from, and how many rules it made of that.
const (
	largePeople    = 500
	largePipelines = 50
	largeStages    = 20 // of each pipeline
	largeFields    = 300
	largeRules     = 200 // in each of four lists
)

// saves measures what an administrator waits for after Save when the settings and everything they are compared with are large. The yardstick writes the
// same row of the new version by hand, in turn with it.
func (s *stand) saves(ctx context.Context, t *town) ([]figure, error) {
	if err := t.rest(ctx); err != nil {
		return nil, err
	}
	if err := s.enlarge(ctx, t); err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := t.call(ctx, http.MethodGet, "/settings", nil, &doc); err != nil {
		return nil, err
	}
	before, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("keep the settings: %w", err)
	}
	rules := t.fill(doc)
	var took, bare []time.Duration
	for n := range s.size.rounds {
		rules[n%largeRules]["text"] = fmt.Sprintf("Звонок %d от {{name}}", n)
		began := time.Now()
		if err := t.call(ctx, http.MethodPut, "/settings", doc, &doc); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
		rules = templatesOf(doc)
		one, err := s.bareVersion(ctx, t, n)
		if err != nil {
			return nil, err
		}
		bare = append(bare, one)
	}
	size, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("weigh the settings: %w", err)
	}
	p50, p99 := spread(took)
	bare50, bare99 := spread(bare)
	version := doc["version"]
	if err := json.Unmarshal(before, &doc); err != nil {
		return nil, fmt.Errorf("restore the settings: %w", err)
	}
	doc["version"] = version
	return []figure{{
		Name: "save of large settings, p99", Value: inMS(p99), Unit: "ms", Yardstick: inMS(bare99), P50: inMS(p50), P99: inMS(p99), Goal: "< 300 ms", Limit: "flush of the commit, JSON",
		Note: fmt.Sprintf("PUT settings over HTTP, one after the other, %d KB with %d rules in each of 4 lists, compared with %d people, %d pipelines × %d stages, %d fields; "+
			"the yardstick is a bare insert of the same version's row, its p50 %.1f ms", len(size)/1024, largeRules, largePeople, largePipelines, largeStages, largeFields, inMS(bare50)),
	}}, t.call(ctx, http.MethodPut, "/settings", doc, nil)
}

// enlarge gives the town's portal as much to choose from as a large company has.
func (s *stand) enlarge(ctx context.Context, t *town) error {
	entries := `insert into directory_entry (account_id, portal_id, kind, id, name, data, position) select $1, $2, `
	for _, part := range []struct {
		statement string
		sizes     []any
	}{
		{`insert into b24_user (account_id, portal_id, id, first_name, last_name, email, active, seen_at)
			select $1, $2, 10000 + n, 'Сотрудник', 'Примеров ' || n, 'person' || n || '@example.com', true, now() from generate_series(1, $3::int) n`, []any{largePeople}},
		{entries + `'pipelines', (100 + n)::text, 'Воронка ' || n, '{"default": false}', n from generate_series(1, $3::int) n`, []any{largePipelines}},
		{entries + `'stages', 'deal:' || stage, stage, jsonb_build_object('entity', 'deal', 'pipeline', 100 + n, 'stage', stage, 'semantic', 'P'), n * 100 + m
			from generate_series(1, $3::int) n, generate_series(1, $4::int) m, format('C%s:S%s', 100 + n, m) stage`, []any{largePipelines, largeStages}},
		{entries + `'fields', 'lead:' || field, field, jsonb_build_object('entity', 'lead', 'field', field, 'own', true, 'type', 'string', 'text', true), 1000 + n
			from generate_series(1, $3::int) n, format('UF_CRM_LARGE_%s', n) field`, []any{largeFields}},
	} {
		if _, err := s.bare.Exec(ctx, part.statement, append([]any{t.account, t.number}, part.sizes...)...); err != nil {
			return fmt.Errorf("enlarge the portal: %w", err)
		}
	}
	return nil
}

// fill writes the rules of a large company into a document and answers its templates.
func (t *town) fill(doc map[string]any) []map[string]any {
	var templates, funnels, people, fields []map[string]any
	for i := range largeRules {
		filter := [][]map[string]any{{{"param": "virtual_number", "op": "include", "values": []string{"74950000031"}}, {"param": "site", "op": "include", "values": []string{"41", "42"}},
			{"param": "source", "op": "include", "values": []string{fmt.Sprintf("Источник %d", i)}}}}
		pipeline := 101 + i%largePipelines
		templates = append(templates, map[string]any{"direction": "in", "entity": "lead", "filter": filter, "text": "Звонок от {{name}}"})
		funnels = append(funnels, map[string]any{"filter": filter, "lead_stage": "NEW", "pipeline": pipeline, "deal_stage": fmt.Sprintf("C%d:S%d", pipeline, 1+i%largeStages)})
		people = append(people, map[string]any{"filter": filter, "user": 10001 + i%largePeople})
		fields = append(fields, map[string]any{"entity": "lead", "field": fmt.Sprintf("UF_CRM_LARGE_%d", 1+i), "param": "name", "always": false})
	}
	telephony, _ := doc["telephony"].(map[string]any)
	telephony["enabled"], telephony["responsible_inbound"], telephony["responsible_outbound"] = true, t.admin, 10001
	telephony["templates"], telephony["funnels_inbound"], telephony["responsibles"], telephony["fields"] = templates, funnels, people, fields
	return templates
}

// templatesOf finds the templates of a document that was read.
func templatesOf(doc map[string]any) []map[string]any {
	telephony, _ := doc["telephony"].(map[string]any)
	list, _ := telephony["templates"].([]any)
	out := make([]map[string]any, len(list))
	for i := range list {
		out[i], _ = list[i].(map[string]any)
	}
	return out
}

// bareVersion is the yardstick: the row of the newest version once more, for another account, by hand.
func (s *stand) bareVersion(ctx context.Context, t *town, n int) (time.Duration, error) {
	var document, diff, by string
	err := s.bare.QueryRow(ctx, `select document::text, diff::text, saved_by from settings where account_id = $1 order by version desc limit 1`, t.account).Scan(&document, &diff, &by)
	if err != nil {
		return 0, fmt.Errorf("read the newest version: %w", err)
	}
	began := time.Now()
	_, err = s.bare.Exec(ctx, `insert into settings (account_id, version, document, diff, saved_by, saved_at) values ($1, $2, $3, $4, $5, $6)`, first, n+1, document, diff, by, time.Now())
	if err != nil {
		return 0, fmt.Errorf("bare insert of a version: %w", err)
	}
	return time.Since(began), nil
}
