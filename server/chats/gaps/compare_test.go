package gaps

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/chats"
	"omni/server/ids"
	"omni/server/uis"
)

var (
	zone = time.FixedZone("msk", 3*3600)
	noon = time.Date(2026, 1, 2, 12, 0, 0, 0, zone)
)

func at(d time.Duration) uis.WallTime { return uis.Wall(noon.Add(d), zone) }

func line(id, chat int64, source, text string, d time.Duration) uis.ChatMessage {
	return uis.ChatMessage{ID: uis.MessageID(id), ChatID: uis.ChatID(chat), ChannelID: 20, Source: source, Text: text, Time: at(d)}
}

func TestOnlyWhatIsMissingIsRepaired(t *testing.T) {
	t.Parallel()
	have := holding{open: map[uis.ChatID]bool{1: true, 2: true}, messages: map[uis.MessageID]said{11: {text: "есть", side: chats.FromClient}, 12: {text: "было", side: chats.FromClient}, 13: {text: "наш  текст", side: chats.FromOperator}},
		chats: map[uis.ChatID]ours{
			1: {known: true, state: chats.Work, employee: 5, channel: 20, told: map[ids.UISEmployeeID]bool{5: true, 6: true}},
			2: {known: true, state: chats.New, channel: 20, told: map[ids.UISEmployeeID]bool{}},
			3: {known: true, state: chats.Closed, employee: 5, channel: 20, told: map[ids.UISEmployeeID]bool{}},
		}}
	messages := []uis.ChatMessage{
		line(11, 1, "visitor", "есть", 0), line(12, 1, "visitor", "стало", time.Minute), line(13, 1, "operator", "наш текст, иначе показанный", time.Minute),
		line(14, 1, "system", "Чат начат", time.Minute), line(15, 1, "visitor", "пропало", 2*time.Minute), line(16, 1, "visitor", "только что", 9*time.Minute),
		line(17, 4, "visitor", "чужой канал", 0), line(18, 5, "visitor", "новый чат", 0),
	}
	messages[6].ChannelID = 99
	found := []uis.Chat{
		{ID: 1, Status: "active", EmployeeID: 6, Transfer: true, ChannelID: 20, Time: at(-time.Hour)}, // 6 had it before: it may be who accepted it
		{ID: 2, Status: "active", EmployeeID: 7, ChannelID: 20, Time: at(-time.Hour)},                 // accepted elsewhere
		{ID: 3, Status: "active", EmployeeID: 8, Transfer: true, ChannelID: 20, Time: at(-time.Hour)}, // we think it is over
		{ID: 5, Status: "lost", ReleaseCause: "closed_by_timeout", ChannelID: 20, Time: at(0), Analytics: uis.Analytics{VisitorID: "700"}},
		{ID: 6, Status: "new", ChannelID: 99, Time: at(0)}, {ID: 7, Status: "new", ChannelID: 20, Time: at(0)}, {ID: 8, Status: "new", ChannelID: 20, Time: at(8 * time.Minute)},
	}
	got := missing(found, messages, have, map[uis.ChannelID]bool{20: true}, zone, noon.Add(5*time.Minute))
	require.Equal(t, map[uis.ChatID]chats.Repair{
		1: {Channel: 20, Messages: []chats.RepairedMessage{{ID: 12, Source: "visitor", Text: "стало", At: noon.Add(time.Minute).UTC(), Edited: true, Before: "было"},
			{ID: 15, Source: "visitor", Text: "пропало", At: noon.Add(2 * time.Minute).UTC()}}},
		2: {Channel: 20, Employee: 7},
		5: {Channel: 20, Opened: &chats.RepairedChat{Visitor: "700", At: noon.UTC()}, Messages: []chats.RepairedMessage{{ID: 18, Source: "visitor", Text: "новый чат", At: noon.UTC()}}, Closed: true, Reason: "closed_by_timeout"},
		7: {Channel: 20, Opened: &chats.RepairedChat{At: noon.UTC()}},
	}, got)
}

// What we have is read after the report: a text edited between the two is not put back, whatever else the report tells of that chat.
func TestAnEditSinceTheReportIsKept(t *testing.T) {
	t.Parallel()
	have := holding{messages: map[uis.MessageID]said{11: {text: "стало", side: chats.FromClient}}, chats: map[uis.ChatID]ours{1: {known: true, state: chats.Work, channel: 20, fresh: true}}}
	stale := []uis.ChatMessage{line(11, 1, "visitor", "было", 0), line(12, 1, "visitor", "пропало", 0)}
	got := missing(nil, stale, have, map[uis.ChannelID]bool{20: true}, zone, noon.Add(time.Minute))
	require.Equal(t, []chats.RepairedMessage{{ID: 12, Source: "visitor", Text: "пропало", At: noon.UTC()}}, got[1].Messages)
}

func TestATransferNobodyToldOf(t *testing.T) {
	t.Parallel()
	have := ours{known: true, state: chats.Work, employee: 5, channel: 20, told: map[ids.UISEmployeeID]bool{5: true}}
	moved, wrong := chatRepair(chats.Repair{}, uis.Chat{ID: 1, Status: "active", EmployeeID: 9, Transfer: true}, have)
	require.True(t, wrong)
	require.Equal(t, chats.Repair{Channel: 20, Employee: 9, Before: 5}, moved)
	_, wrong = chatRepair(chats.Repair{}, uis.Chat{ID: 1, Status: "active", EmployeeID: 9}, have)
	require.False(t, wrong, "without a transfer the report and we only disagree about who accepted it")
	ended, wrong := chatRepair(chats.Repair{}, uis.Chat{ID: 1, Status: "succeed", EmployeeID: 9, Transfer: true, ReleaseCause: "closed_by_operator"}, have)
	require.True(t, wrong)
	require.Equal(t, chats.Repair{Channel: 20, Closed: true, Reason: "closed_by_operator"}, ended)
}

func TestLongRepairsComeInParts(t *testing.T) {
	t.Parallel()
	whole := chats.Repair{Channel: 20, Opened: &chats.RepairedChat{Visitor: "v"}, Employee: 5, Closed: true}
	for i := range 250 {
		whole.Messages = append(whole.Messages, chats.RepairedMessage{ID: int64(i + 1)})
	}
	got := slices.Collect(parts(whole))
	require.Len(t, got, 3)
	next := int64(1)
	for i, p := range got {
		require.Equal(t, i == 0, p.Opened != nil, "the first opens the chat")
		require.Equal(t, i == 2, p.Closed, "the last ends it")
		for _, m := range p.Messages {
			require.Equal(t, next, m.ID)
			next++
		}
	}
	require.EqualValues(t, 251, next)
	require.Len(t, slices.Collect(parts(chats.Repair{Closed: true})), 1)
}
