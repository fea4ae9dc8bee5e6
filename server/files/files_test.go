package files_test

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/clock"
	"omni/server/files"
	"omni/server/store/storetest"
)

// TestABrokenTransferIsNoFile: what breaks off in the middle, however the sender says so, is not kept as if it were whole.
func TestABrokenTransferIsNoFile(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for shelf, dir := range map[string]string{"database": "", "directory": t.TempDir()} {
		s := files.New(db, clock.NewFixed(time.Now()), slog.New(slog.DiscardHandler), dir, 10*files.PieceSize, 0)
		for name, end := range map[string]error{"broken connection": io.ErrUnexpectedEOF, "reset": errors.New("reset by peer")} {
			for _, size := range []int{10, files.PieceSize, files.PieceSize + 10} {
				_, err := s.Put(t.Context(), 1, "half.txt", io.MultiReader(strings.NewReader(strings.Repeat("x", size)), iotest.ErrReader(end)))
				require.ErrorIs(t, err, files.ErrBrokeOff, "%s, %s after %d", shelf, name, size)
				require.ErrorContains(t, err, end.Error())
			}
		}
		f, err := s.Put(t.Context(), 1, "whole.txt", iotest.OneByteReader(strings.NewReader(strings.Repeat("x", 1000))))
		require.NoError(t, err)
		require.EqualValues(t, 1000, f.Size)
	}
}
