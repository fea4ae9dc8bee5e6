// Package settings holds an account's settings document: its shape and initial values, its validation, and its stored versions.
package settings

import "omni/server/rules"

// Document is the whole settings document of one account (design section 12). Missing keys take their initial values, unknown keys are refused.
type Document struct {
	Version   int       `json:"version"`
	Main      Main      `json:"main"`
	Telephony Telephony `json:"telephony"`
	Chats     Chats     `json:"chats"`
	Requests  Requests  `json:"requests"`
	Lines     Lines     `json:"lines"`
}

// What fields of a fixed choice may hold.
var (
	talkers         = []string{"first", "last"}
	laterMinutes    = []int{5, 10, 15, 20, 25}
	directions      = []string{"in", "out"}
	entities        = []string{"lead", "deal", "contact", "company"}
	created         = []string{"lead", "deal", "activity"}
	commentTargets  = []string{"deals", "leads", "both"}
	creationMoments = []string{"start", "end"}
)

// Main turns everything on or off (P3) and says which employees are synchronised (S2, S3).
type Main struct {
	Enabled        bool    `json:"enabled"`
	Portal         *int64  `json:"portal"`
	ImportStatuses bool    `json:"import_statuses"`
	SyncAll        bool    `json:"sync_all"`
	SyncOnly       []int64 `json:"sync_only"`
}

// Telephony is T1–T15.
type Telephony struct {
	Enabled             bool              `json:"enabled"`
	Portal              *int64            `json:"portal"`
	OtherTelephony      bool              `json:"other_telephony"`
	PersonalManager     bool              `json:"personal_manager"`
	CreateInbound       bool              `json:"create_inbound"`
	CreateOutbound      bool              `json:"create_outbound"`
	Talker              string            `json:"talker"`
	ResponsibleLater    bool              `json:"responsible_later"`
	ResponsibleAfterMin int               `json:"responsible_after_min"`
	NumberAsSource      bool              `json:"number_as_source"`
	FilterOn            bool              `json:"filter_on"`
	FilterInbound       rules.Filter      `json:"filter_inbound"`
	FilterOutbound      rules.Filter      `json:"filter_outbound"`
	Click               Click             `json:"click"`
	Callback            Callback          `json:"callback"`
	Records             Records           `json:"records"`
	CallMessage         bool              `json:"call_message"`
	Templates           []CallTemplate    `json:"templates"`
	Funnel              Funnel            `json:"funnel"`
	FunnelsInbound      []FunnelRule      `json:"funnels_inbound"`
	FunnelsOutbound     []FunnelRule      `json:"funnels_outbound"`
	ResponsibleInbound  *int64            `json:"responsible_inbound"`
	ResponsibleOutbound *int64            `json:"responsible_outbound"`
	Responsibles        []ResponsibleRule `json:"responsibles"`
	Fields              []FieldMapping    `json:"fields"`
}

// Click is click-to-call (T10).
type Click struct {
	On               bool    `json:"on"`
	Number           *string `json:"number"`
	OverrideCallerID bool    `json:"override_caller_id"`
}

// Callback is call-back forms (T11).
type Callback struct {
	On     bool    `json:"on"`
	Number *string `json:"number"`
}

// Records is recordings (T12).
type Records struct {
	Send        bool `json:"send"`
	WithFilters bool `json:"with_filters"`
}

// CallTemplate names an entity a call creates (R4).
type CallTemplate struct {
	Direction string       `json:"direction"`
	Entity    string       `json:"entity"`
	Filter    rules.Filter `json:"filter"`
	Text      string       `json:"text"`
}

// Funnel is where entities start; null leaves it to the portal (R5).
type Funnel struct {
	LeadStage *string `json:"lead_stage"`
	Pipeline  *int64  `json:"pipeline"`
	DealStage *string `json:"deal_stage"`
}

// FunnelRule is a funnel for communications that its filter matches (R5).
type FunnelRule struct {
	Filter    rules.Filter `json:"filter"`
	LeadStage *string      `json:"lead_stage"`
	Pipeline  *int64       `json:"pipeline"`
	DealStage *string      `json:"deal_stage"`
}

// ResponsibleRule is a responsible for communications that its filter matches (R6).
type ResponsibleRule struct {
	Filter rules.Filter `json:"filter"`
	User   int64        `json:"user"`
}

// FieldMapping writes a parameter of the communication into a Bitrix24 field (R7).
type FieldMapping struct {
	Entity string `json:"entity"`
	Field  string `json:"field"`
	Param  string `json:"param"`
	Always bool   `json:"always"`
}

// Creation is one form of C3.
type Creation struct {
	On     bool     `json:"on"`
	Create []string `json:"create"`
}

// ChatFunnel is one form of C5.
type ChatFunnel struct {
	On        bool         `json:"on"`
	LeadStage *string      `json:"lead_stage"`
	Pipeline  *int64       `json:"pipeline"`
	DealStage *string      `json:"deal_stage"`
	Rules     []FunnelRule `json:"rules"`
}

// Common is what chats and offline requests share (C2–C13).
type Common struct {
	Enabled         bool              `json:"enabled"`
	Portal          *int64            `json:"portal"`
	Responsible     *int64            `json:"responsible"`
	Responsibles    []ResponsibleRule `json:"responsibles"`
	First           Creation          `json:"first"`
	Repeat          Creation          `json:"repeat"`
	CommentPriority *string           `json:"comment_priority"`
	CopyToContact   bool              `json:"copy_to_contact"`
	Notify          bool              `json:"notify"`
	ClosedEntities  bool              `json:"closed_entities"`
	WithoutContacts bool              `json:"without_contacts"`
	Filter          rules.Filter      `json:"filter"`
	Template        string            `json:"template"`
	FunnelFirst     ChatFunnel        `json:"funnel_first"`
	FunnelRepeat    ChatFunnel        `json:"funnel_repeat"`
	FieldsOn        bool              `json:"fields_on"`
	Fields          []FieldMapping    `json:"fields"`
}

// Chats is C1–C13 for chats.
type Chats struct {
	Common
	Channels []int64 `json:"channels"`
	Create   bool    `json:"create"`
	CreateAt string  `json:"create_at"`
}

// Requests is C2–C13 for offline requests.
type Requests struct {
	Common
}

// Lines is O1–O12.
type Lines struct {
	Enabled      bool           `json:"enabled"`
	Portal       *int64         `json:"portal"`
	OperatorName bool           `json:"operator_name"`
	AutoCloseMin map[string]int `json:"auto_close_min"`
	Fields       []FieldMapping `json:"fields"`
}

// The initial title templates of C11.
const (
	ChatTemplate    = "Чат на сайте {{site_domain_name}} Канал: {{chat_channel_name}} с посетителем {{name}}"
	RequestTemplate = "Заявка с сайта {{site_domain_name}} от {{name}}"
)

// Initial is the document of an account that never saved one (P3b): every switch and check-box off except "Synchronise all employees".
func Initial() Document {
	common := func(template string) Common {
		return Common{Responsibles: []ResponsibleRule{}, First: Creation{Create: []string{}}, Repeat: Creation{Create: []string{}},
			Filter: rules.Filter{}, Template: template, FunnelFirst: ChatFunnel{Rules: []FunnelRule{}}, FunnelRepeat: ChatFunnel{Rules: []FunnelRule{}},
			Fields: []FieldMapping{}}
	}
	return Document{
		Main: Main{SyncAll: true, SyncOnly: []int64{}},
		Telephony: Telephony{Talker: "first", ResponsibleAfterMin: 5, FilterInbound: rules.Filter{}, FilterOutbound: rules.Filter{},
			Templates: []CallTemplate{}, FunnelsInbound: []FunnelRule{}, FunnelsOutbound: []FunnelRule{}, Responsibles: []ResponsibleRule{}, Fields: []FieldMapping{}},
		Chats:    Chats{Common: common(ChatTemplate), Channels: []int64{}, CreateAt: "start"},
		Requests: Requests{Common: common(RequestTemplate)},
		Lines:    Lines{OperatorName: true, AutoCloseMin: map[string]int{}, Fields: []FieldMapping{}},
	}
}

// ActingFields are the rows of extra fields in the sections that are on and work with a portal (R7, R7b).
func ActingFields(doc Document, portal int64) []FieldMapping {
	var rows []FieldMapping
	add := func(on bool, own *int64, list []FieldMapping) {
		if on && portal != 0 && int64(doc.PortalOf(own)) == portal {
			rows = append(rows, list...)
		}
	}
	add(doc.Telephony.Enabled, doc.Telephony.Portal, doc.Telephony.Fields)
	add(doc.Chats.Enabled && doc.Chats.FieldsOn, doc.Chats.Portal, doc.Chats.Fields)
	add(doc.Requests.Enabled && doc.Requests.FieldsOn, doc.Requests.Portal, doc.Requests.Fields)
	add(doc.Lines.Enabled, doc.Lines.Portal, doc.Lines.Fields)
	return rows
}
