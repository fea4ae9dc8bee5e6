package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// armer arms one fault of a platform for one company.
type armer func(s *side, dice *rand.Rand) string

func (a armer) arm(s *side, dice *rand.Rand) string { return a(s, dice) }

// The calls that write, and some that only read.
var (
	portalWrites = []string{"crm.item.add", "crm.timeline.comment.add", "crm.timeline.comment.update", "crm.timeline.comment.update", ""}
	portalReads  = []string{"crm.duplicate.findbycomm", "crm.item.list", "crm.timeline.comment.list", "crm.settings.mode.get"}
	// callWrites are those of telephony, and what a call or a plan writes into entities.
	callWrites = []string{"telephony.externalcall.register", "telephony.externalcall.finish", "telephony.externalcall.attachrecord", "crm.item.update", "crm.activity.update",
		"crm.activity.configurable.add"}
	uisWrites = []string{"POST /v1/adapter/message", "POST /v1/adapter/message", "POST /v1/adapter/message", "POST /v1/adapter/chat", "POST /v1/adapter/resource"}
)

func of[T any](list []T, dice *rand.Rand) T { return list[dice.IntN(len(list))] }

// late is how long a platform goes on working after nobody listens any more: less than the limit.
func late(dice *rand.Rand) time.Duration {
	return time.Duration(200+dice.IntN(1600)) * time.Millisecond
}

// most bounds how many faults of one kind of call wait to strike: a platform that fails for many calls in a row is left alone for up to a minute, and the
// run is to see many failures, not one long one.
const most = 3

// atPortal arms a fault of the portal's calls.
func atPortal(methods []string, make func(dice *rand.Rand) portal.Fault) armer {
	return func(s *side, dice *rand.Rand) string {
		f := make(dice)
		waiting := 0
		for _, armed := range s.c.w.bitrix.Faults() {
			if armed.Portal == s.n.portal.Name() && armed.Count > 0 {
				waiting++
			}
		}
		if waiting >= 2*most {
			return "nothing"
		}
		f.Portal, f.Method, f.Skip = s.n.portal.Name(), of(methods, dice), dice.IntN(3)
		if _, err := s.c.w.bitrix.AddFault(f); err != nil {
			s.c.find(itself, s.tag, "%v", err)
		}
		return fmt.Sprintf("%s of %q (%d, after %v, %d ms)", f.Kind, f.Method, f.Status, f.After, f.DelayMS)
	}
}

// atUIS arms a fault of UIS' calls or of what it sends.
func atUIS(api string, operations []string, kind uisplatform.FaultKind, delay func(*rand.Rand) time.Duration) armer {
	return func(s *side, dice *rand.Rand) string {
		f := uisplatform.Fault{API: api, Match: of(operations, dice), Kind: kind, Times: 1}
		waiting := 0
		for _, armed := range s.c.w.platform.Faults() {
			if armed.API == api && armed.Account == s.n.uis.Name() && armed.Hit < armed.Times {
				waiting++
			}
		}
		if waiting >= most {
			return "nothing"
		}
		if delay != nil {
			f.Delay = delay(dice)
		}
		if kind == uisplatform.StatusBefore || kind == uisplatform.StatusAfter {
			f.Status = of([]int{500, 502, 503}, dice)
		}
		s.n.uis.AddFault(f)
		return fmt.Sprintf("UIS: %s of %s %q (%d, %v)", f.Kind, f.API, f.Match, f.Status, f.Delay)
	}
}

func kind(k string) func(*rand.Rand) portal.Fault {
	return func(*rand.Rand) portal.Fault { return portal.Fault{Kind: k} }
}

func status(after bool) func(*rand.Rand) portal.Fault {
	return func(dice *rand.Rand) portal.Fault {
		return portal.Fault{Kind: portal.FaultHTTP, Status: of([]int{500, 502, 503}, dice), After: after}
	}
}

func milliseconds(d time.Duration) int { return int(d / time.Millisecond) }

func everyFault() []armer {
	slow := func(after bool) func(*rand.Rand) portal.Fault {
		return func(dice *rand.Rand) portal.Fault {
			return portal.Fault{Kind: portal.FaultSlow, DelayMS: milliseconds(late(dice)), After: after}
		}
	}
	tooSlow := func(after bool) func(*rand.Rand) portal.Fault { // past the portal's own limit: it answers 504
		return func(*rand.Rand) portal.Fault {
			return portal.Fault{Kind: portal.FaultSlow, DelayMS: milliseconds(limit) + 500, After: after}
		}
	}
	// An error of one command, alone or inside a batch, that says nothing or little about whether it ran.
	inner := func(status int, code string) func(*rand.Rand) portal.Fault {
		return func(*rand.Rand) portal.Fault {
			return portal.Fault{Kind: portal.FaultError, Status: status, Code: code, Text: "injected"}
		}
	}
	lateCall := func(dice *rand.Rand) portal.Fault {
		return portal.Fault{Kind: portal.FaultLate, DelayMS: milliseconds(late(dice))}
	}
	hooks := []string{"POST /message", "POST /chat", "POST /visitor/card", "POST /message/status"}
	list := []armer{
		atPortal(portalWrites, kind(portal.FaultLost)), atPortal(portalWrites, kind(portal.FaultLost)), atPortal(portalWrites, lateCall), atPortal(portalWrites, lateCall),
		atPortal(portalWrites, kind(portal.FaultReset)), atPortal(portalWrites, status(false)), atPortal(portalWrites, status(true)), atPortal(portalWrites, slow(false)),
		atPortal(portalWrites, slow(true)), atPortal(portalWrites, tooSlow(false)), atPortal(portalWrites, tooSlow(true)),
		atPortal(portalWrites[:4], inner(500, "INTERNAL_SERVER_ERROR")), atPortal(portalWrites[:4], inner(503, "QUERY_LIMIT_EXCEEDED")),
		atPortal(portalReads, kind(portal.FaultLost)), atPortal(portalReads, status(false)), atPortal(portalReads, inner(500, "INTERNAL_SERVER_ERROR")),
		atPortal(portalWrites, kind(portal.FaultLimit)), atPortal(portalWrites, kind(portal.FaultExpired)), atPortal(portalWrites, kind(portal.FaultExpired)),
		atPortal(callWrites, kind(portal.FaultLost)), atPortal(callWrites, lateCall), atPortal(callWrites, status(true)), atPortal(callWrites, status(false)),
		atPortal(callWrites, slow(true)), atPortal(callWrites, inner(500, "INTERNAL_SERVER_ERROR")), atPortal(callWrites, kind(portal.FaultReset)),
		forgotten(portal.Fault{Kind: portal.FaultLost}), forgotten(portal.Fault{Kind: portal.FaultHTTP, Status: 502}), forgotten(portal.Fault{Kind: portal.FaultHTTP, Status: 500, After: true}),
		atUIS("call", []string{"start."}, uisplatform.LostAfter, nil), atUIS("call", []string{"start."}, uisplatform.StatusBefore, nil), atUIS("call", []string{"start."}, uisplatform.SlowAfter, late),
		atPortal([]string{"crm.timeline.comment.add"}, inner(400, "ERROR_ARGUMENT")), atPortal([]string{"crm.timeline.comment.add"}, inner(400, "ERROR_ARGUMENT")), // refused for good
		refused(portal.FaultRefused), refused(portal.FaultExpired), once(atPortal([]string{"crm.timeline.comment.update"}, kind(portal.FaultOperating))),

		atUIS("adapter", uisWrites, uisplatform.LostAfter, nil), atUIS("adapter", uisWrites, uisplatform.LostAfter, nil), atUIS("adapter", uisWrites[:4], uisplatform.Late, late),
		atUIS("adapter", uisWrites[:4], uisplatform.Late, late), atUIS("adapter", uisWrites, uisplatform.ResetBefore, nil), atUIS("adapter", uisWrites, uisplatform.Slow, late),
		atUIS("adapter", uisWrites, uisplatform.SlowAfter, late), atUIS("adapter", uisWrites, uisplatform.StatusBefore, nil), atUIS("adapter", uisWrites, uisplatform.StatusAfter, nil),
		atUIS("adapter", uisWrites, uisplatform.Garbage, nil), atUIS("adapter", uisWrites, uisplatform.Internal, nil), atUIS("adapter", uisWrites, uisplatform.TokenExpired, nil),
		atUIS("adapter", []string{"POST /v1/adapter/chat/close"}, uisplatform.LostAfter, nil), atUIS("adapter", []string{"POST /v1/adapter/chat/close"}, uisplatform.ResetBefore, nil),
		rarely(atUIS("adapter", uisWrites, uisplatform.LimitReached, nil)), atUIS("adapter", []string{"GET /v1/adapter/resource"}, uisplatform.LostAfter, nil),
		atUIS("adapter", []string{"POST /v1/adapter/login"}, uisplatform.StatusBefore, nil),
		atUIS("data", []string{"get.chat_messages_report", "get.chats_report"}, uisplatform.Internal, nil), atUIS("data", []string{"get."}, uisplatform.LostAfter, nil),
		atUIS("data", []string{"get."}, uisplatform.Garbage, nil), rarely(atUIS("data", []string{"get.chat"}, uisplatform.TokenExpired, nil)),
		atUIS("webhook", hooks, uisplatform.Duplicate, nil), atUIS("webhook", hooks, uisplatform.Duplicate, nil),
		atUIS("webhook", hooks, uisplatform.Delayed, late), atUIS("webhook", hooks, uisplatform.Reordered, nil), atUIS("webhook", hooks, uisplatform.Reordered, nil),
		atUIS("notification", []string{""}, uisplatform.Duplicate, nil), atUIS("notification", []string{""}, uisplatform.Reordered, nil),
	}
	return list
}

// refused makes the portal refuse the token of the next call: for good, or until it is refreshed.
func refused(kind string) armer {
	return func(s *side, _ *rand.Rand) string {
		if _, err := s.c.w.bitrix.AddFault(portal.Fault{Portal: s.n.portal.Name(), Kind: kind, Method: "crm.timeline.comment.update"}); err != nil {
			s.c.find(itself, s.tag, "%v", err)
		}
		return "the token is " + kind
	}
}

// forgotten makes the token expire, and the answer of its refresh go wrong.
func forgotten(f portal.Fault) armer {
	return func(s *side, dice *rand.Rand) string {
		f.Method = "oauth.token"
		for _, armed := range s.c.w.bitrix.Faults() {
			if armed.Method == f.Method && armed.Count > 0 {
				return "nothing"
			}
		}
		if _, err := s.c.w.bitrix.AddFault(f); err != nil {
			s.c.find(itself, s.tag, "%v", err)
		}
		return refused(portal.FaultExpired)(s, dice) + fmt.Sprintf(", its refresh %s (%d, after %v)", f.Kind, f.Status, f.After)
	}
}

// quiet arms nothing.
func quiet(*side, *rand.Rand) string { return "nothing" }

// rarely arms a fault that costs much time in a tenth of the cases.
func rarely(a armer) armer {
	return func(s *side, dice *rand.Rand) string {
		if dice.IntN(10) > 0 {
			return quiet(s, dice)
		}
		return a(s, dice)
	}
}

// once arms a fault that stops a method for a minute, at the beginning of a run only.
func once(a armer) armer {
	return func(s *side, dice *rand.Rand) string {
		if time.Since(s.c.began) > 15*time.Second {
			return quiet(s, dice)
		}
		return a(s, dice)
	}
}
