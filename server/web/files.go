package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"omni/server/files"
)

// multipartSlack is what a form adds around a file.
const multipartSlack = 64 << 10

// upload streams one file in; nothing of it is held in memory but the piece under way.
func (s *Server) upload(c *fiber.Ctx) error {
	if n := int64(c.Request().Header.ContentLength()); n > s.FileLimit+multipartSlack {
		return files.ErrTooLarge
	}
	kind, params, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return badField("/file", "required")
	}
	var body io.Reader = c.Context().RequestBodyStream()
	if c.Context().RequestBodyStream() == nil {
		body = bytes.NewReader(c.Request().Body())
	}
	form := multipart.NewReader(io.LimitReader(body, s.FileLimit+multipartSlack), params["boundary"])
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return badField("/file", "required")
		}
		if err != nil {
			return problem(http.StatusBadRequest, "form")
		}
		if part.FormName() != "file" || part.FileName() == "" {
			continue
		}
		f, err := s.Files.Put(c.UserContext(), who(c).Account, part.FileName(), part)
		if err != nil {
			// The rest is read and thrown away: a browser that is still sending when the connection ends sees a broken line instead of the reason.
			_, _ = io.Copy(io.Discard, io.LimitReader(body, s.FileLimit+multipartSlack))
			return err
		}
		return c.JSON(map[string]any{"file": f.ID, "name": f.Name, "size": f.Size, "mime": f.Mime})
	}
}

// inline are the types a browser may show by itself; everything else is downloaded, so that no file of a client acts as a page of ours.
var inline = map[string]bool{"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "image/bmp": true, "video/mp4": true, "video/webm": true,
	"audio/mpeg": true, "audio/ogg": true, "audio/wav": true, "audio/x-wav": true, "audio/mp4": true, "audio/webm": true, "audio/aac": true, "application/pdf": true}

// file serves a stored file under a signed address, with ranges and without redirects: portals, UIS and browsers fetch it.
func (s *Server) file(c *fiber.Ctx) error {
	account, id, err := s.Links.Open(c.Params("signed"))
	if err != nil {
		return err
	}
	f, err := s.Files.Stat(c.UserContext(), account, id)
	if err != nil {
		return err
	}
	kind, _, _ := strings.Cut(f.Mime, ";")
	disposition := "attachment"
	if inline[kind] {
		disposition = "inline"
	}
	c.Set(fiber.HeaderContentType, f.Mime)
	c.Set(fiber.HeaderContentDisposition, mime.FormatMediaType(disposition, map[string]string{"filename": f.Name}))
	c.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	c.Set(fiber.HeaderAcceptRanges, "bytes")
	c.Set(fiber.HeaderCacheControl, "private, max-age=43200")
	etag := `"` + strconv.FormatInt(int64(account), 36) + "-" + strconv.FormatInt(int64(f.ID), 36) + `"`
	c.Set(fiber.HeaderETag, etag)
	if c.Get(fiber.HeaderIfNoneMatch) == etag {
		return c.SendStatus(http.StatusNotModified)
	}
	from, length, partial, ok := byteRange(c.Get(fiber.HeaderRange), f.Size)
	if !ok {
		c.Set(fiber.HeaderContentRange, "bytes */"+strconv.FormatInt(f.Size, 10))
		return c.SendStatus(http.StatusRequestedRangeNotSatisfiable)
	}
	if partial {
		c.Status(http.StatusPartialContent)
		c.Set(fiber.HeaderContentRange, "bytes "+strconv.FormatInt(from, 10)+"-"+strconv.FormatInt(from+length-1, 10)+"/"+strconv.FormatInt(f.Size, 10))
	}
	if c.Method() == fiber.MethodHead {
		c.Response().SkipBody = true
		c.Response().Header.SetContentLength(int(length))
		return nil
	}
	// The request's context ends with the handler, the body is read after it.
	body := s.Files.Open(c.Context(), f, from)
	return c.SendStream(limited{io.LimitReader(body, length), body}, int(length))
}

// limited is a part of a file that closes the whole.
type limited struct {
	io.Reader
	io.Closer
}

// byteRange reads "bytes=0-99", "bytes=100-" and "bytes=-100"; several ranges at once are answered as a whole.
func byteRange(header string, size int64) (from, length int64, partial, ok bool) {
	spec, found := strings.CutPrefix(strings.TrimSpace(header), "bytes=")
	if !found || strings.Contains(spec, ",") {
		return 0, size, false, true
	}
	first, last, _ := strings.Cut(spec, "-")
	start, err1 := strconv.ParseInt(first, 10, 64)
	end, err2 := strconv.ParseInt(last, 10, 64)
	switch {
	case first == "" && err2 == nil && end > 0:
		start = max(0, size-end)
		return start, size - start, true, true
	case err1 != nil || start < 0 || last != "" && err2 != nil:
		return 0, size, false, true // not understood: the whole
	case start >= size:
		return 0, 0, false, false
	case err2 != nil || end >= size:
		end = size - 1
	}
	if end < start {
		return 0, size, false, true
	}
	return start, end - start + 1, true, true
}
