package crm

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	day        = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	openDeal   = Entity{Ref: Ref{Deal, 20}, Semantic: "P", CreatedAt: day}
	olderDeal  = Entity{Ref: Ref{Deal, 19}, Semantic: "P", CreatedAt: day.Add(-time.Hour)}
	openLead   = Entity{Ref: Ref{Lead, 10}, Semantic: "P", CreatedAt: day}
	closedDeal = Entity{Ref: Ref{Deal, 21}, Semantic: "S", CreatedAt: day}
	closedLead = Entity{Ref: Ref{Lead, 11}, Semantic: "F", CreatedAt: day}
	contact    = Entity{Ref: Ref{Contact, 30}, CreatedAt: day}
	company    = Entity{Ref: Ref{Company, 40}, CreatedAt: day}
)

func policy(p Priority, closed bool) Policy {
	return Policy{First: Choice{true, []EntityType{Lead}}, Repeat: Choice{}, Priority: p, ClosedEntities: closed}
}

func refs(entities []Entity) []Ref {
	var out []Ref
	for _, e := range entities {
		out = append(out, e.Ref)
	}
	return out
}

// Every row of C4, each with every value the table calls "any".
func TestC4WhereARepeatGoes(t *testing.T) {
	t.Parallel()
	person := [][]Entity{nil, {contact}, {company}, {contact, company}}
	closed := [][]Entity{nil, {closedDeal}, {closedLead}, {closedDeal, closedLead}}
	type row struct {
		row            int
		priorities     []Priority
		open           []Entity
		closed, person [][]Entity
		c9             []bool
		want           func(closed, person []Entity) []Ref
		first          bool
	}
	all, both := []Priority{ToDeals, ToLeads, ToBoth}, []bool{true, false}
	to := func(r ...Ref) func(_, _ []Entity) []Ref { return func(_, _ []Entity) []Ref { return r } }
	firstPerson := func(_, p []Entity) []Ref { return []Ref{p[0].Ref} }
	pick := func(kinds ...EntityType) func(c, _ []Entity) []Ref {
		return func(c, _ []Entity) []Ref {
			for _, kind := range kinds {
				for _, e := range c {
					if e.Type == kind {
						return []Ref{e.Ref}
					}
				}
			}
			return nil
		}
	}
	rows := []row{
		{1, []Priority{ToDeals}, []Entity{olderDeal, openDeal}, closed, person, both, to(openDeal.Ref), false},
		{1, []Priority{ToDeals}, []Entity{openLead, openDeal}, closed, person, both, to(openDeal.Ref), false},
		{2, []Priority{ToDeals}, []Entity{openLead}, closed, person, both, to(openLead.Ref), false},
		{3, []Priority{ToLeads}, []Entity{openLead, openDeal}, closed, person, both, to(openLead.Ref), false},
		{3, []Priority{ToLeads}, []Entity{openLead}, closed, person, both, to(openLead.Ref), false},
		{4, []Priority{ToLeads}, []Entity{openDeal}, closed, person, both, to(openDeal.Ref), false},
		{5, []Priority{ToBoth}, []Entity{openLead, openDeal}, closed, person, both, to(openDeal.Ref, openLead.Ref), false},
		{6, []Priority{ToBoth}, []Entity{openDeal}, closed, person, both, to(openDeal.Ref), false},
		{7, []Priority{ToBoth}, []Entity{openLead}, closed, person, both, to(openLead.Ref), false},
		{8, all, nil, closed[:1], person[1:], both, firstPerson, false},
		{9, all, nil, closed[:1], person[:1], both, to(), true},
		{10, []Priority{ToDeals}, nil, closed[1:], person, both[:1], pick(Deal, Lead), false},
		{11, []Priority{ToLeads}, nil, closed[1:], person, both[:1], pick(Lead, Deal), false},
		{12, []Priority{ToBoth}, nil, closed[1:], person, both[:1], func(c, _ []Entity) []Ref { return refs(c) }, false},
		{13, all, nil, closed[1:], person[1:], both[1:], firstPerson, false},
		{14, all, nil, closed[1:], person[:1], both[1:], to(), true},
	}
	for _, r := range rows {
		for _, p := range r.priorities {
			for _, c := range r.closed {
				for _, who := range r.person {
					for _, c9 := range r.c9 {
						picture := Picture{Mode: Classic}
						picture.Entities = append(append(append(picture.Entities, r.open...), c...), who...)
						name := fmt.Sprintf("row %d %s closed=%v person=%v C9=%v", r.row, p, refs(c), refs(who), c9)
						got := Decide(policy(p, c9), Facts{HasContacts: true}, picture)
						require.Equal(t, r.first, got.First, name)
						require.Equal(t, r.want(c, who), refs(got.Joined), name)
						if r.first {
							require.Equal(t, []EntityType{Lead}, got.Create, name)
						} else {
							require.Empty(t, got.Create, name)
						}
						require.NotEmpty(t, got.Reasons, name)
					}
				}
			}
		}
	}
}

func TestC3WhatIsCreated(t *testing.T) {
	t.Parallel()
	found := Picture{Mode: Classic, Entities: []Entity{contact, openDeal}}
	for name, c := range map[string]struct {
		policy  Policy
		facts   Facts
		picture Picture
		create  []EntityType
		first   bool
	}{
		"first lead":                          {Policy{First: Choice{true, []EntityType{Lead}}}, Facts{HasContacts: true}, Picture{Mode: Classic}, []EntityType{Lead}, true},
		"first deal makes its contact":        {Policy{First: Choice{true, []EntityType{Deal, Activity}}}, Facts{HasContacts: true}, Picture{Mode: Classic}, []EntityType{Contact, Deal, Activity}, true},
		"simple mode offers no lead":          {Policy{First: Choice{true, []EntityType{Lead, Deal}}}, Facts{HasContacts: true}, Picture{Mode: Simple}, []EntityType{Contact, Deal}, true},
		"first off writes nothing":            {Policy{First: Choice{false, []EntityType{Lead}}}, Facts{HasContacts: true}, Picture{Mode: Classic}, nil, true},
		"repeat deal although one is open":    {Policy{Repeat: Choice{true, []EntityType{Deal}}, Priority: ToDeals}, Facts{HasContacts: true}, found, []EntityType{Deal}, false},
		"repeat activity only joins":          {Policy{Repeat: Choice{true, []EntityType{Activity}}, Priority: ToDeals}, Facts{HasContacts: true}, found, []EntityType{Activity}, false},
		"C12 off: nothing until data arrive":  {Policy{First: Choice{true, []EntityType{Lead}}}, Facts{}, Picture{Mode: Classic}, nil, true},
		"C12 on: a lead, the deal is ignored": {Policy{First: Choice{true, []EntityType{Deal}}, WithoutContacts: true}, Facts{}, Picture{Mode: Classic}, []EntityType{Lead}, true},
		"C12 on in simple mode: a deal":       {Policy{First: Choice{true, []EntityType{Deal}}, WithoutContacts: true}, Facts{}, Picture{Mode: Simple}, []EntityType{Deal}, true},
	} {
		got := Decide(c.policy, c.facts, c.picture)
		require.Equal(t, c.create, got.Create, name)
		require.Equal(t, c.first, got.First, name)
	}
}

func TestC8CopiesNeverGoTwiceToOneCard(t *testing.T) {
	t.Parallel()
	p := policy(ToDeals, false)
	p.CopyToContact = true
	got := Decide(p, Facts{HasContacts: true}, Picture{Mode: Classic, Entities: []Entity{openDeal, contact, company}})
	require.Equal(t, []Ref{contact.Ref, company.Ref}, refs(got.Copies))
	got = Decide(p, Facts{HasContacts: true}, Picture{Mode: Classic, Entities: []Entity{contact, company}})
	require.Equal(t, []Ref{contact.Ref}, refs(got.Joined), "row 8")
	require.Equal(t, []Ref{company.Ref}, refs(got.Copies), "the joined contact gets no copy")
	got = Decide(Policy{First: Choice{true, []EntityType{Deal}}, CopyToContact: true}, Facts{HasContacts: true}, Picture{Mode: Classic})
	require.True(t, got.CopyToNewContact)
	got = Decide(Policy{First: Choice{true, []EntityType{Lead}}, CopyToContact: true}, Facts{HasContacts: true}, Picture{Mode: Classic})
	require.False(t, got.CopyToNewContact, "none is made for the copy's sake")
}

func TestPhoneForms(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"79000000001": "79000000001", "+7 (900) 000-00-01": "79000000001", "89000000001": "79000000001",
		"79000000001#12": "79000000001", "+7 900 000 00 01;55": "79000000001", "+491512000000": "491512000000",
	} {
		got, ok := Phone(in)
		require.True(t, ok, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{"", "anonymous", "12", "+"} {
		_, ok := Phone(in)
		require.False(t, ok, in)
	}
}
