package crm

import (
	"fmt"

	"omni/server/bitrix24"
	"omni/server/ids"
	"omni/server/outbox"
)

// Notices says whether a communication tells somebody of what it made (C7).
type Notices struct {
	On          bool
	Responsible ids.B24UserID
	Portal      ids.PortalID
	// About names the communication.
	About string
}

// Of is the message about a lead or deal that was made, with a link to it: once, as the notice's tag is the entity's. text renders it around the link; the
// relative address opens whatever the portal is called.
func (n Notices) Of(tie Tie, key ids.Key, text func(link string) string) (outbox.Command, bool) {
	if !n.On || n.Responsible == 0 || !tie.Created || tie.Type != Lead && tie.Type != Deal {
		return outbox.Command{}, false
	}
	link := fmt.Sprintf("[URL=/crm/%s/details/%d/]%s[/URL]", tie.Type, tie.ID, bitrix24.PlainBB(tie.Title))
	call := bitrix24.Notify(int64(n.Responsible), text(link), "omni-"+tie.Name())
	return outbox.Command{Lane: outbox.LaneRef{Kind: outbox.LaneB24, Portal: n.Portal}, Key: key, Kind: call.Method, Params: call.Params, Independent: true, Priority: outbox.Live,
		Meta: map[string]string{"about": n.About}}, true
}
