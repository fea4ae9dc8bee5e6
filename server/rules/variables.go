package rules

import "sync"

// Variable is something templates and extra fields may use. Its label is the text "variable.{name}", its hint "variable_hint.{name}".
type Variable struct {
	Name string
	// Group sorts the picker: client, call, chat, request, employee, site, campaign, utm, labels, app.
	Group string
	// Sample is what the preview shows.
	Sample string
	// Known is from when on a communication of a kind has it; a kind that is not there never has it. Names follow UIS's notifications and reports.
	Known map[Kind]Moment
}

// In tells whether communications of a kind can have it.
func (v Variable) In(kind Kind) bool { return v.Known[kind] != Never }

// spread is one moment for several kinds.
func spread(at Moment, kinds ...Kind) map[Kind]Moment {
	m := make(map[Kind]Moment, len(kinds))
	for _, k := range kinds {
		m[k] = at
	}
	return m
}

func everywhere(at Moment) map[Kind]Moment { return spread(at, Call, Chat, Request, Line) }

// visit is what UIS knows of the visit to a site: a call and a request bring it, a chat only in its report.
func visit() map[Kind]Moment {
	return map[Kind]Moment{Call: AtStart, Request: AtStart, Chat: AtReport, Line: AtReport}
}

// reported is what stands only in reports, whatever the kind.
func reported() map[Kind]Moment { return everywhere(AtReport) }

// AllVariables is every variable, in the order of the pickers.
func AllVariables() []Variable {
	list := []Variable{
		{"name", "client", "Мария Орлова", everywhere(AtStart)},
		{"contact_phone_number", "client", "79000000101", everywhere(AtStart)},
		{"contact_full_name", "client", "Мария Орлова", spread(AtStart, Call)},
		{"visitor_name", "client", "Мария", spread(AtStart, Chat, Request, Line)},
		{"visitor_phone_number", "client", "79000000101", spread(AtStart, Chat, Request, Line)},
		{"visitor_email", "client", "maria@client.example", spread(AtStart, Chat, Request, Line)},
		{"chat_username", "client", "maria_orlova", spread(AtStart, Chat, Line)},
		{"visitor_id", "client", "4400112233", map[Kind]Moment{Chat: AtStart, Line: AtStart, Request: AtStart, Call: AtReport}},
		{"person_id", "client", "771122", reported()},
		{"visitor_city", "client", "Казань", reported()},
		{"visitor_region", "client", "Республика Татарстан", reported()},
		{"visitor_country", "client", "Россия", reported()},
		{"visitor_device", "client", "mobile", reported()},
		{"visitor_type", "client", "Новый", reported()},
		{"communication_number", "client", "3", map[Kind]Moment{Call: AtStart, Chat: AtReport, Request: AtReport, Line: AtReport}},
		{"communication_id", "client", "90011", map[Kind]Moment{Call: AtReport, Chat: AtReport, Request: AtStart, Line: AtReport}},

		{"virtual_phone_number", "call", "74950000001", spread(AtStart, Call)},
		{"call_session_id", "call", "8800553535", spread(AtStart, Call)},
		{"direction", "call", "in", spread(AtStart, Call)},
		{"call_source", "call", "va", spread(AtStart, Call)},
		{"external_id", "call", "order-15", spread(AtStart, Call)},
		{"start_time", "call", "2026-03-02 10:15:00", spread(AtStart, Call)},
		{"scenario_name", "call", "Отдел продаж", spread(AtStart, Call)},
		{"last_operation_name", "call", "Распределение", spread(AtEnd, Call)},
		{"communication_group_name", "call", "Продажи", spread(AtAnswer, Call)},
		{"cpn_region_name", "call", "Татарстан", spread(AtStart, Call)},
		{"is_lost", "call", "false", spread(AtEnd, Call)},
		{"lost_reason", "call", "", spread(AtEnd, Call)},
		{"wait_time_duration", "call", "12", spread(AtEnd, Call)},
		{"talk_time_duration", "call", "185", spread(AtEnd, Call)},
		{"total_time_duration", "call", "197", spread(AtEnd, Call)},
		{"finish_time", "call", "2026-03-02 10:18:17", spread(AtEnd, Call)},

		{"chat_id", "chat", "5512", spread(AtStart, Chat, Line)},
		{"chat_channel_name", "chat", "WhatsApp основной", spread(AtStart, Chat, Line)},
		{"chat_channel_type", "chat", "whatsapp", spread(AtStart, Chat, Line)},
		{"chat_initiator", "chat", "visitor", spread(AtReport, Chat, Line)},
		{"chat_ad_url", "chat", "https://ads.example/item/15", spread(AtReport, Chat, Line)},
		{"last_message", "chat", "Спасибо, жду", spread(AtStart, Chat, Line)},

		{"offline_message_id", "request", "3301", spread(AtStart, Request)},
		{"offline_message_form_name", "request", "Заказ звонка", spread(AtReport, Request)},
		{"visitor_message", "request", "Перезвоните мне после обеда", spread(AtStart, Request)},

		{"employee_full_name", "employee", "Игорь Седов", map[Kind]Moment{Call: AtAnswer, Chat: AtAnswer, Line: AtAnswer, Request: AtReport}},
		{"employee_email", "employee", "sedov@company.example", map[Kind]Moment{Call: AtAnswer, Chat: AtAnswer, Line: AtAnswer, Request: AtReport}},
		{"first_talked_employee_full_name", "employee", "Игорь Седов", spread(AtAnswer, Call)},
		{"last_talked_employee_full_name", "employee", "Анна Власова", spread(AtEnd, Call)},

		{"site_domain_name", "site", "shop.example", visit()},
		{"communication_page_url", "site", "https://shop.example/delivery", reported()},
		{"entrance_page", "site", "https://shop.example/", reported()},
		{"referrer", "site", "https://search.example/", reported()},
		{"referrer_domain", "site", "search.example", reported()},
		{"search_engine", "site", "search.example", visit()},
		{"search_query", "site", "купить шкаф", visit()},
		{"session_id", "site", "660011", visit()},
		{"ua_client_id", "site", "GA1.2.33.44", visit()},
		{"ym_client_id", "site", "1680000000000000001", reported()},

		{"campaign_name", "campaign", "Весна", visit()},
		{"campaign_id", "campaign", "1201", visit()},
		{"visitor_first_campaign_name", "campaign", "Зима", visit()},
		{"visitor_first_campaign_id", "campaign", "1188", visit()},
		{"source_name", "campaign", "Яндекс", reported()},
		{"channel", "campaign", "organic", reported()},
	}
	for _, name := range []string{"source", "medium", "campaign", "content", "term"} {
		list = append(list, Variable{"utm_" + name, "utm", "vesna_" + name, visit()})
	}
	for _, name := range []string{"source", "medium", "campaign", "content", "term", "referrer", "expid"} {
		list = append(list, Variable{"eq_utm_" + name, "utm", "vesna_" + name, reported()})
	}
	for _, name := range []string{"source", "campaign", "ad", "service"} {
		list = append(list, Variable{"openstat_" + name, "labels", "15", reported()})
	}
	for _, name := range []string{"gclid", "yclid", "ymclid", "ef_id"} {
		list = append(list, Variable{name, "labels", "EAIaIQ15", reported()})
	}
	return append(list,
		Variable{"tag_names", "labels", "Горячий", spread(AtEnd, Call, Chat, Line)},
		Variable{"app_name", "app", "OMNI", everywhere(AtStart)})
}

// variable finds one by its name. Made once: each variable of hundreds of templates is looked up.
var variable = sync.OnceValue(func() map[string]Variable {
	byName := map[string]Variable{}
	for _, v := range AllVariables() {
		byName[v.Name] = v
	}
	return byName
})

// VariablesOf are the variables of a kind of communication, in the order of the picker.
func VariablesOf(kind Kind) []Variable {
	var list []Variable
	for _, v := range AllVariables() {
		if v.In(kind) {
			list = append(list, v)
		}
	}
	return list
}

// Samples are the sample values of a kind, for previews.
func Samples(kind Kind) map[string]string {
	samples := map[string]string{}
	for _, v := range VariablesOf(kind) {
		samples[v.Name] = v.Sample
	}
	return samples
}
