package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

const (
	shop = 42 // the second site of the account; a chat without a visit of its own came from the first, 41
	find = 72 // the campaign that leads there
)

// comes lets a client write who came as a visit tells; the chat is in UIS' report after some readings in vain.
func (n *tenant) comes(phone string, v uisplatform.Visit, late int) {
	n.t.Helper()
	_, err := n.uis.ClientSends(whatsapp, uisplatform.Client{Phone: phone, Name: "Ольга"}, uisplatform.ClientMessage{Text: "Здравствуйте", Visit: v, Late: late})
	require.NoError(n.t, err)
}

// leadsOf are the leads of a client.
func (n *tenant) leadsOf(phone string) []portal.Item {
	return (&story{n: n}).leads(phone)
}

// lead waits for the client's lead.
func (n *tenant) lead(phone string) portal.Item {
	n.t.Helper()
	eventually(n.t, "a lead of "+phone, func() bool { return len(n.leadsOf(phone)) > 0 })
	n.w.rest()
	require.Len(n.t, n.leadsOf(phone), 1)
	return n.leadsOf(phone)[0]
}

// reports counts the questions of a client's chat to UIS' report.
func (n *tenant) reports(phone string) int {
	n.t.Helper()
	return n.sent(phone, "get.chats_report")
}

// sent counts the commands of one kind that a client's chat sent.
func (n *tenant) sent(phone, kind string) int {
	n.t.Helper()
	count := 0
	for _, c := range n.why(n.chatOf(phone)).Commands {
		if c.Kind == kind {
			count++
		}
	}
	return count
}

func when(param, op string, values ...string) []any {
	return []any{[]any{map[string]any{"param": param, "op": op, "values": values}}}
}

// C2, C5, C11, R2, R3, R4: who gets what a chat makes, its stage and its name hang on where the client came from, which only the report tells. It is asked once.
func TestChatsAreJudgedByTheReport(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	eventually(t, "the directories are read", func() bool { return len(n.list("sites")) > 0 && len(n.list("stages")) > 0 })
	n.change(func(chats map[string]any) {
		chats["responsibles"] = []any{map[string]any{"user": 3, "filter": when("site", "include", fmt.Sprint(shop))}}
		chats["funnel_first"] = map[string]any{"on": true, "lead_stage": "NEW", "rules": []any{map[string]any{"lead_stage": "IN_PROCESS", "filter": when("campaign", "include", fmt.Sprint(find))}}}
	})
	const plain, fromShop, nowhere, byName = "79000000161", "79000000162", "79000000163", "79000000164"
	n.comes(plain, nil, 0)
	n.comes(fromShop, uisplatform.Visit{"site_id": shop, "site_domain_name": "shop.romashka.example", "campaign_id": find, "campaign_name": "Поиск"}, 0)
	n.comes(nowhere, uisplatform.Visit{"site_id": nil, "site_domain_name": nil, "campaign_id": nil, "campaign_name": nil}, 0)
	n.comes(byName, uisplatform.Visit{"site_id": nil, "site_domain_name": "shop.romashka.example", "campaign_id": nil, "campaign_name": "Поиск"}, 0)
	w.rest()
	for phone, want := range map[string][]string{
		plain:    {"1", "NEW", "Чат на сайте romashka.example Канал: WhatsApp продаж с посетителем Ольга"},
		fromShop: {"3", "IN_PROCESS", "Чат на сайте shop.romashka.example Канал: WhatsApp продаж с посетителем Ольга"},
		byName:   {"3", "IN_PROCESS", "Чат на сайте shop.romashka.example Канал: WhatsApp продаж с посетителем Ольга"}, // numbers by the account's lists
		nowhere:  {"1", "NEW", "Чат на сайте Канал: WhatsApp продаж с посетителем Ольга"},
	} {
		lead := n.lead(phone)
		require.Equal(t, want, []string{fmt.Sprint(whole(lead.Fields["assignedById"])), fmt.Sprint(lead.Fields["stageId"]), fmt.Sprint(lead.Fields["title"])})
		require.Equal(t, 1, n.reports(phone))
		require.Equal(t, []string{"crm.first_nothing_found"}, n.why(n.chatOf(phone)).reasons())
		n.writes(phone, "Ольга", "И ещё")
		require.Equal(t, 1, n.reports(phone), "once, not with each message")
	}
	w.clean()
}

// C10, R1: a filter by what only the report tells, both ways; a parameter that no report tells of a chat fails include and passes exclude, and is not asked for.
func TestFilteredChatsByTheReport(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	eventually(t, "the directories are read", func() bool { return len(n.list("sites")) > 0 && len(n.list("scenarios")) > 0 })
	visit := uisplatform.Visit{"site_id": shop, "site_domain_name": "shop.romashka.example"}
	for i, row := range []struct {
		filter          []any
		here, elsewhere bool
		asked           int
	}{
		{when("site", "include", fmt.Sprint(shop)), true, false, 1},
		{when("site", "exclude", fmt.Sprint(shop)), false, true, 1},
		{when("source", "include", "yandex"), true, true, 1},
		{when("scenario", "include", "61"), false, false, 0},
		{when("scenario", "exclude", "61"), true, true, 0},
		{[]any{[]any{map[string]any{"param": "channel", "op": "include", "values": []string{"21"}}, map[string]any{"param": "site", "op": "include", "values": []string{fmt.Sprint(shop)}}}}, false, false, 0},
	} {
		n.change(func(chats map[string]any) { chats["filter"], chats["template"] = row.filter, "Чат с {{name}}" })
		for phone, want := range map[string]bool{fmt.Sprintf("790000002%d1", i): row.here, fmt.Sprintf("790000002%d2", i): row.elsewhere} {
			v := visit
			if strings.HasSuffix(phone, "2") {
				v = nil
			}
			n.comes(phone, v, 0)
			w.rest()
			require.Len(t, n.leadsOf(phone), map[bool]int{true: 1}[want], "%v %s", row.filter, phone)
			require.Equal(t, row.asked, n.reports(phone), "%v", row.filter)
			require.Equal(t, !want, slices.Contains(n.why(n.chatOf(phone)).reasons(), "settings.filtered_out"))
		}
	}
	w.clean()
}

// R7, R7a, C11: extra fields with what only the report tells, in what is created; at the end of the chat it is asked once more, and what changed follows by the rules
// of "always".
func TestFieldsOfChatsByTheReport(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.addFields(map[string]int{"UF_CRM_SRC": portal.Lead, "UF_CRM_CITY": portal.Lead, "UF_CRM_TAGS": portal.Lead, "UF_CRM_TERM": portal.Lead})
	n.change(func(chats map[string]any) { chats["template"] = "Чат с {{name}}" })
	n.passFields(true, field("lead", "UF_CRM_SRC", "utm_source", false), field("lead", "UF_CRM_CITY", "visitor_city", true), field("lead", "UF_CRM_TAGS", "tag_names", true),
		field("lead", "UF_CRM_TERM", "utm_term", false))
	const phone = "79000000171"
	n.comes(phone, uisplatform.Visit{"utm_source": "vk", "visitor_city": "Казань"}, 0)
	w.rest()
	lead := n.lead(phone)
	values := func() []string {
		var list []string
		for _, name := range []string{"UF_CRM_SRC", "UF_CRM_CITY", "UF_CRM_TAGS", "UF_CRM_TERM"} {
			list = append(list, n.value(portal.Lead, lead.ID, name))
		}
		return list
	}
	require.Equal(t, []string{"vk", "Казань", "", ""}, values())
	require.Zero(t, n.sent(phone, "crm.item.update"), "written with the lead")
	require.Equal(t, 1, n.reports(phone))

	chat := n.uis.Chats()[0]
	require.True(t, n.uis.SetTag("chat", chat.Communication, 81))
	require.NoError(t, n.uis.SetVisit(chat.ID, uisplatform.Visit{"utm_source": "other", "visitor_city": "Пермь", "utm_term": "шкаф"}))
	n.writes(phone, "Ольга", "Ещё вопрос")
	require.Equal(t, []string{"vk", "Казань", "", ""}, values(), "nobody asked again")
	require.NoError(t, n.uis.CloseChat(chat.ID, "closed_by_visitor"))
	w.rest()
	require.Equal(t, []string{"vk", "Пермь", "Целевой", "шкаф"}, values())
	require.Equal(t, 2, n.reports(phone))
	require.Equal(t, 1, n.sent(phone, "crm.item.update"))
	w.clean()
}

// R2, C6: everything at the end of the chat: it is asked then, once.
func TestTheReportAtTheEndOfAChat(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.addFields(map[string]int{"UF_CRM_TAGS": portal.Lead})
	n.change(func(chats map[string]any) { chats["create_at"] = "end" })
	n.passFields(true, field("lead", "UF_CRM_TAGS", "tag_names", false))
	const phone = "79000000172"
	n.comes(phone, nil, 0)
	w.rest()
	require.Zero(t, n.reports(phone))
	chat := n.uis.Chats()[0]
	require.True(t, n.uis.SetTag("chat", chat.Communication, 82))
	require.NoError(t, n.uis.CloseChat(chat.ID, "closed_by_visitor"))
	w.rest()
	lead := n.lead(phone)
	require.Equal(t, "Спам", n.value(portal.Lead, lead.ID, "UF_CRM_TAGS"))
	require.Contains(t, lead.Fields["title"], "romashka.example")
	require.Equal(t, 1, n.reports(phone))
	w.clean()
}

// R2, X2: a report that has no row yet is asked again; one that does not answer is done without, and the chat says so. Messages reach the workplace all the time.
func TestAReportThatIsLateOrFails(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.change(func(chats map[string]any) {
		chats["responsibles"] = []any{map[string]any{"user": 3, "filter": when("site", "include", "41")}}
	})
	shown := func(phone string) {
		t.Helper()
		eventually(t, "the workplace shows the message", func() bool {
			return slices.ContainsFunc(n.chats("list=new"), func(c chat) bool { return slices.Contains(c.Client.Phones, phone) && c.Last != nil })
		})
		require.Empty(t, n.leadsOf(phone), "the CRM waits")
	}
	const late, never, gone, another = "79000000181", "79000000182", "79000000183", "79000000185"
	n.comes(late, nil, 1)
	n.comes(never, nil, 100)
	shown(late)
	shown(never)
	lead := n.lead(late)
	require.Equal(t, 3, whole(lead.Fields["assignedById"]))
	require.Equal(t, 2, n.reports(late), "the row was there at the second asking")
	require.Equal(t, []string{"crm.first_nothing_found"}, n.why(n.chatOf(late)).reasons())

	lead = n.lead(never)
	require.Equal(t, 1, whole(lead.Fields["assignedById"]), "the default: include fails without a value")
	require.Equal(t, 3, n.reports(never))
	told := n.why(n.chatOf(never))
	require.Equal(t, []string{"chat.not_in_report", "crm.first_nothing_found"}, told.reasons())
	require.Contains(t, told.Reasons[0].Text, "ещё нет")

	// The tariff has no such report: nothing to wait for.
	n.uis.SetComponents([]string{"va", "chat", "consultant_api"})
	n.comes(gone, nil, 0)
	w.rest()
	require.Equal(t, 1, whole(n.lead(gone).Fields["assignedById"]))
	require.Equal(t, 1, n.reports(gone))
	require.Equal(t, []string{"chat.report_absent", "crm.first_nothing_found"}, n.why(n.chatOf(gone)).reasons())
	n.comes(another, nil, 0)
	w.rest()
	require.Equal(t, 1, whole(n.lead(another).Fields["assignedById"]))
	require.Zero(t, n.reports(another), "it is remembered")
	require.Equal(t, []string{"chat.report_absent", "crm.first_nothing_found"}, n.why(n.chatOf(another)).reasons())
	require.EqualValues(t, 0, w.pending()["refused"], "nobody need decide about it")
	n.uis.SetComponents(nil)
	w.servers[0].restart()

	// The report is down: two questions without an answer.
	const down = "79000000184"
	n.uis.AddFault(uisplatform.Fault{API: "data", Match: "get.chats_report", Kind: uisplatform.StatusBefore, Times: 1000})
	n.comes(down, nil, 0)
	shown(down)
	eventually(t, "it is done without", func() bool {
		w.later("2s")
		return len(n.leadsOf(down)) > 0
	})
	w.platform.ClearFaults()
	require.Equal(t, 1, whole(n.lead(down).Fields["assignedById"]))
	require.Equal(t, []string{"chat.report_not_read", "crm.first_nothing_found"}, n.why(n.chatOf(down)).reasons())
}

// Design section 8: a chat whose settings look at nothing of the report asks nothing, and its first message costs the portal three requests as before.
func TestAChatThatNeedsNoReport(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.change(func(chats map[string]any) {
		chats["template"] = "Чат с {{name}} в {{chat_channel_name}}"
		chats["responsibles"] = []any{map[string]any{"user": 3, "filter": when("channel", "include", fmt.Sprint(whatsapp))}}
	})
	const phone = "79000000191"
	before := len(w.askedOfPortals())
	n.comes(phone, nil, 0)
	w.rest()
	require.Equal(t, 3, whole(n.lead(phone).Fields["assignedById"]))
	require.Len(t, w.askedOfPortals(), before+3, "%v", w.askedOfPortals())
	require.Zero(t, n.reports(phone))
	require.NoError(t, n.uis.CloseChat(n.uis.Chats()[0].ID, "closed_by_visitor"))
	w.rest()
	require.Zero(t, n.reports(phone))
	w.clean()
}
