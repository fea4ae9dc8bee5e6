package uisplatform

import "time"

// Rows of the Data API's directories; the lock is held.

func directions(in bool) []any {
	if in {
		return []any{"in", "out"}
	}
	return []any{}
}

func (a *Account) status(id int64) Status {
	for _, s := range a.cfg.Statuses {
		if s.ID == id {
			return s
		}
	}
	return Status{}
}

func (a *Account) employeeRows() []row {
	var out []row
	for _, e := range a.employees {
		s := a.status(e.StatusID)
		phones, groups := []any{}, []any{}
		for i, p := range e.Phones {
			phones = append(phones, map[string]any{"phone_id": e.ID*10 + int64(i), "phone_number": p, "channels_count": 1, "dial_time": 60, "status": "active"})
		}
		for _, id := range e.Groups {
			groups = append(groups, map[string]any{"group_id": id, "group_name": a.groupName(id)})
		}
		r := row{"id": e.ID, "login": orNull(e.Login), "first_name": orNull(e.FirstName), "last_name": orNull(e.LastName), "patronymic": orNull(e.Patronymic),
			"full_name": e.FullName(), "status": orNull(s.Mnemonic), "status_id": orNull(e.StatusID), "calls_available": s.InCalls, "email": orNull(e.Email),
			"call_recording": e.CallRecording, "groups": groups, "phone_numbers": phones, "operator": map[string]any{}, "operator_sites": []any{},
			"coach": map[string]any{}, "extension": map[string]any{}, "allowed_in_call_types": []any{}, "allowed_out_call_types": []any{},
			"in_external_allowed_call_directions": directions(s.InCalls), "in_internal_allowed_call_directions": directions(s.InCalls),
			"out_external_allowed_call_directions": directions(s.OutCalls), "out_internal_allowed_call_directions": directions(s.OutCalls)}
		if e.Extension != "" {
			r["extension"] = map[string]any{"extension_phone_number": e.Extension, "extension_voice_mail_enabled": false, "extension_queue_enabled": false}
		}
		if e.Operator {
			r["operator"] = map[string]any{"operator_display_name": e.FirstName, "operator_login": e.Login, "operator_position_id": nil,
				"operator_position_name": nil, "operator_offline_message_enabled": true, "operator_invite_to_chat_enabled": false,
				"operator_chat_enabled": true, "operator_chats_available": true}
		}
		out = append(out, r)
	}
	return out
}

func (a *Account) groupName(id int64) any {
	for _, g := range a.cfg.Groups {
		if g.ID == id {
			return g.Name
		}
	}
	return nil
}

func getStatuses(c *rpcCall) (any, int, *rpcError) {
	var rows []row
	for _, s := range c.account.cfg.Statuses {
		if c.params["is_deleted"] == true {
			continue // the account has no deleted ones
		}
		rows = append(rows, row{"id": s.ID, "name": s.Name, "mnemonic": orNull(s.Mnemonic), "description": orNull(s.Description), "color": orNull(s.Color),
			"is_deleted": false, "is_select_allowed": true, "is_worktime": s.Worktime, "is_auto_out_calls_ready": false,
			"allowed_phone_protocols":             []any{"PSTN", "SIP", "SIP_TRUNK", "FMC"},
			"in_external_allowed_call_directions": directions(s.InCalls), "in_internal_allowed_call_directions": directions(s.InCalls),
			"out_external_allowed_call_directions": directions(s.OutCalls), "out_internal_allowed_call_directions": directions(s.OutCalls)})
	}
	return c.answer(rows)
}

func (a *Account) groupRows() []row {
	var out []row
	for _, g := range a.cfg.Groups {
		members, phones := []any{}, []any{}
		for _, e := range a.employees {
			for _, id := range e.Groups {
				if id != g.ID {
					continue
				}
				members = append(members, map[string]any{"employee_id": e.ID, "employee_full_name": e.FullName()})
				for i, p := range e.Phones {
					phones = append(phones, map[string]any{"employee_phone_number": p, "employee_phone_number_id": e.ID*10 + int64(i), "employee_id": e.ID,
						"employee_full_name": e.FullName(), "available": true})
				}
			}
		}
		out = append(out, row{"id": g.ID, "name": g.Name, "members": members, "phone_numbers": phones, "group_phone_number": orNull(g.Phone),
			"queue_enabled": true, "channels_count": 10})
	}
	return out
}

func (a *Account) numberRows() []row {
	var out []row
	for _, n := range a.cfg.VirtualNumbers {
		kind := "va"
		if n.CallTracking {
			kind = "call_tracking"
		}
		scenarios, campaigns := []any{}, []any{}
		if s := a.scenarioOf(n.Number); s != nil {
			scenarios = append(scenarios, map[string]any{"scenario_id": s.ID, "scenario_name": s.Name, "call_processing_rule_id": n.ID + 1000, "is_active": true})
		}
		for _, k := range a.cfg.Campaigns {
			if k.ID == n.Campaign && n.Campaign != 0 {
				campaigns = append(campaigns, map[string]any{"campaign_id": k.ID, "campaign_name": k.Name, "site_id": orNull(k.Site), "site_domain_name": a.domain(k.Site)})
			}
		}
		out = append(out, row{"id": n.ID, "virtual_phone_number": n.Number, "redirection_phone_number": nil, "activation_date": "2025-01-01 00:00:00",
			"status": "active", "category": "usual", "type": kind, "name": orNull(n.Name), "comment": nil, "child_customer_id": nil,
			"campaigns": campaigns, "scenarios": scenarios, "site_blocks": []any{}})
	}
	return out
}

func (a *Account) domain(site int64) any {
	for _, s := range a.cfg.Sites {
		if s.ID == site {
			return s.Domain
		}
	}
	return nil
}

func (a *Account) siteRows() []row {
	var out []row
	for _, s := range a.cfg.Sites {
		out = append(out, row{"id": s.ID, "domain_name": s.Domain, "name": orNull(s.Name), "default_phone_number": nil, "default_scenario": map[string]any{},
			"app_key": "app" + a.cfg.Name, "site_key": s.Domain, "creation_date": "2025-01-01 00:00:00", "target_call_min_duration": 30,
			"second_communication_period": 30, "cookie_lifetime": 90, "campaign_lifetime": 90, "track_subdomains": true, "sales_enabled": false,
			"services_enabled": false, "is_editable": true, "replacement_dynamical_block_enabled": false, "is_support_web_directory": false,
			"site_blocks": []any{}, "connected_integrations": []any{}, "widget_link": map[string]any{}, "show_visitor_id": map[string]any{}})
	}
	return out
}

func (a *Account) campaignRows() []row {
	var out []row
	for _, k := range a.cfg.Campaigns {
		kind := "basic"
		if k.ID == -1 {
			kind = "system"
		}
		out = append(out, row{"id": k.ID, "name": k.Name, "description": nil, "status": "active", "type": kind, "engine": nil, "site_id": orNull(k.Site),
			"site_domain_name": a.domain(k.Site), "creation_time": "2025-01-01 00:00:00", "costs": 0, "cost_ratio": 1, "cost_ratio_operator": "wo_changes",
			"campaign_conditions": map[string]any{"group_conditions": []any{}}, "site_blocks": []any{}, "dynamic_call_tracking": map[string]any{}})
	}
	return out
}

func (a *Account) scenarioRows() []row {
	var out []row
	for _, s := range a.cfg.Scenarios {
		numbers := []any{}
		for _, n := range a.cfg.VirtualNumbers {
			if n.Scenario == s.ID {
				numbers = append(numbers, n.Number)
			}
		}
		out = append(out, row{"id": s.ID, "name": s.Name, "virtual_phone_numbers": numbers, "sites": []any{}, "campaigns": []any{}, "operations": []any{}})
	}
	return out
}

func (a *Account) tagDirectory() []row {
	var out []row
	for _, t := range a.cfg.Tags {
		out = append(out, row{"id": t.ID, "name": t.Name, "is_system": t.System})
	}
	return out
}

func (a *Account) channelRows() []row {
	var out []row
	for _, c := range a.channels {
		out = append(out, row{"id": c.ID, "name": c.Name, "type": c.Type, "status": c.Status, "group_id": orNull(c.GroupID), "group_name": a.groupName(c.GroupID),
			"employee_id": orNull(c.Employee), "employee_full_name": a.employeeName(c.Employee), "channel_external_id": orNull(c.ExternalID)})
	}
	return out
}

func (a *Account) contactRows() []row {
	var out []row
	for _, k := range a.contacts {
		out = append(out, row{"id": k.ID, "first_name": orNull(k.FirstName), "last_name": orNull(k.LastName), "patronymic": orNull(k.Patronymic),
			"full_name": k.FullName(), "emails": anyList(k.Emails), "phone_numbers": anyList(k.Phones), "personal_manager_id": orNull(k.Manager),
			"personal_manager_full_name": a.employeeName(k.Manager), "organization_id": nil, "organization_name": nil, "groups": []any{}})
	}
	return out
}

func (a *Account) contactGroupRows() []row {
	members := []any{}
	for _, k := range a.contacts {
		members = append(members, map[string]any{"contact_id": k.ID, "contact_full_name": k.FullName()})
	}
	return []row{{"id": int64(1), "name": "Все контакты", "is_system": true, "members": members}}
}

func anyList[T any](list []T) []any {
	out := []any{}
	for _, x := range list {
		out = append(out, x)
	}
	return out
}

func secondsOrNull(d time.Duration) any {
	if d < 0 {
		return nil
	}
	return seconds(d)
}
