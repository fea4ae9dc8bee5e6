package bitrix24

import (
	"slices"
	"strings"
)

// specsApp are the methods of the basic scope, placements and robots.
var specsApp = slices.Concat(
	each(Spec{Mode: CheckRead}, "profile", "user.admin", "app.info", "scope", "server.time", "event.get", "events", "method.get", "methods", "feature.get",
		"app.option.get", "user.option.get"),
	each(Spec{Mode: CheckSet, App: true}, "event.unbind", "event.test", "app.option.set", "user.option.set"),
	each(Spec{Scope: "placement", Mode: CheckRead, App: true}, "placement.get", "placement.list"),
	[]Spec{
		{Method: "event.bind", App: true, Mode: CheckFind, Done: already,
			Probe: probe(func(value) Call { return Call{Method: "event.get"} }),
			Judge: inList(sameEvent, resultTrue)},
		{Method: "placement.bind", Scope: "placement", App: true, Mode: CheckFind, Done: already,
			Probe: probe(func(value) Call { return Call{Method: "placement.get"} }),
			Judge: inList(samePlacement, resultTrue)},
		{Method: "placement.unbind", Scope: "placement", App: true, Mode: CheckSet},
		{Method: "bizproc.robot.list", Scope: "bizproc", App: true, Mode: CheckRead},
		{Method: "bizproc.robot.add", Scope: "bizproc", App: true, Mode: CheckFind, Done: already,
			Probe: probe(func(value) Call { return Call{Method: "bizproc.robot.list"} }),
			Judge: inList(func(params, row value) bool { return row.text() != "" && row.text() == params.at("CODE").text() }, resultTrue)},
		{Method: "bizproc.robot.update", Scope: "bizproc", App: true, Mode: CheckSet},
		{Method: "bizproc.robot.delete", Scope: "bizproc", App: true, Mode: CheckSet, Done: gone},
		// A second answer to a waiting robot meets a workflow that went on: it is refused and changes nothing.
		{Method: "bizproc.event.send", Scope: "bizproc", App: true, Mode: CheckSet},
	},
)

// sameEvent compares a row of event.get with the parameters of event.bind: event names come back in upper case. An offline handler has no address.
func sameEvent(params, row value) bool {
	return params.at("event").text() != "" && strings.EqualFold(row.at("event").text(), params.at("event").text()) && row.at("handler").text() == params.at("handler").text()
}

// samePlacement compares a row of placement.get with the parameters of placement.bind. A handler for one employee is another one than the same for all.
func samePlacement(params, row value) bool {
	return params.at("PLACEMENT").text() != "" && strings.EqualFold(row.at("placement").text(), params.at("PLACEMENT").text()) && row.at("handler").text() == params.at("HANDLER").text() &&
		row.at("userId").id() == params.at("USER_ID").id()
}

// EventBind subscribes a handler's address to an event (event.bind). List with event.get first: a second binding of the same is an error of class Already.
func EventBind(event, handler string) Call {
	return Call{Method: "event.bind", Params: Params{"event": event, "handler": handler}}
}

// EventUnbind removes one handler of an event (event.unbind); it answers {"count":1}.
func EventUnbind(event, handler string) Call {
	return Call{Method: "event.unbind", Params: Params{"event": event, "handler": handler}}
}

// BoundEvent is a row of event.get.
type BoundEvent struct {
	// Event is in upper case.
	Event   String `json:"event"`
	Handler String `json:"handler"`
	// AuthType is the employee the event's tokens belong to, 0: whoever acted.
	AuthType ID   `json:"auth_type"`
	Offline  Bool `json:"offline"`
}

// BoundPlacement is a row of placement.get.
type BoundPlacement struct {
	Placement String `json:"placement"`
	Handler   String `json:"handler"`
	UserID    ID     `json:"userId"`
	Title     String `json:"title"`
}

// Profile is what `profile` answers: the token's employee. It works with any token.
type Profile struct {
	ID       ID     `json:"ID"`
	Admin    Bool   `json:"ADMIN"`
	Name     String `json:"NAME"`
	LastName String `json:"LAST_NAME"`
	TimeZone String `json:"TIME_ZONE"`
}
