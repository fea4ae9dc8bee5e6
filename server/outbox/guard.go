package outbox

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// errPanic stands for a panic of our own code in a lane's work: it is tried again like any other failure.
var errPanic = errors.New("a panic, see the line before")

// guarded runs what may panic on what a platform or a client sent: a transport, a check, a join. A panic must end neither this server nor, with the command
// it cannot bear, every next owner of the lane in turn. It tells whether the work came to its end. The stack is logged without values, and of what was thrown
// only the runtime's own words: texts may hold secrets.
func (o *Outbox) guarded(lane Lane, what string, work func()) (done bool) {
	defer func() {
		thrown := recover()
		if thrown == nil {
			return
		}
		word := fmt.Sprintf("%T", thrown)
		if e, ok := thrown.(runtime.Error); ok { //nolint:errorlint // what was thrown, not what it wraps
			word = e.Error()
		}
		o.log.Error("panic in a lane, its commands are looked into", "in", what, "account", lane.Account, "lane", lane.Kind, "portal", lane.Portal, "panic", word, "stack", string(debug.Stack()))
	}()
	work()
	return true
}

// guardedErr is guarded for work that may fail.
func (o *Outbox) guardedErr(lane Lane, what string, work func() error) (err error) {
	if !o.guarded(lane, what, func() { err = work() }) {
		return errPanic
	}
	return err
}
