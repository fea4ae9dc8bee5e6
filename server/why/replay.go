package why

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
)

// ErrNothing says that nothing of a communication failed, so that nothing can be repeated.
var ErrNothing = errors.New("there is nothing to repeat")

// Replay repeats what failed of a communication: it takes up its rows that were set aside, and its client's, and sends refused and not confirmed commands
// again. It tells how many of each; ErrNothing when there were none.
func (r *Room) Replay(ctx context.Context, account ids.AccountID, ref Ref) (Failed, error) {
	var done Failed
	var woken []ids.Key
	var commands []ids.CommandID
	err := r.DB.InAccount(ctx, account, func(ctx context.Context, tx pgx.Tx) error {
		story, err := r.story(ctx, tx, account, ref)
		if err != nil {
			return err
		}
		if commands, err = outbox.Repeatable(ctx, tx, account, story.concern(ref), mostCommands); err != nil {
			return err
		}
		for _, key := range story.queues() {
			rows, err := inbox.Replay(ctx, tx, account, key, r.Clock.Now())
			if err != nil {
				return err
			}
			if rows > 0 {
				woken = append(woken, key)
				done.Rows += int(rows)
			}
		}
		return nil
	})
	if err != nil {
		return done, err
	}
	for _, key := range woken {
		r.WakeKey(account, key)
	}
	for _, id := range commands {
		switch err := r.Commands.Again(ctx, account, id); {
		case errors.Is(err, outbox.ErrNotOpen): // somebody was faster, or what it follows failed itself
		case err != nil:
			return done, err
		default:
			done.Commands++
		}
	}
	if done == (Failed{}) {
		return done, ErrNothing
	}
	return done, nil
}
