package uis_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/uis"
)

// adapterAPI gives out tokens "t1", "t2", … and accepts only the newest.
type adapterAPI struct {
	*platform
	logins  atomic.Int64
	valid   atomic.Int64 // number of the accepted token
	expires atomic.Int64 // unix time of new tokens
	hold    chan struct{}
	handle  http.HandlerFunc
}

func newAdapterAPI(t *testing.T, handle http.HandlerFunc) *adapterAPI {
	t.Helper()
	a := &adapterAPI{platform: &platform{}, handle: handle}
	a.expires.Store(time.Now().Add(time.Hour).Unix())
	a.Server = newTestServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/adapter/login" {
			if a.hold != nil {
				<-a.hold
			}
			a.keep(r)
			n := a.logins.Add(1)
			a.valid.Store(n)
			_, _ = fmt.Fprintf(w, `{"access_token":"t%d","token_type":"bearer","expires_at":%d}`, n, a.expires.Load())
			return
		}
		if r.Header.Get("Authorization") != fmt.Sprintf("Bearer t%d", a.valid.Load()) {
			says(http.StatusUnauthorized, `{"detail":"expired"}`)(w, r)
			return
		}
		a.handle(w, r)
	})
	return a
}

func (a *adapterAPI) session(t *testing.T, saved uis.AdapterToken, onToken func(uis.AdapterToken)) *uis.AdapterSession {
	t.Helper()
	return a.client(t, uis.UIS).NewAdapterSession(uis.AdapterCredentials{Login: "l&", Password: "p=+"}, saved, onToken)
}

func TestAdapterBodies(t *testing.T) {
	t.Parallel()
	var a *adapterAPI
	a = newAdapterAPI(t, func(w http.ResponseWriter, r *http.Request) {
		a.keep(r)
		switch r.URL.Path {
		case "/v1/adapter/chat":
			says(200, `{"chat_id":199304420,"visitor_id":9012381597,"created_at":"2025-03-21T05:00:00.248137+00:00"}`)(w, r)
		case "/v1/adapter/message":
			says(200, `{"context":null,"id":623010897,"status":null}`)(w, r)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	s, ctx := a.session(t, uis.AdapterToken{}, nil), t.Context()
	at := uis.At(time.Date(2025, 3, 21, 5, 0, 1, 0, time.UTC))
	chat, err := s.StartChat(ctx, uis.NewChat{ConnectionID: 286, ChannelID: 3580, OperatorID: 367852, VisitorPhone: "74950000000", CreatedAt: at})
	require.NoError(t, err)
	require.Equal(t, uis.ChatID(199304420), chat.ChatID)
	require.Equal(t, uis.VisitorID("9012381597"), chat.VisitorID)
	id, err := s.SendMessage(ctx, uis.OutMessage{
		ConnectionID: 286, ChannelID: 3580, ChatID: 199304420, OperatorID: 367852, Text: "Добрый день <b>", CreatedAt: at, ReplyTo: 5,
		Resource: &uis.Resource{ID: "12", Token: "tok", Type: "photo", Name: "a.jpg", Size: 10},
	})
	require.NoError(t, err)
	require.Equal(t, uis.MessageID(623010897), id)
	_, err = s.SendMessage(ctx, uis.OutMessage{ChatID: 1, CreatedAt: at, Context: &uis.OutContext{Template: &uis.MessageTemplate{ID: "9", Text: "x", Header: []byte(`{"text":"h"}`)}}})
	require.NoError(t, err)
	require.NoError(t, s.TransferChat(ctx, uis.TransferChat{ConnectionID: 286, ChannelID: 3580, ChatID: 1, From: 2, To: 3}))
	require.NoError(t, s.CloseChat(ctx, uis.CloseChat{ConnectionID: 286, ChannelID: 3580, ChatID: 1, OperatorID: 2}))

	seen := a.seen()
	require.Equal(t, "application/x-www-form-urlencoded", seen[0].ContentType)
	require.Equal(t, "password=p%3D%2B&username=l%26", string(seen[0].Body))
	require.JSONEq(t, `{"account_id":286,"channel_id":3580,"operator_id":367852,"initiator":"operator","visitor_phone":"74950000000","created_at":"2025-03-21T05:00:01.000+00:00"}`, string(seen[1].Body))
	require.JSONEq(t, `{"account_id":286,"channel_id":3580,"chat_id":199304420,"operator_id":367852,"source":"operator","text":"Добрый день <b>","created_at":"2025-03-21T05:00:01.000+00:00",
		"reply_to_id":5,"resource":{"id":12,"token":"tok","type":"photo","name":"a.jpg","size":10}}`, string(seen[2].Body))
	require.JSONEq(t, `{"template":{"id":9,"text":"x","header":{"text":"h"}}}`, mustJSON(t, seen[3].json(t)["context"]))
	require.JSONEq(t, `{"account_id":286,"channel_id":3580,"chat_id":1,"from_operator_id":2,"to_operator_id":3,"context":{}}`, string(seen[4].Body))
	require.JSONEq(t, `{"account_id":286,"channel_id":3580,"chat_id":1,"operator_id":2,"reason":"closed_by_operator","context":{}}`, string(seen[5].Body))
	require.Equal(t, int64(1), a.logins.Load())
}

func TestSessionSharesOneLogin(t *testing.T) {
	t.Parallel()
	a := newAdapterAPI(t, says(200, `{"id":1}`))
	a.hold = make(chan struct{})
	var kept atomic.Int64
	s := a.session(t, uis.AdapterToken{}, func(uis.AdapterToken) { kept.Add(1) })
	// The first caller gives up while the login runs; the others must not suffer from it.
	impatient, giveUp := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := s.SendMessage(impatient, uis.OutMessage{})
		gone <- err
	}()
	giveUp()
	err := <-gone
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, uis.NotExecuted, uis.ExecutedOf(err))

	var wg sync.WaitGroup
	failures := make(chan error, 20)
	for range 20 {
		wg.Go(func() {
			_, err := s.SendMessage(t.Context(), uis.OutMessage{})
			failures <- err
		})
	}
	close(a.hold)
	wg.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	require.LessOrEqual(t, a.logins.Load(), int64(2), "one login, or a second one when the first had ended before the others came")
	require.Equal(t, a.logins.Load(), kept.Load())
}

func TestSessionRenewsItsToken(t *testing.T) {
	t.Parallel()
	t.Run("a saved token is used", func(t *testing.T) {
		t.Parallel()
		a := newAdapterAPI(t, says(200, `{"id":1}`))
		a.valid.Store(7)
		_, err := a.session(t, uis.AdapterToken{Value: "t7", ExpiresAt: time.Now().Add(time.Hour)}, nil).SendMessage(t.Context(), uis.OutMessage{})
		require.NoError(t, err)
		require.Zero(t, a.logins.Load())
	})
	t.Run("an expired one is not tried", func(t *testing.T) {
		t.Parallel()
		var posts atomic.Int64
		a := newAdapterAPI(t, func(w http.ResponseWriter, r *http.Request) { posts.Add(1); says(200, `{"id":1}`)(w, r) })
		_, err := a.session(t, uis.AdapterToken{Value: "t7", ExpiresAt: time.Now().Add(30 * time.Second)}, nil).SendMessage(t.Context(), uis.OutMessage{})
		require.NoError(t, err)
		require.Equal(t, int64(1), a.logins.Load())
		require.Equal(t, int64(1), posts.Load())
	})
	t.Run("a refused one is renewed once", func(t *testing.T) {
		t.Parallel()
		a := newAdapterAPI(t, says(200, `{"id":1}`))
		s := a.session(t, uis.AdapterToken{Value: "revoked"}, nil)
		_, err := s.SendMessage(t.Context(), uis.OutMessage{})
		require.NoError(t, err)
		a.valid.Store(99) // revoked again, and the next login's token will be refused too
		a.handle = says(401, `{}`)
		_, err = s.SendMessage(t.Context(), uis.OutMessage{})
		require.Equal(t, uis.KeyInvalid, uis.ClassOf(err))
		require.Equal(t, int64(2), a.logins.Load(), "no loop")
	})
	t.Run("a failed login means not executed", func(t *testing.T) {
		t.Parallel()
		for status, class := range map[int]uis.Class{401: uis.KeyInvalid, 500: uis.Server, 200: uis.Transport} {
			p := newPlatform(t, says(status, `{"detail":"no"}`))
			_, err := p.client(t, uis.UIS).NewAdapterSession(uis.AdapterCredentials{}, uis.AdapterToken{}, nil).SendMessage(t.Context(), uis.OutMessage{})
			require.Equal(t, class, uis.ClassOf(err))
			require.Equal(t, uis.NotExecuted, uis.ExecutedOf(err), "status %d of the login", status)
		}
	})
}

func TestFetchResource(t *testing.T) {
	t.Parallel()
	var path atomic.Value
	a := newAdapterAPI(t, func(w http.ResponseWriter, r *http.Request) {
		path.Store(r.URL.EscapedPath())
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.WriteString(w, "bytes")
	})
	var exchanges []uis.Exchange
	client := a.client(t, uis.UIS, func(o *uis.Options) {
		o.Observe = func(_ context.Context, x uis.Exchange) { exchanges = append(exchanges, x) }
	})
	s := client.NewAdapterSession(uis.AdapterCredentials{}, uis.AdapterToken{Value: "revoked"}, nil)
	file, err := s.FetchResource(t.Context(), 286, 3580, uis.Resource{ID: "12", Token: "a/b?c"})
	require.NoError(t, err)
	body, err := io.ReadAll(file.Body)
	require.NoError(t, err)
	require.NoError(t, file.Body.Close())
	require.Equal(t, "bytes", string(body))
	require.Equal(t, "image/png", file.ContentType)
	require.Equal(t, int64(5), file.Size)
	require.Equal(t, "/v1/adapter/resource/286/3580/12/a%2Fb%3Fc/payload", path.Load())
	require.NotContains(t, fmt.Sprintf("%+v", exchanges), "a/b", "the token is a secret")

	a.handle = says(404, `{"detail":"gone"}`)
	_, err = s.FetchResource(t.Context(), 286, 3580, uis.Resource{ID: "12", Token: "x"})
	require.Equal(t, uis.NotFound, uis.ClassOf(err))
}

func TestFetchMedia(t *testing.T) {
	t.Parallel()
	elsewhere := newPlatform(t, says(200, "stolen"))
	p := newPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, elsewhere.URL+"/x", http.StatusFound)
		case "/here":
			http.Redirect(w, r, "/r.mp3", http.StatusFound)
		default:
			http.ServeContent(w, r, "r.mp3", time.Time{}, readSeeker("0123456789"))
		}
	})
	client := p.client(t, uis.UIS, func(o *uis.Options) {
		o.AllowMedia = func(_, host string) bool { return "http://"+host == p.URL }
	})
	file, err := client.FetchMedia(t.Context(), p.URL+"/here", "bytes=2-4")
	require.NoError(t, err)
	body, err := io.ReadAll(file.Body)
	require.NoError(t, err)
	require.NoError(t, file.Body.Close())
	require.Equal(t, "234", string(body))
	require.Equal(t, http.StatusPartialContent, file.Status)
	require.Equal(t, "bytes 2-4/10", file.Range)
	_, err = client.FetchMedia(t.Context(), p.URL+"/away", "")
	require.ErrorIs(t, err, uis.ErrMediaHost, "a redirect cannot lead off the allowed hosts")
	require.Empty(t, elsewhere.seen())
	_, err = client.FetchMedia(t.Context(), "http://169.254.169.254/latest", "")
	require.ErrorIs(t, err, uis.ErrMediaHost)
}
