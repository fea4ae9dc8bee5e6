package chats

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
)

// TestAStatusIsNobodysProof: while one of our messages is being looked into, the status of a message with an unknown id waits. It may be somebody else's.
func TestAStatusIsNobodysProof(t *testing.T) {
	t.Parallel()
	own := &Message{ID: 5, Side: FromOperator, Employee: 1002, Text: "наше", Status: Checking}
	turn := &turn{chat: &Chat{ID: 1, UIS: 7, State: Work}, byUIS: map[int64]*Message{}, byID: map[ids.MessageID]*Message{5: own}, open: []*Message{own},
		changed: map[ids.MessageID]*Message{}, nextIDs: []ids.MessageID{6, 8}}
	foreign := Said{ID: 70, Source: "operator", Employee: 1002, Text: "из кабинета UIS"}
	require.False(t, turn.said(foreign), "it may be an echo whose answer is on its way")
	require.False(t, turn.status(70, "sent"))
	require.Zero(t, own.UIS)
	require.Equal(t, Checking, own.Status)

	require.NoError(t, turn.answered([]byte(`{"tag":{"do":"send","message":5},"results":{"send":{"state":"done","result":{"id":71}}}}`)))
	require.True(t, turn.release)
	require.True(t, turn.said(foreign))
	require.True(t, turn.status(70, "delivered"))
	require.EqualValues(t, 71, own.UIS)
	require.Equal(t, "наше", own.Text)
	require.Equal(t, Sent, own.Status)
	require.Len(t, turn.added, 1)
	require.Equal(t, Delivered, turn.added[0].Status)
}
