// Package transport carries an account's commands to its platforms: one request per call, with the right token, and every failure sorted for the outbox.
package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"omni/server/account"
	"omni/server/bitrix24"
	"omni/server/httpguard"
	"omni/server/outbox"
	"omni/server/restlog"
)

// Portal sends the commands of a portal's lane.
type Portal struct {
	accounts *account.Accounts
	b24      *bitrix24.Client
}

// NewPortal builds the transport of portals.
func NewPortal(a *account.Accounts, b24 *bitrix24.Client) *Portal {
	return &Portal{accounts: a, b24: b24}
}

// Send implements outbox.Transport: one command is a call, several are a batch. A token that just expired is refreshed once, one that is refused for
// good gives way to the next spare, a renamed portal is followed; the same commands go again then, as they did not run.
func (p *Portal) Send(ctx context.Context, lane outbox.Lane, commands []outbox.Outgoing) []outbox.Reply {
	began := time.Now()
	replies, left := p.send(ctx, lane, commands)
	for i := range replies {
		if f := replies[i].Err; f != nil && f.Kind == outbox.Unclear {
			late := *f // one failure may stand for many commands
			late.Late += left.Sub(began)
			replies[i].Err = &late
		}
	}
	return replies
}

// send is Send; it tells when the last request left.
func (p *Portal) send(ctx context.Context, lane outbox.Lane, commands []outbox.Outgoing) (replies []outbox.Reply, left time.Time) {
	ref := account.Ref{Account: lane.Account, Portal: lane.Portal}
	access, err := p.accounts.Working(ctx, ref)
	if errors.Is(err, account.ErrNoToken) && !access.Portal.Sleeps() {
		// Whoever buried the last pair died before the portal was blocked: nobody would be told to open the app.
		_, failed := p.accounts.Happen(ctx, ref, account.TokensGone)
		err = errors.Join(err, failed)
	}
	if err != nil {
		return all(commands, accessFailure(err)), time.Now()
	}
	if access.Portal.Sleeps() {
		return all(commands, &outbox.Failure{Kind: outbox.Sleep, Class: string(access.Portal.State), Text: access.Portal.Reason}), time.Now()
	}
	left = time.Now()
	replies, failure := p.request(ctx, access, commands)
	// Twice each: the spare that takes a dead pair's place is usually old and has to be refreshed itself.
	for tried := map[bitrix24.Class]int{}; failure != nil && tried[failure.Class()] < 2; {
		tried[failure.Class()]++
		next, curable, err := p.cure(ctx, ref, access, failure)
		if err != nil {
			return all(commands, accessFailure(err)), time.Now()
		}
		if !curable {
			break
		}
		access = next
		// The lane counted one request; this one it does not know of.
		if err := p.accounts.Turn(ctx, ref); err != nil {
			return all(commands, noTurn(err)), time.Now()
		}
		left = time.Now()
		replies, failure = p.request(ctx, access, commands)
	}
	if failure != nil {
		p.happen(ctx, ref, failure)
		f := sort(failure)
		if f.Kind == outbox.Rest {
			f.Class = "batch" // a method's own is the method's affair: the batch call as such is used up
		}
		return all(commands, f), left
	}
	return replies, left
}

// cure finds another access after a failure that says nothing about the commands; false: there is none to be had.
func (p *Portal) cure(ctx context.Context, ref account.Ref, access account.Access, failure *bitrix24.Error) (account.Access, bool, error) {
	var err error
	switch failure.Class() {
	case bitrix24.TokenExpired:
		access, err = p.accounts.Refresh(ctx, ref, access.Pair.Access)
	case bitrix24.AuthRefused:
		access, err = p.accounts.Refused(ctx, ref, access.Pair.Access, failure.Code)
	case bitrix24.Renamed:
		if _, err = p.accounts.Moved(ctx, ref, failure.Location); err != nil {
			return access, false, nil //nolint:nilerr // a rename that cannot be proven is tried again later; the failure stands
		}
		access, err = p.accounts.Working(ctx, ref)
	default:
		return access, false, nil
	}
	return access, err == nil, err
}

// request makes one request. Its error means that the whole request failed.
func (p *Portal) request(ctx context.Context, access account.Access, commands []outbox.Outgoing) ([]outbox.Reply, *bitrix24.Error) {
	began := time.Now()
	to := bitrix24.Target{Endpoint: access.Portal.ClientEndpoint, Access: access.Pair.Access}
	if len(commands) == 1 {
		return p.call(logged(ctx, access.Portal.Ref(), commands...), to, commands[0])
	}
	replies := make([]outbox.Reply, len(commands))
	var batch []bitrix24.Command
	var unsafe []int
	for i, c := range commands {
		params, err := decode(c.Params)
		switch {
		case err != nil:
			replies[i] = malformed(err)
		case !bitrix24.BatchSafe(params):
			unsafe = append(unsafe, i) // e.g. a client wrote "$result[…]": it must not reach the commands beside it, nor stop them
		default:
			batch = append(batch, bitrix24.Command{Key: key(i), Call: bitrix24.Call{Method: c.Kind, Params: params}})
		}
	}
	if len(batch) > 0 {
		answer, err := p.b24.Batch(logged(ctx, access.Portal.Ref(), commands...), to, batch, false)
		if err != nil {
			return nil, asError(err)
		}
		for i, c := range commands {
			if e := answer.Errors[key(i)]; e != nil {
				replies[i] = ofCommand(refused(c, e))
			} else if a := answer.Results[key(i)]; a != nil {
				replies[i] = reply(a, nil)
			}
		}
		defer func() { replies[0].BatchOperating, replies[0].BatchResetAt = used(answer.Time) }()
	}
	for n, i := range unsafe {
		if n > 0 || len(batch) > 0 { // the lane counted one request
			if err := p.accounts.Turn(ctx, access.Portal.Ref()); err != nil {
				replies[i] = outbox.Reply{Err: noTurn(err)}
				continue
			}
		}
		late := time.Since(began)
		one, e := p.call(logged(ctx, access.Portal.Ref(), commands[i]), to, commands[i])
		if e != nil { // the others of the request have their answers already
			p.happen(ctx, access.Portal.Ref(), e)
			one = []outbox.Reply{reply(nil, e)}
		}
		if one[0].Err != nil {
			one[0].Err.Late = late
		}
		replies[i] = one[0]
	}
	return replies, nil
}

// ofCommand is the reply for a command that failed inside a batch. The portal let the batch in, so what sounds like a refusal of the whole app (a method that
// needs a better plan) is about this command: it must not put the lane to sleep.
func ofCommand(r outbox.Reply) outbox.Reply {
	if r.Err == nil {
		return r
	}
	switch r.Err.Kind {
	case outbox.Sleep:
		r.Err.Kind = outbox.Refused
	case outbox.Full:
		r.Err.Kind, r.Err.After = outbox.Retry, time.Second
	case outbox.Retry, outbox.Unclear, outbox.Refused, outbox.Rest:
	}
	return r
}

// logged says what a request carries, for the log of requests: the commands of a batch by their keys, a lone one by none.
func logged(ctx context.Context, ref account.Ref, commands ...outbox.Outgoing) context.Context {
	carried := make(map[string]restlog.Command, len(commands))
	for i, c := range commands {
		var about struct {
			About string `json:"about"`
		}
		if len(c.Meta) > 0 && json.Unmarshal(c.Meta, &about) != nil {
			about.About = "" // a kind with a meta of its own
		}
		at := key(i)
		if len(commands) == 1 {
			at = ""
		}
		carried[at] = restlog.Command{ID: c.ID, Key: c.Key, About: about.About}
	}
	return restlog.Commands(ctx, ref.Account, ref.Portal, carried)
}

func malformed(err error) outbox.Reply {
	return outbox.Reply{Err: &outbox.Failure{Kind: outbox.Refused, Class: "invalid", Text: err.Error()}}
}

// refused is the reply for a command that the portal refused. What is there already, and what a repeat proves to be done, is done.
func refused(c outbox.Outgoing, e *bitrix24.Error) outbox.Reply {
	if spec, ok := bitrix24.SpecOf(c.Kind); ok && spec.ProvesDone(e) && (c.Attempt > 1 || e.Class() == bitrix24.Already) {
		return outbox.Reply{Result: json.RawMessage("null")}
	}
	return reply(nil, e)
}

func (p *Portal) call(ctx context.Context, to bitrix24.Target, c outbox.Outgoing) ([]outbox.Reply, *bitrix24.Error) {
	params, err := decode(c.Params)
	if err != nil {
		return []outbox.Reply{malformed(err)}, nil
	}
	answer, err := p.b24.Call(ctx, to, bitrix24.Call{Method: c.Kind, Params: params})
	if err != nil {
		e := asError(err)
		if !ofRequest(e) {
			return []outbox.Reply{refused(c, e)}, nil
		}
		return nil, e
	}
	return []outbox.Reply{reply(answer, nil)}, nil
}

// ofRequest tells whether a failure is about the request as a whole, not about the one command in it.
func ofRequest(e *bitrix24.Error) bool {
	switch e.Class() {
	case bitrix24.PaymentRequired:
		return !planLacks(e)
	case bitrix24.AccessDenied, bitrix24.InsufficientScope, bitrix24.NotFound, bitrix24.MethodNotFound, bitrix24.Invalid, bitrix24.Already, bitrix24.OperatingLimit:
		return false
	}
	return true
}

// planLacks tells that the portal is paid for, but its plan does not include what one command wants.
func planLacks(e *bitrix24.Error) bool {
	return e.Class() == bitrix24.PaymentRequired && strings.HasSuffix(strings.ToLower(e.Code), "_restricted")
}

func key(i int) string { return "c" + strconv.Itoa(i) }

func decode(raw json.RawMessage) (bitrix24.Params, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var params bitrix24.Params
	err := d.Decode(&params)
	return params, err
}

func asError(err error) *bitrix24.Error {
	var e *bitrix24.Error
	if errors.As(err, &e) {
		return e
	}
	return &bitrix24.Error{HTTP: 400, Code: "ENCODING", Description: err.Error()}
}

func reply(a *bitrix24.Answer, e *bitrix24.Error) outbox.Reply {
	if e != nil {
		return outbox.Reply{Err: sort(e)}
	}
	r := outbox.Reply{Result: a.Result, Took: seconds(a.Time.Duration)}
	r.Operating, r.ResetAt = used(a.Time)
	return r
}

// used is what the portal says about operating time; zero: nothing. The portal's clock is not ours: what counts is how long after its own answer the end is.
func used(t bitrix24.Time) (operating time.Duration, reset time.Time) {
	if t.ResetAt > 0 {
		reset = time.Unix(int64(t.ResetAt), 0)
		if left := seconds(t.ResetAt - t.Finish); t.Finish > 0 && left > 0 && left <= 11*time.Minute {
			reset = time.Now().Add(left).Round(time.Second)
		}
	}
	return seconds(t.Operating), reset
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// sort says what to do about a portal's error.
func sort(e *bitrix24.Error) *outbox.Failure {
	f := &outbox.Failure{Class: string(e.Class()), Code: e.Code, Text: e.Description}
	if e.Cause != nil {
		f.Text = e.Cause.Error()
	}
	switch e.Class() {
	case bitrix24.RateLimited:
		f.Kind = outbox.Full
	case bitrix24.OperatingLimit:
		f.Kind = outbox.Rest
		_, f.Until = used(e.Time)
	case bitrix24.TokenExpired:
		f.Kind, f.After = outbox.Retry, time.Second
	case bitrix24.PaymentRequired:
		if f.Kind = outbox.Sleep; planLacks(e) {
			f.Kind = outbox.Refused
		}
	case bitrix24.AuthRefused, bitrix24.PortalGone, bitrix24.Overload, bitrix24.Blocked:
		f.Kind = outbox.Sleep
	case bitrix24.Renamed:
		f.Kind, f.After = outbox.Retry, 10*time.Second
	case bitrix24.Server, bitrix24.Transport:
		if errors.Is(e.Cause, httpguard.ErrRefused) { // our own rule: nothing left
			f.Kind, f.Class = outbox.Sleep, string(bitrix24.Blocked)
			break
		}
		f.Kind, f.After = outbox.Unclear, time.Second
		if e.Executed() == bitrix24.NotExecuted {
			f.Kind = outbox.Retry
		}
	default:
		f.Kind = outbox.Refused
	}
	return f
}

// happen tells the portal's life cycle what a request met.
func (p *Portal) happen(ctx context.Context, ref account.Ref, e *bitrix24.Error) {
	what := map[bitrix24.Class]account.Happening{bitrix24.PaymentRequired: account.NotPaid, bitrix24.PortalGone: account.PortalGone,
		bitrix24.Overload: account.Overloaded, bitrix24.AuthRefused: account.TokensGone}[e.Class()]
	if what != "" {
		_, _ = p.accounts.Happen(ctx, ref, what)
	}
}

func accessFailure(err error) *outbox.Failure {
	var e *bitrix24.Error
	switch {
	case errors.Is(err, account.ErrNoToken), errors.Is(err, account.ErrNoPortal):
		return &outbox.Failure{Kind: outbox.Sleep, Class: "no_token", Text: err.Error()}
	case errors.As(err, &e):
		// The refresh failed, not the command: it did not run.
		f := sort(e)
		if f.Kind == outbox.Unclear || f.Kind == outbox.Refused {
			f.Kind, f.After = outbox.Retry, 2*time.Second
		}
		return f
	}
	return &outbox.Failure{Kind: outbox.Retry, Class: "database", After: time.Second}
}

// noTurn is what became of commands that found no room in the portal's bucket: they did not run.
func noTurn(err error) *outbox.Failure {
	if errors.Is(err, outbox.ErrSlow) {
		return &outbox.Failure{Kind: outbox.Retry, Wide: true, Class: "not_sent", Text: "the portal's requests are used up", After: time.Second}
	}
	return &outbox.Failure{Kind: outbox.Retry, Class: "database", After: time.Second}
}

func all(commands []outbox.Outgoing, f *outbox.Failure) []outbox.Reply {
	f.Wide = true
	replies := make([]outbox.Reply, len(commands))
	for i := range commands {
		replies[i] = outbox.Reply{Err: f}
	}
	return replies
}
