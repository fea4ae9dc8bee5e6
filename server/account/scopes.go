package account

// Scope is a right the app may be granted at a portal, and what it is for. The text of its feature is "scope.{name}".
type Scope struct {
	// Name is Bitrix24's name of it; Any are further ones that serve as well (docs: permissions).
	Name string
	Any  []string
	// Must: without it the product does not work. Without another one its feature is off, and the self-check says so.
	Must bool
}

// Scopes is what each right is for.
func Scopes() []Scope {
	return []Scope{
		{Name: "crm", Must: true},                                             // clients, entities, activities, timelines
		{Name: "placement", Must: true},                                       // the left menu and the tabs of cards
		{Name: "user_basic", Any: []string{"user", "user_brief"}, Must: true}, // who works here
		{Name: "im"},             // messages to employees (C7, T13)
		{Name: "telephony"},      // calls, click-to-call, recordings (T1–T14)
		{Name: "imconnector"},    // the connector in open lines (O1)
		{Name: "imopenlines"},    // lines and their dialogues (O1–O12)
		{Name: "contact_center"}, // the tile in the contact centre
		{Name: "department"},     // the department beside a name
		{Name: "timeman"},        // import of working days (S2)
		{Name: "bizproc"},        // robots of the automation rules
	}
}

// MissingScopes are the rights a portal did not grant, the indispensable ones first.
func MissingScopes(p Portal) []Scope {
	var must, rest []Scope
	for _, s := range Scopes() {
		granted := p.Has(s.Name)
		for _, other := range s.Any {
			granted = granted || p.Has(other)
		}
		switch {
		case granted:
		case s.Must:
			must = append(must, s)
		default:
			rest = append(rest, s)
		}
	}
	return append(must, rest...)
}
