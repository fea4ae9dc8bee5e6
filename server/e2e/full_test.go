package e2e_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net/http"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

// TestAFullDisk: the operator is told at once, the client's file says so in its bubble, the conversation goes on, and both files pass when there is room.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("this user may not mount a small file system: a full disk cannot be shown honestly")
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	w, n := one(t, 1, "OMNI_FILES_DIR="+dir)
	content := make([]byte, 3<<20)
	_, _ = rand.Read(content)
	client := uisplatform.Client{Phone: "79000000095"}
	_, err = n.uis.ClientSendsFile(whatsapp, client, uisplatform.File{Name: "plan.bin", Body: bytes.NewReader(content)}, "вот план")
	require.NoError(t, err)
	_, err = n.uis.ClientWrites(whatsapp, client, "получили?")
	require.NoError(t, err)
	var talk int64
	eventually(t, "the chat is there", func() bool {
		list := n.chats("list=new")
		if len(list) == 1 {
			talk = list[0].ID
		}
		return talk != 0
	})
	bubble := func() *file {
		for _, m := range n.messages(talk) {
			if m.File != nil {
				return m.File
			}
		}
		return nil
	}
	eventually(t, "the bubble says that there is no room", func() bool { f := bubble(); return f != nil && f.State == "failed" })
	require.Len(t, n.messages(talk), 2, "the conversation goes on")

	code, body := n.post("price.bin", bytes.NewReader(content))
	require.Equal(t, http.StatusInsufficientStorage, code)
	p := decode[struct{ Code, Detail string }](t, body)
	require.Equal(t, "storage_full", p.Code)
	require.Contains(t, p.Detail, "места", "in words")

	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"))
	n.say(talk, newID(), "наш прайс", n.upload("price.bin", bytes.NewReader(content)))
	eventually(t, "the copy is tried again", func() bool { return bubble().State == "ready" })
	w.rest()
	require.Len(t, n.phone(client.Phone), 3)
	w.clean()
}
