package crm

import (
	"omni/server/ids"
	"omni/server/rules"
	"omni/server/settings"
)

// PolicyOf is what the section of chats or offline requests says of one communication, its rules applied (C2-C9, C12). It is pure.
func PolicyOf(s settings.Common, params rules.Params, title string) Policy {
	p := Policy{
		First: choiceOf(s.First), Repeat: choiceOf(s.Repeat), FunnelFirst: funnelOf(s.FunnelFirst, params), FunnelRepeat: funnelOf(s.FunnelRepeat, params),
		ClosedEntities: s.ClosedEntities, WithoutContacts: s.WithoutContacts, CopyToContact: s.CopyToContact,
		Responsible: responsibleOf(s.Responsible, s.Responsibles, params), Title: title, Priority: ToDeals,
	}
	if s.CommentPriority != nil {
		p.Priority = Priority(*s.CommentPriority)
	}
	return p
}

func choiceOf(c settings.Creation) Choice {
	out := Choice{On: c.On}
	for _, e := range c.Create {
		out.Create = append(out.Create, EntityType(e))
	}
	return out
}

// funnelOf is the first rule that holds, else the form's own values (R3, C5).
func funnelOf(f settings.ChatFunnel, params rules.Params) Funnel {
	if !f.On {
		return Funnel{}
	}
	lead, pipeline, deal := f.LeadStage, f.Pipeline, f.DealStage
	filters := make([]rules.Filter, len(f.Rules))
	for i, rule := range f.Rules {
		filters[i] = rule.Filter
	}
	if i := rules.First(filters, params); i >= 0 {
		lead, pipeline, deal = f.Rules[i].LeadStage, f.Rules[i].Pipeline, f.Rules[i].DealStage
	}
	out := Funnel{Pipeline: pipeline}
	if lead != nil {
		out.LeadStage = *lead
	}
	if deal != nil {
		out.DealStage = *deal
	}
	return out
}

func responsibleOf(standard *int64, list []settings.ResponsibleRule, params rules.Params) ids.B24UserID {
	filters := make([]rules.Filter, len(list))
	for i, rule := range list {
		filters[i] = rule.Filter
	}
	if i := rules.First(filters, params); i >= 0 {
		return ids.B24UserID(list[i].User)
	}
	if standard == nil {
		return 0
	}
	return ids.B24UserID(*standard)
}
