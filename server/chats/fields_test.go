package chats

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/crm"
	"omni/server/outbox"
	"omni/server/rules"
)

// One update of an entity is under way at a time: what comes meanwhile leaves together when it is answered, and an entity that is gone is left alone (R7a).
func TestFieldsOfAHotChat(t *testing.T) {
	t.Parallel()
	lead := crm.Ref{Type: crm.Lead, ID: 3}
	turn := &turn{key: "chat:9", texts: plainTexts{}, chat: &Chat{ID: 9, UIS: 9, Name: "Анна"}}
	turn.chat.CRM = Link{Phase: "tied", Ties: []crm.Tie{{Ref: lead, Created: true}}, Given: map[crm.EntityType]map[string]string{crm.Lead: {"UF_CRM_1": "Анна"}}}
	turn.setting.extras = Extras{Mappings: crm.MappingsOf([]rules.Mapping{{Entity: "lead", Field: "UF_CRM_1", Param: "name", Always: true}, {Entity: "lead", Field: "UF_CRM_2", Param: "visitor_email"}}, nil)}
	sent := func() []map[string]any {
		var list []map[string]any
		for _, c := range turn.commands {
			fields, ok := c.Params.(map[string]any)["fields"].(map[string]any)
			require.True(t, ok)
			list = append(list, fields)
		}
		turn.commands = nil
		return list
	}
	turn.passFields()
	require.Empty(t, sent(), "the planner wrote that")
	turn.chat.Name = "Анна Б."
	turn.passFields()
	turn.chat.Name, turn.chat.Emails = "Анна В.", []string{"a@x"}
	turn.passFields()
	require.Equal(t, []map[string]any{{"UF_CRM_1": "Анна Б."}}, sent(), "one is under way")
	turn.fieldsAnswered(commandTag{Target: lead}, outbox.Result{State: "done"})
	turn.passFields()
	require.Equal(t, []map[string]any{{"UF_CRM_1": "Анна В.", "UF_CRM_2": "a@x"}}, sent())
	turn.fieldsAnswered(commandTag{Target: lead}, outbox.Result{State: "refused", Class: "not_found"})
	require.Len(t, turn.reasons, 1)
	turn.chat.Name = "Анна Г."
	turn.passFields()
	require.Empty(t, sent(), "the lead is gone")
}
