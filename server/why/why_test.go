package why_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/locales"
	"omni/server/why"
)

func codes(list []why.Advice) []string {
	out := []string{}
	for _, a := range list {
		out = append(out, a.Code)
	}
	return out
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		troubles why.Troubles
		want     []string
	}{
		"nothing is wrong":                     {why.Troubles{Kind: why.Chat, Reasons: []string{"crm.first_nothing_found"}, Tied: true}, []string{}},
		"the section is off":                   {why.Troubles{Kind: why.Chat, Reasons: []string{"settings.chats_off"}}, []string{"section_off"}},
		"it was off, and there is a lead now":  {why.Troubles{Kind: why.Chat, Reasons: []string{"settings.chats_off", "crm.first_nothing_found"}, Tied: true}, []string{}},
		"filtered out":                         {why.Troubles{Kind: why.Chat, Reasons: []string{"settings.filtered_out"}}, []string{"filtered_out"}},
		"no contact data (C12)":                {why.Troubles{Kind: why.Chat, Reasons: []string{"crm.no_contact_data", "crm.no_contact_data"}}, []string{"no_contact_data"}},
		"no responsible":                       {why.Troubles{Kind: why.Chat, Signs: []string{"no_responsible"}}, []string{"no_responsible"}},
		"last messages are missing":            {why.Troubles{Kind: why.Chat, Signs: []string{"messages_pending"}, Tied: true}, []string{"messages_pending"}},
		"refused, and something is looked for": {why.Troubles{Kind: why.Chat, Reasons: []string{"crm.not_created"}, Failed: why.Failed{Commands: 1}, Checking: 2}, []string{"failed", "checking", "not_created"}},
		"a row was set aside":                  {why.Troubles{Kind: why.Call, Failed: why.Failed{Rows: 1}}, []string{"failed"}},
		"what nobody knows":                    {why.Troubles{Kind: why.Call, Reasons: []string{"call.new_code"}, Signs: []string{"?"}}, []string{}},
	} {
		require.Equal(t, c.want, codes(why.Advise(c.troubles)), name)
	}
}

func TestAdviceNamesThePlaceOfItsKind(t *testing.T) {
	t.Parallel()
	for kind, place := range map[why.Kind]string{why.Chat: "/chats/filter", why.Request: "/requests/filter", why.Call: "/telephony/filter"} {
		list := why.Advise(why.Troubles{Kind: kind, Reasons: []string{"settings.filtered_out"}})
		require.Equal(t, place, list[0].Place)
	}
}

// T15: what is to be done about a call stands where the settings of its direction are.
func TestAdviceNamesTheDirection(t *testing.T) {
	t.Parallel()
	for reason, place := range map[string]string{"call.filtered_out": "/telephony/filter_", "call.nobody": "/telephony/responsible_", "call.stand_in": "/telephony/responsible_", "crm.call_create_off": "/telephony/create_"} {
		for direction, name := range map[string]string{"in": "inbound", "out": "outbound", "": "inbound"} {
			list := why.Advise(why.Troubles{Kind: why.Call, Direction: direction, Reasons: []string{reason}})
			require.Equal(t, place+name, list[0].Place, reason)
		}
	}
	require.Len(t, why.Advise(why.Troubles{Kind: why.Call, Reasons: []string{"call.nobody", "call.stand_in"}}), 1, "each advice once")
}

// Every advice of the table has its sentence, and every sentence its advice.
func TestAdviceHasItsTexts(t *testing.T) {
	t.Parallel()
	texts, err := locales.Load()
	require.NoError(t, err)
	known := map[string]bool{}
	for _, code := range why.AdviceCodes() {
		known[code] = true
		for _, lang := range texts.Languages() {
			require.True(t, texts.Has(lang, "advice."+code), "%s in %s", code, lang)
		}
	}
	for _, key := range texts.Keys("en") {
		if code, ok := strings.CutPrefix(key, "advice."); ok {
			require.True(t, known[code], "the text %s serves nothing", key)
		}
	}
}

func FuzzRef(f *testing.F) {
	for _, seed := range []string{"chat:4711", "chat%3A4711", "chat:-1", "chat:+5", "call:5", "line:5", "chat:9223372036854775808", "chat:", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := why.ReadRef(text)
		if err != nil {
			require.ErrorIs(t, err, why.ErrNotFound)
			return
		}
		require.True(t, ref.Kind.Known())
		require.Positive(t, ref.ID)
		require.Contains(t, text, strconv.FormatInt(ref.ID, 10), "no number is invented")
		again, err := why.ReadRef(ref.String())
		require.NoError(t, err)
		require.Equal(t, ref, again)
	})
}
