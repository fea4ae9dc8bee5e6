package transport

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/uis"
)

// away is a database that cannot be reached; gone is an account without a connection.
type away struct{ err error }

func (a away) Client(context.Context, ids.AccountID) (*uis.Client, error) {
	return nil, fmt.Errorf("read UIS connection: %w", a.err)
}

func (a away) Adapter(context.Context, ids.AccountID) (*uis.AdapterSession, error) {
	return nil, fmt.Errorf("read UIS connection: %w", a.err)
}

// X2: a command that could not even be sent, as our own database was away, is sent when it is back; one of an account without a connection is refused.
func TestTheDatabaseIsAwayBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for kind, method := range map[outbox.LaneKind]string{outbox.LaneUISData: "get.chats_report", outbox.LaneUISCall: uis.MethodListCalls, outbox.LaneUISChat: KindClose} {
		send := func(err error) outbox.Reply {
			lane := outbox.Lane{Account: 1, LaneRef: outbox.LaneRef{Kind: kind}}
			return NewUIS(away{err}, nil).Send(t.Context(), lane, []outbox.Outgoing{{Kind: method, Params: []byte(`{}`)}})[0]
		}
		require.Equal(t, outbox.Retry, send(errors.New("terminating connection due to administrator command")).Err.Kind, method)
		require.Equal(t, outbox.Refused, send(ErrNotConnected).Err.Kind, method)
	}
}
