package portal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
)

func TestItems(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(c *portal.PortalConfig) { c.Empty = true })
	lead := at(s.ok("crm.item.add", m{"entityTypeId": 1, "fields": m{"name": "Лев", "sourceId": "WEB", "originatorId": "omni", "originId": "c-1",
		"fm": []any{m{"typeId": "PHONE", "valueType": "MOBILE", "value": "+7 (900) 000-00-01"}}}}), "item")
	require.Equal(t, "NEW", at(lead, "stageId"))
	require.Equal(t, "P", at(lead, "stageSemanticId"))
	require.Equal(t, "Y", at(lead, "hasPhone"))
	require.Equal(t, "Лид #1", at(lead, "title"))

	found := s.ok("crm.item.list", m{"entityTypeId": 1, "filter": m{"=originatorId": "omni", "originId": "c-1"}, "select": []any{"id", "phone"}})
	require.Equal(t, float64(1), at(found, "items", 0, "id"))
	require.Equal(t, "+7 (900) 000-00-01", at(found, "items", 0, "phone"))
	require.NotContains(t, at(found, "items", 0), "title")

	for _, number := range []string{"89000000001", "+79000000001", "7 900 000 00 01"} {
		require.Equal(t, map[string]any{"LEAD": []any{float64(1)}}, s.ok("crm.duplicate.findbycomm", m{"type": "PHONE", "values": []any{number}}), number)
	}
	require.Equal(t, []any{}, s.ok("crm.duplicate.findbycomm", m{"type": "PHONE", "values": []any{"9000000001"}, "entity_type": "CONTACT"}))

	t.Run("fm", func(t *testing.T) {
		id := at(lead, "fm", 0, "id").(float64)
		got := s.ok("crm.item.update", m{"entityTypeId": 1, "id": 1, "fields": m{"fm": m{text(id): m{"typeId": "PHONE", "value": "+79000000002"}, "n0": m{"typeId": "EMAIL", "valueType": "WORK", "value": "a@b.example"}}}})
		require.Len(t, at(got, "item", "fm"), 2)
		got = s.ok("crm.item.update", m{"entityTypeId": 1, "id": 1, "fields": m{"fm": m{text(id): m{"typeId": "PHONE", "value": ""}}}})
		require.Len(t, at(got, "item", "fm"), 1)
	})
	t.Run("deals", func(t *testing.T) {
		a := at(s.ok("crm.item.add", m{"entityTypeId": 3, "fields": m{"name": "A"}}), "item", "id")
		b := at(s.ok("crm.item.add", m{"entityTypeId": 3, "fields": m{"name": "B"}}), "item", "id")
		deal := at(s.ok("crm.item.add", m{"entityTypeId": 2, "fields": m{"title": "D", "contactIds": []any{b, a}, "stageId": "C1:EXECUTING"}}), "item")
		require.Equal(t, float64(1), at(deal, "categoryId"))
		require.Equal(t, b, at(deal, "contactId"))
		s.ok("crm.item.add", m{"entityTypeId": 2, "fields": m{"title": "E", "contactId": a, "stageId": "WON"}})
		open := s.ok("crm.item.list", m{"entityTypeId": 2, "filter": m{"stageSemanticId": "P", "0": m{"logic": "OR", "0": m{"@contactId": []any{a, b}}, "1": m{"companyId": 9}}}})
		require.Len(t, at(open, "items"), 1)
		s.refused(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", "crm.item.update", m{"entityTypeId": 2, "id": 1, "fields": m{"stageId": "NEW"}})
		moved := s.ok("crm.item.update", m{"entityTypeId": 2, "id": 1, "fields": m{"categoryId": 0, "stageId": "WON"}})
		require.Equal(t, "Y", at(moved, "item", "closed"))
	})
	t.Run("pages", func(t *testing.T) {
		for range 55 {
			_, err := s.portal.AddItem(portal.Company, m{"title": "К"}, 1)
			require.NoError(t, err)
		}
		r := s.call("crm.item.list", m{"entityTypeId": 4})
		require.Equal(t, 55, *r.Total)
		require.Equal(t, 50, *r.Next)
		r = s.call("crm.item.list", m{"entityTypeId": 4, "start": 50})
		require.Len(t, at(r.Result, "items"), 5)
		require.Nil(t, r.Next)
		r = s.call("crm.item.list", m{"entityTypeId": 4, "start": -1, "order": m{"id": "ASC"}, "filter": m{">id": 50}})
		require.Equal(t, 0, *r.Total)
		require.Nil(t, r.Next)
		require.Len(t, at(r.Result, "items"), 5)
	})
	require.Empty(t, s.world.Violations())

	for name, c := range map[string]struct {
		code   string
		params m
	}{
		"unknown field":      {"INVALID_ARG_VALUE", m{"entityTypeId": 1, "fields": m{"TITLE": "x"}}},
		"read-only field":    {"INVALID_ARG_VALUE", m{"entityTypeId": 1, "fields": m{"stageSemanticId": "P"}}},
		"scalar for a list":  {"100", m{"entityTypeId": 2, "fields": m{"contactIds": 5}}},
		"fm without type":    {"INVALID_ARG_VALUE", m{"entityTypeId": 1, "fields": m{"fm": []any{m{"value": "1"}}}}},
		"unknown parameter":  {"INVALID_ARG_VALUE", m{"entityTypeId": 1, "fields": m{}, "params": m{}}},
		"unknown type":       {"ENTITY_TYPE_NOT_SUPPORTED", m{"entityTypeId": 77, "fields": m{"title": "x"}}},
		"wrong kind of user": {"CRM_FIELD_ERROR_VALUE_NOT_VALID", m{"entityTypeId": 1, "fields": m{"assignedById": "anna"}}},
	} {
		n := len(s.world.Violations())
		s.refused(400, c.code, "crm.item.add", c.params)
		require.Len(t, s.world.Violations(), n+1, name)
	}
	n := len(s.world.Violations())
	s.refused(400, "INVALID_ARG_VALUE", "crm.item.list", m{"entityTypeId": 1, "filter": m{"PHONE": "x"}})
	require.Len(t, s.world.Violations(), n+1)
	s.refused(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", "crm.item.add", m{"entityTypeId": 2, "fields": m{"contactIds": []any{4040}}})
	s.refused(400, "NOT_FOUND", "crm.item.get", m{"entityTypeId": 1, "id": 4040})
	require.Len(t, s.world.Violations(), n+1, "an object that is gone is nobody's breach")
}

func text(f float64) string {
	b := []byte{}
	for n := int(f); n > 0; n /= 10 {
		b = append([]byte{byte('0' + n%10)}, b...)
	}
	return string(b)
}

func TestSimpleModeHasNoLeads(t *testing.T) {
	t.Parallel()
	s := newStand(t, func(c *portal.PortalConfig) { c.LeadsMode = portal.Simple })
	require.Equal(t, float64(2), s.ok("crm.settings.mode.get", nil))
	s.refused(400, "ACCESS_DENIED", "crm.item.add", m{"entityTypeId": 1, "fields": m{"title": "x"}})
	require.Len(t, s.world.Violations(), 1)
}

func TestDirectories(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	stages := s.ok("crm.status.list", m{"filter": m{"ENTITY_ID": "DEAL_STAGE_1"}, "order": m{"SORT": "ASC"}})
	require.Len(t, stages, 4)
	require.Nil(t, at(stages, 0, "SEMANTICS"))
	require.Equal(t, "S", at(stages, 2, "SEMANTICS"))
	require.Equal(t, "success", at(stages, 2, "EXTRA", "SEMANTICS"))
	require.Len(t, at(s.ok("crm.category.list", m{"entityTypeId": 2}), "categories"), 2)
	id := s.ok("crm.deal.userfield.add", m{"fields": m{"USER_TYPE_ID": "string", "FIELD_NAME": "uis_chat", "EDIT_FORM_LABEL": m{"ru": "Чат", "en": "Chat"}}})
	require.Equal(t, "Чат", at(s.ok("crm.item.fields", m{"entityTypeId": 2}), "fields", "ufCrmUisChat", "title"))
	s.ok("crm.item.update", m{"entityTypeId": 2, "id": 1, "fields": m{"ufCrmUisChat": "42"}})
	require.Equal(t, "42", at(s.ok("crm.item.get", m{"entityTypeId": 2, "id": 1, "useOriginalUfNames": "Y"}), "item", "UF_CRM_UIS_CHAT"))
	require.Len(t, at(s.ok("crm.item.list", m{"entityTypeId": 2, "filter": m{"ufCrmUisChat": "42"}}), "items"), 1)
	require.Len(t, s.ok("crm.deal.userfield.list", m{"filter": m{"FIELD_NAME": "UF_CRM_UIS_CHAT"}}), 1)
	s.refused(400, "ERROR_CORE", "crm.deal.userfield.add", m{"fields": m{"USER_TYPE_ID": "string", "FIELD_NAME": "uis_chat"}})
	require.Equal(t, true, s.ok("crm.deal.userfield.delete", m{"id": id}))
	require.Empty(t, s.world.Violations())
	s.refused(400, "ERROR_CORE", "crm.deal.userfield.add", m{"fields": m{"USER_TYPE_ID": "text", "FIELD_NAME": "x"}})
	require.Len(t, s.world.Violations(), 1)
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	on := func(kind string, id int, body string) m {
		return m{"ENTITY_TYPE": kind, "ENTITY_ID": id, "COMMENT": body}
	}
	id := s.ok("crm.timeline.comment.add", m{"fields": on("lead", 1, "  привет \n[b]мир[/b]")})
	got := s.ok("crm.timeline.comment.get", m{"id": id})
	require.Equal(t, "привет \n[b]мир[/b]", at(got, "COMMENT"))
	require.Equal(t, "1", at(got, "AUTHOR_ID"))
	require.Equal(t, id, s.ok("crm.timeline.comment.update", m{"id": id, "fields": m{"COMMENT": "два"}, "ownerTypeId": 1, "ownerId": 1}))

	s.ok("crm.timeline.bindings.bind", m{"fields": m{"OWNER_ID": id, "ENTITY_TYPE": "deal", "ENTITY_ID": 1}})
	copied := s.ok("crm.timeline.comment.update", m{"id": id, "fields": m{"COMMENT": "три"}, "ownerTypeId": 2, "ownerId": 1})
	require.NotEqual(t, id, copied, "a comment of two items is copied")
	require.Equal(t, "два", at(s.ok("crm.timeline.comment.get", m{"id": id}), "COMMENT"))
	require.Len(t, s.ok("crm.timeline.bindings.list", m{"filter": m{"OWNER_ID": id}}), 1)

	withFile := s.ok("crm.timeline.comment.add", m{"fields": m{"ENTITY_TYPE": "deal", "ENTITY_ID": 1, "COMMENT": "f", "AUTHOR_ID": 2, "FILES": []any{[]any{"a.txt", "aGk="}}}})
	require.Contains(t, at(s.ok("crm.timeline.comment.get", m{"id": withFile}), "FILES"), "1")
	s.ok("crm.timeline.comment.update", m{"id": withFile, "fields": m{"COMMENT": "g"}})
	require.NotContains(t, s.ok("crm.timeline.comment.get", m{"id": withFile}), "FILES", "an update without files drops them")
	newest := s.ok("crm.timeline.comment.list", m{"filter": m{"ENTITY_TYPE": "deal", "ENTITY_ID": 1}, "order": m{"ID": "DESC"}, "select": []any{"ID", "COMMENT"}})
	require.Equal(t, "g", at(newest, 0, "COMMENT"))
	require.Nil(t, s.ok("crm.timeline.comment.delete", m{"id": withFile}))
	s.refused(400, "NOT_FOUND", "crm.timeline.comment.get", m{"id": withFile})
	s.refused(400, "OWNER_NOT_FOUND", "crm.timeline.comment.add", m{"fields": on("lead", 999, "x")})
	require.Empty(t, s.world.Violations())
	s.refused(400, "100", "crm.timeline.comment.add", m{"FIELDS": on("lead", 1, "x")})
	s.refused(400, "INVALID_ARG_VALUE", "crm.timeline.comment.add", m{"fields": on("lead", 1, "  ")})
	require.Len(t, s.world.Violations(), 2)
	require.Len(t, s.portal.Comments(portal.Deal, 1), 1)
}

func TestActivities(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	base := func() m {
		return m{"OWNER_TYPE_ID": 2, "OWNER_ID": 1, "TYPE_ID": 6, "PROVIDER_ID": "REST_APP", "SUBJECT": "Чат", "RESPONSIBLE_ID": 2, "ORIGINATOR_ID": "omni", "ORIGIN_ID": "c-7",
			"COMMUNICATIONS": []any{m{"VALUE": "+79000000041", "ENTITY_ID": 1, "ENTITY_TYPE_ID": 3, "TYPE": "PHONE"}}}
	}
	id := s.ok("crm.activity.add", m{"fields": base()})
	found := s.ok("crm.activity.list", m{"filter": m{"ORIGINATOR_ID": "omni", "ORIGIN_ID": "c-7"}, "select": []any{"ID", "COMPLETED"}})
	require.Equal(t, text(id.(float64)), at(found, 0, "ID"))
	require.Equal(t, "N", at(found, 0, "COMPLETED"))
	require.Equal(t, true, s.ok("crm.activity.update", m{"id": id, "fields": m{"COMPLETED": "Y"}}))
	require.Equal(t, "Y", at(s.ok("crm.activity.get", m{"id": id}), "COMPLETED"))
	s.ok("crm.activity.binding.add", m{"activityId": id, "entityTypeId": 3, "entityId": 1})
	require.Len(t, s.ok("crm.activity.binding.list", m{"activityId": id}), 2)
	require.Len(t, s.ok("crm.activity.list", m{"filter": m{"OWNER_TYPE_ID": 3, "OWNER_ID": 1}}), 1)
	s.refused(400, "ACTIVITY_IS_ALREADY_BOUND", "crm.activity.binding.add", m{"activityId": id, "entityTypeId": 3, "entityId": 1})
	todo := s.ok("crm.activity.todo.add", m{"ownerTypeId": 1, "ownerId": 1, "deadline": "2026-12-01T10:00:00+03:00", "title": "Перезвонить", "responsibleId": 3})
	require.NotNil(t, at(todo, "id"))

	layout := m{"icon": m{"code": "comment"}, "header": m{"title": "WhatsApp"}, "body": m{"logo": m{"code": "comment"}, "blocks": m{"t": m{"type": "largeText", "properties": m{"value": "10:01 hi"}}}}}
	conf := s.ok("crm.activity.configurable.add", m{"ownerTypeId": 2, "ownerId": 1, "fields": m{"typeId": "CONFIGURABLE", "completed": false, "isIncomingChannel": "Y", "originId": "x"}, "layout": layout})
	done := s.ok("crm.activity.configurable.update", m{"id": at(conf, "activity", "id"), "fields": m{"completed": true}})
	require.Equal(t, true, at(done, "activity", "fields", "completed"))
	require.Empty(t, s.world.Violations())
	bad := base()
	bad["SUBJEKT"] = "x"
	s.refused(400, "INVALID_ARG_VALUE", "crm.activity.add", m{"fields": bad})
	s.refused(400, "INCOMING_ACTIVITY_CAN_NOT_BE_WITH_DEADLINE", "crm.activity.configurable.add", m{"ownerTypeId": 2, "ownerId": 1, "layout": layout,
		"fields": m{"isIncomingChannel": "Y", "deadline": "2026-12-01T10:00:00+03:00"}})
	require.Len(t, s.world.Violations(), 2)
}

func TestOriginIndexFollowsChanges(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	by := func(origin string) int {
		return len(at(s.ok("crm.item.list", m{"entityTypeId": 3, "filter": m{"originId": origin}}), "items").([]any))
	}
	id := at(s.ok("crm.item.add", m{"entityTypeId": 3, "fields": m{"name": "A", "originId": "X-1"}}), "item", "id")
	require.Equal(t, 1, by("x-1"))
	s.ok("crm.item.update", m{"entityTypeId": 3, "id": id, "fields": m{"originId": "X-2"}})
	require.Equal(t, []int{0, 1}, []int{by("X-1"), by("X-2")})
	s.ok("crm.item.delete", m{"entityTypeId": 3, "id": id})
	require.Zero(t, by("X-2"))
}
