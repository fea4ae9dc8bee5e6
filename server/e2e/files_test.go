package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

// large is the size of the file that passes both ways; the server's memory may grow by less than one of it.
const large = 40 << 20

// peak is the most memory the server's process ever held, in bytes (VmHWM).
func (s *server) peak() int64 {
	s.w.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	require.NoError(s.w.t, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			require.NoError(s.w.t, err)
			return kb << 10
		}
	}
	s.w.t.Fatal("the kernel does not tell VmHWM")
	return 0
}

// rewound makes a generated file readable from its start again, so that a broken upload can be repeated.
type rewound struct {
	io.Reader
	make func() io.Reader
}

func (r *rewound) Seek(int64, int) (int64, error) { r.Reader = r.make(); return 0, nil }

// TestLargeFileBothWays sends 40 MB to the client and 40 MB from him; the server streams both.
func TestLargeFileBothWays(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	client := uisplatform.Client{Phone: "79000000055"}
	_, err := n.uis.ClientWrites(whatsapp, client, "ловите файл")
	require.NoError(t, err)
	w.rest()
	id := n.chats("list=new")[0].ID
	before := w.servers[0].peak()

	generated := func(seed byte) io.Reader { return uisplatform.GeneratedFile("big.bin", large, seed).Body }
	hash := func(r io.Reader) string {
		h := sha256.New()
		size, err := io.Copy(h, r)
		require.NoError(t, err)
		require.EqualValues(t, large, size)
		return hex.EncodeToString(h.Sum(nil))
	}
	file := n.upload("big.bin", &rewound{make: func() io.Reader { return generated(1) }})
	n.say(id, newID(), "наш файл", file)
	_, err = n.uis.ClientSendsFile(whatsapp, client, uisplatform.GeneratedFile("theirs.bin", large, 2), "их файл")
	require.NoError(t, err)
	w.rest()

	var arrived, fetched bool
	for _, m := range n.phone(client.Phone) {
		if m.Text == "наш файл" {
			require.EqualValues(t, large, m.File.Size)
			require.Equal(t, hash(generated(1)), m.File.SHA256)
			arrived = true
		}
	}
	for _, m := range n.messages(id) {
		if m.Text == "их файл" {
			require.Equal(t, "ready", m.File.State)
			resp, err := browser.Get(*m.File.URL)
			require.NoError(t, err)
			require.Equal(t, hash(generated(2)), hash(resp.Body))
			_ = resp.Body.Close()
			fetched = true
		}
	}
	require.True(t, arrived, "the client has our file")
	require.True(t, fetched, "we have the client's file")
	grown := w.servers[0].peak() - before
	t.Logf("the server's memory grew by %.1f MB", float64(grown)/(1<<20))
	require.Less(t, grown, int64(large))
	w.clean()
}
