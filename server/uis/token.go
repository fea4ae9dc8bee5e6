package uis

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// tokenKeeper holds an adapter's token and renews it; concurrent callers wait for one login instead of making several.
type tokenKeeper struct {
	login   func(context.Context) (AdapterToken, error)
	now     func() time.Time
	limit   time.Duration // of one login
	onToken func(AdapterToken)

	mu      sync.Mutex
	token   AdapterToken
	running *loginRun
}

// loginRun is one login that any number of callers wait for.
type loginRun struct {
	done  chan struct{} // closed when token and err are set
	token AdapterToken
	err   error
}

// expiryMargin is how long before its end a token is renewed, so that it does not expire on the way.
const expiryMargin = time.Minute

// with calls f with a token, and once more with a new one when the platform refuses the first: a 401 means that nothing was executed.
func (k *tokenKeeper) with(ctx context.Context, f func(token string) error) error {
	token, err := k.get(ctx, "")
	if err != nil {
		return err
	}
	err = f(token)
	if !tokenRefused(err) {
		return err
	}
	if token, err = k.get(ctx, token); err != nil {
		return err
	}
	return f(token)
}

func tokenRefused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.HTTP == http.StatusUnauthorized
}

// get gives a token that is neither about to expire nor the refused one, logging in when there is none.
func (k *tokenKeeper) get(ctx context.Context, refused string) (string, error) {
	k.mu.Lock()
	if k.token.Value != "" && k.token.Value != refused && (k.token.ExpiresAt.IsZero() || k.now().Add(expiryMargin).Before(k.token.ExpiresAt)) {
		defer k.mu.Unlock()
		return k.token.Value, nil
	}
	run := k.running
	if run == nil {
		run = &loginRun{done: make(chan struct{})}
		k.running = run
		// The login outlives the caller that happened to start it: others wait for it too.
		go k.renew(context.WithoutCancel(ctx), run)
	}
	k.mu.Unlock()
	select {
	case <-run.done:
		return run.token.Value, run.err
	case <-ctx.Done():
		return "", &Error{API: AdapterAPI, Method: "POST login", Message: "waiting for the login was given up", Cause: ctx.Err()}
	}
}

func (k *tokenKeeper) renew(ctx context.Context, run *loginRun) {
	ctx, cancel := context.WithTimeout(ctx, k.limit)
	defer cancel()
	run.token, run.err = k.login(ctx)
	var e *Error
	if errors.As(run.err, &e) {
		e.before = true
	}
	k.mu.Lock()
	if run.err == nil {
		k.token = run.token
	}
	k.running = nil
	k.mu.Unlock()
	if run.err == nil && k.onToken != nil {
		k.onToken(run.token)
	}
	close(run.done)
}
