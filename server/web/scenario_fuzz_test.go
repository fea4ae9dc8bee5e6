package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"omni/server/crm"
)

// sent is what a scenario said in one field, by plain means: the body counts more than the query, and in it the last one of a name.
func sent(query, body []byte, name string) (text string, given bool) {
	if len(body) > 0 && body[0] == '{' {
		var fields map[string]any
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.UseNumber()
		if d.Decode(&fields) == nil {
			if v, ok := fields[name]; ok {
				switch v := v.(type) {
				case string:
					return v, true
				case json.Number:
					return v.String(), true
				}
				return "", true
			}
		}
	} else if form, err := url.ParseQuery(string(body)); err == nil && form.Has(name) {
		return form.Get(name), true
	}
	found := ""
	args := fasthttp.Args{}
	args.ParseBytes(query)
	args.VisitAll(func(k, v []byte) {
		if string(k) == name {
			found, given = string(v), true
		}
	})
	return found, given
}

// FuzzScenario: whatever a scenario of UIS sends, by query, form or JSON, it is understood or refused for its own fault; no number is invented, cut or rounded into
// another one, and what was not sent is not there.
func FuzzScenario(f *testing.F) {
	for _, seed := range [][2]string{
		{"", `{"numa":"79161234567","numb":"74951112233","call_session_id":4711,"direction":"in"}`},
		{"numa=79161234567&numb=74951112233&call_session_id=4711&direction=in", ""},
		{"", "numa=%2B7+916+123-45-67&call_session_id=4711"},
		{"numa=79161234567", `{"call_session_id":"4711"}`},
		{"numa=1", `{"numa":null}`},
		{"", `{"numa":7.9161234567e10,"call_session_id":4.711e3}`},
		{"", `{"numa":79161234567,"call_session_id":9223372036854775807}`},
		{"", `{"numa":79161234567,"call_session_id":9223372036854775808}`},
		{"", `{"numa":"","call_session_id":-1}`},
		{"", `{"numa":["79161234567"]}`},
		{"", `{"numa":"7916","numa":"7917"}`},
		{"", `{"numa":"anonymous","direction":"sideways"}`},
		{"numa=1234567890123456", ""},
		{"numa=%zz&numa=", "numa=%zz"},
		{"", `{"numa":"７９１６１２３４５６７"}`},
		{"", "{"}, {"", "null"}, {"", "numa;direction=in"}, {"numa", ""}, {"", "\x00numa=1"},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	app := fiber.New()
	f.Fuzz(func(t *testing.T, query, body []byte) {
		request := &fasthttp.RequestCtx{}
		request.Request.Header.SetMethod(http.MethodPost)
		request.Request.URI().SetQueryStringBytes(query)
		request.Request.SetBody(body)
		c := app.AcquireCtx(request)
		defer app.ReleaseCtx(c)
		caller, err := scenarioCall(c)
		numa, given := sent(query, body, "numa")
		if err != nil {
			var p *Problem
			require.ErrorAs(t, err, &p)
			require.GreaterOrEqual(t, p.Status, 400)
			require.Less(t, p.Status, 500, "what a platform sends is never our fault")
			for _, wrong := range p.Errors {
				require.Contains(t, []string{"/numa", "/numb", "/call_session_id", "/direction"}, wrong.Field)
			}
			return
		}
		require.True(t, given, "nobody calls without a number")
		phone, ok := crm.Phone(numa)
		require.Equal(t, ok, caller.Phone != "")
		if ok {
			require.Equal(t, phone, caller.Phone)
			require.LessOrEqual(t, len(strings.Map(digit, numa)), longestNumber)
		}
		session, _ := sent(query, body, "call_session_id")
		if session == "" {
			require.Zero(t, caller.Session)
			return
		}
		n, err := strconv.ParseInt(session, 10, 64)
		require.NoError(t, err)
		require.Positive(t, n)
		require.Equal(t, n, int64(caller.Session))
	})
}
