package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// gatherTime is how long hints are collected before they are sent as one NOTIFY.
	gatherTime = 5 * time.Millisecond
	// payloadLimit keeps a NOTIFY below PostgreSQL's 8000 bytes.
	payloadLimit = 7900
	// hintLimit bounds the hints waiting for a lost connection. More are dropped: consumers look by themselves once a second.
	hintLimit = 10_000

	firstPause, longestPause = 50 * time.Millisecond, 2 * time.Second
)

// Notifier tells the other servers that there is news. Hints are gathered for 5 ms and sent as one NOTIFY on a connection of its own, because a
// NOTIFY inside a working transaction takes a lock that all commits of the cluster share. Hint after the commit. Hints may get lost.
type Notifier struct {
	db      *DB
	channel string
	wake    chan struct{}

	mu      sync.Mutex
	waiting map[string]struct{}
}

// NewNotifier makes the sender for a channel; it sends while Run runs.
func (db *DB) NewNotifier(channel string) *Notifier {
	return &Notifier{db: db, channel: channel, wake: make(chan struct{}, 1), waiting: map[string]struct{}{}}
}

// Hint queues a hint and returns at once. Equal hints that are still waiting are sent once. A hint is one line of less than 7900 bytes; another one
// is dropped.
func (n *Notifier) Hint(hint string) {
	if len(hint) > payloadLimit || strings.ContainsRune(hint, '\n') {
		return
	}
	n.mu.Lock()
	if len(n.waiting) < hintLimit {
		n.waiting[hint] = struct{}{}
	}
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Run sends hints until the context is over, connecting again whenever the database was away.
func (n *Notifier) Run(ctx context.Context) error {
	return n.db.connected(ctx, "notifier", func(ctx context.Context, conn *pgx.Conn) error {
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-n.wake:
			}
			if err := pause(ctx, gatherTime); err != nil {
				return err
			}
			for _, payload := range n.take() {
				if _, err := conn.Exec(ctx, "select pg_notify($1, $2)", n.channel, payload); err != nil {
					return fmt.Errorf("send hints: %w", err)
				}
			}
		}
	})
}

// take empties the waiting hints into payloads of one line per hint.
func (n *Notifier) take() []string {
	n.mu.Lock()
	waiting := n.waiting
	n.waiting = map[string]struct{}{}
	n.mu.Unlock()

	var payloads []string
	var payload strings.Builder
	for hint := range waiting {
		if payload.Len() > 0 && payload.Len()+1+len(hint) > payloadLimit {
			payloads = append(payloads, payload.String())
			payload.Reset()
		}
		if payload.Len() > 0 {
			payload.WriteByte('\n')
		}
		payload.WriteString(hint)
	}
	if payload.Len() > 0 {
		payloads = append(payloads, payload.String())
	}
	return payloads
}

// Listen calls fn with every hint that arrives on the channel, one after another, until the context is over. It has a connection of its own and
// connects again when that is lost; hints sent meanwhile are lost too. A server hears its own hints as well.
func (db *DB) Listen(ctx context.Context, channel string, fn func(hint string)) error {
	return db.connected(ctx, "listener", func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "listen "+pgx.Identifier{channel}.Sanitize()); err != nil {
			return fmt.Errorf("listen on %s: %w", channel, err)
		}
		for {
			notification, err := conn.WaitForNotification(ctx)
			if err != nil {
				return fmt.Errorf("wait for hints on %s: %w", channel, err)
			}
			for hint := range strings.SplitSeq(notification.Payload, "\n") {
				fn(hint)
			}
		}
	})
}

// connected keeps use supplied with a connection outside the pool until the context is over, with a growing pause after each loss.
func (db *DB) connected(ctx context.Context, what string, use func(context.Context, *pgx.Conn) error) error {
	wait := firstPause
	for {
		started := time.Now()
		err := db.withConn(ctx, use)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(started) > longestPause {
			wait = firstPause
		}
		db.log.WarnContext(ctx, "database connection lost, connecting again", "for", what, "in", wait, "error", err)
		if pause(ctx, wait) != nil {
			return nil
		}
		wait = min(2*wait, longestPause)
	}
}

func (db *DB) withConn(ctx context.Context, use func(context.Context, *pgx.Conn) error) error {
	conn, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig.Copy())
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	err = use(ctx, conn)
	if err == nil {
		err = errors.New("connection given up")
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Hold holds a session lock on a connection of its own until the context is over: it tells everybody (see HeldKeys) that whoever holds it lives. A lost
// connection gives it up until the next one is made.
func (db *DB) Hold(ctx context.Context, key string) error {
	return db.connected(ctx, "lock "+key, func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "select pg_advisory_lock(hashtextextended($1, 0))", key); err != nil {
			return fmt.Errorf("hold %s: %w", key, err)
		}
		// Nothing is listened to; this only notices that the connection is gone.
		_, err := conn.WaitForNotification(ctx)
		return err
	})
}

// HeldKeys is a subquery for the hashes of all session locks that are held in this database now: hashtextextended(key, 0) of keys given to Hold.
const HeldKeys = `(SELECT (l.classid::bigint << 32) | l.objid::bigint FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
	AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))`
