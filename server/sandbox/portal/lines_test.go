package portal_test

import (
	"bytes"
	"maps"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
)

// connect registers a connector, binds its events and switches it on for line 1.
func (s *stand) connect() {
	for _, e := range []string{"OnImConnectorMessageAdd", "OnImConnectorMessageUpdate", "OnImConnectorMessageDelete", "OnImConnectorDialogStart", "OnImConnectorDialogFinish",
		"OnImConnectorStatusDelete", "OnImConnectorLineDelete", "OnOpenLineMessageAdd", "OnExternalCallStart", "OnExternalCallBackStart", "OnVoximplantCallInit", "OnVoximplantCallEnd"} {
		s.ok("event.bind", m{"event": e, "handler": s.sink.URL + "/e"})
	}
	require.NoError(s.t, s.portal.FinishInstall("local.app", 1))
	r := s.ok("imconnector.register", m{"ID": "Omni_WA", "NAME": "OMNI", "ICON": m{"DATA_IMAGE": "data:image/svg+xml,%3Csvg/%3E"}, "PLACEMENT_HANDLER": s.sink.URL + "/setting", "NEED_SIGNATURE": true})
	require.Equal(s.t, true, at(r, "result"))
	require.Equal(s.t, true, s.ok("imconnector.activate", m{"CONNECTOR": "omni_wa", "LINE": 1, "ACTIVE": 1}))
}

func TestConnector(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.connect()
	require.Equal(t, true, at(s.ok("imconnector.status", m{"CONNECTOR": "omni_wa", "LINE": 1}), "CONFIGURED"))
	require.Equal(t, false, at(s.ok("imconnector.status", m{"CONNECTOR": "omni_wa", "LINE": 2}), "STATUS"))
	require.Equal(t, "OMNI", at(s.ok("imconnector.list", nil), "omni_wa"))
	f, err := s.portal.Open("local.app", 1, "SETTING_CONNECTOR", m{"CONNECTOR": "omni_wa", "LINE": "1"})
	require.NoError(t, err)
	require.Contains(t, f.Action, "/setting?")

	message := func(id, text string, more m) m {
		msg := m{"id": id, "date": 1790000000, "text": text}
		for k, v := range more {
			msg[k] = v
		}
		return m{"user": m{"id": "u1", "name": "Иван", "phone": "+79000000041"}, "message": msg, "chat": m{"id": "chat-1", "name": "WhatsApp"}}
	}
	sent := s.ok("imconnector.send.messages", m{"CONNECTOR": "omni_wa", "LINE": 1, "MESSAGES": []any{
		message("m1", "Добрый день", nil), message("m2", "", m{"files": []any{m{"url": s.sink.URL + "/files/a.mp3", "name": "a.mp3"}}})}})
	chat := at(sent, "DATA", "RESULT", 0, "session", "CHAT_ID")
	require.NotEmpty(t, chat)
	require.Equal(t, true, at(sent, "DATA", "RESULT", 1, "SUCCESS"))
	d := s.portal.Dialogs()
	require.Len(t, d, 1)
	require.Equal(t, []string{"a.mp3"}, d[0].Messages[1].Files)
	got := s.ok("imopenlines.dialog.get", m{"CHAT_ID": chat})
	require.Contains(t, at(got, "entity_data_2"), "CONTACT|1|", "the client is found by phone")
	s.waitEvents("ONIMCONNECTORDIALOGSTART", 1)
	s.waitEvents("ONOPENLINEMESSAGEADD", 2)

	id, err := s.portal.Answer(d[0].Chat, 2, "Здравствуйте!")
	require.NoError(t, err)
	e := s.waitEvents("ONIMCONNECTORMESSAGEADD", 1)[0]
	require.Equal(t, "[b]Павел Орлов:[/b] [br]Здравствуйте!", e.Get("data[MESSAGES][0][message][text]"))
	require.Equal(t, "chat-1", e.Get("data[MESSAGES][0][chat][id]"))
	require.Equal(t, "omni_wa", e.Get("data[CONNECTOR]"))

	require.NoError(t, s.portal.EditAnswer(d[0].Chat, id, 2, "раньше статуса"))
	require.Zero(t, s.portal.EventsPending(), "without external ids an edit stays inside")
	im := m{"chat_id": e.Get("data[MESSAGES][0][im][chat_id]"), "message_id": e.Get("data[MESSAGES][0][im][message_id]")}
	s.ok("imconnector.send.status.delivery", m{"CONNECTOR": "omni_wa", "LINE": 1, "MESSAGES": []any{m{"im": im, "message": m{"id": []any{"x1", "x2"}, "date": 1}, "chat": m{"id": "chat-1"}}}})
	require.NoError(t, s.portal.EditAnswer(d[0].Chat, id, 2, "иначе"))
	up := s.waitEvents("ONIMCONNECTORMESSAGEUPDATE", 1)[0]
	require.Equal(t, "x2", up.Get("data[MESSAGES][0][message][id][1]"))
	require.NoError(t, s.portal.EditAnswer(d[0].Chat, id, 2, ""))
	require.Len(t, s.waitEvents("ONIMCONNECTORMESSAGEDELETE", 2), 2, "one event for each external id")

	s.ok("imconnector.update.messages", m{"CONNECTOR": "omni_wa", "LINE": 1, "MESSAGES": []any{message("m1", "Доброе утро", nil)}})
	s.ok("imconnector.update.messages", m{"CONNECTOR": "omni_wa", "LINE": 1, "MESSAGES": []any{message("unknown", "x", nil)}})
	s.ok("imconnector.delete.messages", m{"CONNECTOR": "omni_wa", "LINE": 1, "MESSAGES": []any{m{"user": m{"id": "u1"}, "message": m{"id": "m2"}, "chat": m{"id": "chat-1"}}}})
	after := s.portal.Dialogs()[0].Messages
	require.Equal(t, "Доброе утро", after[0].Text)
	require.True(t, after[1].Deleted)
	history := s.ok("imopenlines.session.history.get", m{"CHAT_ID": chat})
	require.Len(t, at(history, "message"), 1)

	n := len(s.sink.events("ONIMCONNECTORMESSAGEADD"))
	s.ok("imconnector.send.messages", m{"CONNECTOR": "omni_wa", "LINE": 1, "MESSAGES": []any{message("m3", "эхо", m{"user_id": 0, "disable_crm": "Y"})}})
	s.waitEvents("ONOPENLINEMESSAGEADD", 4)
	require.Len(t, s.sink.events("ONIMCONNECTORMESSAGEADD"), n, "a system message does not come back")
	s.ok("imconnector.send.messages", m{"CONNECTOR": "omni_wa", "LINE": 1, "MESSAGES": []any{message("m4", "от меня", m{"user_id": 3})}})
	s.waitEvents("ONIMCONNECTORMESSAGEADD", n+1)

	require.NoError(t, s.portal.FinishDialog(d[0].Chat, 2))
	s.waitEvents("ONIMCONNECTORDIALOGFINISH", 1)
	again := s.ok("imconnector.send.messages", m{"CONNECTOR": "omni_wa", "LINE": 1, "MESSAGES": []any{message("m5", "ещё", nil)}})
	require.Equal(t, chat, at(again, "DATA", "RESULT", 0, "session", "CHAT_ID"), "a closed dialog opens a new session in the same chat")

	s.refused(400, "NOT_ACTIVE_LINE", "imconnector.send.messages", m{"CONNECTOR": "omni_wa", "LINE": 2, "MESSAGES": []any{message("m6", "x", nil)}})
	s.portal.Disconnect("omni_wa", 1, 1)
	s.waitEvents("ONIMCONNECTORSTATUSDELETE", 1)
	s.portal.DropLine(2, 1)
	require.Equal(t, "2", s.waitEvents("ONIMCONNECTORLINEDELETE", 1)[0].Get("data"))
	require.Empty(t, s.world.Violations())

	require.Equal(t, "ICON_REQUIRED", at(s.ok("imconnector.register", m{"ID": "x", "NAME": "x"}), "error"))
	s.refused(400, "ERROR_ARGUMENT", "imconnector.send.messages", m{"CONNECTOR": "omni_wa", "LINE": 1, "MESSAGES": []any{m{"user": m{"id": "1"}, "chat": m{"id": "1"}}}})
	require.Len(t, s.world.Violations(), 2)
}

func TestTelephony(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.connect()
	require.NotNil(t, at(s.ok("telephony.externalLine.add", m{"NUMBER": "74950000000", "NAME": "Главная"}), "ID"))
	s.refused(400, "ERROR_CORE", "telephony.externalLine.add", m{"NUMBER": "74950000000"})
	found := s.ok("telephony.externalCall.searchCrmEntities", m{"PHONE_NUMBER": "89000000041"})
	require.Equal(t, "CONTACT", at(found, 0, "CRM_ENTITY_TYPE"))
	require.Equal(t, "OPENED", at(found, 0, "ASSIGNED_BY", "TIMEMAN_STATUS"))

	args := m{"USER_ID": 2, "PHONE_NUMBER": "+79000000041", "TYPE": 2, "LINE_NUMBER": "74950000000", "CRM_CREATE": 1, "SHOW": 1, "EXTERNAL_CALL_ID": "c-1"}
	call := s.ok("telephony.externalcall.register", args)
	id := at(call, "CALL_ID")
	require.Equal(t, "CONTACT", at(call, "CRM_ENTITY_TYPE"))
	require.Equal(t, []any{}, at(call, "CRM_CREATED_ENTITIES"))
	require.Equal(t, id, at(s.ok("telephony.externalCall.register", args), "CALL_ID"), "the same call again")
	s.waitEvents("ONVOXIMPLANTCALLINIT", 1)
	require.Equal(t, true, s.ok("telephony.externalCall.show", m{"CALL_ID": id, "USER_ID": []any{2, 3}}))
	require.Equal(t, true, s.ok("telephony.externalCall.hide", m{"CALL_ID": id, "USER_ID": 3}))
	require.Equal(t, []int{2}, s.portal.Calls()[0].Shown)
	s.refused(400, "ERROR_CORE", "telephony.externalCall.attachRecord", m{"CALL_ID": id, "FILENAME": "a.mp3", "RECORD_URL": s.sink.URL + "/files/a.mp3"})
	done := s.ok("telephony.externalCall.finish", m{"CALL_ID": id, "USER_ID": 3, "DURATION": 61, "STATUS_CODE": "200", "ADD_TO_CHAT": 0})
	require.Equal(t, float64(61), at(done, "CALL_DURATION"))
	activity := at(done, "CRM_ACTIVITY_ID")
	list := s.ok("crm.activity.list", m{"filter": m{"PROVIDER_ID": "VOXIMPLANT_CALL", "ORIGIN_ID": "VI_" + id.(string)}})
	require.Equal(t, text(activity.(float64)), at(list, 0, "ID"))
	require.Len(t, s.ok("crm.activity.binding.list", m{"activityId": activity}), 2, "the open deal is bound too")
	s.refused(400, "ERROR_CORE", "telephony.externalCall.finish", m{"CALL_ID": id, "USER_ID": 3})
	require.Equal(t, false, s.ok("telephony.externalCall.show", m{"CALL_ID": id}))
	require.NotNil(t, at(s.ok("telephony.externalCall.attachRecord", m{"CALL_ID": id, "FILENAME": "a.mp3", "RECORD_URL": s.sink.URL + "/files/a.mp3"}), "FILE_ID"))
	require.Equal(t, "a.mp3", s.portal.Calls()[0].Record)
	require.Len(t, s.ok("voximplant.statistic.get", m{"FILTER": m{"CALL_ID": id}}), 1)

	up := s.ok("telephony.externalCall.attachRecord", m{"CALL_ID": id, "FILENAME": "b.mp3"})
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	w, err := form.CreateFormFile(at(up, "fieldName").(string), "b.mp3")
	require.NoError(t, err)
	_, _ = w.Write([]byte("ID3"))
	require.NoError(t, form.Close())
	resp, err := http.Post(at(up, "uploadUrl").(string), form.FormDataContentType(), &body)
	require.NoError(t, err)
	require.NotNil(t, at(readReply(t, resp).Result, "FILE_ID"))
	require.Equal(t, "b.mp3", s.portal.Calls()[0].Record)

	fresh := s.ok("telephony.externalCall.register", m{"USER_PHONE_INNER": "102", "PHONE_NUMBER": "79000000099", "TYPE": 2, "CRM_CREATE": 1, "SHOW": 0})
	require.Equal(t, "LEAD", at(fresh, "CRM_ENTITY_TYPE"))
	require.NotNil(t, at(fresh, "CRM_CREATED_LEAD"))

	click := s.portal.ClickToCall(2, "+79000000042", portal.Contact, 2)
	e := s.waitEvents("ONEXTERNALCALLSTART", 1)[0]
	require.Equal(t, click, e.Get("data[CALL_ID]"))
	require.Equal(t, "2", e.Get("data[USER_ID]"))
	require.Equal(t, "CONTACT", e.Get("data[CRM_ENTITY_TYPE]"))
	s.ok("telephony.externalCall.finish", m{"CALL_ID": click, "USER_ID": 2, "STATUS_CODE": "480"})
	require.NoError(t, s.portal.CallBack("+79000000042", "Перезвоните", portal.Contact, 2))
	s.waitEvents("ONEXTERNALCALLBACKSTART", 1)
	require.Empty(t, s.world.Violations())

	for name, p := range map[string]m{"no user": {"PHONE_NUMBER": "1234567", "TYPE": 2}, "type": {"USER_ID": 2, "PHONE_NUMBER": "1234567", "TYPE": 9},
		"deal": {"USER_ID": 2, "PHONE_NUMBER": "1234567", "TYPE": 2, "CRM_ENTITY_TYPE": "DEAL", "CRM_ENTITY_ID": 1}, "date": {"USER_ID": 2, "PHONE_NUMBER": "1234567", "TYPE": 2, "CALL_START_DATE": "yesterday"}} {
		n := len(s.world.Violations())
		s.refused(400, "ERROR_CORE", "telephony.externalCall.register", p)
		require.Len(t, s.world.Violations(), n+1, name)
	}
}

func TestRobotsAndNotices(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	add := m{"CODE": "send", "HANDLER": s.sink.URL + "/r", "NAME": "Отправить", "PROPERTIES": m{"text": m{"Name": "Текст", "Type": "text"}}}
	s.ok("bizproc.robot.add", add)
	s.refused(400, "ERROR_ACTIVITY_ALREADY_INSTALLED", "bizproc.robot.add", add)
	require.Equal(t, []any{"send"}, s.ok("bizproc.robot.list", nil))
	s.ok("bizproc.robot.update", m{"CODE": "send", "FIELDS": m{"PROPERTIES": m{"kind": m{"Name": "Вид", "Type": "select", "Options": m{"a": "А"}, "Default": "a"}}}})
	require.Contains(t, string(s.portal.Robot("send")), `"Options":{"a":"А"}`)
	require.Error(t, s.portal.RunRobot("send", portal.Deal, 1, nil), "not before the installation is finished")
	require.NoError(t, s.portal.FinishInstall("local.app", 1))
	require.NoError(t, s.portal.RunRobot("send", portal.Deal, 1, m{"text": "Здравствуйте"}))
	require.Eventually(t, func() bool { return len(s.sink.events("")) == 2 }, 5*time.Second, 5*time.Millisecond)
	run := s.sink.events("")[1]
	require.Equal(t, "DEAL_1", run.Get("document_id[2]"))
	require.Equal(t, "Здравствуйте", run.Get("properties[text]"))
	require.Equal(t, s.portal.ApplicationToken("local.app"), run.Get("auth[application_token]"))
	require.NotContains(t, run, "auth[access_token]")
	s.ok("bizproc.robot.delete", m{"CODE": "send"})
	id := s.ok("im.notify.personal.add", m{"USER_ID": 2, "MESSAGE": "hi"})
	require.Equal(t, true, s.ok("im.notify.delete", m{"ID": id}))
	require.Equal(t, false, s.ok("im.notify.system.add", m{"USER_ID": 77, "MESSAGE": "hi"}))
	require.NotEmpty(t, s.ok("department.get", nil))
	require.Equal(t, "OPENED", at(s.ok("timeman.status", m{"USER_ID": 2}), "STATUS"))
	require.Empty(t, s.world.Violations())
	s.refused(400, "MESSAGE_EMPTY", "im.notify.system.add", m{"USER_ID": 2})
	s.refused(400, "USER_ID_EMPTY", "im.notify.system.add", m{"MESSAGE": "x"})
	require.Len(t, s.world.Violations(), 2)
	for n, wrong := range []m{{"CODE": "не код"}, {"PROPERTIES": m{"1st": m{"Name": "x", "Type": "text"}}}, {"PROPERTIES": m{"x": m{"Type": "text"}}}, {"PROPERTIES": m{"x": m{"Name": "x", "Type": "phone"}}},
		{"PROPERTIES": m{"x": m{"Name": "x", "Type": "select"}}}, {"FILTER": m{"ONLY": []any{"b24"}}}} {
		params := m{"CODE": "other", "HANDLER": s.sink.URL + "/r", "NAME": "x"}
		maps.Copy(params, wrong)
		s.refused(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", "bizproc.robot.add", params)
		require.Len(t, s.world.Violations(), 3+n)
	}

	resp, err := http.Get(s.portal.URL() + "/_sandbox/violations")
	require.NoError(t, err)
	require.Contains(t, readReply(t, resp).Raw, "MESSAGE_EMPTY")
	resp, err = http.Get(s.server.OAuthURL() + "/_sandbox/state")
	require.NoError(t, err)
	require.Contains(t, readReply(t, resp).Raw, "Запрос с сайта")
	resp, err = httpPost(s.portal.URL()+"/_sandbox/reset", "")
	require.NoError(t, err)
	require.Equal(t, 200, resp.StatusCode)
	require.Empty(t, s.world.Violations())
}
