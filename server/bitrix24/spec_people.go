package bitrix24

import "slices"

// specsPeople are employees, departments and messages to them.
var specsPeople = slices.Concat(
	each(Spec{Scope: "user_brief", Mode: CheckRead}, "user.get", "user.search", "user.current", "user.fields"),
	each(Spec{Scope: "department", Mode: CheckRead}, "department.get"),
	each(Spec{Scope: "timeman", Mode: CheckRead}, "timeman.status"),
	// A notification with a TAG replaces the one before, so TAG must be set: Notify does.
	each(Spec{Scope: "im", Mode: CheckSet}, "im.notify.personal.add", "im.notify.system.add", "im.notify.delete", "im.message.update", "im.message.delete"),
	[]Spec{
		{Method: "im.message.add", Scope: "im", Mode: CheckPerson},
		{Method: "im.v2.File.upload", Scope: "im", Mode: CheckPerson, Alone: true},
	},
)

// Notify tells an employee something in the messenger, as the system (im.notify.system.add); it answers the id. The same tag replaces the notification before, so a
// repeat does not double it. The text may hold bb-codes; what others wrote goes through PlainBB.
func Notify(user int64, text, tag string) Call {
	return Call{Method: "im.notify.system.add", Params: Params{"USER_ID": user, "MESSAGE": text, "TAG": tag}}
}

// User is a row of user.get. Scope user_brief shows all of these; the telephones and the e-mail of others need more.
type User struct {
	ID         ID       `json:"ID"`
	Active     Bool     `json:"ACTIVE"`
	Name       String   `json:"NAME"`
	LastName   String   `json:"LAST_NAME"`
	SecondName String   `json:"SECOND_NAME"`
	Position   String   `json:"WORK_POSITION"`
	Photo      String   `json:"PERSONAL_PHOTO"`
	Department List[ID] `json:"UF_DEPARTMENT"`
	Inner      String   `json:"UF_PHONE_INNER"`
	Email      String   `json:"EMAIL"`
	Type       String   `json:"USER_TYPE"`
	Online     Bool     `json:"IS_ONLINE"`
}
