package settings

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/rules"
)

var update = flag.Bool("update", false, "write the schema of the document into the OpenAPI, and the initial document for the pages")

const (
	openapi = "../web/api/openapi.yaml"
	initial = "../../frontend/src/api/settings.initial.gen.json"
	begin   = "    # The settings document, made from server/settings: go test ./server/settings -run Schema -update\n"
	end     = "    # End of the settings document.\n"
)

// limits are what validation demands beyond the type, by type and field.
var limits = map[string]string{
	"Telephony.Talker": enum(talkers), "Telephony.ResponsibleAfterMin": enum(laterMinutes), "Click.Number": digits, "Callback.Number": digits,
	"CallTemplate.Direction": enum(directions), "CallTemplate.Entity": enum(entities), "CallTemplate.Text": template, "FieldMapping.Entity": enum(append(slices.Clone(entities), "''")), // empty: half a row, where rows do not act

	"Creation.Create": "items: {type: string, " + enum(created) + "}, uniqueItems: true", "Common.CommentPriority": strings.Replace(enum(commentTargets), "]", ", null]", 1), "Common.Template": template,
	"Chats.CreateAt": enum(creationMoments), "Condition.Op": enum([]rules.Op{rules.Include, rules.Exclude}),
	"Lines.AutoCloseMin": fmt.Sprintf("additionalProperties: {type: integer, minimum: 0, maximum: %d}", maxAutoClose),
}

const digits = "pattern: '^[0-9]*$'"

var template = fmt.Sprintf("maxLength: %d", rules.MaxTemplate)

func enum[T any](values []T) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = fmt.Sprint(v)
	}
	return "enum: [" + strings.Join(parts, ", ") + "]"
}

// schema writes the schemas of a struct and of all that stands in it.
type schema struct {
	*testing.T
	made map[reflect.Type]bool
	text strings.Builder
}

func nameOf(t reflect.Type) string {
	if t == reflect.TypeFor[Document]() {
		return "Settings"
	}
	return "Settings" + t.Name()
}

func (s *schema) object(value reflect.Value, note string) {
	t := value.Type()
	if s.made[t] {
		return
	}
	s.made[t] = true
	var inner []reflect.Value
	var required, lines []string
	var properties func(of reflect.Value)
	properties = func(of reflect.Value) {
		for i := range of.NumField() {
			f := of.Type().Field(i)
			if f.Anonymous {
				properties(of.Field(i))
				continue
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			inside := s.property(of.Type().Name()+"."+f.Name, of.Field(i), &inner)
			if !strings.Contains(inside, "default: ") { // there is no value to start from
				required = append(required, name)
			}
			lines = append(lines, fmt.Sprintf("        %s: {%s},\n", name, inside))
		}
	}
	properties(value)
	must := ""
	if len(required) > 0 {
		must = fmt.Sprintf(", required: [%s]", strings.Join(required, ", "))
	}
	fmt.Fprintf(&s.text, "    %s:\n      {type: object, description: '%s', additionalProperties: false%s, properties: {\n%s      }}\n", nameOf(t), note, must, strings.Join(lines, ""))
	for _, one := range inner {
		s.object(one, "a part of the settings document; missing keys take the values named here")
	}
}

// property is the inside of one property's schema, with its initial value.
func (s *schema) property(of string, v reflect.Value, inner *[]reflect.Value) string {
	s.Helper()
	initial, err := json.Marshal(v.Interface())
	require.NoError(s, err)
	with := ", default: " + string(initial)
	if more := limits[of]; more != "" {
		with = ", " + more + with
	}
	switch {
	case of == "Document.Version":
		return "type: integer"
	case v.Kind() == reflect.Struct:
		*inner = append(*inner, v)
		return fmt.Sprintf("$ref: '#/components/schemas/%s', default: {}", nameOf(v.Type()))
	case v.Kind() == reflect.Pointer:
		return fmt.Sprintf("type: [%s, 'null']%s", s.simple(v.Type().Elem()), with)
	case v.Type() == reflect.TypeFor[rules.Filter]():
		*inner = append(*inner, reflect.ValueOf(rules.Condition{Values: []string{}}))
		return fmt.Sprintf("type: array, maxItems: %d, items: {type: array, minItems: 1, maxItems: %d, items: {$ref: '#/components/schemas/SettingsCondition'}}, default: []", rules.MaxGroups, rules.MaxRows)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		row := reflect.New(v.Type().Elem()).Elem()
		if f := row.FieldByName("Filter"); f.IsValid() {
			f.Set(reflect.ValueOf(rules.Filter{}))
		}
		*inner = append(*inner, row)
		return fmt.Sprintf("type: array, maxItems: %d, items: {$ref: '#/components/schemas/%s'}, default: []", maxRules, nameOf(row.Type()))
	case v.Kind() == reflect.Slice && limits[of] == "":
		return fmt.Sprintf("type: array, items: {type: %s}%s", s.simple(v.Type().Elem()), with)
	case v.Kind() == reflect.Slice:
		return "type: array" + with
	case v.Kind() == reflect.Map:
		return "type: object" + with
	}
	if string(initial) == `""` && strings.Contains(with, "enum:") && !strings.Contains(with, "''") { // a row says it itself: there is nothing to start from
		with = ", " + limits[of]
	}
	return "type: " + s.simple(v.Type()) + with
}

func (s *schema) simple(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Int, reflect.Int64:
		return "integer"
	default:
		require.Fail(s, "a type the schema does not know", t.String())
		return ""
	}
}

// The OpenAPI names every field of the document with its type, its choices and its initial value, and the pages start from the same values (P3b).
func TestSchema(t *testing.T) {
	t.Parallel()
	s := &schema{T: t, made: map[reflect.Type]bool{}}
	s.object(reflect.ValueOf(Initial()), "the document of design section 12; missing keys take their initial values, unknown ones are refused")
	raw, err := os.ReadFile(openapi)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(raw), begin)
	require.True(t, found, "the OpenAPI has a place for the settings document")
	_, after, found := strings.Cut(rest, end)
	require.True(t, found)
	want := before + begin + s.text.String() + end + after

	doc, err := json.MarshalIndent(Initial(), "", "  ")
	require.NoError(t, err)
	doc = append(doc, '\n')
	if *update {
		require.NoError(t, os.WriteFile(openapi, []byte(want), 0o644)) //nolint:gosec // part of the source
		require.NoError(t, os.WriteFile(initial, doc, 0o644))          //nolint:gosec // part of the source
		return
	}
	const how = "run: go test ./server/settings -run Schema -update, then npm run generate in frontend/"
	require.Equal(t, want, string(raw), how)
	have, err := os.ReadFile(initial)
	require.NoError(t, err)
	require.Equal(t, string(doc), string(have), how)
}
