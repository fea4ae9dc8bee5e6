package store

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// IsUnique tells whether err is the violation of that very unique constraint or index; an empty name means any.
func IsUnique(err error, constraint string) bool { return violates(err, "23505", constraint) }

// IsForeignKey tells whether err is the violation of that very foreign key; an empty name means any.
func IsForeignKey(err error, constraint string) bool { return violates(err, "23503", constraint) }

// NoRows tells whether err says that a single row was asked for and there is none.
func NoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// LockTimeout tells whether err says that a lock was not to be had within lock_timeout, or that waiting for it would have stood still for ever.
func LockTimeout(err error) bool { return violates(err, "55P03", "") || violates(err, "40P01", "") }

// NoRoom tells whether err says that the database's disk is full.
func NoRoom(err error) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && failure.Code == "53100"
}

func violates(err error, code, constraint string) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && failure.Code == code && (constraint == "" || failure.ConstraintName == constraint)
}

// Unavailable tells whether err means that the database could not be reached or went away, so that the same statement is worth trying again. The
// statement may or may not have been executed. A caller's own cancelled context is not meant, a refused password neither.
func Unavailable(err error) bool {
	if err == nil {
		return false
	}
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return transientCode(failure.Code)
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return !errors.Is(err, context.Canceled)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		pgconn.SafeToRetry(err) || strings.HasSuffix(err.Error(), "conn closed")
}

// transientCode picks the SQLSTATEs of a server that is going down, coming up, full or no longer the primary.
func transientCode(code string) bool {
	switch code {
	case "57P01", "57P02", "57P03", // shut down by the administrator, crashed, starting up
		"53300",                   // too many connections
		"53000", "53100", "53200", // no memory, a full disk: somebody will make room, and nothing is wrong with the statement
		"25006", "55000", // a standby after a failover
		"25P03": // ended because it was idle inside a transaction
		return true
	}
	return strings.HasPrefix(code, "08")
}
