package uisplatform_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

// try sends a message and tells how it ended: a status, or 0 when the connection broke.
func (w *world) try(c connection, chat int64, text string) int {
	w.t.Helper()
	raw, err := json.Marshal(c.message(20, chat, text))
	require.NoError(w.t, err)
	r, err := http.NewRequest(http.MethodPost, w.urls.Adapter+"/message", strings.NewReader(string(raw)))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestFaultsOfTheChatAPI(t *testing.T) {
	t.Parallel()
	for kind, want := range map[uisplatform.FaultKind]struct {
		status int
		done   bool
	}{
		uisplatform.ResetBefore: {0, false}, uisplatform.LostAfter: {0, true}, uisplatform.StatusBefore: {503, false}, uisplatform.StatusAfter: {503, true},
		uisplatform.LimitReached: {429, false}, uisplatform.TokenExpired: {401, false}, uisplatform.Internal: {500, false}, uisplatform.Garbage: {200, true},
		uisplatform.Slow: {200, true}, uisplatform.SlowAfter: {200, true},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := w.connect("omni_faults", 20)
			m, err := w.a.ClientWrites(20, whatsappClient, "привет")
			require.NoError(t, err)
			w.a.AddFault(uisplatform.Fault{API: "adapter", Match: "POST /v1/adapter/message", Kind: kind, Delay: 10 * time.Millisecond})
			require.Equal(t, want.status, w.try(c, m.Chat, "раз"))
			count := 1
			if want.done {
				count = 2
			}
			require.Len(t, w.a.MessagesOf(m.Chat), count)
			require.Equal(t, http.StatusOK, w.try(c, m.Chat, "два"), "only the next one fails")
			require.Equal(t, 1, w.p.Faults()[0].Hit)
			w.clean()
		})
	}
}

func TestFaultsOfTheDataAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.p.AddFault(uisplatform.Fault{API: "data", Match: "get.tags", Kind: uisplatform.LimitReached, Times: 2})
	w.p.AddFault(uisplatform.Fault{API: "data", Match: "get.sites", Kind: uisplatform.TokenExpired})
	require.Equal(t, "limit_exceeded", w.mnemonic(w.urls.DataAPI, "get.tags", nil))
	require.Equal(t, "access_token_expired", w.mnemonic(w.urls.DataAPI, "get.sites", nil))
	require.Equal(t, "limit_exceeded", w.mnemonic(w.urls.DataAPI, "get.tags", nil))
	require.Len(t, w.data("get.tags", nil), 3)
	require.Len(t, w.data("get.sites", nil), 2)
	w.clean()
}

func TestProbabilityIsRepeatable(t *testing.T) {
	t.Parallel()
	pattern := func() string {
		w := newWorld(t)
		w.p.AddFault(uisplatform.Fault{API: "data", Kind: uisplatform.Internal, Probability: 0.5, Seed: 42})
		out := ""
		for range 12 {
			_, failure := w.rpc(w.urls.DataAPI, "get.tags", nil)
			out += fmt.Sprint(failure == nil)[:1]
		}
		return out
	}
	first := pattern()
	require.Equal(t, first, pattern())
	require.Contains(t, first, "t")
	require.Contains(t, first, "f")
}

func TestFaultsOfWebhooks(t *testing.T) {
	t.Parallel()
	for kind, want := range map[uisplatform.FaultKind][]string{
		"": {"1", "2", "3"}, uisplatform.Duplicate: {"1", "1", "2", "3"}, uisplatform.Dropped: {"2", "3"}, uisplatform.Reordered: {"2", "1", "3"}, uisplatform.Delayed: {"1", "2", "3"},
	} {
		t.Run("kind "+string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.connect("omni_hooks", 20)
			if kind != "" {
				w.a.AddFault(uisplatform.Fault{API: "webhook", Match: "POST /message", Kind: kind})
			}
			for _, text := range []string{"1", "2", "3"} {
				_, err := w.a.ClientWrites(20, whatsappClient, text)
				require.NoError(t, err)
			}
			w.settled()
			got := []string{}
			for _, h := range w.hooks.take("POST /hook/message") {
				got = append(got, h.body["text"].(string))
			}
			require.Equal(t, want, got)
		})
	}
}

func TestWebhooksAreNotRepeatedUnlessAsked(t *testing.T) {
	t.Parallel()
	for retries, want := range map[int]int{0: 1, 2: 3} {
		w := newWorld(t, func(o *uisplatform.Options, _ *uisplatform.AccountConfig) { o.WebhookRetries = retries })
		w.connect("omni_retry", 20)
		w.hooks.answer(http.StatusInternalServerError)
		_, err := w.a.ClientWrites(20, uisplatform.Client{Phone: "79000000001"}, "привет")
		require.NoError(t, err)
		w.settled()
		require.Len(t, w.hooks.take("POST /hook/message"), want)
		last := w.a.Deliveries()[len(w.a.Deliveries())-1]
		require.Equal(t, http.StatusInternalServerError, last.Status)
	}
}
