package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

// free are the API's addresses that need no session: its description, and the renewal, whose proof is the portal's token.
var free = map[string]bool{"GET /openapi.json": true, "POST /session": true}

// forEverybody are the routes that people who are no administrators may use; everything else must refuse them.
var forEverybody = map[string]bool{
	"GET /me": true, "GET /health": true, "GET /portals": true, "GET /employees": true, "GET /jobs/{id}": true, "GET /directories/{name}": true,
	"GET /chats": true, "POST /chats": true, "GET /chats/{id}": true,
	"GET /chats/{id}/messages": true, "POST /chats/{id}/messages": true, "POST /chats/{id}/messages/{message}/retry": true, "POST /chats/{id}/accept": true,
	"POST /chats/{id}/close": true, "POST /chats/{id}/transfer": true, "POST /chats/{id}/read": true, "POST /files": true,
}

// route is one operation of the API as its own description names it.
type route struct{ method, path string }

func (r route) String() string { return r.method + " " + r.path }

// routes reads the description the server gives out, so that a new route cannot be forgotten here.
func (w *world) routes() []route {
	w.t.Helper()
	status, body := ask("GET", w.url("/api/v1/openapi.json"), "", nil)
	require.Equal(w.t, http.StatusOK, status)
	doc := decode[struct {
		Paths map[string]map[string]json.RawMessage
	}](w.t, body)
	var out []route
	for path, operations := range doc.Paths {
		for method := range operations {
			switch method {
			case "get", "post", "put", "patch", "delete":
				out = append(out, route{strings.ToUpper(method), path})
			}
		}
	}
	require.Greater(w.t, len(out), 35)
	return out
}

// at fills a route's places with the numbers of things that exist in a company.
func (r route) at(chat, message, portal int64, request string) string {
	id := fmt.Sprint(chat)
	if strings.HasPrefix(r.path, "/operations/requests") {
		id = request
	}
	if strings.HasPrefix(r.path, "/portals") {
		id = fmt.Sprint(portal)
	}
	return strings.NewReplacer("{id}", id, "{message}", fmt.Sprint(message), "{n}", "1", "{b24_user}", "2", "{user}", "2", "{name}", "stages", "{ref}", fmt.Sprintf("chat:%d", chat),
		"{line}", "1").Replace(r.path)
}

func (r route) body() any {
	if r.method == http.MethodGet || r.method == http.MethodDelete {
		return nil
	}
	return map[string]any{"id": newID(), "text": "чужое", "channel": whatsapp, "phone": "79000000099", "uis_employee": 1003, "employee": 1003, "brand": "uis", "api_key": "x", "name": "x"}
}

// TestRoutesByRole walks every route without a session, with a forged one, as no administrator, and with another account's session.
func TestRoutesByRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	n, other := w.company("romashka", 0), w.company("vasilek", 0)
	w.run()
	n.setUp()
	other.setUp()
	_, err := n.uis.ClientWrites(whatsapp, uisplatform.Client{Phone: "79000000054"}, "секрет ромашки")
	require.NoError(t, err)
	w.rest()
	mine := n.chats("list=new")[0]
	request := n.requests("")[0].ID
	forged := n.admin[:len(n.admin)-6] + "AAAAAA"
	routes := w.routes()
	w.unchanged(func() {
		for _, r := range routes {
			if free[r.String()] {
				continue
			}
			path := r.at(mine.ID, mine.Last.ID, n.id, request)
			for name, session := range map[string]string{"nobody": "", "a forged session": forged, "no token at all": "x.y.z"} {
				status, body := n.as(session, r.method, path, r.body())
				require.Equal(t, http.StatusUnauthorized, status, "%s as %s: %s", r, name, body)
			}
			if !forEverybody[r.String()] {
				status, body := n.as(n.operator, r.method, path, r.body())
				require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, status, "%s as no administrator: %s", r, body)
			}
		}
	})
	// The other company's administrator uses numbers of this company. What names nothing of his answers 404 or his own, never ours.
	w.unchanged(func() {
		for _, r := range routes {
			own := r.method != http.MethodGet && !strings.Contains(r.path, "{id}") && !strings.Contains(r.path, "{ref}")
			if free[r.String()] || own || r.path == "/jobs/{id}" || r.path == "/health" { // health asks his own portal
				continue
			}
			status, body := n.as(other.admin, r.method, r.at(mine.ID, mine.Last.ID, n.id, request), r.body())
			require.NotContains(t, string(body), "секрет ромашки", r.String())
			require.NotContains(t, string(body), n.portal.Host(), r.String())
			if strings.Contains(r.path, "{id}") {
				require.GreaterOrEqual(t, status, 400, "%s: %s", r, body)
				require.Less(t, status, 500, "%s: %s", r, body)
			}
		}
	})
	require.Len(t, n.chats("list=new"), 1)
	w.clean()
}
