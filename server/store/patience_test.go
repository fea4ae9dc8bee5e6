package store_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/store"
)

func TestPatienceWaitsAnAbsenceOut(t *testing.T) {
	t.Parallel()
	p := store.NewPatience(20*time.Second, 10)
	tries := 0
	require.NoError(t, p.Wait(t.Context(), func() error {
		if tries++; tries < 4 {
			return io.ErrUnexpectedEOF
		}
		return nil
	}))
	require.Equal(t, 4, tries)
	own := errors.New("not the database's fault")
	require.ErrorIs(t, p.Wait(t.Context(), func() error { return own }), own)
	require.Zero(t, p.Held())
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	p := store.NewPatience(300*time.Millisecond, 10)
	require.ErrorIs(t, p.Wait(t.Context(), func() error { return io.ErrUnexpectedEOF }), io.ErrUnexpectedEOF)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	require.ErrorIs(t, p.Wait(ctx, func() error { return io.ErrUnexpectedEOF }), io.ErrUnexpectedEOF)
}

// TestOnlySoManyWait: the others are answered at once.
func TestOnlySoManyWait(t *testing.T) {
	t.Parallel()
	p := store.NewPatience(time.Minute, 5)
	ctx, leave := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	var tried atomic.Int64
	for range 5 {
		waiting.Go(func() { _ = p.Wait(ctx, func() error { tried.Add(1); return io.ErrUnexpectedEOF }) })
	}
	require.Eventually(t, func() bool { return p.Held() == 5 }, 10*time.Second, time.Millisecond)
	require.ErrorIs(t, p.Wait(t.Context(), func() error { return io.ErrUnexpectedEOF }), io.ErrUnexpectedEOF)
	leave()
	waiting.Wait()
	require.Zero(t, p.Held())
}
