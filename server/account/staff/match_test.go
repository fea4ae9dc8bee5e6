package staff

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
)

func TestMatchPeople(t *testing.T) {
	t.Parallel()
	anna := Person{ID: 1, Name: "Смирнова Анна", Email: "Anna@Example.com", Inner: "101", Phones: []string{"+7 900 000-00-01"}, Active: true}
	boris := Person{ID: 2, Name: "Борис Орлов", Email: "boris@example.com", Inner: "102", Active: true}
	anna2 := Person{ID: 4, Email: "anna@example.com", Active: true}
	for _, c := range []struct {
		name      string
		users     []Person
		employees []Employee
		byHand    map[ids.B24UserID]ids.UISEmployeeID
		want      []Match
	}{
		{"e-mail, whatever its case", []Person{anna}, []Employee{{ID: 10, Email: "anna@example.com "}}, nil, []Match{{User: 1, Employee: 10, How: ByEmail}}},
		{"phone, 8 for 7 and with digits dialled later", []Person{anna}, []Employee{{ID: 10, Phones: []string{"89000000001...2345"}}}, nil, []Match{{User: 1, Employee: 10, How: ByPhone}}},
		{"inner number", []Person{anna}, []Employee{{ID: 10, Inner: "101"}}, nil, []Match{{User: 1, Employee: 10, How: ByInner}}},
		{"full name in another order", []Person{anna}, []Employee{{ID: 10, Name: "Анна Смирнова"}}, nil, []Match{{User: 1, Employee: 10, How: ByName}}},
		{"a first name alone matches nobody", []Person{{ID: 1, Name: "Анна", Active: true}}, []Employee{{ID: 10, Name: "Анна"}}, nil, []Match{{User: 1}}},
		{"empty signs match nobody", []Person{{ID: 1, Active: true}}, []Employee{{ID: 10}}, nil, []Match{{User: 1}}},
		{"an inner number is no telephone number", []Person{{ID: 1, Phones: []string{"101"}, Active: true}}, []Employee{{ID: 10, Phones: []string{"101"}}}, nil, []Match{{User: 1}}},
		{
			"a better sign of another person is not taken by a worse one", []Person{anna, boris},
			[]Employee{{ID: 10, Name: "Анна Смирнова", Email: "boris@example.com"}}, nil,
			[]Match{{User: 1}, {User: 2, Employee: 10, How: ByEmail}},
		},
		{
			"several candidates: nobody, listed", []Person{anna}, []Employee{{ID: 11, Email: "anna@example.com"}, {ID: 10, Email: "anna@example.com"}}, nil,
			[]Match{{User: 1, How: Several, Candidates: []ids.UISEmployeeID{10, 11}}},
		},
		{
			"two users with one e-mail: nobody, listed", []Person{anna, {ID: 3, Email: "anna@example.com", Active: true}}, []Employee{{ID: 10, Email: "anna@example.com"}}, nil,
			[]Match{{User: 1, How: Several, Candidates: []ids.UISEmployeeID{10}}, {User: 3, How: Several, Candidates: []ids.UISEmployeeID{10}}},
		},
		{
			"a later sign tells them apart", []Person{anna}, []Employee{{ID: 10, Email: "anna@example.com", Inner: "101"}, {ID: 11, Email: "anna@example.com", Inner: "102"}}, nil,
			[]Match{{User: 1, Employee: 10, How: ByInner}},
		},
		{
			"a match by hand survives and takes its employee", []Person{anna, boris}, []Employee{{ID: 10, Email: "anna@example.com"}, {ID: 11, Email: "boris@example.com"}},
			map[ids.B24UserID]ids.UISEmployeeID{2: 10},
			[]Match{{User: 1}, {User: 2, Employee: 10, How: ByHand}},
		},
		{
			"by hand nobody stays nobody", []Person{anna}, []Employee{{ID: 10, Email: "anna@example.com"}}, map[ids.B24UserID]ids.UISEmployeeID{1: 0},
			[]Match{{User: 1, How: ByHand}},
		},
		{
			"a dismissed user is nobody and leaves his employee to others", []Person{{ID: 1, Email: "desk@example.com"}, {ID: 2, Email: "desk@example.com", Active: true}},
			[]Employee{{ID: 10, Email: "desk@example.com"}}, nil,
			[]Match{{User: 1}, {User: 2, Employee: 10, How: ByEmail}},
		},
		{
			"a dismissed user matched by hand is nobody", []Person{{ID: 1, Email: "desk@example.com"}}, []Employee{{ID: 10}}, map[ids.B24UserID]ids.UISEmployeeID{1: 10},
			[]Match{{User: 1, How: ByHand}},
		},
		{
			"and leaves his employee to others", []Person{{ID: 1}, anna2}, []Employee{{ID: 10, Email: "anna@example.com"}}, map[ids.B24UserID]ids.UISEmployeeID{1: 10},
			[]Match{{User: 1, How: ByHand}, {User: 4, Employee: 10, How: ByEmail}},
		},
		{"nobody is created", []Person{}, []Employee{{ID: 10, Email: "anna@example.com"}}, nil, []Match{}},
	} {
		require.Equal(t, c.want, MatchPeople(c.users, c.employees, c.byHand), c.name)
		require.Equal(t, c.want, MatchPeople(c.users, c.employees, c.byHand), "%s, a second time", c.name)
	}
}
