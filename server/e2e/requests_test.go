package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/restlog"
	"omni/server/sandbox/portal"
	"omni/server/store"
	"omni/server/store/storetest"
)

// tap stands before UIS: it counts what the product asks and overhears every secret of both directions.
type tap struct {
	http.Handler
	mu      sync.Mutex
	asked   []string
	secrets map[string]bool
	hook    string // what webhooks must carry
}

var (
	askedOfUIS  = regexp.MustCompile(`^/(v2\.0|v4\.0|v1/integration|v1/adapter|api/auth)(/|$)`)
	spokenOf    = regexp.MustCompile(`"(?:access_token|token|jwt|refresh|password)"\s*:\s*"([^"]{6,})"`)
	addressOf   = regexp.MustCompile(`/uis/([^/"]{8,})`)
	webhookAuth = regexp.MustCompile(`"webhook_auth"\s*:\s*\{[^}]*"token"\s*:\s*"([^"]+)"`)
)

func (p *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !askedOfUIS.MatchString(r.URL.Path) {
		p.Handler.ServeHTTP(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	p.Handler.ServeHTTP(answer, r)
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.URL.Path)
	if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		p.secrets[token] = true
	}
	if !strings.HasSuffix(r.URL.Path, "/resource") {
		for _, text := range [][]byte{body, answer.Body.Bytes()} {
			for _, found := range append(spokenOf.FindAllSubmatch(text, -1), addressOf.FindAllSubmatch(text, -1)...) {
				p.secrets[string(found[1])] = true
			}
		}
	}
	if found := webhookAuth.FindSubmatch(body); found != nil {
		p.hook = string(found[1])
	}
	p.mu.Unlock()
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// logged is everything the log holds, over all accounts.
type logged struct {
	restlog.Listed
	account ids.AccountID
	parts   []restlog.Part
}

func readLog(t *testing.T, db *store.DB) []logged {
	t.Helper()
	var all []logged
	require.NoError(t, db.AsSystem(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT DISTINCT account_id FROM exchange`)
		if err != nil {
			return err
		}
		accounts, err := pgx.CollectRows(rows, pgx.RowTo[ids.AccountID])
		if err != nil {
			return err
		}
		for _, account := range accounts {
			list, err := restlog.List(ctx, tx, account, restlog.Query{Limit: 100_000})
			if err != nil {
				return err
			}
			for _, l := range list {
				_, parts, err := restlog.Get(ctx, tx, account, l.ID)
				if err != nil {
					return err
				}
				all = append(all, logged{l, account, parts})
			}
		}
		return nil
	}))
	return all
}

// askedOfPortals is what the portals' journal saw of the product, as the log should show it: the method, or the methods of a batch.
func (w *world) askedOfPortals() []string {
	var list []string
	for _, r := range w.bitrix.Requests() {
		if r.Browser {
			continue
		}
		methods := []string{strings.TrimPrefix(strings.Replace(r.Method, "oauth.token", "oauth/token", 1), "oauth.")}
		if r.Method == "batch" {
			methods = nil
			for _, c := range r.Calls {
				methods = append(methods, c.Method)
			}
		}
		list = append(list, strings.Join(methods, " "))
	}
	slices.Sort(list)
	return list
}

func inLog(all []logged, kinds ...string) []string {
	var list []string
	for _, l := range all {
		if !slices.Contains(kinds, l.Kind) {
			continue
		}
		var methods []string
		for _, p := range l.parts {
			methods = append(methods, strings.Replace(p.Method, "oauth.token", "oauth/token", 1))
		}
		list = append(list, strings.Join(methods, " "))
	}
	slices.Sort(list)
	return list
}

// TestTheLogOfRequests runs the story and looks into the log: every request that both platforms counted is there, nothing secret is, and a person finds
// the requests of a communication. Then days pass: what is old goes, and a webhook of back then is still no news.
func TestTheLogOfRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	overhear := &tap{Handler: w.platform, secrets: map[string]bool{}}
	between := httptest.NewServer(overhear)
	t.Cleanup(between.Close)
	w.uis.Close()
	w.uis = between
	w.platform.SetPublicURL(between.URL)
	n := w.company("romashka", 0)
	w.run()
	n.setUp()
	s := newStory(n)
	for _, step := range s.steps() {
		step.do()
	}
	w.rest()
	n.portal.ExpireTokens(appID) // a refused request, a refresh, and the same again
	_, err := n.uis.ClientWrites(whatsapp, s.client, "И ещё вопрос")
	require.NoError(t, err)
	w.rest()
	db := storetest.Open(t, w.database)

	var all []logged
	eventually(t, "everything is logged", func() bool {
		all = readLog(t, db)
		return len(inLog(all, "b24")) >= len(w.askedOfPortals()) && len(inLog(all, "uis.data", "uis.call", "uis.chat")) >= len(overhear.asked)
	})
	require.Equal(t, w.askedOfPortals(), inLog(all, "b24"), "the portal's journal and the log")
	require.Len(t, inLog(all, "uis.data", "uis.call", "uis.chat"), len(overhear.asked), "%v\n%v", overhear.asked, inLog(all, "uis.data", "uis.call", "uis.chat"))
	for _, l := range all {
		require.NotZero(t, l.account, "%v of nobody", l.Methods)
		if l.Kind == "b24" {
			require.NotNil(t, l.Portal, "%v of no portal", l.Methods)
			require.Equal(t, n.id, int64(*l.Portal))
		}
	}

	// Nothing secret: not in the log, and not in anything else of it that is text.
	secrets := append(w.bitrix.Secrets(), appSecret, n.portal.ApplicationToken(appID), "key-romashka", "password-romashka", n.admin, n.operator)
	for secret := range overhear.secrets {
		secrets = append(secrets, secret)
	}
	for _, c := range n.portal.Comments(portal.Lead, s.leads(s.client.Phone)[0].ID) {
		for _, signed := range regexp.MustCompile(`/files/([^/\]\s]+)/`).FindAllStringSubmatch(c.Text, -1) {
			secrets = append(secrets, signed[1])
		}
	}
	require.Greater(t, len(secrets), 20)
	whole, err := json.Marshal(dump(all))
	require.NoError(t, err)
	require.Contains(t, string(whole), question, "what is no secret is there")
	for _, secret := range secrets {
		require.NotContains(t, string(whole), secret)
	}

	n.requestsOfTheStory(t, s)
	w.daysPass(t, n, db, s.chat, overhear.hook)
	w.clean()
}

func dump(all []logged) []any {
	var out []any
	for _, l := range all {
		out = append(out, l.Listed)
		for _, p := range l.parts {
			out = append(out, p, string(p.Asked), string(p.Answered))
		}
	}
	return out
}

type requestItem struct {
	ID, Kind       string
	Portal         *int64
	Commands       int
	Failed         int
	Methods        []string
	Communications []string
	Parts          []requestPart
}

type requestPart struct {
	Command         *int64
	Method          string
	Communication   *string
	Asked, Answered json.RawMessage
}

func (n *tenant) requests(query string) []requestItem {
	n.t.Helper()
	var all []requestItem
	for cursor := ""; ; {
		page := decode[struct {
			Items []requestItem
			Next  *string
		}](n.t, n.must("GET", "/operations/requests?"+query+"&cursor="+cursor, nil))
		all = append(all, page.Items...)
		if page.Next == nil {
			return all
		}
		cursor = *page.Next
	}
}

// requestsOfTheStory looks as an administrator.
func (n *tenant) requestsOfTheStory(t *testing.T, s *story) {
	t.Helper()
	uis := n.uis.Chats()[0].ID
	about := fmt.Sprintf("chat:%d", uis)
	var methods []string
	for _, r := range n.requests("communication=" + about) {
		methods = append(methods, r.Methods...)
	}
	for _, method := range []string{"crm.item.add", "crm.timeline.comment.add", "POST message", "POST resource"} {
		require.Contains(t, methods, method, "the chat's own requests and those of its client's plans")
	}
	made := n.requests("communication=" + about + "&method=crm.item.add")
	require.Len(t, made, 1)
	one := decode[requestItem](t, n.must("GET", "/operations/requests/"+made[0].ID, nil))
	require.Contains(t, one.Communications, about)
	i := slices.IndexFunc(one.Parts, func(p requestPart) bool { return p.Method == "crm.item.add" })
	require.GreaterOrEqual(t, i, 0)
	require.Equal(t, about, *one.Parts[i].Communication)
	require.NotNil(t, one.Parts[i].Command)
	require.Contains(t, string(one.Parts[i].Asked), s.client.Phone)
	require.Contains(t, string(one.Parts[i].Answered), "item")

	whole := len(n.requests(""))
	require.Equal(t, whole, len(n.requests(fmt.Sprintf("portal=%d", n.id)))+len(slices.DeleteFunc(n.requests(""), func(r requestItem) bool { return r.Portal != nil })))
	failed := n.requests("failed=1")
	require.NotEmpty(t, failed, "an expired token was refused")
	require.Less(t, len(failed), whole)
	code, _ := n.as(n.operator, "GET", "/operations/requests", nil)
	require.Equal(t, http.StatusForbidden, code)

	lanes := decode[struct {
		Items []struct {
			Kind   string
			Portal *int64
			Name   *string `json:"portal_name"`
			Size   float64
			Drain  float64
			Asleep any
		}
	}](t, n.must("GET", "/operations/lanes", nil)).Items
	kinds := map[string]float64{}
	for _, l := range lanes {
		kinds[l.Kind] = l.Size
		require.Equal(t, l.Kind == "b24", l.Portal != nil && l.Name != nil)
		require.Nil(t, l.Asleep)
	}
	require.Equal(t, map[string]float64{"b24": 250, "uis.chat": 0, "uis.data": 0}, kinds)
	metrics := n.w.metrics(t)
	for _, line := range []string{fmt.Sprintf(`omni_lane_size{account="1",kind="b24",portal="%d"} 250`, n.id), `omni_requests_total{failed="false",kind="b24"}`, "omni_rest_log_dropped_total 0", "omni_inbox_oldest_due_seconds"} {
		require.Contains(t, metrics, line)
	}
}

func (w *world) metrics(t *testing.T) string {
	t.Helper()
	resp, err := http.Get("http://" + w.servers[0].internal + "/metrics")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(raw)
}

// daysPass moves the clock and sends an old webhook again.
func (w *world) daysPass(t *testing.T, n *tenant, db *store.DB, chat int64, hook string) {
	t.Helper()
	old := n.hook("POST /message")
	address, err := url.Parse(old.URL)
	require.NoError(t, err)
	partitions := func(table string) (have []string) {
		rows, err := db.Pool().Query(store.WithSystem(t.Context()), `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::text::regclass ORDER BY 1`, table)
		require.NoError(t, err)
		have, err = pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return have
	}
	began := partitions("exchange")
	before := len(n.messages(chat))
	rows := func() (n int) {
		require.NoError(t, db.Pool().QueryRow(store.WithSystem(t.Context()), `SELECT count(*) FROM inbox WHERE natural_id IS NOT NULL`).Scan(&n))
		return n
	}
	again := func(days string) {
		known := rows()
		status, body := ask("POST", w.url(address.Path), "Bearer "+hook, raw{kind: "application/json", body: []byte(old.Body)})
		require.Equal(t, http.StatusOK, status, "%s days later: %s", days, body)
		w.rest()
		require.Equal(t, known, rows(), "%s days later it is known", days)
		require.Len(t, n.messages(chat), before, "%s days later the old webhook is no news", days)
	}
	again("no")
	total := 0
	for _, hours := range []int{48, 72, 96} { // nine days in all: done rows are kept for ten
		total += hours
		w.later(fmt.Sprintf("%dh", hours))
		n.admin, n.operator = n.open(1, "DEFAULT", nil).Session, n.open(2, "LEFT_MENU", nil).Session
		again(fmt.Sprint(total / 24))
	}
	eventually(t, "the days of the story are gone", func() bool {
		for _, part := range partitions("exchange") {
			if part != "exchange_default" && slices.Contains(began, part) {
				return false
			}
		}
		return !slices.ContainsFunc(partitions("feed"), func(p string) bool { return strings.Contains(p, "before") })
	})
	for _, r := range n.requests("communication=" + fmt.Sprintf("chat:%d", n.uis.Chats()[0].ID)) {
		require.NotContains(t, r.Methods, "crm.item.add", "the log forgot")
	}
	code, _ := n.as(n.operator, "GET", "/me", nil)
	require.Equal(t, http.StatusOK, code)
}
