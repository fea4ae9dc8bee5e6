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

// terms are what the settings make of one chat.
type terms struct {
	passed bool
	why    crm.Reason
	portal ids.PortalID
	atEnd  bool
	policy crm.Policy
}

// termsOf applies the settings to a chat (P3a, C1–C6, C10–C12). It is pure.
func termsOf(doc settings.Document, channel Channel, c *Chat, appName string) terms {
	keep := func(code string, args ...any) terms {
		why := crm.Reason{Code: code, Args: map[string]any{}}
		for i := 0; i+1 < len(args); i += 2 {
			why.Args[args[i].(string)] = args[i+1]
		}
		return terms{why: why}
	}
	s := doc.Chats
	portal := s.Portal
	if portal == nil {
		portal = doc.Main.Portal
	}
	params := paramsOf(channel, c)
	switch {
	case !doc.Main.Enabled:
		return keep("settings.main_off")
	case !s.Enabled:
		return keep("settings.chats_off")
	case !s.Create:
		return keep("settings.create_off")
	case portal == nil:
		return keep("settings.no_portal")
	case !slices.Contains(s.Channels, int64(channel.ID)):
		return keep("settings.channel_not_chosen", "channel", channel.Name)
	case !s.Filter.Holds(params):
		return keep("settings.filtered_out")
	}
	t := terms{passed: true, portal: ids.PortalID(*portal), atEnd: s.CreateAt == "end"}
	t.policy = crm.PolicyOf(s.Common, params, rules.Render(s.Template, variablesOf(channel, c, appName), rules.TitleLimit))
	return t
}

// paramsOf are the values a chat's filters look at (R2), as far as the Chat API tells them.
func paramsOf(channel Channel, c *Chat) rules.Params {
	p := rules.Params{"channel_type": {channel.Type}, "channel": {strconv.FormatInt(int64(channel.ID), 10)}}
	if c.Employee != 0 {
		p["employee"] = []string{strconv.FormatInt(int64(c.Employee), 10)}
	}
	return p
}

// variablesOf are the values a chat's templates may use (R4).
func variablesOf(channel Channel, c *Chat, appName string) map[string]string {
	v := map[string]string{"name": displayName(c), "chat_channel_name": channel.Name, "chat_channel_type": channel.Type, "chat_id": fmt.Sprint(c.UIS),
		"visitor_id": c.Visitor, "app_name": appName, "visitor_name": c.Name}
	if len(c.Phones) > 0 {
		v["visitor_phone_number"], v["contact_phone_number"] = c.Phones[0], c.Phones[0]
	}
	if len(c.Emails) > 0 {
		v["visitor_email"] = c.Emails[0]
	}
	return v
}
