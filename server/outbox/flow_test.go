package outbox_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/outbox"
	"omni/server/store/storetest"
)

func add(key ids.Key, n int) outbox.Command {
	return outbox.Command{Lane: portal, Key: key, Kind: "add", Params: map[string]any{"n": n, "key": key, "origin": map[string]any{"$uid": true}}, Priority: outbox.Live}
}

func TestCommandsOfAKeyKeepTheirOrder(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	for n := range 12 {
		var round []outbox.Command
		for k := range 6 {
			round = append(round, add(ids.Key(fmt.Sprintf("chat:%d", k)), n))
		}
		s.enqueue(t, round...)
	}
	s.rests(t, 20*time.Second)
	next := map[string]int{}
	for _, e := range p.seen() {
		var params struct {
			N      int    `json:"n"`
			Key    string `json:"key"`
			Origin string `json:"origin"`
		}
		require.NoError(t, json.Unmarshal(e.Params, &params))
		require.Equal(t, e.UID, params.Origin, "$uid is the command's own UUID")
		require.Equal(t, next[params.Key], params.N, "%s out of order", params.Key)
		next[params.Key]++
	}
	require.Len(t, p.seen(), 72)
}

func TestPlanTakesValuesFromResults(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	s.enqueue(t,
		outbox.Command{Lane: portal, Key: "client:1", Kind: "add", Plan: "lead", Name: "activity", Params: map[string]any{"owner": from("deal", "item.id"), "contact": from("contact", "item.id")}, Priority: outbox.Live},
		outbox.Command{Lane: portal, Key: "client:1", Kind: "add", Plan: "lead", Name: "contact", Params: map[string]any{"name": "Анна\u0000"}, Priority: outbox.Live,
			ReplyKey: "client:1", ReplyKind: "answer", Tag: json.RawMessage(`{"chat":5}`)},
		outbox.Command{Lane: portal, Key: "client:1", Kind: "add", Plan: "lead", Name: "deal", Params: map[string]any{"contactId": from("contact", "item.id")}, Priority: outbox.Live},
	)
	s.rests(t, 10*time.Second)
	effects := p.seen()
	require.Len(t, effects, 3)
	require.JSONEq(t, `{"name":"Анна\u0000"}`, string(effects[0].Params))
	require.JSONEq(t, `{"contactId":1000}`, string(effects[1].Params))
	require.JSONEq(t, `{"owner":1001,"contact":1000}`, string(effects[2].Params))
	answers := s.answers(t)
	require.Len(t, answers, 1, "one event ends the plan")
	require.Equal(t, "lead", answers[0].Plan)
	require.JSONEq(t, `{"chat":5}`, string(answers[0].Tag))
	require.Len(t, answers[0].Results, 3)
	require.Equal(t, "done", answers[0].Results["deal"].State)
	require.JSONEq(t, `{"item":{"id":1001}}`, string(answers[0].Results["deal"].Result))
	require.Equal(t, ids.Key("client:1"), <-s.woken)
}

func TestPlanNameMayBeUsedAgain(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	for round := range 3 {
		c := add("chat:1", round)
		c.Plan, c.Name, c.ReplyKey, c.ReplyKind = "activity:1", "activity", "chat:1", "answer"
		s.enqueue(t, c)
		s.rests(t, 10*time.Second)
	}
	require.Len(t, s.answers(t), 3)
}

func TestRefusalCancelsOnlyWhatFollows(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	reply := func(c outbox.Command, name string, after ...string) outbox.Command {
		c.Plan, c.Name, c.After, c.ReplyKey, c.ReplyKind = "p", name, after, "client:1", "answer"
		return c
	}
	bad := add("client:1", 1)
	bad.Params = map[string]any{"refuse": true}
	made := s.enqueue(t, reply(bad, "contact"), reply(add("client:2", 2), "deal", "contact"), reply(add("client:3", 3), "activity", "deal"), reply(add("client:4", 4), "lead"))
	s.rests(t, 10*time.Second)
	require.Len(t, p.seen(), 1)
	answers := s.answers(t)
	require.Len(t, answers, 1)
	r := answers[0].Results
	require.Equal(t, "refused", r["contact"].State)
	require.Equal(t, "ERROR_CORE", r["contact"].Code)
	require.Equal(t, "the name is missing", r["contact"].Text)
	require.Equal(t, "cancelled", r["deal"].State)
	require.Equal(t, "cancelled", r["activity"].State)
	require.Equal(t, "done", r["lead"].State)

	t.Run("a person takes it up again", func(t *testing.T) {
		require.ErrorIs(t, s.Again(t.Context(), account, made[1]), outbox.ErrNotOpen, "its predecessor is not done")
		s.exec(t, fmt.Sprintf(`UPDATE command SET params = '{"name":"now"}' WHERE id = %d`, made[0]))
		require.NoError(t, s.Again(t.Context(), account, made[0]))
		s.rests(t, 10*time.Second)
		require.Len(t, p.seen(), 4)
		answers := s.answers(t)
		require.Len(t, answers, 2)
		for _, r := range answers[1].Results {
			require.Equal(t, "done", r.State)
		}
		require.ErrorIs(t, s.Again(t.Context(), account, made[0]), outbox.ErrNotOpen)
	})
}

func TestMissingValueNeverBecomesAnEmptyID(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	first := add("client:1", 1)
	first.Plan, first.Name = "p", "contact"
	for i, path := range []string{"item.ID", "item.id.x", "items.0.id"} {
		second := add("client:1", 2)
		second.Plan, second.Name, second.Params = "p", "deal", map[string]any{"contactId": from("contact", path)}
		made := s.enqueue(t, first, second)
		s.rests(t, 10*time.Second)
		require.Equal(t, "refused", s.state(t, made[1]), path)
		require.Len(t, p.seen(), i+1)
	}
}

func TestMergeReplacesWhatWasNotSent(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	release := make(chan struct{})
	p.setPlan(func(n int, _ []wire) *fault {
		if n == 0 {
			<-release
		}
		return nil
	})
	s := start(t, storetest.URL(t), p, setup{})
	comment := func(n int) outbox.Command {
		c := add("chat:1", n)
		c.Merge, c.ReplyKey, c.ReplyKind, c.Tag = "comment", "chat:1", "answer", mustJSON(n)
		return c
	}
	first := s.enqueue(t, comment(1))
	within(t, 5*time.Second, "the first should be on its way", func() bool { return s.state(t, first[0]) == "sent" })
	second := s.enqueue(t, comment(2))
	third := s.enqueue(t, comment(3))
	require.NotEqual(t, first, second, "what was sent cannot be changed any more")
	require.Equal(t, second, third)
	other := comment(4)
	other.Key = "chat:2"
	require.NotEqual(t, third, s.enqueue(t, other), "another key is another place in order")
	close(release)
	s.rests(t, 10*time.Second)
	var texts []string
	for _, e := range p.seen() {
		texts = append(texts, string(e.Params[strings.Index(string(e.Params), `"n":`):]))
	}
	require.Len(t, texts, 3, texts)
	require.Len(t, s.answers(t), 3)
}

func TestDeadlineDropsWithAReason(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	s.exec(t, `INSERT INTO lane (account_id, kind, portal_id, asleep) VALUES (7, 'b24', 1, 'unpaid')`)
	show := add("call:1", 1)
	show.Deadline, show.Plan, show.Name, show.ReplyKey, show.ReplyKind = time.Now().Add(300*time.Millisecond), "p", "show", "call:1", "answer"
	after := add("call:1", 2)
	after.Plan, after.Name, after.After = "p", "hide", []string{"show"}
	made := s.enqueue(t, show, after)
	within(t, 5*time.Second, "it should expire also while the lane sleeps", func() bool { return s.state(t, made[0]) == "expired" })
	require.Equal(t, "cancelled", s.state(t, made[1]))
	require.Len(t, s.answers(t), 1)
	require.Empty(t, p.seen())
}

func TestSleepingLaneWaitsAndGoesOn(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.setPlan(func(n int, _ []wire) *fault {
		return &fault{failure: &outbox.Failure{Kind: outbox.Sleep, Class: "auth_refused"}}
	})
	s := start(t, storetest.URL(t), p, setup{})
	made := s.enqueue(t, add("chat:1", 1), add("chat:2", 2))
	within(t, 5*time.Second, "the lane should sleep", func() bool {
		var asleep bool
		s.query(t, `SELECT asleep IS NOT NULL FROM lane`, &asleep)
		return asleep
	})
	s.enqueue(t, add("chat:3", 3))
	requests := len(p.sizes())
	_, err := s.Ask(t.Context(), account, portal, "get", nil, outbox.Waiting)
	var failure *outbox.Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, outbox.Sleep, failure.Kind)
	require.Len(t, p.sizes(), requests, "nothing leaves a lane that sleeps")
	p.setPlan(nil)
	require.NoError(t, s.db.InAccount(t.Context(), account, func(ctx ctxT, tx txT) error { return s.Resume(ctx, tx, account, portal) }))
	s.Wake(account, portal)
	within(t, 5*time.Second, "it should go on", func() bool { return s.state(t, made[0]) == "done" && s.state(t, made[1]) == "done" })
}

func TestAskAnswersAndTellsRefusals(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	s := start(t, storetest.URL(t), p, setup{})
	began := time.Now()
	result, err := s.Ask(t.Context(), account, portal, "get", map[string]any{}, outbox.Waiting)
	require.NoError(t, err)
	require.JSONEq(t, `{"ok":true}`, string(result))
	require.Less(t, time.Since(began), 2*time.Second)
	_, err = s.Ask(t.Context(), account, portal, "set", map[string]any{"refuse": true}, outbox.Waiting)
	var failure *outbox.Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, "ERROR_CORE", failure.Code)
	_, err = s.Ask(t.Context(), account, portal, "no.such.kind", nil, outbox.Waiting)
	require.ErrorIs(t, err, outbox.ErrUnknownKind)
}

func from(name, path string) map[string]any { return map[string]any{"$from": name, "path": path} }
