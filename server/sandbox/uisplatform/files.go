package uisplatform

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// File is a file that a client sends. Body is read to its end once; the platform streams it to disk.
type File struct {
	Name string
	Type string // photo, video, audio, voice, document; empty: from the name
	Body io.Reader
}

// GeneratedFile is a file of size bytes with repeatable content that depends on seed; it costs no memory.
func GeneratedFile(name string, size int64, seed byte) File {
	block := make([]byte, 65521) // a prime: pieces of round sizes all differ
	for i := range block {
		block[i] = byte(uint64(i)*2654435761>>13) ^ seed
	}
	return File{Name: name, Body: io.LimitReader(&pattern{block: block}, size)}
}

// pattern is an endless repetition of a block.
type pattern struct {
	block []byte
	at    int
}

func (g *pattern) Read(b []byte) (int, error) {
	n := copy(b, g.block[g.at:])
	g.at = (g.at + n) % len(g.block)
	return n, nil
}

// FileInfo describes a stored file; SHA256 is hexadecimal.
type FileInfo struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Type   string `json:"type"`
	MIME   string `json:"mime"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	URL    string `json:"url"`
}

// ErrFileTooLarge tells that a file is over Options.FileLimit.
var ErrFileTooLarge = errors.New("the file is too large")

// resource is a file on the platform's disk.
type resource struct {
	id         int64
	token      string
	kind, name string
	mime, sha  string
	size       int64
	path       string
}

// body is the resource as messages carry it; null for none.
func (r *resource) body() any {
	if r == nil {
		return nil
	}
	return map[string]any{"id": r.id, "token": r.token, "type": r.kind, "name": r.name, "size": r.size}
}

// store streams a file to disk; it gets its number from adopt.
func (a *Account) store(f File) (*resource, error) {
	a.p.mu.Lock()
	dir, err := a.p.files()
	a.p.nextFile++
	n := a.p.nextFile
	a.p.mu.Unlock()
	if err != nil {
		return nil, err
	}
	name := filepath.Base(filepath.Clean("/" + f.Name))
	if name == "/" || name == "." {
		name = "file"
	}
	r := &resource{token: secret(32), kind: f.Type, name: name, path: filepath.Join(dir, strconv.FormatInt(n, 10))}
	r.mime = mime.TypeByExtension(strings.ToLower(filepath.Ext(name)))
	if r.mime == "" {
		r.mime = "application/octet-stream"
	}
	if r.kind == "" {
		r.kind = kindOf(r.mime)
	}
	if err := a.copyTo(r, f.Body); err != nil {
		_ = os.Remove(r.path)
		return nil, err
	}
	return r, nil
}

func (a *Account) copyTo(r *resource, body io.Reader) error {
	out, err := os.OpenFile(r.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("store a file: %w", err)
	}
	defer out.Close()
	hash := sha256.New()
	r.size, err = io.Copy(io.MultiWriter(out, hash), io.LimitReader(body, a.p.opt.FileLimit+1))
	if err != nil {
		return fmt.Errorf("store a file: %w", err)
	}
	if r.size > a.p.opt.FileLimit {
		return fmt.Errorf("over %d bytes: %w", a.p.opt.FileLimit, ErrFileTooLarge)
	}
	r.sha = hex.EncodeToString(hash.Sum(nil))
	return nil
}

// adopt makes a stored file the account's; the lock is held.
func (a *Account) adopt(r *resource) {
	r.id = a.id()
	a.resources[r.id] = r
}

func kindOf(mimeType string) string {
	switch major, _, _ := strings.Cut(mimeType, "/"); major {
	case "image":
		return "photo"
	case "video", "audio":
		return major
	}
	return "document"
}

func (a *Account) fileInfo(r *resource) *FileInfo {
	if r == nil {
		return nil
	}
	return &FileInfo{ID: r.id, Name: r.name, Type: r.kind, MIME: r.mime, Size: r.size, SHA256: r.sha, URL: a.fileURL(r)}
}

// fileURL is the link of a file as get.chat_messages_report gives it.
func (a *Account) fileURL(r *resource) string {
	return fmt.Sprintf("%s/files/%s/%d/%s", a.p.publicURL, a.cfg.Name, r.id, r.token)
}

// serveFile answers GET /files/{account}/{id}/{token}: the links of reports and of the phone.
func (p *Platform) serveFile(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/files/"), "/")
	if len(parts) != 3 {
		http.NotFound(w, r)
		return
	}
	a := p.Account(parts[0])
	id, _ := strconv.ParseInt(parts[1], 10, 64)
	if a == nil {
		http.NotFound(w, r)
		return
	}
	p.mu.Lock()
	res := a.resources[id]
	f := p.strike(a, "media", r.Method+" /files", false)
	p.mu.Unlock()
	if res == nil || res.token != parts[2] {
		http.NotFound(w, r)
		return
	}
	p.serveContent(w, r, res, f)
}

// serveContent streams a file, with ranges. A fault LostAfter breaks off in the middle.
func (p *Platform) serveContent(w http.ResponseWriter, r *http.Request, res *resource, f *Fault) {
	in, err := os.Open(res.path)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer in.Close()
	w.Header().Set("Content-Type", res.mime)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": res.name}))
	if f != nil {
		p.breakContent(w, in, res.size, f)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, in)
}

func (p *Platform) breakContent(w http.ResponseWriter, in io.Reader, size int64, f *Fault) {
	switch f.Kind {
	case LostAfter:
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		_, _ = io.CopyN(w, in, size/2)
		panic(http.ErrAbortHandler)
	case ResetBefore:
		panic(http.ErrAbortHandler)
	case Slow, SlowAfter:
		p.pause(f.Delay)
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		_, _ = io.Copy(w, in)
	default:
		w.Header().Del("Content-Disposition")
		http.Error(w, "fault", f.code())
	}
}
