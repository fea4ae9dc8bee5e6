package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// lost are two conversations during which webhooks of every type get lost: one that was there before, and one that begins and ends unseen.
type lost struct {
	n            *tenant
	known, fresh uisplatform.Client
	knownChat    int64
	content      []byte
}

func (l *lost) texts() map[string][]string {
	return map[string][]string{
		l.known.Phone: {"Здравствуйте, вы работаете?", "Да, конечно!", "Тогда вопрос: сколько стоит?", "Вот чертёж", "Минуту, считаю"},
		l.fresh.Phone: {"Мне нужна консультация", "Добрый вечер, слушаю", "Спасибо, уже не надо"},
	}
}

func (l *lost) uisChat(client uisplatform.Client) int64 {
	for _, c := range l.n.uis.Chats() {
		if c.Client.Phone == client.Phone {
			return c.ID
		}
	}
	return 0
}

// before is what still came through.
func (l *lost) before() {
	t := l.n.t
	_, err := l.n.uis.ClientWrites(whatsapp, l.known, l.texts()[l.known.Phone][0])
	require.NoError(t, err)
	l.n.w.rest()
	l.knownChat = l.n.chats("list=new")[0].ID
	l.n.say(l.knownChat, newID(), l.texts()[l.known.Phone][1], 0)
	l.n.w.rest()
}

// unseen is what nobody tells us: client's texts, a file, another operator's answer, an edit, a transfer, a whole chat with its end.
func (l *lost) unseen() {
	t, known, fresh := l.n.t, l.texts()[l.known.Phone], l.texts()[l.fresh.Phone]
	asked, err := l.n.uis.ClientWrites(whatsapp, l.known, "Тогда вопрос")
	require.NoError(t, err)
	require.NoError(t, l.n.uis.EditMessage(asked.ID, known[2]))
	_, err = l.n.uis.ClientSendsFile(whatsapp, l.known, uisplatform.File{Name: "plan.txt", Body: bytes.NewReader(l.content)}, known[3])
	require.NoError(t, err)
	require.NoError(t, l.n.uis.AssignChat(l.uisChat(l.known), 1003))
	_, err = l.n.uis.OperatorWrites(l.uisChat(l.known), 1003, known[4])
	require.NoError(t, err)

	_, err = l.n.uis.ClientWrites(whatsapp, l.fresh, fresh[0])
	require.NoError(t, err)
	require.NoError(t, l.n.uis.AssignChat(l.uisChat(l.fresh), 1002))
	_, err = l.n.uis.OperatorWrites(l.uisChat(l.fresh), 1002, fresh[1])
	require.NoError(t, err)
	_, err = l.n.uis.ClientWrites(whatsapp, l.fresh, fresh[2])
	require.NoError(t, err)
	require.NoError(t, l.n.uis.CloseChat(l.uisChat(l.fresh), "closed_by_visitor"))
}

// closed and messages are what an administrator sees: the transferred chat is another operator's now.
func (l *lost) closed() []chat {
	return decode[struct{ Items []chat }](l.n.t, l.n.must("GET", "/chats?list=closed", nil)).Items
}

func (l *lost) messages(chat int64) []message {
	return decode[struct{ Items []message }](l.n.t, l.n.must("GET", fmt.Sprintf("/chats/%d/messages", chat), nil)).Items
}

// lacking tells what the workplace lacks, "" when it has all of it.
func (l *lost) lacking() string {
	closed := l.closed()
	if len(closed) != 1 {
		return fmt.Sprintf("%d closed chats", len(closed))
	}
	for chat, client := range map[int64]uisplatform.Client{l.knownChat: l.known, closed[0].ID: l.fresh} {
		var texts []string
		for _, m := range l.messages(chat) {
			if m.Side != "system" {
				texts = append(texts, m.Text)
			}
			if m.File != nil && m.File.State != "ready" {
				return "the file is " + m.File.State
			}
		}
		if want := l.texts()[client.Phone]; fmt.Sprint(texts) != fmt.Sprint(want) {
			return fmt.Sprintf("%v instead of %v", texts, want)
		}
	}
	return ""
}

func (l *lost) verify() {
	t := l.n.t
	t.Helper()
	last := ""
	require.True(t, poll(func() bool { last = l.lacking(); return last == "" }), "the workplace: %s", last)
	l.n.w.rest()
	require.Empty(t, l.lacking(), "nothing comes twice")
	for _, m := range l.messages(l.knownChat) {
		if m.File != nil {
			resp, err := browser.Get(*m.File.URL)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			require.NoError(t, err)
			require.Equal(t, l.content, body)
		}
	}
	for _, client := range []uisplatform.Client{l.known, l.fresh} {
		var leads []portal.Item
		for _, item := range l.n.portal.Items(portal.Lead) {
			for _, p := range item.Phones {
				if portal.NormalizePhone(p) == portal.NormalizePhone("+"+client.Phone) {
					leads = append(leads, item)
				}
			}
		}
		require.Len(t, leads, 1, "one lead for %s", client.Phone)
		comments := l.n.portal.Comments(portal.Lead, leads[0].ID)
		require.Len(t, comments, 1)
		for _, text := range l.texts()[client.Phone] {
			require.Equal(t, 1, strings.Count(comments[0].Text, text), "%q in %s", text, comments[0].Text)
		}
	}
	l.n.w.clean()
}

func newLost(n *tenant) *lost {
	return &lost{n: n, known: uisplatform.Client{Phone: "79000000060", Name: "Вера"}, fresh: uisplatform.Client{Phone: "79000000061", Name: "Глеб"},
		content: bytes.Repeat([]byte("чертёж, лист\n"), 30_000)}
}

// TestLostWebhooksAreRepaired: UIS repeats no webhook. What is lost is found in its reports, once, whichever of two servers looks.
func TestLostWebhooksAreRepaired(t *testing.T) {
	t.Parallel()
	w, n := one(t, 2, "OMNI_UIS_REPAIR_EVERY=2s")
	l := newLost(n)
	l.before()
	n.uis.AddFault(uisplatform.Fault{API: "webhook", Kind: uisplatform.Dropped, Probability: 1})
	l.unseen()
	l.verify()
	require.NotZero(t, n.uis.Chats())

	// Whether anything was missing or not: few reads, and rounds of two servers do not double.
	conn, err := pgx.Connect(t.Context(), w.database)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), `SELECT set_config('omni.account', '*', false)`)
	require.NoError(t, err)
	rows, err := conn.Query(t.Context(), `SELECT started_at, COALESCE((result->>'reads')::int, 0) FROM job WHERE kind = 'gaps' AND state = 'done' ORDER BY id`)
	require.NoError(t, err)
	var at, before time.Time
	var reads, rounds int
	_, err = pgx.ForEachRow(rows, []any{&at, &reads}, func() error {
		rounds++
		require.LessOrEqual(t, reads, 3, "messages, chats by their numbers, and once an hour chats nobody has written in")
		require.True(t, before.IsZero() || at.Sub(before) > time.Second, "two rounds at once: %s, %s", before, at)
		before = at
		return nil
	})
	require.NoError(t, err)
	require.Positive(t, rounds)
}

// TestWebhooksAfterTheRepair: they come late, after the reports told the same, and again: nothing is doubled, and what a report does not tell is added.
func TestWebhooksAfterTheRepair(t *testing.T) {
	t.Parallel()
	_, n := one(t, 1, "OMNI_UIS_REPAIR_EVERY=1s")
	l := newLost(n)
	l.before()
	n.uis.AddFault(uisplatform.Fault{API: "webhook", Kind: uisplatform.Delayed, Delay: 5 * time.Second, Times: 2})
	l.unseen()
	n.uis.AddFault(uisplatform.Fault{API: "webhook", Kind: uisplatform.Duplicate, Probability: 0.5, Seed: 5})
	l.verify()
	last := ""
	for _, c := range l.closed() {
		last = c.Client.Name
	}
	require.Equal(t, "Глеб", last, "the visitor's card came with the late webhooks")
}

// TestAnEditWhileTheReportIsRead: what the report shows is older than the webhook that comes meanwhile, and does not put the old text back.
func TestAnEditWhileTheReportIsRead(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1, "OMNI_UIS_REPAIR_EVERY=6s")
	conn, err := pgx.Connect(t.Context(), w.database)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), `SELECT set_config('omni.account', '*', false)`)
	require.NoError(t, err)
	rounds := func(when string) (ended int) {
		require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM job WHERE kind = 'gaps' AND state = 'done'`+when).Scan(&ended))
		return ended
	}
	said, err := n.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: "79000000062", Name: "Зоя"}, "Адрес: Ленина, 1")
	require.NoError(t, err)
	w.rest()
	chat := n.chats("list=new")[0].ID
	text := func() string {
		list := decode[struct{ Items []message }](t, n.must("GET", fmt.Sprintf("/chats/%d/messages", chat), nil)).Items
		return list[len(list)-1].Text
	}
	// Younger messages are not compared.
	require.True(t, poll(func() bool {
		return rounds(` AND started_at > (SELECT max(received_at) + interval '3 seconds' FROM inbox WHERE kind = 'uis:POST:message')`) > 0
	}))
	before := rounds("")
	slow := n.uis.AddFault(uisplatform.Fault{API: "data", Match: "get.chat_messages_report", Kind: uisplatform.SlowAfter, Delay: 1200 * time.Millisecond, Times: 1})
	struck := 0
	require.True(t, poll(func() bool {
		if !slices.ContainsFunc(w.platform.Faults(), func(f uisplatform.Fault) bool { return f.ID == slow && f.Hit == 0 }) {
			struck++
		}
		return struck > 10 // a fault is counted a moment before the answer is made, which then takes its time to come
	}), "the report is being read")
	require.NoError(t, n.uis.EditMessage(said.ID, "Адрес: Мира, 7"))
	require.True(t, poll(func() bool { return text() == "Адрес: Мира, 7" }))
	require.True(t, poll(func() bool { return rounds("") > before }), "the round ends")
	w.rest()
	require.Equal(t, "Адрес: Мира, 7", text())
	w.clean()
}
