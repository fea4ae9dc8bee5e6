package requests

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/crm"
	"omni/server/ids"
	"omni/server/rules"
	"omni/server/settings"
	"omni/server/uis"
)

type plainTexts struct{}

func (plainTexts) Text(_, key string, _ ...any) string { return key }

func sent(t *testing.T, body string) *Request {
	t.Helper()
	n, err := uis.ParseNotification([]byte(body))
	require.NoError(t, err)
	return requestOf(n, time.UTC, time.Unix(1, 0))
}

// C10, C12, P3a: what of a request goes to the CRM, and why not.
func TestBegin(t *testing.T) {
	t.Parallel()
	portal := int64(7)
	doc := func(change func(*settings.Document)) settings.Document {
		d := settings.Initial()
		d.Main.Enabled, d.Requests.Enabled, d.Requests.Portal = true, true, &portal
		if change != nil {
			change(&d)
		}
		return d
	}
	known := `{"event":"offline_message","offline_message_id":5,"visitor":{"visitor_name":" Мария ","visitor_phone_number":"+7 900 555-00-01","visitor_email":"Maria@Client.example"}}`
	nobody := `{"event":"offline_message","offline_message_id":5,"visitor":{"visitor_message":"?"}}`
	for name, row := range map[string]struct {
		doc   settings.Document
		body  string
		phase string
		why   string
	}{
		"all is well": {doc(nil), known, Asked, ""},
		"main off":    {doc(func(d *settings.Document) { d.Main.Enabled = false }), known, Off, "settings.main_off"},
		"section off": {doc(func(d *settings.Document) { d.Requests.Enabled = false }), known, Off, "settings.requests_off"},
		"no portal":   {doc(func(d *settings.Document) { d.Requests.Portal = nil }), known, Off, "settings.no_portal"},
		"filtered": {doc(func(d *settings.Document) {
			d.Requests.Filter = rules.Filter{{{Param: "site", Op: rules.Include, Values: []string{"1"}}}}
		}), known, Off, "settings.filtered_out"},
		"no contacts":      {doc(nil), nobody, Off, "crm.no_contact_data"},
		"wanted none less": {doc(func(d *settings.Document) { d.Requests.WithoutContacts = true }), nobody, Asked, ""},
	} {
		turn := &turn{key: ids.RequestKey(5), doc: row.doc, texts: plainTexts{}, params: rules.Params{"site": {"2"}}, request: sent(t, row.body)}
		turn.begin()
		require.Equal(t, row.phase, turn.request.Phase, name)
		if row.why == "" {
			require.NotNil(t, turn.need, name)
			require.Equal(t, ids.PortalID(7), turn.need.Portal, name)
			continue
		}
		require.Nil(t, turn.need, name)
		require.Equal(t, row.why, turn.out.Reasons[0].Code, name)
	}
	r := sent(t, known)
	require.Equal(t, "Мария", r.Name)
	require.Equal(t, []string{"79005550001"}, r.Phones)
	require.Equal(t, []string{"maria@client.example"}, r.Emails)
}

// R2: numbers come from the notification, else from the directories by name.
func TestParams(t *testing.T) {
	t.Parallel()
	found := map[[2]string]string{{"sites", "shop.example"}: "41", {"campaigns", "Весна"}: "71"}
	require.Equal(t, rules.Params{"site": {"41"}, "campaign": {"72"}, "source": {"yandex"}, "form": {"Заказ"}},
		paramsOf(map[string]string{"site_domain_name": "shop.example", "campaign_name": "Весна", "campaign_id": "72", "utm_source": "yandex", "offline_message_form_name": "Заказ"}, found))
	require.Empty(t, paramsOf(map[string]string{}, found))
}

// An answer that comes late, when a refused step was repeated, adds what is new and says nothing twice.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	turn := &turn{key: ids.RequestKey(5), texts: plainTexts{}, request: &Request{ID: 5, Portal: 7, Phase: Asked}}
	require.NoError(t, turn.entities([]byte(`{"ties":[{"type":"contact","id":1,"created":true}],"targets":[]}`)))
	require.Empty(t, turn.out.Commands)
	require.NoError(t, turn.entities([]byte(`{"late":true,"ties":[{"type":"contact","id":1,"created":true},{"type":"deal","id":2,"created":true}],"targets":[{"type":"deal","id":2}]}`)))
	require.Len(t, turn.out.Commands, 1)
	require.Equal(t, "crm.timeline.comment.add", turn.out.Commands[0].Kind)
	require.Equal(t, crm.Ref{Type: crm.Deal, ID: 2}, turn.request.Link.Ties[1].Ref)
}
