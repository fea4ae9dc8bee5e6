package e2e_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

// TestAChatThatEndsBeforeItsNumberIsKnown: an operator writes first, UIS makes the chat and takes its time to answer, and meanwhile the client closes it.
func TestAChatThatEndsBeforeItsNumberIsKnown(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.uis.AddFault(uisplatform.Fault{API: "adapter", Match: "POST /v1/adapter/chat", Kind: uisplatform.SlowAfter, Delay: 1500 * time.Millisecond})
	started := decode[chat](t, n.mustAs(n.operator, "POST", "/chats", map[string]any{"id": newID(), "channel": whatsapp, "phone": "79000000078", "text": first}))
	eventually(t, "UIS has the chat", func() bool { return len(n.uis.Chats()) == 1 })
	require.NoError(t, n.uis.CloseChat(n.uis.Chats()[0].ID, "closed_by_visitor"))
	w.rest()
	after := decode[chat](t, n.must("GET", "/chats/"+strconv.FormatInt(started.ID, 10), nil))
	require.Equal(t, "closed", after.State)
	require.Equal(t, n.uis.Chats()[0].ID, *after.UIS)
	require.EqualValues(t, 0, w.pending()["deferred"])
	for _, m := range n.messages(started.ID) {
		require.Equal(t, "failed", m.Status, "the first message could not be sent any more, and says so")
	}
	w.clean()
}

// TestAStartedChatIsTakenUpByARetry: writing first failed without a clear answer, a person looks and presses Retry on the operations page.
func TestAStartedChatIsTakenUpByARetry(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	n.uis.AddFault(uisplatform.Fault{API: "adapter", Match: "POST /v1/adapter/chat", Kind: uisplatform.StatusBefore, Status: 500})
	started := decode[chat](t, n.mustAs(n.operator, "POST", "/chats", map[string]any{"id": newID(), "channel": whatsapp, "phone": "79000000079", "text": first}))
	w.rest()
	require.Empty(t, n.uis.Chats())
	list := decode[struct{ Items []struct{ ID int64 } }](t, n.must("GET", "/operations/commands?state=refused", nil)).Items
	require.Len(t, list, 1)
	n.must("POST", "/operations/commands/"+strconv.FormatInt(list[0].ID, 10)+"/retry", nil)
	w.rest()
	require.Len(t, n.phone("79000000079"), 1, "the first message arrives, once")
	after := decode[chat](t, n.must("GET", "/chats/"+strconv.FormatInt(started.ID, 10), nil))
	require.Equal(t, "work", after.State)
	require.Equal(t, "sent", n.messages(started.ID)[0].Status)
	require.EqualValues(t, 0, w.pending()["refused"])
	w.clean()
}
