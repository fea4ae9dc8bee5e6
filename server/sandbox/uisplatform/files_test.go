package uisplatform_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime/multipart"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/uisplatform"
)

// upload streams a form; it answers the resource.
func (w *world) upload(c connection, channel int64, kind string, f uisplatform.File) (int, object) {
	w.t.Helper()
	out, in := io.Pipe()
	form := multipart.NewWriter(in)
	go func() {
		for name, value := range map[string]string{"account_id": strconv.FormatInt(c.account, 10), "channel_id": strconv.FormatInt(c.channels[channel], 10), "type": kind} {
			if err := form.WriteField(name, value); err != nil {
				in.CloseWithError(err)
				return
			}
		}
		part, err := form.CreateFormFile("file", f.Name)
		if err == nil {
			_, err = io.Copy(part, f.Body)
		}
		if err == nil {
			err = form.Close()
		}
		in.CloseWithError(err)
	}()
	r, err := http.NewRequest(http.MethodPost, w.urls.Adapter+"/resource", out)
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return resp.StatusCode, decode(w.t, raw)
}

func sum(r io.Reader) (string, int64) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return err.Error(), n
	}
	return hex.EncodeToString(h.Sum(nil)), n
}

func TestBigFilesPassBothWaysWithFlatMemory(t *testing.T) {
	w := newWorld(t) // not parallel: it watches memory
	c := w.connect("omni_files", 20)
	const size = 40 << 20
	want, _ := sum(uisplatform.GeneratedFile("x", size, 1).Body)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)

	m, err := w.a.ClientSendsFile(20, whatsappClient, uisplatform.GeneratedFile("видео.mp4", size, 1), "смотрите")
	require.NoError(t, err)
	require.Equal(t, want, m.File.SHA256)
	w.settled()
	resource := w.hooks.take("POST /hook/message")[0].body["resource"].(object)
	require.Equal(t, "video", resource["type"])
	require.EqualValues(t, size, resource["size"])
	address := w.urls.Adapter + "/resource/" + text(c.account) + "/" + text(c.channels[20]) + "/" + text(id(resource["id"])) + "/" + resource["token"].(string) + "/payload"
	r, err := http.NewRequest(http.MethodGet, address, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	got, n := sum(resp.Body)
	require.EqualValues(t, size, n)
	require.Equal(t, want, got)

	status, sent := w.upload(c, 20, "document", uisplatform.GeneratedFile("договор.pdf", size, 1))
	require.Equal(t, http.StatusOK, status, "%v", sent)
	body := c.message(20, m.Chat, "")
	body["resource"] = sent
	status, out := w.post(w.urls.Adapter+"/message", body, c.token)
	require.Equal(t, http.StatusOK, status, "%v", out)
	last := w.a.MessagesOf(m.Chat)[1].File
	require.Equal(t, want, last.SHA256)
	require.Equal(t, "договор.pdf", last.Name)
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(8<<20))

	link := at(w.data("get.chat_messages_report", object{"chat_id": m.Chat, "filter": object{"field": "id", "operator": "=", "value": m.ID}}), 0, "resource").(object)["file_url"].(string)
	resp, err = http.Get(link)
	require.NoError(t, err)
	defer resp.Body.Close()
	got, _ = sum(resp.Body)
	require.Equal(t, want, got)
	w.clean()
}

func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *uisplatform.Options, _ *uisplatform.AccountConfig) { o.FileLimit = 1000 })
	c := w.connect("omni_uploads", 20)
	status, out := w.upload(c, 20, "document", uisplatform.GeneratedFile("big.bin", 1001, 1))
	require.Equal(t, http.StatusRequestEntityTooLarge, status)
	require.Equal(t, "too_large", out["code"])
	status, _ = w.upload(c, 20, "document", uisplatform.File{Name: "big.bin", Body: bytes.NewReader(make([]byte, 1000))})
	require.Equal(t, http.StatusOK, status)
	w.clean()
	status, _ = w.upload(c, 20, "picture", uisplatform.File{Name: "a.png", Body: strings.NewReader("x")})
	require.Equal(t, http.StatusUnprocessableEntity, status)
	w.violation("required_parameter_missed")
}

func TestDownloadThatBreaksOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m, err := w.a.ClientSendsFile(20, whatsappClient, uisplatform.GeneratedFile("a.bin", 100_000, 3), "")
	require.NoError(t, err)
	w.a.AddFault(uisplatform.Fault{API: "media", Kind: uisplatform.LostAfter})
	resp, err := http.Get(m.File.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	require.Error(t, err)
	resp, err = http.Get(m.File.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	got, _ := sum(resp.Body)
	require.Equal(t, m.File.SHA256, got)
}
