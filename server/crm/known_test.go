package crm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// T3: a picture says whose a number is only when nothing else was searched for, and only of what the search brought up.
func TestWhatAPictureSaysOfANumber(t *testing.T) {
	t.Parallel()
	made := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	picture := Picture{Entities: []Entity{
		{Ref: Ref{Contact, 1}, Responsible: 11, CreatedAt: made}, {Ref: Ref{Lead, 2}, Responsible: 12, Semantic: "F"}, {Ref: Ref{Deal, 3}, Responsible: 13, Semantic: "P"},
		{Ref: Ref{Company, 4}, Responsible: 14}, // tied by an earlier communication, not found by the number
	}}
	byNumber := found{Contacts: []int64{1}, Leads: []int64{2}}
	need := func(keep bool, phones, emails []string) Need {
		return Need{KeepNumbers: keep, Aliases: Aliases(phones, emails, "visitor", "")}
	}
	one := []string{"+7 900 555-00-01"}
	require.Equal(t, []Known{{Ref: Ref{Contact, 1}, Phone: "79005550001", Responsible: 11, CreatedAt: made}, {Ref: Ref{Lead, 2}, Phone: "79005550001", Responsible: 12, Closed: true}},
		seen(need(true, one, nil), picture, byNumber))
	require.Empty(t, seen(need(false, one, nil), picture, byNumber), "the switch is off")
	require.Empty(t, seen(need(true, append(one, "79005550002"), nil), picture, byNumber), "one of two numbers")
	require.Empty(t, seen(need(true, one, []string{"a@b.example"}), picture, byNumber), "the number or the address")
	require.Empty(t, seen(need(true, nil, []string{"a@b.example"}), picture, byNumber))
}
