package uis_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/uis"
)

func readSeeker(s string) io.ReadSeeker { return strings.NewReader(s) }

// onlyReader hides everything but Read.
type onlyReader struct{ io.Reader }

// form is an upload as a server sees it.
type form struct {
	fields        map[string]string
	name, mime    string
	file          []byte
	size          int64
	contentLength int64
}

// readForm reads an upload; big files are counted, not kept.
func readForm(r *http.Request) (form, error) {
	f := form{fields: map[string]string{}, contentLength: r.ContentLength}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return f, err
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return f, nil
		}
		if err != nil {
			return f, err
		}
		if part.FormName() != "file" {
			value, err := io.ReadAll(part)
			if err != nil {
				return f, err
			}
			f.fields[part.FormName()] = string(value)
			continue
		}
		f.name, f.mime = part.FileName(), part.Header.Get("Content-Type")
		if r.ContentLength >= 0 && r.ContentLength < 1<<16 {
			f.file, err = io.ReadAll(part)
			f.size = int64(len(f.file))
		} else {
			f.size, err = io.Copy(io.Discard, part)
		}
		if err != nil {
			return f, err
		}
	}
}

func uploads(t *testing.T) (*adapterAPI, chan form) {
	t.Helper()
	forms := make(chan form, 10)
	return newAdapterAPI(t, func(w http.ResponseWriter, r *http.Request) {
		f, err := readForm(r)
		if err != nil {
			says(400, `{"detail":"broken form"}`)(w, r)
			return
		}
		forms <- f
		says(200, `{"id":55,"token":"tok","type":"document","name":"x","size":3}`)(w, r)
	}), forms
}

func TestUploadForm(t *testing.T) {
	t.Parallel()
	a, forms := uploads(t)
	s := a.session(t, uis.AdapterToken{}, nil)
	for name, size := range map[string]int64{"known size": 3, "unknown size": -1} {
		resource, err := s.UploadResource(t.Context(), uis.Upload{
			ConnectionID: 286, ChannelID: 3580, Type: "document", Name: "дог\"овор\r\n.pdf", MIME: "application/pdf", Size: size, Body: onlyReader{strings.NewReader("abc")},
		})
		require.NoError(t, err, name)
		require.Equal(t, uis.Resource{ID: "55", Token: "tok", Type: "document", Name: "x", Size: 3}, resource)
		got := <-forms
		require.Equal(t, map[string]string{"account_id": "286", "channel_id": "3580", "type": "document"}, got.fields)
		require.Equal(t, `дог"овор__.pdf`, got.name)
		require.Equal(t, "application/pdf", got.mime)
		require.Equal(t, int64(3), got.size)
		require.Equal(t, size < 0, got.contentLength < 0, name)
	}
}

// Not parallel: it measures what the whole process allocates.
func TestUploadKeepsMemoryFlat(t *testing.T) {
	a, forms := uploads(t)
	s := a.session(t, uis.AdapterToken{}, nil)
	const size = 96 << 20
	for _, told := range []int64{size, -1} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := s.UploadResource(t.Context(), uis.Upload{Type: "video", Name: "v.mp4", Size: told, Body: io.LimitReader(zeros{}, size)})
		require.NoError(t, err)
		runtime.ReadMemStats(&after)
		require.Equal(t, int64(size), (<-forms).size)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20), "allocated in all for a file of 96 MiB")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestUploadWhenTheTokenIsRefused(t *testing.T) {
	t.Parallel()
	a, forms := uploads(t)
	body := strings.NewReader("..abc")
	_, err := body.Seek(2, io.SeekStart)
	require.NoError(t, err)
	_, err = a.session(t, uis.AdapterToken{Value: "revoked"}, nil).UploadResource(t.Context(), uis.Upload{Type: "document", Name: "a", Size: 3, Body: body})
	require.NoError(t, err)
	require.Equal(t, "abc", string((<-forms).file), "the reader is rewound to where it stood")

	_, err = a.session(t, uis.AdapterToken{Value: "revoked"}, nil).UploadResource(t.Context(), uis.Upload{Type: "document", Name: "a", Size: 3, Body: onlyReader{strings.NewReader("abc")}})
	require.ErrorIs(t, err, uis.ErrBodySpent)
	require.Equal(t, uis.NotExecuted, uis.ExecutedOf(err))
}

func TestUploadOfAShortBody(t *testing.T) {
	t.Parallel()
	a, _ := uploads(t)
	_, err := a.session(t, uis.AdapterToken{}, nil).UploadResource(t.Context(), uis.Upload{Type: "document", Name: "a", Size: 10, Body: bytes.NewReader([]byte("abc"))})
	require.Error(t, err, "a file that is shorter than told is never stored as if it were whole")
}
