package chats

import (
	"omni/server/bitrix24"
	"omni/server/crm"
)

// notify tells the responsible of a lead or deal that the chat has made (C7).
func (t *turn) notify(tie crm.Tie) {
	link := t.chat.CRM
	n := crm.Notices{On: link.Notify, Responsible: link.Responsible, Portal: t.chat.Portal, About: t.chat.Ref()}
	command, told := n.Of(tie, t.key, func(link string) string {
		return t.texts.Text(t.setting.Lang, "crm.notice."+string(tie.Type), "channel", bitrix24.PlainBB(t.setting.Channel.Name), "link", link)
	})
	if told {
		t.commands = append(t.commands, command)
	}
}
