package placements

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"omni/server/account"
	"omni/server/bitrix24"
	"omni/server/rules"
)

// fieldKinds are the kinds of entities that get the app's own field "First communication ID" (R7c).
var fieldKinds = []string{"lead", "deal", "contact", "company"}

// Notes keeps which kinds of entities have the field.
type Notes interface {
	NoteFirstID(ctx context.Context, portal account.Ref, kinds []string) error
}

// hasField looks for the field by its code (docs: crm.*.userfield.list).
func (i *Installer) hasField(ctx context.Context, p account.Portal, kind string) (bool, error) {
	raw, err := i.ask(ctx, p, "crm."+kind+".userfield.list", map[string]any{"filter": map[string]any{"FIELD_NAME": rules.FirstIDField}})
	var list bitrix24.List[struct {
		Name string `json:"FIELD_NAME"`
	}]
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	for _, field := range list {
		if field.Name == rules.FirstIDField {
			return true, nil
		}
	}
	return false, err
}

// fieldsToAdd makes the field where it is missing, with its name in every language.
func (i *Installer) fieldsToAdd(b bound) []action {
	labels := map[string]any{}
	for _, lang := range i.texts.Languages() {
		labels[lang] = i.texts.Text(lang, "product.first_id")
	}
	var todo []action
	for _, kind := range fieldKinds {
		if slices.Contains(b.fields, kind) {
			continue
		}
		todo = append(todo, action{"fields", kind, "crm." + kind + ".userfield.add", map[string]any{"fields": map[string]any{"FIELD_NAME": rules.FirstIDField, "XML_ID": rules.FirstIDField,
			"USER_TYPE_ID": "string", "MULTIPLE": "N", "MANDATORY": "N", "SHOW_FILTER": "Y", "EDIT_FORM_LABEL": labels, "LIST_COLUMN_LABEL": labels, "LIST_FILTER_LABEL": labels}}})
	}
	return todo
}

// fieldsNow are the kinds that have the field after the actions: "lead: words" in failed says that the portal refused it for leads. It is pure.
func fieldsNow(b bound, todo []action, failed []string) []string {
	kinds := slices.Clone(b.fields)
	for _, a := range todo {
		if a.step == "fields" && !slices.ContainsFunc(failed, func(f string) bool { return strings.HasPrefix(f, a.what+": ") }) {
			kinds = append(kinds, a.what)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// fieldsStep tells of fields that were refused, and is never in the way of finishing the installation: without the field its feature is off, and the self-check
// says so.
func (i *Installer) fieldsStep(lang string, refused []string) Step {
	s := Step{Code: "fields", OK: true, Text: i.texts.Text(lang, "install.step.fields")}
	if len(refused) > 0 {
		detail := i.texts.Text(lang, "install.fields_off", "words", strings.Join(refused, "; "))
		s.Detail = &detail
	}
	return s
}
