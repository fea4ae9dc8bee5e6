package openlines

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/account/directory"
	"omni/server/ids"
)

func TestListOf(t *testing.T) {
	t.Parallel()
	entries := []directory.Entry{{ID: "1", Name: "Sales", Data: map[string]any{"active": true}}, {ID: "2", Name: "Help", Data: map[string]any{"active": false}}, {ID: "odd", Name: "?"}}
	channels := []directory.Channel{{ID: 20, Type: "whatsapp", Name: "A", Active: true}, {ID: 21, Type: "sms", Name: "B", Active: true}, {ID: 22, Type: "avito", Name: "C"}, {ID: 23, Type: "email", Name: "D", Active: true}}
	lines := []*Line{tied(here, 1, 20), tied(here, 9, 22), tied(other, 2, 23)}
	list := listOf(here, document(true, true, here, 0), entries, lines, channels)
	require.True(t, list.Enabled)
	require.Len(t, list.Places, 3)
	require.Equal(t, "Sales", list.Places[0].Name)
	require.EqualValues(t, 20, list.Places[0].Channel)
	require.Nil(t, list.Places[1].Line, "the line of equal number at another portal is another line")
	require.False(t, list.Places[1].Active)
	require.Equal(t, "№ 9", list.Places[2].Name)
	require.True(t, list.Places[2].Gone)
	require.Len(t, list.Offers, 2, "no SMS, nothing that does not work")
	require.EqualValues(t, 1, list.Offers[0].On.ID)
	require.Equal(t, other, list.Offers[1].On.Portal)
	require.Len(t, list.Channels, 4)
	require.False(t, listOf(here, document(true, true, other, 0), nil, nil, nil).Enabled)
	off := listOf(here, document(true, false, here, 0), nil, lines, nil)
	require.False(t, off.Enabled)
	require.Zero(t, off.Portal)
	require.Len(t, off.Places, 2, "tied lines are shown")
}

func TestListed(t *testing.T) {
	t.Parallel()
	for raw, wanted := range map[string]bool{`{"telegrambot":"Telegram","omni_uis":"OMNI"}`: true, `{"OMNI_UIS":"OMNI"}`: true, `{"livechat":"x"}`: false, `[]`: false, `null`: false} {
		there, err := listed(json.RawMessage(raw))
		require.NoError(t, err)
		require.Equal(t, wanted, there, raw)
	}
	_, err := listed(json.RawMessage(`"x"`))
	require.Error(t, err)
}

func TestUnheard(t *testing.T) {
	t.Parallel()
	c := &Connector{EventsURL: "https://omni/bitrix24/events"}
	missing, err := c.unheard(json.RawMessage(`[{"event":"OnImConnectorStatusDelete","handler":"https://omni/bitrix24/events"},{"event":"ONIMCONNECTORLINEDELETE","handler":"https://old/bitrix24/events"}]`))
	require.NoError(t, err)
	require.Equal(t, []string{"ONIMCONNECTORLINEDELETE"}, missing)
}

func TestRegistrationIsNamedByWhatItSays(t *testing.T) {
	t.Parallel()
	params := registration("OMNI", "https://omni/placements/setting-connector")
	require.Equal(t, Code, params["ID"])
	require.Equal(t, false, params["CHAT_GROUP"], "set explicitly: a group connector makes no leads")
	require.Equal(t, params["EDIT_INTERNAL_MESSAGES"], params["DEL_INTERNAL_MESSAGES"], "one flag at the portal")
	require.Equal(t, digest(params), digest(registration("OMNI", "https://omni/placements/setting-connector")))
	require.NotEqual(t, digest(params), digest(registration("OMNI", "https://new/placements/setting-connector")))
	require.NotEqual(t, digest(params), digest(registration("ОМНИ", "https://omni/placements/setting-connector")))
}

func TestStatusOf(t *testing.T) {
	t.Parallel()
	for raw, wanted := range map[string]Standing{`{"STATUS":true}`: Working, `{"STATUS":"Y","ERROR":"N"}`: Working, `{"STATUS":false,"CONFIGURED":true}`: Broken, `{"ERROR":true}`: Broken, `{"LINE":0}`: Absent} {
		got, err := StatusOf(json.RawMessage(raw))
		require.NoError(t, err)
		require.Equal(t, wanted, got, raw)
	}
}

func TestGood(t *testing.T) {
	t.Parallel()
	require.True(t, Look{}.Good())
	for _, l := range []Look{{NoRight: true}, {Missing: true}, {Old: true}, {Events: []string{"x"}}, {Off: []ids.B24LineID{1}}, {Broken: []ids.B24LineID{1}}} {
		require.False(t, l.Good())
	}
	require.True(t, Look{Refused: "no right to look"}.Good(), "what cannot be looked at is not wrong")
}
