package portal_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
)

func TestBatch(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	r := s.ok("batch", m{"halt": 0, "cmd": m{"a": "profile?", "b": "crm.item.list?entityTypeId=3&filter%5B%3Eid%5D=1&select[]=id"}})
	require.Equal(t, "1", at(r, "result", "a", "ID"))
	require.Equal(t, float64(1), at(r, "result_total", "b"))
	require.Equal(t, []any{}, at(r, "result_error"), "an empty map is a list")
	require.Equal(t, []any{}, at(r, "result_next"))
	require.NotNil(t, at(r, "result_time", "a", "operating"))

	t.Run("order of commands and references", func(t *testing.T) {
		raw := `{"auth":"` + s.token + `","halt":1,"cmd":{"z":"crm.item.add?entityTypeId=3&fields[name]=A","a":"crm.item.add?entityTypeId=2&fields[title]=B&fields[contactIds][0]=$result[z][item][id]"}}`
		resp, err := httpPost(s.portal.ClientEndpoint()+"batch", raw)
		require.NoError(t, err)
		got := readReply(t, resp).Result
		require.Equal(t, []any{}, at(got, "result_error"))
		require.Equal(t, at(got, "result", "z", "item", "id"), at(got, "result", "a", "item", "contactId"))
	})
	t.Run("traps of references", func(t *testing.T) {
		raw := `{"auth":"` + s.token + `","cmd":{"p":"crm.duplicate.findbycomm?type=PHONE&values[0]=%2B79000000043","parent":"app.option.set?options[x]=$result[p][CONTACT]","bad":"crm.item.get?entityTypeId=3&id=999","literal":"app.option.set?options[y]=$result[bad][item][id]"}}`
		resp, err := httpPost(s.portal.ClientEndpoint()+"batch", raw)
		require.NoError(t, err)
		require.Equal(t, "NOT_FOUND", at(readReply(t, resp).Result, "result_error", "bad", "error"))
		require.Equal(t, map[string]any{"LEAD": []any{float64(1)}}, s.ok("app.option.get", m{"option": "x"}), "a missing path gives the level above it")
		require.Equal(t, "$result[bad][item][id]", s.ok("app.option.get", m{"option": "y"}), "a failed command leaves the text")
	})
	t.Run("halt", func(t *testing.T) {
		raw := `{"auth":"` + s.token + `","halt":1,"cmd":["crm.item.get?entityTypeId=3&id=999","profile"]}`
		resp, err := httpPost(s.portal.ClientEndpoint()+"batch", raw)
		require.NoError(t, err)
		got := readReply(t, resp).Result
		require.Equal(t, []any{}, at(got, "result"))
		require.Len(t, at(got, "result_error"), 1)
	})
	require.Empty(t, s.world.Violations())

	t.Run("forbidden", func(t *testing.T) {
		cmd := m{}
		for i := range 51 {
			cmd[fmt.Sprintf("c%02d", i)] = "profile"
		}
		got := s.ok("batch", m{"cmd": cmd})
		require.Len(t, at(got, "result"), 50)
		require.Equal(t, "ERROR_BATCH_LENGTH_EXCEEDED", at(got, "result_error", "c50", "error"))
		got = s.ok("batch", m{"cmd": m{"n": "batch?cmd[0]=profile", "f": "telephony.externalCall.attachRecord?CALL_ID=x&FILENAME=a.mp3", "u": "no.such",
			"c": "crm.timeline.comment.add?fields[ENTITY_TYPE]=lead&fields[ENTITY_ID]=1&fields[COMMENT]=x&fields[FILES][0][0]=a.txt&fields[FILES][0][1]=aGk="}})
		require.Equal(t, "ERROR_BATCH_METHOD_NOT_ALLOWED", at(got, "result_error", "c", "error"))
		require.Equal(t, "ERROR_BATCH_METHOD_NOT_ALLOWED", at(got, "result_error", "n", "error"))
		require.Equal(t, "ERROR_BATCH_METHOD_NOT_ALLOWED", at(got, "result_error", "f", "error"))
		require.Equal(t, "ERROR_METHOD_NOT_FOUND", at(got, "result_error", "u", "error"))
		require.Len(t, s.world.Violations(), 5)
	})
}

func TestBucketAndOperating(t *testing.T) {
	t.Parallel()
	s := newStandWith(t, portal.Options{VirtualBucket: true}, func(c *portal.PortalConfig) { c.Bucket = nil })
	for range 50 {
		s.ok("server.time", nil)
	}
	s.refused(503, "QUERY_LIMIT_EXCEEDED", "server.time", nil)
	require.Equal(t, []string{"QUERY_LIMIT_EXCEEDED"}, s.codes(), "over the bucket is a breach")
	s.world.Advance(time.Second)
	s.ok("server.time", nil)
	s.ok("batch", m{"cmd": m{"a": "server.time", "b": "server.time"}})
	s.refused(503, "QUERY_LIMIT_EXCEEDED", "server.time", nil)

	s.world.Advance(time.Minute)
	s.portal.SetMethodCost("crm.item.list", 250*time.Second)
	one := s.call("crm.item.list", m{"entityTypeId": 3})
	require.InDelta(t, 250, one.Time["operating"], 1)
	s.call("crm.item.list", m{"entityTypeId": 3})
	s.refused(429, "OPERATION_TIME_LIMIT", "crm.item.list", m{"entityTypeId": 3})
	s.ok("crm.item.get", m{"entityTypeId": 3, "id": 1})
	s.world.Advance(10 * time.Minute)
	s.ok("crm.item.list", m{"entityTypeId": 3})
}

func TestOperatingPerBatch(t *testing.T) {
	t.Parallel()
	s := newStandWith(t, portal.Options{VirtualBucket: true}, func(c *portal.PortalConfig) { c.OperatingPerBatch = true })
	s.portal.SetMethodCost("server.time", 100*time.Second)
	batch := m{"cmd": m{"a": "server.time", "b": "server.time", "c": "server.time"}}
	first := s.call("batch", batch)
	require.InDelta(t, 300, first.Time["operating"], 1)
	require.Nil(t, at(first.Result, "result_time", "a", "operating"), "the methods in it are not accounted")
	s.call("batch", batch)
	s.refused(429, "OPERATION_TIME_LIMIT", "batch", batch)
	require.InDelta(t, 100, s.call("server.time", nil).Time["operating"], 1, "single calls are")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	arm := func(f portal.Fault) {
		_, err := s.world.AddFault(f)
		require.NoError(t, err)
	}
	count := func() int { return len(s.portal.Items(portal.Contact)) }
	add := func() (reply, error) {
		return s.try(s.token, "crm.item.add", m{"entityTypeId": 3, "fields": m{"name": "A"}})
	}
	before := count()

	arm(portal.Fault{Kind: portal.FaultLost, Method: "crm.item.add"})
	_, err := add()
	require.Error(t, err, "the answer is lost")
	require.Equal(t, before+1, count(), "the call was executed")

	arm(portal.Fault{Kind: portal.FaultReset})
	_, err = add()
	require.Error(t, err)
	require.Equal(t, before+1, count(), "nothing happened before the reset")

	arm(portal.Fault{Kind: portal.FaultHTTP, Status: 503})
	r, err := add()
	require.NoError(t, err)
	require.Equal(t, 503, r.Status)
	require.Equal(t, before+1, count())
	arm(portal.Fault{Kind: portal.FaultHTTP, Status: 500, After: true, Method: "crm.item.add"})
	r, _ = add()
	require.Equal(t, 500, r.Status)
	require.Equal(t, before+2, count())

	arm(portal.Fault{Kind: portal.FaultLimit, Count: 2})
	for range 2 {
		s.refused(503, "QUERY_LIMIT_EXCEEDED", "profile", nil)
	}
	s.ok("profile", nil)
	arm(portal.Fault{Kind: portal.FaultOperating, Skip: 1})
	s.ok("profile", nil)
	s.refused(429, "OPERATION_TIME_LIMIT", "profile", nil)

	arm(portal.Fault{Kind: portal.FaultSlow, DelayMS: 30})
	start := time.Now()
	s.ok("profile", nil)
	require.GreaterOrEqual(t, time.Since(start), 30*time.Millisecond)

	arm(portal.Fault{Kind: portal.FaultError, Method: "profile", Code: "ERROR_CORE", Text: "by order"})
	got := s.ok("batch", m{"cmd": m{"a": "profile", "b": "server.time"}})
	require.Equal(t, "ERROR_CORE", at(got, "result_error", "a", "error"))
	require.NotNil(t, at(got, "result", "b"))

	arm(portal.Fault{Kind: portal.FaultExpired})
	s.refused(401, "expired_token", "profile", nil)
	s.refused(401, "expired_token", "profile", nil)
	s.token = s.tokenOf(1)
	s.ok("profile", nil)
	arm(portal.Fault{Kind: portal.FaultRefused})
	s.refused(401, "invalid_token", "profile", nil)
	s.token = s.tokenOf(1)

	require.Empty(t, s.world.Violations(), "what was ordered is nobody's breach")
	_, err = s.world.AddFault(portal.Fault{Kind: "nonsense"})
	require.Error(t, err)

	resp, err := httpPost(s.portal.URL()+"/_sandbox/faults", `{"kind":"limit","method":"profile","count":1}`)
	require.NoError(t, err)
	require.Equal(t, 200, resp.StatusCode)
	s.refused(503, "QUERY_LIMIT_EXCEEDED", "profile", nil)

	arm(portal.Fault{Kind: portal.FaultHTTP, Method: "oauth.token", Status: 502})
	resp, err = http.PostForm(s.server.OAuthURL()+"/oauth/token/", nil)
	require.NoError(t, err)
	require.Equal(t, 502, resp.StatusCode)
}

func TestRename(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	old := s.portal.ClientEndpoint()
	require.NoError(t, s.server.Rename(s.portal))
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Post(old+"profile", "application/json", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusFound, resp.StatusCode)
	require.Equal(t, s.portal.ClientEndpoint()+"profile", resp.Header.Get("Location"))
	s.ok("profile", nil)
}
