package e2e_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
)

// C7: the responsible is told of a created lead, once, with a link to it; not of messages, and not of a chat that creates nothing.
func TestNoticeOfCreated(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	told := func() []string {
		var list []string
		for _, notice := range n.portal.State().Notifications {
			if notice.User == 3 {
				list = append(list, notice.Text)
			}
		}
		return list
	}
	n.writes("79000000081", "Мария", "до включения")
	require.Empty(t, told())
	n.change(func(chats map[string]any) { chats["notify"], chats["responsible"] = true, 3 })
	n.writes("79000000082", "Нина", "Здравствуйте")
	n.writes("79000000082", "Нина", "Ещё вопрос")
	list := told()
	require.Len(t, list, 1)
	leads := n.portal.Items(portal.Lead)
	require.Contains(t, list[0], fmt.Sprintf("[URL=/crm/lead/details/%d/]", leads[len(leads)-1].ID))
	n.writes("79000000081", "Мария", "повторно")
	require.Len(t, told(), 1, "nothing was created")
	w.clean()
}
