package placements

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// R7c: the kinds that have the field afterwards are those that had it and those the portal took it for.
func TestFieldsNow(t *testing.T) {
	t.Parallel()
	todo := []action{{step: "fields", what: "lead"}, {step: "fields", what: "deal"}, {step: "events", what: "ONAPPTEST"}}
	require.Equal(t, []string{"contact", "deal", "lead"}, fieldsNow(bound{fields: []string{"contact"}}, todo, nil))
	require.Equal(t, []string{"contact", "deal"}, fieldsNow(bound{fields: []string{"contact"}}, todo, []string{"lead: no right"}))
	require.Empty(t, fieldsNow(bound{}, todo[:1], []string{"lead: no right"}))
}
