package bitrix24_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
)

func TestIDReadsEveryForm(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]int64{
		`99`: 99, `"99"`: 99, `" 99 "`: 99, `99.0`: 99, `"1.2e3"`: 1200, `null`: 0, `""`: 0, `false`: 0, `[]`: 0, `{}`: 0, `true`: 1, `-1`: -1, `9007199254740993`: 9007199254740993,
	} {
		var id bitrix24.ID
		require.NoError(t, json.Unmarshal([]byte(raw), &id), raw)
		require.Equal(t, want, int64(id), raw)
	}
	for _, raw := range []string{`"abc"`, `1.5`, `[1]`, `{"a":1}`, `"D_12"`} {
		var id bitrix24.ID
		require.Error(t, json.Unmarshal([]byte(raw), &id), raw)
	}
}

func TestBoolReadsEveryForm(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		`"Y"`: true, `"y"`: true, `true`: true, `1`: true, `"1"`: true, `"true"`: true,
		`"N"`: false, `false`: false, `0`: false, `"0"`: false, `""`: false, `null`: false, `[]`: false,
	} {
		var b bitrix24.Bool
		require.NoError(t, json.Unmarshal([]byte(raw), &b), raw)
		require.Equal(t, want, bool(b), raw)
	}
}

func TestStringReadsScalarsAndNothing(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{`"Анна"`: "Анна", `5`: "5", `null`: "", `false`: "", `[]`: "", `"\"quoted\""`: `"quoted"`} {
		var s bitrix24.String
		require.NoError(t, json.Unmarshal([]byte(raw), &s), raw)
		require.Equal(t, want, string(s), raw)
	}
}

func TestMomentReadsEveryForm(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 9, 21, 8, 0, 0, 0, time.UTC)
	for _, raw := range []string{`"2026-09-21T10:00:00+02:00"`, `"2026-09-21T10:00:00+0200"`, `"2026-09-21 08:00:00"`, `"2026-09-21T08:00:00"`, `"21.09.2026 08:00:00"`, `1789977600`, `"1789977600"`} {
		var m bitrix24.Moment
		require.NoError(t, json.Unmarshal([]byte(raw), &m), raw)
		require.True(t, want.Equal(m.Time), "%s gave %s", raw, m.Time)
	}
	for _, raw := range []string{`{}`, `""`, `null`, `[]`, `"0"`, `"soon"`} {
		m := bitrix24.Moment{Time: want}
		require.NoError(t, json.Unmarshal([]byte(raw), &m), raw)
		require.True(t, m.IsZero(), raw)
	}
}

func TestMapAcceptsWhatPHPMakesOfMaps(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bitrix24.Map[bitrix24.ID]{
		`[]`: {}, `{}`: {}, `null`: {}, `false`: {}, `{"a":"1","b":2}`: {"a": 1, "b": 2}, `["7",8]`: {"0": 7, "1": 8},
	} {
		var m bitrix24.Map[bitrix24.ID]
		require.NoError(t, json.Unmarshal([]byte(raw), &m), raw)
		require.Equal(t, want, m, raw)
	}
	var m bitrix24.Map[bitrix24.ID]
	require.Error(t, json.Unmarshal([]byte(`"text"`), &m))
}

func TestListWithGapsKeepsItsOrder(t *testing.T) {
	t.Parallel()
	var l bitrix24.List[bitrix24.ID]
	require.NoError(t, json.Unmarshal([]byte(`{"10":30,"2":"20","1":10}`), &l))
	require.Equal(t, bitrix24.List[bitrix24.ID]{10, 20, 30}, l)
	for _, raw := range []string{`[]`, `null`, `false`, `""`, `{}`} {
		require.NoError(t, json.Unmarshal([]byte(raw), &l), raw)
		require.Empty(t, l, raw)
	}
}

func TestIsEmpty(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{``, ` null `, `""`, `false`, `[]`, `{}`} {
		require.True(t, bitrix24.IsEmpty([]byte(raw)), raw)
	}
	for _, raw := range []string{`0`, `"0"`, `true`, `[0]`, `{"a":1}`} {
		require.False(t, bitrix24.IsEmpty([]byte(raw)), raw)
	}
}

func TestClientTextActsAsNoCode(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"[user=1]шеф[/user]", "[URL=https://evil.example]банк[/URL]", "[[b]]"} {
		plain := bitrix24.PlainBB(text)
		require.NotContains(t, plain, "[")
		require.NotContains(t, plain, "]")
	}
	require.Equal(t, "цена 5 < 6 & ok", bitrix24.PlainBB("цена 5 < 6 & ok"))
}
