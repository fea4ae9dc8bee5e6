package transport

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/account"
	"omni/server/bitrix24"
	"omni/server/outbox"
)

// requests answers every call of a portal and remembers what came.
type requests struct {
	mu   sync.Mutex
	seen []string
}

func (r *requests) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	r.seen = append(r.seen, q.URL.Path+" "+string(body))
	r.mu.Unlock()
	switch {
	case strings.HasSuffix(q.URL.Path, "/batch"):
		_, _ = io.WriteString(w, `{"result":{"result":{"c0":10},"result_error":{"c2":{"error":"ERROR_CORE","error_description":"Handler already binded"}}}}`)
	default:
		_, _ = io.WriteString(w, `{"result":11}`)
	}
}

// TestClientTextTravelsAlone: a text with "$result[…]" neither reaches the other commands of a request nor stops them.
func TestClientTextTravelsAlone(t *testing.T) {
	t.Parallel()
	r := &requests{}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	p := NewPortal(account.New(account.Options{}), bitrix24.New(bitrix24.Options{HTTP: s.Client()}))
	access := account.Access{}
	access.Portal.ClientEndpoint = s.URL + "/rest/"
	comment := func(text string) json.RawMessage {
		raw, err := json.Marshal(map[string]any{"fields": map[string]any{"ENTITY_ID": 5, "ENTITY_TYPE": "deal", "COMMENT": text}})
		require.NoError(t, err)
		return raw
	}
	replies, failure := p.request(t.Context(), access, []outbox.Outgoing{
		{Kind: "crm.timeline.comment.add", Params: comment("ordinary"), Attempt: 1},
		{Kind: "crm.timeline.comment.add", Params: comment("$result[c0][id]"), Attempt: 1},
		{Kind: "event.bind", Params: json.RawMessage(`{"event":"OnAppTest","handler":"https://omni.example/"}`), Attempt: 1},
		{Kind: "profile", Params: json.RawMessage(`"odd"`), Attempt: 1},
	})
	require.Nil(t, failure)
	require.Len(t, r.seen, 2)
	require.Contains(t, r.seen[0], "/rest/batch ")
	require.NotContains(t, r.seen[0], "result[")
	require.Contains(t, r.seen[1], "/rest/crm.timeline.comment.add ")
	require.Equal(t, "10", string(replies[0].Result))
	require.Equal(t, "11", string(replies[1].Result))
	require.Nil(t, replies[2].Err, "what is bound already is done")
	require.Equal(t, outbox.Refused, replies[3].Err.Kind, "what cannot be read is refused alone")
}
