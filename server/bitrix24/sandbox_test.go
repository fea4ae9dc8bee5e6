package bitrix24_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
	"omni/server/sandbox/portal"
)

// stand is a portal of the sandbox, which was written from the documentation without a look at this package, and a client that may call it.
type stand struct {
	t      *testing.T
	world  *portal.World
	server *portal.Server
	portal *portal.Portal
	client *bitrix24.Client
	frame  portal.FramePost
	to     bitrix24.Target
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{t: t, world: portal.New(portal.Options{})}
	s.portal = s.world.AddPortal(portal.PortalConfig{Name: "gorizont", Bucket: &portal.Bucket{Size: 1000, Drain: 1000}})
	s.world.RegisterApp(portal.App{ClientID: "local.app", ClientSecret: "top", Code: "omni.chats", Title: "OMNI", AppURL: "http://127.0.0.1:9/app", EventsURL: "http://127.0.0.1:9/events"})
	var err error
	s.server, err = portal.Serve(s.world, "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.server.Close() })
	require.NoError(t, s.portal.Install("local.app"))
	s.frame, err = s.portal.OpenApp("local.app", 1)
	require.NoError(t, err)
	s.client = bitrix24.New(bitrix24.Options{ClientID: "local.app", ClientSecret: "top", OAuthServers: []string{s.server.OAuthURL()}})
	s.to = bitrix24.Target{Endpoint: s.portal.ClientEndpoint(), Access: s.frame.Form.Get("AUTH_ID")}
	return s
}

func (s *stand) arm(f portal.Fault) {
	s.t.Helper()
	_, err := s.world.AddFault(f)
	require.NoError(s.t, err)
}

func (s *stand) ok(c bitrix24.Call) json.RawMessage {
	s.t.Helper()
	answer, err := s.client.Call(s.t.Context(), s.to, c)
	require.NoError(s.t, err, c.Method)
	return answer.Result
}

// look sends the probe of a call and judges its answer.
func (s *stand) look(c bitrix24.Call) (bitrix24.Finding, string) {
	s.t.Helper()
	spec, known := bitrix24.SpecOf(c.Method)
	require.True(s.t, known, c.Method)
	params, err := json.Marshal(c.Params)
	require.NoError(s.t, err)
	probe, can := spec.Probe(params, "u1")
	require.True(s.t, can, c.Method)
	finding, result := spec.Judge(params, "u1", s.ok(probe))
	return finding, string(result)
}

// TestEffectsAreFoundAfterALostAnswer runs every effect that can be looked up: before it there is nothing, after a lost answer it is found, and the result
// has the shape of the lost one.
func TestEffectsAreFoundAfterALostAnswer(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	deal := itemID(t, s.ok(bitrix24.ItemAdd(bitrix24.Deal, "omni", "deal-1", bitrix24.Params{"title": "Сделка"})))
	contact := itemID(t, s.ok(bitrix24.ItemAdd(bitrix24.Contact, "omni", "contact-1", bitrix24.Params{"name": "Нина"})))
	note := number(t, s.ok(bitrix24.CommentAdd(bitrix24.Deal, deal, "first", 0)))
	call := bitrix24.Call{Method: "crm.activity.add", Params: bitrix24.Params{"fields": bitrix24.Params{"OWNER_TYPE_ID": 3, "OWNER_ID": contact, "TYPE_ID": 2, "SUBJECT": "Звонок", "RESPONSIBLE_ID": 1,
		"COMMUNICATIONS": []any{bitrix24.Params{"TYPE": "PHONE", "VALUE": "+79000000001", "ENTITY_ID": contact, "ENTITY_TYPE_ID": 3}}, "ORIGINATOR_ID": "omni", "ORIGIN_ID": "a-0"}}}
	activity := number(t, s.ok(call))
	registered := struct{ ID string }{}
	raw := s.ok(bitrix24.Call{Method: "telephony.externalCall.register", Params: bitrix24.Params{"USER_ID": 1, "PHONE_NUMBER": "+79000000041", "TYPE": 2, "SHOW": 0, "CRM_CREATE": 0}})
	var answer bitrix24.Registered
	require.NoError(t, json.Unmarshal(raw, &answer))
	registered.ID = string(answer.CallID)

	for _, c := range []struct {
		call  bitrix24.Call
		shape string // a format of the result with one number, or the whole of it, or "" for any
	}{
		{bitrix24.ItemAdd(bitrix24.Lead, "omni", "u1", bitrix24.Params{"title": "Лид"}), `{"item":{"id":%d}}`},
		{bitrix24.ItemUpdate(bitrix24.Contact, contact, bitrix24.Params{"fm": []any{bitrix24.Params{"typeId": "PHONE", "valueType": "WORK", "value": "+7 900 000-00-77"}}}), ""},
		{bitrix24.CommentAdd(bitrix24.Deal, deal, "Чат 5, сообщения 1–3\n10:00 "+bitrix24.PlainBB("[user=1]привет[/user] 👍"), 1), `%d`},
		{bitrix24.Call{Method: "crm.timeline.bindings.bind", Params: bitrix24.Params{"fields": bitrix24.Params{"OWNER_ID": note, "ENTITY_ID": contact, "ENTITY_TYPE": "contact"}}}, `true`},
		{withOrigin(call, "a-1"), `%d`},
		{bitrix24.Call{Method: "crm.activity.configurable.add", Params: bitrix24.Params{"ownerTypeId": 2, "ownerId": deal, "fields": bitrix24.Params{"typeId": "CONFIGURABLE", "originatorId": "omni", "originId": "a-2"},
			"layout": bitrix24.Params{"icon": bitrix24.Params{"code": "comment"}, "header": bitrix24.Params{"title": "Чат"}, "body": bitrix24.Params{"logo": bitrix24.Params{"code": "comment"},
				"blocks": bitrix24.Params{"t": bitrix24.Params{"type": "text", "properties": bitrix24.Params{"value": "x"}}}}}}}, `{"activity":{"id":%d}}`},
		{bitrix24.Call{Method: "crm.activity.binding.add", Params: bitrix24.Params{"activityId": activity, "entityTypeId": 2, "entityId": deal}}, `true`},
		{bitrix24.EventBind("OnCrmLeadAdd", "http://127.0.0.1:9/events"), `true`},
		{bitrix24.Call{Method: "placement.bind", Params: bitrix24.Params{"PLACEMENT": "LEFT_MENU", "HANDLER": "http://127.0.0.1:9/left", "TITLE": "OMNI"}}, `true`},
		{bitrix24.Call{Method: "bizproc.robot.add", Params: bitrix24.Params{"CODE": "omni_send", "HANDLER": "http://127.0.0.1:9/robot", "AUTH_USER_ID": 1, "NAME": "OMNI"}}, `true`},
		{bitrix24.Call{Method: "crm.deal.userfield.add", Params: bitrix24.Params{"fields": bitrix24.Params{"FIELD_NAME": "OMNI_FIRST", "USER_TYPE_ID": "string", "EDIT_FORM_LABEL": "ID"}}}, `%d`},
		{bitrix24.Call{Method: "telephony.externalLine.add", Params: bitrix24.Params{"NUMBER": "74950000000", "NAME": "UIS"}}, ""},
		{bitrix24.Call{Method: "telephony.externalCall.finish", Params: bitrix24.Params{"CALL_ID": registered.ID, "USER_ID": 1, "DURATION": 5, "ADD_TO_CHAT": 0}}, ""},
	} {
		finding, result := s.look(c.call)
		require.Equal(t, bitrix24.Absent, finding, "%s before it was sent: %s", c.call.Method, result)
		s.arm(portal.Fault{Kind: portal.FaultLost, Method: c.call.Method})
		_, err := s.client.Call(t.Context(), s.to, c.call)
		require.Error(t, err, c.call.Method)
		require.Equal(t, bitrix24.Unknown, bitrix24.ExecutedBy(err), "%s: %v", c.call.Method, err)
		finding, result = s.look(c.call)
		require.Equal(t, bitrix24.Found, finding, c.call.Method)
		id := int64(0)
		switch _, scanned := fmt.Sscanf(result, c.shape, &id); {
		case c.shape == "":
			require.True(t, json.Valid([]byte(result)), result)
		case c.shape == "true":
			require.Equal(t, "true", result, c.call.Method)
		default:
			require.NoError(t, scanned, "%s gave %s", c.call.Method, result)
			require.Positive(t, id)
		}
	}
	require.Empty(t, s.world.Violations())

	// A repeat of what may exist once, and of a finished call, says that it is done.
	for _, again := range []bitrix24.Call{
		bitrix24.EventBind("OnCrmLeadAdd", "http://127.0.0.1:9/events"),
		{Method: "placement.bind", Params: bitrix24.Params{"PLACEMENT": "LEFT_MENU", "HANDLER": "http://127.0.0.1:9/left", "TITLE": "OMNI"}},
		{Method: "telephony.externalLine.add", Params: bitrix24.Params{"NUMBER": "74950000000", "NAME": "UIS"}},
		{Method: "telephony.externalCall.finish", Params: bitrix24.Params{"CALL_ID": registered.ID, "USER_ID": 1, "DURATION": 5, "ADD_TO_CHAT": 0}},
	} {
		_, err := s.client.Call(t.Context(), s.to, again)
		spec, _ := bitrix24.SpecOf(again.Method)
		require.True(t, spec.ProvesDone(failure(t, err)), "%s: %v", again.Method, err)
	}
}

func withOrigin(c bitrix24.Call, origin string) bitrix24.Call {
	fields := bitrix24.Params{}
	for k, v := range c.Params["fields"].(bitrix24.Params) {
		fields[k] = v
	}
	fields["ORIGIN_ID"] = origin
	return bitrix24.Call{Method: c.Method, Params: bitrix24.Params{"fields": fields}}
}

func itemID(t *testing.T, result json.RawMessage) int64 {
	t.Helper()
	var answer struct {
		Item struct {
			ID bitrix24.ID `json:"id"`
		} `json:"item"`
	}
	require.NoError(t, json.Unmarshal(result, &answer))
	return int64(answer.Item.ID)
}

func number(t *testing.T, result json.RawMessage) int64 {
	t.Helper()
	var id bitrix24.ID
	require.NoError(t, json.Unmarshal(result, &id), string(result))
	return int64(id)
}

// TestAgainstASandboxPortal: batches with references, tokens, pages, a renamed portal.
func TestAgainstASandboxPortal(t *testing.T) {
	t.Parallel()
	s := newStand(t)

	t.Run("a chain with a reference", func(t *testing.T) {
		answer, err := s.client.Batch(t.Context(), s.to, []bitrix24.Command{
			{Key: "contact", Call: bitrix24.ItemAdd(bitrix24.Contact, "omni", "c", bitrix24.Params{"name": "Нина & Ко = 100%"})},
			{Key: "deal", Call: bitrix24.ItemAdd(bitrix24.Deal, "omni", "d", bitrix24.Params{"title": "Д", "contactId": bitrix24.Ref{Key: "contact", Path: "item.id"}})},
			{Key: "bad", Call: bitrix24.ItemGet(bitrix24.Deal, 999999)},
			{Key: "after", Call: bitrix24.Call{Method: "profile"}},
		}, true)
		require.NoError(t, err)
		var deal struct {
			Item struct {
				ContactID bitrix24.ID `json:"contactId"`
			} `json:"item"`
		}
		require.NoError(t, json.Unmarshal(answer.Results["deal"].Result, &deal))
		require.Equal(t, itemID(t, answer.Results["contact"].Result), int64(deal.Item.ContactID))
		require.Contains(t, string(answer.Results["contact"].Result), "Нина & Ко = 100%")
		require.ErrorIs(t, answer.Errors["bad"], bitrix24.ErrNotFound)
		require.ErrorIs(t, answer.Errors["after"], bitrix24.ErrNotReached)
	})
	t.Run("fifty commands in order", func(t *testing.T) {
		list := make([]bitrix24.Command, 50)
		for i := range list {
			list[i] = bitrix24.Command{Key: fmt.Sprint(i), Call: bitrix24.ItemAdd(bitrix24.Company, "omni", fmt.Sprint("k", i), bitrix24.Params{"title": fmt.Sprint("Компания ", i)})}
		}
		answer, err := s.client.Batch(t.Context(), s.to, list, false)
		require.NoError(t, err)
		last := int64(0)
		for i := range list {
			id := itemID(t, answer.Results[fmt.Sprint(i)].Result)
			require.Greater(t, id, last)
			last = id
		}
	})
	t.Run("pages", func(t *testing.T) {
		type company struct {
			ID bitrix24.ID `json:"id"`
		}
		call := bitrix24.Call{Method: "crm.item.list", Params: bitrix24.Params{"entityTypeId": bitrix24.Company, "select": []string{"id"}}}
		rows, scanned := map[int64]bool{}, map[int64]bool{}
		for c, err := range bitrix24.Rows(t.Context(), s.client.To(s.to), call, bitrix24.Items[company]) {
			require.NoError(t, err)
			rows[int64(c.ID)] = true
		}
		for c, err := range bitrix24.Scan(t.Context(), s.client.To(s.to), call, bitrix24.ItemKeys, 0, bitrix24.Items[company], func(c company) int64 { return int64(c.ID) }) {
			require.NoError(t, err)
			scanned[int64(c.ID)] = true
		}
		require.Greater(t, len(rows), 50)
		require.Equal(t, rows, scanned)
	})
	t.Run("tokens", func(t *testing.T) {
		s.portal.ExpireTokens("local.app")
		_, err := s.client.Call(t.Context(), s.to, bitrix24.Call{Method: "profile"})
		require.ErrorIs(t, err, bitrix24.ErrTokenExpired)
		token, err := s.client.Refresh(t.Context(), s.server.OAuthURL()+"/rest/", s.frame.Form.Get("REFRESH_ID"))
		require.NoError(t, err)
		require.Equal(t, s.portal.ClientEndpoint(), token.ClientEndpoint)
		s.to.Access = token.Access
		var me bitrix24.Profile
		require.NoError(t, json.Unmarshal(s.ok(bitrix24.Call{Method: "profile"}), &me))
		require.True(t, bool(me.Admin))
		info, err := s.client.AppInfo(t.Context(), token.ServerEndpoint, token.Access)
		require.NoError(t, err)
		require.Equal(t, "omni.chats", string(info.Code))
	})
	t.Run("renamed", func(t *testing.T) {
		require.NoError(t, s.server.Rename(s.portal))
		_, err := s.client.Call(t.Context(), s.to, bitrix24.Call{Method: "profile"})
		require.ErrorIs(t, err, bitrix24.ErrRenamed)
		require.Equal(t, s.portal.ClientEndpoint(), failure(t, err).NewEndpoint())
		s.to.Endpoint = failure(t, err).NewEndpoint()
		s.ok(bitrix24.Call{Method: "profile"})
	})
}
