package bitrix24_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
)

func encode(pairs ...string) []byte {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, url.QueryEscape(pairs[i])+"="+url.QueryEscape(pairs[i+1]))
	}
	return []byte(strings.Join(out, "&"))
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

func TestFormIsPHPsTree(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"connector message": {string(encode("data[CONNECTOR]", "omni", "data[LINE]", "107", "data[MESSAGES][0][im][chat_id]", "1807", "data[MESSAGES][0][message][text]", "[b]Анна:[/b] [br]Да & нет = 1+1")),
			`{"data":{"CONNECTOR":"omni","LINE":"107","MESSAGES":[{"im":{"chat_id":"1807"},"message":{"text":"[b]Анна:[/b] [br]Да & нет = 1+1"}}]}}`},
		"bare value":          {"data=107", `{"data":"107"}`},
		"unescaped brackets":  {"data[FIELDS][ID]=5", `{"data":{"FIELDS":{"ID":"5"}}}`},
		"appended":            {"a[]=x&a[]=y", `{"a":["x","y"]}`},
		"appended after 3":    {"a[3]=x&a[]=y", `{"a":{"3":"x","4":"y"}}`},
		"appended after 1":    {"a[1]=x&a[]=y", `{"a":{"1":"x","2":"y"}}`},
		"list with a gap":     {"a[0]=x&a[2]=y", `{"a":{"0":"x","2":"y"}}`},
		"list out of order":   {"a[1]=y&a[0]=x", `{"a":["x","y"]}`},
		"last one wins":       {"a=1&a=2", `{"a":"2"}`},
		"group wins":          {"a[b]=1&a=2", `{"a":{"b":"1"}}`},
		"text becomes group":  {"a=2&a[b]=1", `{"a":{"b":"1"}}`},
		"no value":            {"a&b=", `{"a":"","b":""}`},
		"empty pairs":         {"&&a=1&=5&", `{"a":"1"}`},
		"open bracket":        {"a[b=1", `{"a[b":"1"}`},
		"starts with bracket": {"[a]=1", `{"[a]":"1"}`},
		"wrong escapes":       {"a=100%&b=%zz+%41", `{"a":"100%","b":"%zz A"}`},
		"nothing":             {"", `""`},
	} {
		n, err := bitrix24.ParseForm([]byte(c.body))
		require.NoError(t, err, name)
		require.JSONEq(t, c.want, asJSON(t, n), name)
	}
}

func TestFormIsBounded(t *testing.T) {
	t.Parallel()
	_, err := bitrix24.ParseForm([]byte(strings.Repeat("a=1&", 5001)))
	require.ErrorIs(t, err, bitrix24.ErrForm)
	_, err = bitrix24.ParseForm([]byte("a" + strings.Repeat("[b]", 40) + "=1"))
	require.ErrorIs(t, err, bitrix24.ErrForm)
	n, err := bitrix24.ParseForm([]byte("a[99999999999]=x&a[]=y"))
	require.NoError(t, err)
	require.Len(t, n.At("a").Children, 2)
	require.Empty(t, n.At("a", "b", "c").Text, "what is not there is empty, not nil")
}

func TestEventPOST(t *testing.T) {
	t.Parallel()
	e, err := bitrix24.ParseEvent(encode("event", "onCrmLeadAdd", "event_handler_id", "41", "data[FIELDS][ID]", "123", "ts", "1790000000",
		"auth[access_token]", "at", "auth[expires_in]", "3600", "auth[scope]", "crm,placement im", "auth[domain]", "acme.example", "auth[server_endpoint]", "https://oauth.example/rest/",
		"auth[client_endpoint]", "https://acme.example/rest/", "auth[member_id]", "m1", "auth[application_token]", "secret", "auth[user_id]", "7", "auth[status]", "F"))
	require.NoError(t, err)
	require.Equal(t, []string{"ONCRMLEADADD", "41", "1790000000", "123"}, []string{e.Name, e.Handler, e.TS, e.Data.At("FIELDS", "ID").Text})
	require.Equal(t, bitrix24.EventAuth{Domain: "acme.example", MemberID: "m1", ApplicationToken: "secret", AccessToken: "at", ExpiresIn: "3600", Status: "F", User: "7",
		ClientEndpoint: "https://acme.example/rest/", ServerEndpoint: "https://oauth.example/rest/", Scope: []string{"crm", "placement", "im"}}, e.Auth)

	e, err = bitrix24.ParseEvent([]byte("event=ONIMCONNECTORLINEDELETE&data=107&auth[member_id]=m1"))
	require.NoError(t, err)
	require.Equal(t, "107", e.Data.Text)

	for _, body := range []string{"", "data[ID]=1", "event[x]=1"} {
		_, err = bitrix24.ParseEvent([]byte(body))
		require.ErrorIs(t, err, bitrix24.ErrForm, body)
	}
}

func TestRobotPOST(t *testing.T) {
	t.Parallel()
	r, err := bitrix24.ParseRobot(encode("workflow_id", "w1", "code", "omni_send", "document_id[0]", "crm", "document_id[1]", "CCrmDocumentDeal", "document_id[2]", "DEAL_15",
		"document_type[0]", "crm", "document_type[1]", "CCrmDocumentDeal", "document_type[2]", "DEAL", "event_token", "w1|a|b", "use_subscription", "Y", "properties[text]", "Привет", "auth[application_token]", "secret"))
	require.NoError(t, err)
	require.Equal(t, []string{"crm", "CCrmDocumentDeal", "DEAL_15"}, r.Document)
	require.Equal(t, "DEAL", r.Type[2])
	require.Equal(t, []any{"omni_send", "w1|a|b", true, "Привет", "secret"}, []any{r.Code, r.EventToken, r.Waits, r.Properties.At("text").Text, r.Auth.ApplicationToken})
	_, err = bitrix24.ParseRobot([]byte("event=X"))
	require.ErrorIs(t, err, bitrix24.ErrForm)
}

func TestFramePOST(t *testing.T) {
	t.Parallel()
	query := encode("DOMAIN", "Acme.example:8443", "PROTOCOL", "0", "LANG", "RU", "APP_SID", "sid")
	body := func(extra ...string) []byte {
		return encode(append([]string{"AUTH_ID", "at", "AUTH_EXPIRES", "3600", "REFRESH_ID", "rt", "SERVER_ENDPOINT", "https://oauth.example/rest/", "APPLICATION_TOKEN", "secret",
			"APPLICATION_SCOPE", "crm,im", "member_id", "m1", "status", "L"}, extra...)...)
	}
	f, err := bitrix24.ParseFrame(query, body("PLACEMENT", "CRM_DEAL_DETAIL_TAB", "PLACEMENT_OPTIONS", `{"ID":"8061","LINE":3,"URI":"/crm/deal/details/8061/?a=1"}`))
	require.NoError(t, err)
	require.Equal(t, []any{"acme.example:8443", false, "ru", "sid", "at", 3600, "rt", "m1", "L", "CRM_DEAL_DETAIL_TAB"},
		[]any{f.Domain, f.HTTPS, f.Lang, f.SID, f.AuthID, f.AuthExpires, f.RefreshID, f.MemberID, f.Status, f.Placement})
	require.Equal(t, []string{"crm", "im"}, f.Scope)
	require.Equal(t, []string{"8061", "3", ""}, []string{f.Option("ID"), f.Option("LINE"), f.Option("NONE")})

	// Missing options, the literal text that telephony settings send, and other shapes are no options.
	for _, options := range []string{"undefined", "", "[]", "null", `"text"`, "{broken"} {
		f, err := bitrix24.ParseFrame(query, body("PLACEMENT_OPTIONS", options))
		require.NoError(t, err, options)
		require.NotNil(t, f.Options, options)
		require.Empty(t, f.Options, options)
		require.Equal(t, "DEFAULT", f.Placement)
	}
	// An older portal: without the three newer fields.
	f, err = bitrix24.ParseFrame(encode("DOMAIN", "acme.example", "PROTOCOL", "1"), encode("AUTH_ID", "at"))
	require.NoError(t, err)
	require.True(t, f.HTTPS)
	require.Empty(t, f.Scope)
	_, err = bitrix24.ParseFrame(query, nil)
	require.True(t, errors.Is(err, bitrix24.ErrForm), "a frame without a token is none")
}
