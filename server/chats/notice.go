package chats

import (
	"fmt"

	"omni/server/bitrix24"
	"omni/server/crm"
	"omni/server/outbox"
)

// notify tells the responsible of a lead or deal that the chat has made, with a link to it: once, as the notice's tag is the entity's (C7). The relative
// address opens in whatever the portal is called.
func (t *turn) notify(tie crm.Tie) {
	link := t.chat.CRM
	if !link.Notify || link.Responsible == 0 || !tie.Created || tie.Type != crm.Lead && tie.Type != crm.Deal {
		return
	}
	text := t.texts.Text(t.setting.Lang, "crm.notice."+string(tie.Type), "channel", bitrix24.PlainBB(t.setting.Channel.Name),
		"link", fmt.Sprintf("[URL=/crm/%s/details/%d/]%s[/URL]", tie.Type, tie.ID, bitrix24.PlainBB(tie.Title)))
	call := bitrix24.Notify(int64(link.Responsible), text, "omni-"+tie.Name())
	t.commands = append(t.commands, outbox.Command{Lane: outbox.LaneRef{Kind: "b24", Portal: t.chat.Portal}, Key: t.key, Kind: call.Method, Params: call.Params, Independent: true,
		Priority: outbox.Live, Meta: map[string]string{"about": t.chat.Ref()}})
}
