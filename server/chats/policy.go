package chats

import (
	"fmt"
	"slices"
	"strconv"

	"omni/server/crm"
	"omni/server/ids"
	"omni/server/rules"
	"omni/server/settings"
)

// gate is where the settings let a chat go, before anything is judged by what is known of it.
type gate struct {
	open   bool
	why    crm.Reason
	portal ids.PortalID
	atEnd  bool
}

// gateOf applies the switches and the choice of channels to a chat (P3a, C1, C2, C6). It is pure.
func gateOf(doc settings.Document, channel Channel) gate {
	closed := func(code string, args map[string]any) gate {
		return gate{why: crm.Reason{Code: code, Args: args}}
	}
	s := doc.Chats
	portal := portalOf(nil, doc)
	switch {
	case !doc.Main.Enabled:
		return closed("settings.main_off", nil)
	case !s.Enabled:
		return closed("settings.chats_off", nil)
	case !s.Create:
		return closed("settings.create_off", nil)
	case portal == 0:
		return closed("settings.no_portal", nil)
	case !slices.Contains(s.Channels, int64(channel.ID)):
		return closed("settings.channel_not_chosen", map[string]any{"channel": channel.Name})
	}
	return gate{open: true, portal: portal, atEnd: s.CreateAt == "end"}
}

// paramsOf are the values a chat's filters look at (R2), as far as the Chat API and UIS' report tell them: the report knows neither a group nor a scenario.
func paramsOf(channel Channel, c *Chat) rules.Params {
	p := rules.Params{}
	put := func(param string, values ...string) {
		for _, v := range values {
			if v != "" {
				p[param] = []string{v}
				return
			}
		}
	}
	put("channel_type", channel.Type)
	put("channel", strconv.FormatInt(int64(channel.ID), 10))
	if c.Employee != 0 {
		put("employee", strconv.FormatInt(int64(c.Employee), 10))
	}
	r := c.CRM.Report
	put("site", r.told("site_id"))
	put("campaign", r.told("campaign_id"))
	put("source", r.told("source_name"), r.told("utm_source"))
	return p
}

// variablesOf are the values a chat's templates and extra fields may use (R4, R7), as far as they mean anything by now.
func variablesOf(channel Channel, c *Chat, appName string) map[string]string {
	v := map[string]string{}
	if r := c.CRM.Report; r != nil {
		for name, value := range r.Values {
			v[name] = value
		}
	}
	for name, value := range map[string]string{"name": displayName(c), "chat_channel_name": channel.Name, "chat_channel_type": channel.Type, "chat_id": fmt.Sprint(c.UIS),
		"visitor_id": c.Visitor, "app_name": appName, "visitor_name": c.Name, "chat_username": c.Username} {
		v[name] = value
	}
	if len(c.Phones) > 0 {
		v["visitor_phone_number"], v["contact_phone_number"] = c.Phones[0], c.Phones[0]
	}
	if len(c.Emails) > 0 {
		v["visitor_email"] = c.Emails[0]
	}
	return rules.Told(v, rules.Chat, momentOf(c))
}

// momentOf is how far a chat has come (R2). What as a rule only the report tells counts whenever it was told.
func momentOf(c *Chat) rules.Moment {
	switch {
	case c.State == Closed:
		return rules.AtEnd
	case c.Employee != 0:
		return rules.AtAnswer
	}
	return rules.AtStart
}
