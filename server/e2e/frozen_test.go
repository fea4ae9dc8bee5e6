package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// TestAFrozenServerWakes stops each of two servers past its leases while lanes are full and requests are under way, and lets it go on: what it believes to own
// belongs to the other one by then. Nothing is lost, nothing doubled.
func TestAFrozenServerWakes(t *testing.T) {
	t.Parallel()
	const clients = 6
	w, n := one(t, 2)
	c := &callCentre{n, t}
	chats := map[string]int64{}
	said := map[string][]string{}
	phone := func(i int) string { return fmt.Sprintf("790000006%02d", i) }
	write := func(i int, text string) {
		m, err := n.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: phone(i), Name: "Лев"}, text)
		require.NoError(t, err)
		chats[phone(i)] = m.Chat
	}
	for i := range clients {
		write(i, "здравствуйте")
	}
	w.rest()
	for at, frozen := range w.servers {
		// Every request takes its time, so that there is always one under way and more behind it.
		for range 4 {
			_, err := w.bitrix.AddFault(portal.Fault{Kind: portal.FaultSlow, DelayMS: 1200, After: true})
			require.NoError(t, err)
			w.platform.AddFault(uisplatform.Fault{API: "adapter", Match: "POST /v1/adapter/message", Kind: uisplatform.SlowAfter, Delay: 1200 * time.Millisecond})
		}
		for round := range 3 {
			for i := range clients + 2*(at+1) { // two of them are new
				write(i, fmt.Sprintf("вопрос %d %d", at, round))
				if i < clients {
					text := fmt.Sprintf("ответ %d %d", at, round)
					n.say(n.chats("q=" + phone(i))[0].ID, newID(), text, 0)
					said[phone(i)] = append(said[phone(i)], text)
				}
			}
		}
		eventually(t, "requests are under way and more wait", func() bool {
			p := w.pending()
			return p["in_flight"] != 0.0 && p["outbox"] != 0.0
		})
		frozen.signal(syscall.SIGSTOP)
		w.gate.remove(frozen.public)
		time.Sleep(8 * time.Second) // a lease lasts 6 s
		frozen.signal(syscall.SIGCONT)
		w.gate.add(frozen.public)
		w.rest()
	}
	for p, chat := range chats {
		require.Len(t, c.of(portal.Lead, p), 1, "leads of %s", p)
		var told, answers []string
		for _, m := range n.uis.MessagesOf(chat) {
			switch m.Source {
			case "visitor":
				told = append(told, m.Text)
			case "operator":
				answers = append(answers, m.Text)
			}
		}
		require.Equal(t, said[p], answers, "the phone %s shows each answer once, in order", p)
		var shown []string
		for _, m := range n.messages(n.chats("q=" + p)[0].ID) {
			if m.Side == "client" {
				shown = append(shown, m.Text)
			}
		}
		require.Equal(t, told, shown, "the page shows what %s wrote", p)
		var lines []string
		for _, one := range c.portal.Comments(portal.Lead, c.of(portal.Lead, p)[0].ID) {
			for line := range strings.Lines(one.Text) {
				if m := commentLine.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
					lines = append(lines, strings.TrimSpace(m[1]))
				}
			}
		}
		require.ElementsMatch(t, slices.Concat(told, answers), lines, "the timeline of %s", p)
	}
	w.clean()
}
