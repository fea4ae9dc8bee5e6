package settings

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzDecode(f *testing.F) {
	initial, err := json.Marshal(Initial())
	require.NoError(f, err)
	f.Add(initial)
	for _, seed := range []string{
		`{}`, `null`, `[]`, ``, `{"chats":null}`, `{"chats":{"channels":[1,"x"]}}`, `{"chats":{"filter":[[{"param":1}]]}}`, `{"unknown":1}`, `{"chats":{"unknown":1}}`, `{"version":9e99}`, `{} {}`, `{"main":{"portal":-1}}`,
		`{"chats":{"responsibles":null,"first":{"create":null}}}`, `{"lines":{"auto_close_min":{"x":"y"}}}`, `{"CHATS":{"enabled":true}}`, `{"chats":{"filter":[[]]}}`, `{"version":1,"version":2}`,
		`{"chats":` + strings.Repeat(`[`, 20000) + `}`, `{"chats":{"template":"\u0000"}}`, `{"telephony":{"talker":"\ud800"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc, err := Decode(raw)
		if err != nil {
			var fields FieldErrors
			require.True(t, errors.As(err, &fields), "a wrong document is wrong in a field: %v", err)
			require.NotEmpty(t, fields)
			for _, field := range fields {
				require.NotEmpty(t, field.Code)
				require.True(t, field.Field == "" || strings.HasPrefix(field.Field, "/"), field.Field)
				if field.Field == "" {
					require.Contains(t, []string{"json", "type", "long"}, field.Code, "only what is wrong as a whole names no field")
				}
			}
			require.Equal(t, Document{}, doc, "nothing is taken in part")
			return
		}
		requireNoNull(t, reflect.ValueOf(doc), "")
		for _, wrong := range Validate(doc, Known{Portals: map[int64]bool{1: true}, Channels: map[int64]bool{20: true}, At: map[int64]Choices{1: {Users: map[int64]bool{5: true}}}}) {
			require.True(t, strings.HasPrefix(wrong.Field, "/"), wrong.Field)
			require.NotEmpty(t, wrong.Code)
		}
		encoded, err := json.Marshal(doc)
		require.NoError(t, err)
		again, err := Decode(encoded)
		require.NoError(t, err)
		require.Equal(t, doc, again, "stored and read again it is the same document")
	})
}

// requireNoNull: a page never meets null where a list or an object belongs.
func requireNoNull(t *testing.T, v reflect.Value, at string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			requireNoNull(t, v.Field(i), at+"/"+v.Type().Field(i).Name)
		}
	case reflect.Slice:
		require.False(t, v.IsNil(), at)
		for i := range v.Len() {
			requireNoNull(t, v.Index(i), at)
		}
	case reflect.Map:
		require.False(t, v.IsNil(), at)
	}
}
