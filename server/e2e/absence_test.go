package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
	"omni/server/store/cluster"
)

// ownCluster is a PostgreSQL of this test alone, at an address that outlives its restarts.
type ownCluster struct {
	t       *testing.T
	options cluster.Options
	host    string
	server  *cluster.Server
}

func newCluster(t *testing.T) *ownCluster {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "omni-absence-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(base, 0o711)) //nolint:gosec // the cluster's user walks through it
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	found := cluster.Find(t.Context(), "")
	require.NotEmpty(t, found, "no PostgreSQL on this machine")
	owner, err := cluster.PickOwner()
	require.NoError(t, err)
	programs, err := found[0].Within(owner, filepath.Join(base, "programs"))
	require.NoError(t, err)
	// Any address of the loopback network will do; the port stays the usual one, by which the socket is found, too.
	c := &ownCluster{t: t, host: fmt.Sprintf("127.%d.%d.%d", 10+rand.IntN(200), rand.IntN(250), 2+rand.IntN(250))}
	c.options = cluster.Options{Programs: programs, Owner: owner, DataDir: filepath.Join(base, "data"), LogFile: filepath.Join(base, "log"), NoSync: true,
		Settings: append(cluster.ThrowawaySettings(), "listen_addresses="+c.host), Log: slog.New(slog.DiscardHandler)}
	c.start()
	t.Cleanup(c.stop)
	conn, err := pgx.Connect(t.Context(), c.server.URL(cluster.Superuser, "postgres"))
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, statement := range []string{"CREATE ROLE omni LOGIN", "CREATE DATABASE omni OWNER omni"} {
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	return c
}

func (c *ownCluster) url() string { return "postgres://omni@" + c.host + ":5432/omni" }

func (c *ownCluster) start() {
	c.t.Helper()
	var err error
	c.server, err = cluster.Start(context.Background(), c.options)
	require.NoError(c.t, err)
}

func (c *ownCluster) stop() {
	if c.server != nil {
		_ = c.server.Stop()
		c.server = nil
	}
}

// withCluster is the usual stand over a database that can be restarted.
func withCluster(t *testing.T, servers int, extra ...string) (*world, *tenant, *ownCluster) {
	t.Helper()
	c := newCluster(t)
	w := newWorld(t, servers, extra...)
	w.database = c.url()
	n := w.company("romashka", 0)
	w.run()
	n.setUp()
	return w, n, c
}

// TestAShortAbsenceOfTheDatabase: PostgreSQL is restarted while everybody works. Nobody gets an error: pages, frames, actions and webhooks wait; sockets
// stay open and miss nothing; nothing is done twice.
func TestAShortAbsenceOfTheDatabase(t *testing.T) {
	t.Parallel()
	w, n, c := withCluster(t, 2)
	client := uisplatform.Client{Phone: "79000000110", Name: "Лев"}
	_, err := n.uis.ClientWrites(whatsapp, client, "до перерыва")
	require.NoError(t, err)
	w.rest()
	talk := n.chats("list=new")[0].ID
	p := n.listen(n.operator)

	c.stop()
	var all sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]int{}
	do := func(name string, call func() (int, []byte)) {
		all.Go(func() {
			code, body := call()
			mu.Lock()
			defer mu.Unlock()
			answers[name] = code
			if code != http.StatusOK && code != http.StatusCreated {
				t.Errorf("%s: %d %s", name, code, tail(body, 300))
			}
		})
	}
	for i := range 10 {
		body := map[string]any{"id": newID(), "text": fmt.Sprintf("ответ %d", i)}
		do(fmt.Sprint("send ", i), func() (int, []byte) {
			return n.as(n.operator, "POST", fmt.Sprintf("/chats/%d/messages", talk), body)
		})
		do(fmt.Sprint("list ", i), func() (int, []byte) { return n.as(n.operator, "GET", "/chats?list=mine", nil) })
	}
	do("settings", func() (int, []byte) { return n.as(n.admin, "GET", "/settings", nil) })
	do("upload", func() (int, []byte) {
		return n.post("a.txt", bytes.NewReader(bytes.Repeat([]byte("строка\n"), 100_000)))
	})
	post, err := n.portal.OpenApp(appID, 2)
	require.NoError(t, err)
	do("frame", func() (int, []byte) {
		return ask("POST", post.Action, "", raw{"application/x-www-form-urlencoded", []byte(post.Form.Encode()), nil})
	})
	for i := range 3 {
		_, err := n.uis.ClientWrites(whatsapp, client, fmt.Sprintf("во время перерыва %d", i))
		require.NoError(t, err)
	}
	<-time.After(2 * time.Second) // the absence itself
	c.start()
	all.Wait()
	w.rest()

	mine := n.messages(talk)
	require.Len(t, mine, 1+10+3)
	require.Len(t, n.phone(client.Phone), 1+10+3)
	for _, d := range n.uis.Deliveries() {
		require.Equal(t, http.StatusOK, d.Status, "%s %s: the first delivery was taken", d.Event, d.Error)
	}
	p.mu.Lock()
	connects := p.ready
	p.mu.Unlock()
	require.Equal(t, 1, connects, "the socket stayed open")
	eventually(t, "the page knows every message", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		seen := map[int64]bool{}
		for _, f := range p.frames {
			if f.Data.Message != nil {
				seen[f.Data.Message.ID] = true
			}
		}
		for _, m := range mine[1:] {
			if !seen[m.ID] {
				return false
			}
		}
		return true
	})
	w.clean()
}

// TestALongAbsenceOfTheDatabase: after ten seconds everybody is told so, in words and with the time to come again; memory stays flat under a crowd; and
// what UIS told meanwhile is read back at once when the database is there.
func TestALongAbsenceOfTheDatabase(t *testing.T) {
	t.Parallel()
	w, n, c := withCluster(t, 1, "OMNI_UIS_REPAIR_EVERY=1h")
	client := uisplatform.Client{Phone: "79000000111"}
	_, err := n.uis.ClientWrites(whatsapp, client, "до перерыва")
	require.NoError(t, err)
	w.rest()
	talk := n.chats("list=new")[0].ID
	before := w.servers[0].peak()

	c.stop()
	n.uis.AddFault(uisplatform.Fault{API: "webhook", Kind: uisplatform.Dropped, Probability: 1}) // as after 503, which UIS does not repeat
	_, err = n.uis.ClientWrites(whatsapp, client, "во время перерыва")
	require.NoError(t, err)
	var all sync.WaitGroup
	codes := make(chan int, 4000)
	crowd := &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxConnsPerHost: 1500}}
	for range 3000 {
		all.Go(func() {
			req, err := http.NewRequest(http.MethodGet, "http://"+w.servers[0].public+"/api/v1/chats?list=new", nil)
			if err != nil {
				return
			}
			req.Header.Set("Authorization", "Bearer "+n.operator)
			resp, err := crowd.Do(req)
			if err != nil {
				codes <- 0
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			codes <- resp.StatusCode
		})
	}
	all.Wait()
	close(codes)
	for code := range codes {
		require.Equal(t, http.StatusServiceUnavailable, code)
	}
	require.Less(t, w.servers[0].peak()-before, int64(128<<20), "memory")

	req, err := http.NewRequest(http.MethodGet, "http://"+w.servers[0].public+"/api/v1/chats?list=new", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+n.operator)
	resp, err := browser.Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	problem := decode[struct{ Code, Detail string }](t, body)
	require.Equal(t, "database_away", problem.Code)
	require.NotEmpty(t, problem.Detail)
	post, err := n.portal.OpenApp(appID, 2)
	require.NoError(t, err)
	code, page := ask("POST", post.Action, "", raw{"application/x-www-form-urlencoded", []byte(post.Form.Encode()), nil})
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.True(t, strings.HasPrefix(string(page), "<!doctype html>"), "a frame shows a page: %s", page)

	c.start()
	w.platform.ClearFaults()
	eventually(t, "what was said meanwhile is there", func() bool { return len(n.messages(talk)) == 2 })
	w.rest()
	w.clean()
}
