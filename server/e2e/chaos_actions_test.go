package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"

	"omni/server/sandbox/uisplatform"
)

// weighted is something that may be done to a client.
type weighted struct {
	name   string
	weight int
	do     func(p *client, dice *rand.Rand)
}

func everyAction() []weighted {
	return []weighted{
		{"the client writes", 6, (*client).writes}, {"several messages at once", 2, (*client).burst}, {"two channels at once", 2, (*client).both},
		{"the client sends a file", 2, (*client).sends}, {"the operator answers", 6, (*client).answer}, {"several answers at once", 2, (*client).answers},
		{"the operator answers with a file", 2, (*client).answerFile}, {"the administrator answers", 1, (*client).answerAdmin}, {"the phone reports", 3, (*client).marks},
		{"his card changes", 1, (*client).card}, {"somebody is written first", 2, (*client).writeFirst}, {"an answer in the vendor's workplace", 1, (*client).elsewhere},
		{"the client closes", 1, (*client).leaves}, {"the operator closes", 1, (*client).closes},
		{"a request", 2, (*client).request}, {"the client edits", 2, (*client).edits}, {"an employee clicks", 2, (*client).click},
		{"a call", 4, (*client).calls}, {"a call and a message at once", 1, (*client).callAndWrite},
	}
}

func pick(list []weighted, dice *rand.Rand) weighted {
	sum := 0
	for _, a := range list {
		sum += a.weight
	}
	at := dice.IntN(sum)
	for _, a := range list {
		if at -= a.weight; at < 0 {
			return a
		}
	}
	return list[0]
}

func sha(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func (p *client) name() string { return fmt.Sprintf("Клиент-%04d", p.number) }

// outside is the client as a channel knows him.
func (p *client) outside(channel int64) uisplatform.Client {
	name := fmt.Sprintf("%s %s", p.s.tag, p.name())
	if channel == bot {
		return uisplatform.Client{Username: fmt.Sprintf("@client%d", p.number), Name: name}
	}
	return uisplatform.Client{Phone: p.phone(), Name: name}
}

// write is one message of the client; the platform's own record of it is the ledger.
func (p *client) write(channel int64, text string) {
	if _, err := p.s.n.uis.ClientWrites(channel, p.outside(channel), text); err != nil {
		p.s.c.find(itself, p.who(), "%v", err)
	}
}

func (p *client) writes(*rand.Rand) { p.write(p.main, p.text("пишет")) }

// burst is several messages quickly in a row, some of them equal.
func (p *client) burst(dice *rand.Rand) {
	for range 2 + dice.IntN(4) {
		text := p.s.tag + " да"
		if dice.IntN(3) > 0 {
			text = p.text("пишет")
		}
		p.write(p.main, text)
	}
}

// both writes into two channels at once: it is one person, who gets one lead.
func (p *client) both(*rand.Rand) {
	other := int64(whatsapp)
	if p.main == whatsapp {
		other = personal
	}
	if p.main == bot {
		other = bot // a bot's client has no phone that would tell that it is he
	}
	texts := []string{p.text("пишет"), p.text("пишет")}
	var two sync.WaitGroup
	for i, channel := range []int64{p.main, other} {
		two.Add(1)
		go func() { defer two.Done(); p.write(channel, texts[i]) }()
	}
	two.Wait()
}

func (p *client) content(dice *rand.Rand) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%s %d %d\n", p.s.tag, p.number, dice.Int()), 50+dice.IntN(400))
}

func (p *client) sends(dice *rand.Rand) {
	content := p.content(dice)
	_, err := p.s.n.uis.ClientSendsFile(p.main, p.outside(p.main), uisplatform.File{Name: "photo.txt", Body: bytes.NewReader(content)}, p.text("шлёт файл"))
	if err != nil {
		p.s.c.find(itself, p.who(), "%v", err)
	}
}

// chats are his chats at UIS.
func (p *client) chats() []uisplatform.Chat {
	var mine []uisplatform.Chat
	for _, c := range p.s.n.uis.Chats() {
		if c.Client.Phone == p.phone() || strings.TrimPrefix(c.Client.Username, "@") == fmt.Sprintf("client%d", p.number) {
			mine = append(mine, c)
		}
	}
	return mine
}

// current is one of his open chats; without one he writes first.
func (p *client) current(dice *rand.Rand) int64 {
	for {
		var open []int64
		for _, c := range p.chats() {
			if c.Open && !p.closing(c.ID) {
				open = append(open, c.ID)
			}
		}
		if len(open) > 0 {
			return open[dice.IntN(len(open))]
		}
		p.writes(dice)
		if len(p.chats()) == 0 {
			return 0
		}
		if list := p.chats(); p.closing(list[len(list)-1].ID) {
			return 0 // our own close is still on its way to UIS
		}
	}
}

func (p *client) answer(dice *rand.Rand) {
	if chat := p.current(dice); chat != 0 {
		p.say(p.user, chat, p.text("ответ"), nil)
	}
}

// answers are several messages quickly in a row, some of them equal.
func (p *client) answers(dice *rand.Rand) {
	chat := p.current(dice)
	if chat == 0 {
		return
	}
	for range 2 + dice.IntN(4) {
		text := p.s.tag + " хорошо"
		if dice.IntN(3) > 0 {
			text = p.text("ответ")
		}
		p.say(p.user, chat, text, nil)
	}
}

func (p *client) answerFile(dice *rand.Rand) {
	if chat := p.current(dice); chat != 0 {
		p.say(p.user, chat, p.text("ответ с файлом"), p.content(dice))
	}
}

// answerAdmin is an answer of the administrator in a chat that the operator has taken: in a new one it would become his own.
func (p *client) answerAdmin(dice *rand.Rand) {
	chat := p.current(dice)
	for _, m := range p.told {
		if chat != 0 && m.uis == chat {
			p.say(1, chat, p.text("ответ администратора"), nil)
			return
		}
	}
}

// marks are reports of the client's phone about what it has got.
func (p *client) marks(dice *rand.Rand) {
	var got []int64
	for _, c := range p.chats() {
		for _, m := range p.s.n.uis.MessagesOf(c.ID) {
			if m.Source == "operator" {
				got = append(got, m.ID)
			}
		}
	}
	if len(got) == 0 {
		return
	}
	got = got[dice.IntN(len(got)):]
	err := p.s.n.uis.MarkDelivered(got...)
	if err == nil && dice.IntN(2) == 0 {
		err = p.s.n.uis.MarkRead(got...)
	}
	if err != nil {
		p.s.c.find(itself, p.who(), "%v", err)
	}
}

// card changes what UIS knows of him.
func (p *client) card(dice *rand.Rand) {
	list := p.chats()
	if len(list) == 0 {
		return
	}
	c := list[dice.IntN(len(list))]
	card := uisplatform.VisitorCard{Name: p.outside(c.Channel).Name, Company: fmt.Sprintf("%s Фирма %d", p.s.tag, dice.IntN(100)), Comment: "постоянный"}
	if c.Channel != bot {
		card.Phones = []string{p.phone()}
	}
	if err := p.s.n.uis.SetVisitorCard(c.ID, card); err != nil {
		p.s.c.find(itself, p.who(), "%v", err)
	}
}

// writeFirst begins a chat with somebody who has none in that channel.
func (p *client) writeFirst(*rand.Rand) {
	for _, c := range p.chats() {
		if c.Channel == sms && c.Open {
			return
		}
	}
	if p.first != "" || p.main == bot || p.main == sms {
		return
	}
	p.first = p.text("первое слово")
	p.begin(p.first)
}

func (p *client) begin(text string) {
	m := &told{key: newID(), text: text}
	code, answer := p.s.ask(p.user, "POST", "/chats", map[string]any{"id": m.key, "channel": sms, "phone": p.phone(), "text": text})
	p.log("wrote first: %q → %d", text, code)
	if code != http.StatusOK {
		p.s.c.find("refused message", p.who(), "%q: %d %s", text, code, answer)
		return
	}
	p.told = append(p.told, m)
}

// elsewhere is an answer that an operator gives in the vendor's own workplace.
func (p *client) elsewhere(dice *rand.Rand) {
	chat := p.current(dice)
	if chat == 0 {
		return
	}
	text := p.text("ответ в кабинете UIS")
	p.vendor[text] = true
	if _, err := p.s.n.uis.OperatorWrites(chat, 1000+int64(p.user), text); err != nil && !p.over(chat) {
		p.s.c.find(itself, p.who(), "%v", err)
	}
}

func (p *client) leaves(dice *rand.Rand) {
	var open []int64
	for _, c := range p.chats() {
		if c.Open {
			open = append(open, c.ID)
		}
	}
	if len(open) == 0 || dice.IntN(2) == 0 {
		return
	}
	chat := open[dice.IntN(len(open))]
	p.log("the client closes %d", chat)
	if err := p.s.n.uis.CloseChat(chat, "closed_by_visitor"); err != nil {
		p.s.c.find(itself, p.who(), "%v", err)
	}
}

func (p *client) closes(dice *rand.Rand) {
	if dice.IntN(2) == 0 {
		return
	}
	chat := p.current(dice)
	if chat == 0 {
		return // the close of all his chats is still on its way
	}
	id, ok := p.find(chat)
	if !ok {
		return
	}
	p.log("the operator closes %d", chat)
	code, answer := p.s.ask(p.user, "POST", fmt.Sprintf("/chats/%d/close", id), map[string]any{"id": newID()})
	if code != http.StatusOK && code != http.StatusConflict {
		p.s.c.find("refused close", p.who(), "%d: %d %s", chat, code, answer)
	}
}
