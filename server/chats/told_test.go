package chats

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/settings"
)

func TestSigns(t *testing.T) {
	t.Parallel()
	user := int64(1)
	well := settings.Document{}
	well.Chats.Create, well.Chats.Responsible, well.Chats.CreateAt = true, &user, "start"
	atEnd := well
	atEnd.Chats.CreateAt = "end"
	nobody := well
	nobody.Chats.Responsible = nil
	for name, c := range map[string]struct {
		chat    Chat
		doc     settings.Document
		matched bool
		want    []string
	}{
		"all is well":                 {Chat{State: Closed, Last: 9, CRM: Link{Phase: "tied", Comments: []Comment{{Upto: 9}}}}, well, true, nil},
		"the portal has not answered": {Chat{State: New, CRM: Link{Phase: "asked"}}, well, true, []string{"asked"}},
		"everything comes at the end": {Chat{State: New}, atEnd, true, []string{"at_end"}},
		"it ended without anything":   {Chat{State: Closed, CRM: Link{Phase: "off"}}, atEnd, true, nil},
		"no responsible":              {Chat{State: New, CRM: Link{Phase: "off"}}, nobody, true, []string{"no_responsible"}},
		"last messages are missing":   {Chat{State: New, Last: 9, CRM: Link{Phase: "tied", Comments: []Comment{{Upto: 7}}}}, well, true, []string{"messages_pending"}},
		"a card that is gone":         {Chat{State: New, Last: 9, CRM: Link{Phase: "tied", Comments: []Comment{{Upto: 7, Gone: true}}}}, well, true, nil},
		"somebody leads it":           {Chat{State: Work, Employee: 5}, well, true, []string{"led_by_one"}},
		"nobody is matched (S4)":      {Chat{State: New}, well, false, []string{"no_employees"}},
	} {
		require.Equal(t, c.want, signs(&c.chat, c.doc, c.matched), name)
	}
}
