package staff

import (
	"cmp"
	"slices"
	"strings"

	"omni/server/ids"
)

// Person is a Bitrix24 user as far as matching looks at him.
type Person struct {
	ID     ids.B24UserID
	Name   string // last, first, second name, in any order
	Email  string
	Inner  string
	Phones []string
	Active bool
}

// Employee is a UIS employee as far as matching looks at him.
type Employee struct {
	ID     ids.UISEmployeeID
	Name   string
	Email  string
	Inner  string // extension
	Phones []string
}

// How tells what two people were matched by.
type How string

// Ways of matching, in the order they are tried (S1).
const (
	ByEmail   How = "email"
	ByPhone   How = "phone"
	ByInner   How = "inner_number"
	ByName    How = "name"
	ByHand    How = "hand"
	ByNothing How = ""
	// Several means that more than one employee fits, or the one that fits also fits somebody else: left to an administrator.
	Several How = "several"
)

// Match says whom a Bitrix24 user is at UIS.
type Match struct {
	User ids.B24UserID
	// Employee is 0 when nobody was matched.
	Employee   ids.UISEmployeeID
	How        How
	Candidates []ids.UISEmployeeID // of Several, ascending
}

// MatchPeople matches users to employees: by e-mail, phone, inner number, full name, in this order over everybody, so that a good sign of one
// person is never taken by a worse sign of another. Matches made by hand stand and take their employee out of the search; a match by hand with
// employee 0 keeps the user unmatched. Dismissed users count as nobody. A sign that points to several people on either side matches none of them
// by itself: they become Several, unless a later, different sign tells them apart. The result has one entry per user, ordered by user; nobody is created.
func MatchPeople(users []Person, employees []Employee, byHand map[ids.B24UserID]ids.UISEmployeeID) []Match {
	m := matching{found: map[ids.B24UserID]Match{}, taken: map[ids.UISEmployeeID]bool{}, doubt: map[ids.B24UserID][]ids.UISEmployeeID{}}
	for _, user := range users {
		employee, ok := byHand[user.ID]
		if !ok {
			continue
		}
		m.found[user.ID] = Match{User: user.ID, Employee: employee, How: ByHand}
		if user.Active && employee != 0 {
			m.taken[employee] = true
		}
	}
	for _, sign := range signs {
		m.by(sign.how, users, employees, sign.user, sign.employee)
	}
	result := make([]Match, 0, len(users))
	for _, user := range users {
		switch match, ok := m.found[user.ID]; {
		case ok && (user.Active || match.How == ByHand):
			if !user.Active {
				match.Employee = 0 // a hand match of a dismissed user is remembered, but he is nobody
			}
			result = append(result, match)
		case user.Active && len(m.open(user.ID)) > 0:
			result = append(result, Match{User: user.ID, How: Several, Candidates: m.open(user.ID)})
		default:
			result = append(result, Match{User: user.ID})
		}
	}
	slices.SortFunc(result, func(a, b Match) int { return cmp.Compare(a.User, b.User) })
	return result
}

var signs = []struct {
	how      How
	user     func(Person) []string
	employee func(Employee) []string
}{
	{ByEmail, func(p Person) []string { return one(Email(p.Email)) }, func(e Employee) []string { return one(Email(e.Email)) }},
	{ByPhone, func(p Person) []string { return phones(p.Phones) }, func(e Employee) []string { return phones(e.Phones) }},
	{ByInner, func(p Person) []string { return one(digits(p.Inner)) }, func(e Employee) []string { return one(digits(e.Inner)) }},
	{ByName, func(p Person) []string { return one(FullName(p.Name)) }, func(e Employee) []string { return one(FullName(e.Name)) }},
}

type matching struct {
	found map[ids.B24UserID]Match
	taken map[ids.UISEmployeeID]bool
	doubt map[ids.B24UserID][]ids.UISEmployeeID
}

// by matches those whose sign is theirs alone on both sides.
func (m *matching) by(how How, users []Person, employees []Employee, userSigns func(Person) []string, employeeSigns func(Employee) []string) {
	owners := map[string][]ids.UISEmployeeID{}
	for _, e := range employees {
		if m.taken[e.ID] {
			continue
		}
		for _, sign := range employeeSigns(e) {
			owners[sign] = append(owners[sign], e.ID)
		}
	}
	fits := map[ids.B24UserID][]ids.UISEmployeeID{}
	wanted := map[ids.UISEmployeeID]int{}
	for _, u := range users {
		if _, done := m.found[u.ID]; done || !u.Active {
			continue
		}
		var found []ids.UISEmployeeID
		for _, sign := range userSigns(u) {
			found = append(found, owners[sign]...)
		}
		fits[u.ID] = unique(found)
		for _, e := range fits[u.ID] {
			wanted[e]++
		}
	}
	for user, found := range fits {
		if len(found) == 1 && wanted[found[0]] == 1 {
			m.found[user] = Match{User: user, Employee: found[0], How: how}
			m.taken[found[0]] = true
			continue
		}
		m.doubt[user] = append(m.doubt[user], found...)
	}
}

// open lists the candidates of a user that nobody else got in the meantime.
func (m *matching) open(user ids.B24UserID) []ids.UISEmployeeID {
	return unique(slices.DeleteFunc(slices.Clone(m.doubt[user]), func(e ids.UISEmployeeID) bool { return m.taken[e] }))
}

func unique(list []ids.UISEmployeeID) []ids.UISEmployeeID {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// Email is the form e-mail addresses are compared in: "" when it is none.
func Email(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if !strings.Contains(text, "@") {
		return ""
	}
	return text
}

// Phone is the form telephone numbers are compared in: digits, a Russian 8 in front counts as 7, what is dialled after the connection
// ("…...2345") and anything too short to be a telephone number of one's own is left out.
func Phone(text string) string {
	text, _, _ = strings.Cut(text, "...")
	text, _, _ = strings.Cut(text, ",")
	number := digits(text)
	if len(number) == 11 && number[0] == '8' {
		number = "7" + number[1:]
	}
	if len(number) == 10 && number[0] == '9' {
		number = "7" + number
	}
	if len(number) < 9 {
		return ""
	}
	return number
}

// FullName is the form names are compared in: lower case, ё as е, words in alphabetical order, as the two sides order them differently.
// A single word is no full name.
func FullName(text string) string {
	words := strings.Fields(strings.ReplaceAll(strings.ToLower(text), "ё", "е"))
	if len(words) < 2 {
		return ""
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

func phones(list []string) []string {
	var result []string
	for _, p := range list {
		if number := Phone(p); number != "" && !slices.Contains(result, number) {
			result = append(result, number)
		}
	}
	return result
}

func one(sign string) []string {
	if sign == "" {
		return nil
	}
	return []string{sign}
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}
