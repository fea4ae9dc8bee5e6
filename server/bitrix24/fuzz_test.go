package bitrix24

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// soon bounds what reading one small body may take: not a figure, but an alarm for work that grows with its square.
const soon = 2 * time.Second

func inTime(t *testing.T, began time.Time, body []byte) {
	t.Helper()
	if took := time.Since(began); took > soon {
		t.Fatalf("reading %d bytes took %s", len(body), took)
	}
}

// leaves visits every text of a tree with its depth.
func leaves(n *Node, depth int, visit func(text string, depth int)) int {
	if n.Children == nil {
		visit(n.Text, depth)
		return 1
	}
	count := 0
	for _, c := range n.Children {
		count += leaves(c, depth+1, visit)
	}
	return count
}

func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"data[MESSAGES][0][im][chat_id]=5&data[MESSAGES][0][message][text]=%5Bb%5D&auth[application_token]=x", "a[]=1&a[][b]=2&a=3", "a[5]=x&a[9]=y&a[7]=z&a[x]=w",
		"a[99999999999999999999]=1&a[]=2", "a[-1]=1&a[]=2", "a[b=1&[=2&]=3&a]b[=4", "a" + strings.Repeat("[b]", 1000) + "=1", strings.Repeat("[", 2000), "a=1&a[b]=2&a[b][c]=3&a=4",
		"a[7]=x" + strings.Repeat("&a[]=y", 500), "%00[%00]=%00", "a[0]=x&a[00]=y&a[+1]=z",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		began := time.Now()
		n, err := ParseForm(body)
		inTime(t, began, body)
		if err != nil {
			require.ErrorIs(t, err, ErrForm)
			require.Less(t, len(err.Error()), 400, "an error is a sentence, not the body")
			return
		}
		whole := unescape(string(body))
		texts := leaves(n, 0, func(text string, depth int) {
			require.LessOrEqual(t, depth, maxFormDepth)
			require.Contains(t, whole, text, "no text is invented")
		})
		require.LessOrEqual(t, texts, maxFormKeys)
		raw, err := json.Marshal(n)
		require.NoError(t, err)
		require.True(t, json.Valid(raw))
		again, err := ParseForm(body)
		require.NoError(t, err)
		second, err := json.Marshal(again)
		require.NoError(t, err)
		require.JSONEq(t, string(raw), string(second), "the same body reads the same")
		for _, c := range n.Children {
			numbered := 0
			for key := range c.Children {
				if listIndex(key) >= 0 {
					numbered++
				}
			}
			require.Len(t, c.Items(), numbered, "a gap in a list hides nothing")
		}
	})
}

func FuzzEvent(f *testing.F) {
	for _, seed := range []string{
		"event=ONAPPINSTALL&data[VERSION]=1&ts=1790000000&auth[domain]=acme.example&auth[application_token]=secret&auth[scope]=crm%2Cim",
		"event[]=X", "event=x&data=5&auth=6", "EVENT=x", "event=ONCRMLEADUPDATE&data[FIELDS][ID]=7&auth[member_id][x]=1",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := ParseEvent(body)
		if err != nil {
			require.ErrorIs(t, err, ErrForm)
			return
		}
		require.NotEmpty(t, e.Name)
		require.Equal(t, strings.ToUpper(e.Name), e.Name)
		require.NotNil(t, e.Data)
		whole := unescape(string(body))
		for _, text := range []string{e.TS, e.Handler, e.Auth.Domain, e.Auth.MemberID, e.Auth.ApplicationToken, e.Auth.AccessToken} {
			require.Contains(t, whole, text)
		}
		_, err = json.Marshal(e.Data)
		require.NoError(t, err)
		if r, err := ParseRobot(body); err == nil {
			require.NotEmpty(t, r.Code)
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("DOMAIN=Acme.Example&PROTOCOL=1&LANG=ru&APP_SID=s"), []byte("AUTH_ID=a&AUTH_EXPIRES=3600&REFRESH_ID=r&member_id=m&status=L&PLACEMENT=CRM_LEAD_DETAIL_TAB&PLACEMENT_OPTIONS=%7B%22ID%22%3A%228061%22%7D"))
	f.Add([]byte("DOMAIN[]=x&PROTOCOL[a]=0"), []byte("AUTH_ID[a]=x"))
	f.Add([]byte("%"), []byte("AUTH_ID=1&PLACEMENT_OPTIONS=undefined&AUTH_EXPIRES=1e9"))
	f.Add([]byte(""), []byte("AUTH_ID=1&PLACEMENT_OPTIONS="+url.QueryEscape(strings.Repeat(`{"a":`, 5000))))
	f.Add([]byte(""), []byte(`AUTH_ID=1&PLACEMENT_OPTIONS={"ID":[5],"id":"7","ID":9007199254740993}`))
	f.Fuzz(func(t *testing.T, query, body []byte) {
		frame, err := ParseFrame(query, body)
		if err != nil {
			require.ErrorIs(t, err, ErrForm)
			return
		}
		require.NotEmpty(t, frame.AuthID)
		require.NotEmpty(t, frame.Placement)
		require.NotNil(t, frame.Options)
		require.GreaterOrEqual(t, frame.AuthExpires, 0)
		posted := unescape(string(body))
		for _, text := range []string{frame.AuthID, frame.RefreshID, frame.MemberID, frame.ApplicationToken} {
			require.Contains(t, posted, text, "what proves comes from the body alone, never from the address")
		}
		for name, raw := range frame.Options {
			require.True(t, json.Valid(raw))
			require.NotPanics(t, func() { frame.Option(name) })
		}
	})
}

var decimal = regexp.MustCompile(`^[+-]?[0-9]+(\.0*)?([eE][+-]?[0-9]+)?$`)

func FuzzValues(f *testing.F) {
	for _, seed := range []string{`5`, `"5"`, `"9007199254740993.0"`, `9223372036854775808`, `-9223372036854775809`, `1e300`, `"0x10"`, `"1_0"`, `"nan"`, `"inf"`, `true`, `"\u0035"`, `[]`, `{}`, `""`,
		`"2026-01-02T03:04:05+03:00"`, `"02.01.2026 03:04:05"`, `1e10`, `{"3":"c","1":"a","x":"y"}`, `["a",null]`, `" 7 "`, `"ＹY"`, `{"a":{"a":{"a":[]}}}`, `1.5`, `"1e3"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		var id ID
		if err := json.Unmarshal(raw, &id); err == nil && id != 0 && string(bytes.TrimSpace(raw)) != "true" {
			text := strings.TrimSpace(strings.Trim(string(bytes.TrimSpace(raw)), `"`))
			require.Regexp(t, decimal, text, "only a decimal number is an id")
			exact, ok := new(big.Rat).SetString(text)
			require.True(t, ok)
			require.Zero(t, exact.Cmp(new(big.Rat).SetInt64(int64(id))), "%s became %d", text, id)
		}
		var words String
		if json.Unmarshal(raw, &words) == nil {
			require.True(t, utf8.ValidString(string(words)) || !utf8.Valid(raw))
		}
		var moment Moment
		require.NoError(t, json.Unmarshal(raw, &moment), "a moment never refuses")
		_, err := moment.MarshalJSON()
		if err == nil {
			require.False(t, moment.Year() > 9999)
		}
		var yes Bool
		require.NoError(t, json.Unmarshal(raw, &yes))
		var list List[json.RawMessage]
		var set Map[json.RawMessage]
		if json.Unmarshal(raw, &list) == nil && json.Unmarshal(raw, &set) == nil {
			require.Len(t, set, len(list), "a list and an object hold the same elements")
		}
		var cost Time
		require.NoError(t, json.Unmarshal(raw, &cost))
		for _, n := range []float64{cost.Duration, cost.Operating, cost.ResetAt, cost.Start, cost.Finish, cost.Processing} {
			require.False(t, n != n || n-n != 0, "a cost is a number: %v", n)
		}
		v := valueOf(raw)
		require.True(t, json.Valid(v.raw()))
		_, _ = v.each()
	})
}

// canned answers every request with the same bytes.
type canned struct {
	status   int
	body     []byte
	location string
}

// RoundTrip implements http.RoundTripper.
func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	header := http.Header{}
	if c.location != "" {
		header.Set("Location", c.location)
	}
	return &http.Response{StatusCode: c.status, Header: header, Body: io.NopCloser(bytes.NewReader(c.body)), Request: r}, nil
}

func cannedClient(status int, body []byte) *Client {
	return New(Options{HTTP: &http.Client{Transport: canned{status: status, body: body}}, ClientID: "id", ClientSecret: "client-secret", OAuthServers: []string{"https://oauth.example"},
		Now: func() time.Time { return time.Unix(1_790_000_000, 0) }})
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"result":true,"time":{"operating":1}}`, `{"error":"expired_token","error_description":"gone"}`, `{"error":{"code":"X","message":"y"}}`, `{"error":0}`, `{"error":""}`, `{"error":[]}`,
		`{"result":null}`, `{"result":[],"total":"5","next":50}`, `[]`, `null`, `<html>`, "", `{"result":1,"result":2}`, `{"result":{"result":{"c0":1}},"error":null}`, `{"total":5}`,
	} {
		for _, status := range []uint16{200, 302, 401, 500, 503} {
			f.Add(status, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, status uint16, body []byte) {
		code := 200 + int(status)%400
		began := time.Now()
		answer, err := cannedClient(code, body).Call(context.Background(), Target{Endpoint: "https://acme.example/rest/", Access: "access-secret"}, Call{Method: "profile"})
		inTime(t, began, body)
		if err != nil {
			var e *Error
			require.ErrorAs(t, err, &e)
			require.NotEmpty(t, e.Class())
			require.Equal(t, "profile", e.Method)
			if code >= 500 && codes[strings.ToLower(e.Code)] == "" {
				require.Equal(t, Unknown, e.Executed(), "a 5xx whose code says nothing may have run")
			}
			if code == http.StatusOK && !json.Valid(body) {
				require.Equal(t, Unknown, e.Executed(), "an answer that cannot be read may have run")
			}
			return
		}
		require.Less(t, code, 300)
		require.True(t, json.Valid(answer.Result))
	})
}

func FuzzBatch(f *testing.F) {
	for _, seed := range []string{
		`{"result":{"c0":{"id":5},"c1":null},"result_error":[],"result_total":{"c0":"7"},"result_next":{"c0":50},"result_time":[]}`, `{"result":[1,2],"result_error":{"c1":{"error":"X"}}}`,
		`{"result":[],"result_error":{"c0":"odd","c1":{"error":100,"error_description":"Access denied."}}}`, `{}`, `null`, `[]`, `"x"`, `{"result":{"c0":1,"c0":2,"C1":3,"c9":4}}`,
		`{"result_total":{"c0":1e30}}`, `{"result":{"c0":{"error":"nested"}}}`, `{"result_error":{"c0":null}}`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	sent := []Command{{Key: "c0", Call: Call{Method: "crm.item.add"}}, {Key: "c1", Call: Call{Method: "crm.item.get"}}, {Key: "c2", Call: Call{Method: "user.get"}}}
	f.Fuzz(func(t *testing.T, body []byte, halt bool) {
		whole := append(append([]byte(`{"result":`), body...), '}')
		got, err := cannedClient(http.StatusOK, whole).Batch(context.Background(), Target{Endpoint: "https://acme.example/rest/"}, sent, halt)
		if err != nil {
			require.NotEqual(t, WasExecuted, ExecutedBy(err))
			return
		}
		require.Equal(t, len(sent), len(got.Results)+len(got.Errors), "each command has one outcome")
		for _, c := range sent {
			answer, done := got.Results[c.Key]
			failure, failed := got.Errors[c.Key]
			require.NotEqual(t, done, failed, c.Key)
			if done {
				require.Contains(t, string(whole), string(answer.Result), "no result is invented")
				continue
			}
			require.Equal(t, c.Method, failure.Method)
			if failure.Code == codeNoAnswer {
				require.Equal(t, Unknown, failure.Executed(), "silence proves nothing")
			}
		}
	})
}

func FuzzToken(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"a","refresh_token":"r","expires_in":3600,"member_id":"m","client_endpoint":"https://acme.example/rest/","scope":"crm,im","user_id":1}`, `{"error":"invalid_grant"}`,
		`{"access_token":5,"refresh_token":true}`, `{"access_token":"a","refresh_token":"r","expires_in":9e18}`, `{"access_token":"a","refresh_token":"r","expires":99999999999999}`,
		`{"access_token":"a"}`, `[]`, "", `{"access_token":"a","refresh_token":"r","expires_in":-5}`, `{"access_token":"a","refresh_token":"r","error":{}}`,
	} {
		f.Add(uint16(0), []byte(seed))
		f.Add(uint16(200), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status uint16, body []byte) {
		c := cannedClient(200+int(status)%400, body)
		token, err := c.Refresh(context.Background(), "", "refresh-secret")
		if err != nil {
			require.NotContains(t, strings.ReplaceAll(err.Error(), string(body), ""), "client-secret")
			return
		}
		require.NotEmpty(t, token.Access)
		require.NotEmpty(t, token.Refresh)
		require.True(t, token.ExpiresAt.After(c.now()), "a new pair is good for a while: %s", token.ExpiresAt)
		require.True(t, token.ExpiresAt.Before(c.now().Add(200*24*time.Hour)), "and not for ever: %s", token.ExpiresAt)
		if _, err := c.AppInfo(context.Background(), "https://elsewhere.example", "a"); err == nil {
			t.Fatal("a server that is not allowed was asked")
		}
	})
}

// tree is what a form can say: texts, and groups and lists that are not empty.
func tree(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		return strings.ToValidUTF8(v, "\uFFFD"), true
	case json.Number:
		return v.String(), true
	case bool:
		return map[bool]string{true: "1", false: "0"}[v], true
	case nil:
		return "", true
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var ok bool
			if out[i], ok = tree(v[i]); !ok {
				return nil, false
			}
		}
		return out, len(v) > 0
	case map[string]any:
		out := map[string]any{}
		list := true
		for k, one := range v {
			inner, ok := tree(one)
			if !ok {
				return nil, false
			}
			out[k] = inner
			list = list && listIndex(k) >= 0 && listIndex(k) < len(v)
		}
		return out, len(v) > 0 && !list // an object named 0, 1, 2 comes back as a list
	}
	return nil, false
}

// FuzzQuery: what goes into a batch is what comes out of it at the portal, or it is refused to stand in one.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{`{"fields":{"TITLE":"a&b=c","PHONE":[{"VALUE":"+7"}]}}`, `{"filter":{"@id":[1,2],">ID":5}}`, `{"a":"$result[c0]"}`, `{"a][b":"1"}`, `{"a[b]":"1"}`, `{"a":{"b]":"1"}}`, `{"":"x"}`,
		`{"a":{"":"x"}}`, `{"a":{"0":"x","1":"y"}}`, `{"a":"\u0000%"}`, `{"a":[[["x"]]]}`, `{"a":true,"b":null}`, `{"a":{"5":"x"}}`, `{"a":1e400}`, `{"a":"$\tresult[x]"}`, `{"ａ":"［"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var params map[string]any
		if d.Decode(&params) != nil || params == nil {
			return
		}
		query, err := Query(params, false)
		if err != nil {
			require.ErrorIs(t, err, ErrBatchUnsafe)
			return
		}
		for pair := range strings.SplitSeq(query, "&") {
			name, text, _ := strings.Cut(pair, "=")
			require.NotRegexp(t, referenceLike, unescape(name))
			require.NotRegexp(t, referenceLike, unescape(text), "no text of others names another command's answer")
		}
		want, speakable := tree(params)
		if !speakable {
			return
		}
		n, err := ParseForm([]byte(query))
		if err != nil { // too large for what we read ourselves; the portal has other bounds
			return
		}
		got, err := json.Marshal(n)
		require.NoError(t, err)
		expected, err := json.Marshal(want)
		require.NoError(t, err)
		require.JSONEq(t, string(expected), string(got), query)
	})
}

func FuzzPlainBB(f *testing.F) {
	for _, seed := range []string{"[url=https://x.example]y[/url]", "[user=1]", "a\x00[b", "[[b]]", "&#91;b&#93;", "［b］", "\xff[", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain := PlainBB(text)
		require.NotContains(t, plain, "[")
		require.NotContains(t, plain, "]")
		require.Equal(t, plain, PlainBB(plain))
		require.Equal(t, strings.NewReplacer("[", "［", "]", "］").Replace(text), plain, "nothing else is touched")
	})
}

// FuzzJudges: an answer of any shape to the look-up of a lost command never makes a "found" out of nothing.
func FuzzJudges(f *testing.F) {
	for _, seed := range []string{`{"items":[{"id":5,"originatorId":"omni","originId":"uid-1"}]}`, `[]`, `{}`, `null`, `{"items":{"7":{"id":"5"}}}`, `[{"ID":"1","COMMENT":"head"}]`, `{"result":[]}`, `"x"`, `[[]]`, `[{"ORIGIN_ID":"uid-1"}]`} {
		f.Add([]byte(seed), []byte(`{"entityTypeId":1,"fields":{"title":"t","COMMENT":"head","ENTITY_ID":5,"ENTITY_TYPE":"lead"},"id":5}`))
	}
	f.Fuzz(func(t *testing.T, answer, params []byte) {
		if !json.Valid(answer) || !json.Valid(params) {
			return
		}
		for _, spec := range Specs() {
			if spec.Probe != nil {
				call, ok := spec.Probe(params, "uid-1")
				require.True(t, !ok || validMethod.MatchString(call.Method), spec.Method)
			}
			if spec.Judge == nil {
				continue
			}
			finding, result := spec.Judge(params, "uid-1", answer)
			if finding == Found {
				require.True(t, len(result) == 0 || json.Valid(result), spec.Method)
			}
			if spec.Mode == CheckFind && spec.Judge != nil && bytes.Equal(bytes.TrimSpace(answer), []byte("null")) {
				require.NotEqual(t, Found, finding, "%s was found in nothing", spec.Method)
			}
		}
	})
}
