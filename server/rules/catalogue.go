package rules

import (
	"slices"
	"sync"
)

// Kind is a kind of communication. Line is the dialogue of an open line: a chat seen from Bitrix24.
type Kind string

// The kinds of communications.
const (
	Call    Kind = "call"
	Chat    Kind = "chat"
	Request Kind = "request"
	Line    Kind = "line"
)

// Moment is from when on a value of a communication is known.
type Moment int

// The moments, in order. AtStart: with the ring, the first message, the request. AtAnswer: an employee took it. AtEnd: it is over. AtReport: only
// UIS's own report, some time later, tells it.
const (
	Never Moment = iota
	AtStart
	AtAnswer
	AtEnd
	AtReport
)

// Place is where conditions stand (R2).
type Place string

// The places of R2.
const (
	InboundFilter      Place = "inbound_filter"
	OutboundFilter     Place = "outbound_filter"
	CallFunnel         Place = "call_funnel"
	CallResponsible    Place = "call_responsible"
	CallTitle          Place = "call_title"
	ChatFilter         Place = "chat_filter"
	ChatFunnel         Place = "chat_funnel"
	ChatResponsible    Place = "chat_responsible"
	RequestFilter      Place = "request_filter"
	RequestFunnel      Place = "request_funnel"
	RequestResponsible Place = "request_responsible"
)

// Places lists all places.
func Places() []Place {
	return []Place{InboundFilter, OutboundFilter, CallFunnel, CallResponsible, CallTitle, ChatFilter, ChatFunnel, ChatResponsible,
		RequestFilter, RequestFunnel, RequestResponsible}
}

// Ops are the conditions a place offers: where R2 names none, a row always includes.
func (p Place) Ops() []Op {
	switch p {
	case CallResponsible, CallTitle, ChatResponsible, RequestResponsible:
		return []Op{Include}
	}
	return []Op{Include, Exclude}
}

// Kind is the kind of communication a place judges.
func (p Place) Kind() Kind {
	switch p {
	case InboundFilter, OutboundFilter, CallFunnel, CallResponsible, CallTitle:
		return Call
	case RequestFilter, RequestFunnel, RequestResponsible:
		return Request
	}
	return Chat
}

// Parameter is something conditions may ask of a communication. Its label is the text "param.{name}".
type Parameter struct {
	Name string
	// Directory is the list its values come from (GET directories/{name}); empty: Values are all there are, or, with Free, people write them: UIS has
	// no list of traffic sources and of the forms of a site.
	Directory string
	Values    []string
	Free      bool
	Places    []Place
	// Known is from when on a communication of a kind has it; a kind that is not there never has it.
	Known map[Kind]Moment
}

// Allowed tells whether conditions of a place may ask for the parameter.
func (p Parameter) Allowed(at Place) bool { return slices.Contains(p.Places, at) }

var (
	callRules    = []Place{CallFunnel, CallResponsible}
	chatPlaces   = []Place{ChatFilter, ChatFunnel, ChatResponsible}
	requestRules = []Place{RequestFilter, RequestFunnel, RequestResponsible}
	// everywhere a call is judged but the outbound filter.
	inboundCall = join([]Place{InboundFilter, CallTitle}, callRules)
)

func join(lists ...[]Place) []Place { return slices.Concat(lists...) }

// channelTypes are the types of C1, by their names at UIS.
var channelTypes = []string{"whatsapp", "telegram", "telegram_private", "waba", "avito", "vkontakte_groups", "email", "comagic", "sms"}

// Parameters is R2: every parameter there is, in the order of the pickers. An employee, the group chosen by the visitor and the last operation of a
// scenario are known only once somebody answered: an inbound condition on them puts the registration of the call off until then (T8a).
func Parameters() []Parameter {
	return []Parameter{
		{Name: "virtual_number", Directory: "numbers", Places: join([]Place{OutboundFilter}, inboundCall), Known: map[Kind]Moment{Call: AtStart}},
		{Name: "last_operation", Directory: "operations", Places: []Place{InboundFilter}, Known: map[Kind]Moment{Call: AtAnswer}},
		{Name: "scenario", Directory: "scenarios", Places: join(inboundCall, chatPlaces, requestRules), Known: map[Kind]Moment{Call: AtStart, Chat: AtReport, Request: AtReport}},
		{Name: "group", Directory: "groups", Places: join([]Place{InboundFilter}, chatPlaces, requestRules), Known: map[Kind]Moment{Call: AtAnswer, Chat: AtReport, Request: AtReport}},
		{Name: "employee", Directory: "uis-employees", Places: join([]Place{InboundFilter, OutboundFilter}, chatPlaces, requestRules),
			Known: map[Kind]Moment{Call: AtAnswer, Chat: AtAnswer, Request: AtReport}},
		{Name: "campaign", Directory: "campaigns", Places: join(inboundCall, chatPlaces, requestRules), Known: map[Kind]Moment{Call: AtStart, Chat: AtReport, Request: AtStart}},
		{Name: "first_campaign", Directory: "campaigns", Places: join([]Place{InboundFilter}, callRules), Known: map[Kind]Moment{Call: AtStart}},
		{Name: "site", Directory: "sites", Places: join(inboundCall, chatPlaces, requestRules), Known: map[Kind]Moment{Call: AtStart, Chat: AtReport, Request: AtStart}},
		{Name: "source", Free: true, Places: join(inboundCall, chatPlaces, requestRules), Known: map[Kind]Moment{Call: AtStart, Chat: AtReport, Request: AtReport}},
		{Name: "channel_type", Values: channelTypes, Places: chatPlaces, Known: map[Kind]Moment{Chat: AtStart}},
		{Name: "channel", Directory: "channels", Places: chatPlaces, Known: map[Kind]Moment{Chat: AtStart}},
		{Name: "form", Free: true, Places: requestRules, Known: map[Kind]Moment{Request: AtReport}},
	}
}

// parameter finds one by its name. Made once: each condition of hundreds of rules is looked up.
var parameter = sync.OnceValue(func() map[string]Parameter {
	byName := map[string]Parameter{}
	for _, p := range Parameters() {
		byName[p.Name] = p
	}
	return byName
})

// ParametersAt are the parameters a place offers, in the order of its picker.
func ParametersAt(at Place) []Parameter {
	return slices.DeleteFunc(Parameters(), func(p Parameter) bool { return !p.Allowed(at) })
}

// Needed is the latest moment a filter needs values from: before it, the filter cannot be judged (T8a). An empty filter needs nothing.
func Needed(f Filter, kind Kind) Moment {
	latest := Never
	for _, group := range f {
		for _, c := range group {
			latest = max(latest, parameter()[c.Param].Known[kind])
		}
	}
	return latest
}
