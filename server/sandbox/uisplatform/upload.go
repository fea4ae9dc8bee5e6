package uisplatform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// serveUpload is POST /v1/adapter/resource: a multipart form with account_id, channel_id, type and file. The file is streamed to disk.
//
// The documentation does not fix the order of the parts; a file that comes before the fields is taken as well.
func (c *restCall) serveUpload(w http.ResponseWriter, r *http.Request) {
	op := operation{c.account, "adapter", c.name, c.refuse}
	c.p.perform(w, op, func() reply {
		form, err := r.MultipartReader()
		if err != nil {
			return c.bad(http.StatusUnprocessableEntity, "content_type", "the body must be multipart/form-data")
		}
		c.in = map[string]any{}
		var res *resource
		for {
			part, err := form.NextPart()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return restError(http.StatusBadRequest, "body", "the body breaks off")
			}
			var answer *reply
			if res, answer = c.uploadPart(part, res); answer != nil {
				return *answer
			}
		}
		return c.finishUpload(res)
	})
}

func (c *restCall) uploadPart(part *multipart.Part, res *resource) (*resource, *reply) {
	refuse := func(r reply) (*resource, *reply) { return nil, &r }
	switch name := part.FormName(); name {
	case "account_id", "channel_id", "type":
		value, err := io.ReadAll(io.LimitReader(part, 100))
		if err != nil {
			return refuse(restError(http.StatusBadRequest, "body", "the body breaks off"))
		}
		c.in[name] = string(value)
		if name != "type" {
			c.in[name] = json.Number(value)
		}
		return res, nil
	case "file":
		if part.FileName() == "" || res != nil {
			return refuse(c.bad(http.StatusUnprocessableEntity, "file", "exactly one file with a name must be sent"))
		}
		stored, err := c.anyAccount().store(File{Name: part.FileName(), Body: part})
		switch {
		case errors.Is(err, ErrFileTooLarge):
			return refuse(restError(http.StatusRequestEntityTooLarge, "too_large", "the file is too large"))
		case err != nil:
			return refuse(restError(http.StatusBadRequest, "body", "the body breaks off"))
		}
		return stored, nil
	default:
		return refuse(c.bad(http.StatusUnprocessableEntity, "unexpected_parameters", "unknown field "+strconv.Quote(name)))
	}
}

// anyAccount is where a file is streamed to before its account is known; all accounts share one directory.
func (c *restCall) anyAccount() *Account {
	if c.account != nil {
		return c.account
	}
	return c.p.Accounts()[0]
}

func (c *restCall) finishUpload(res *resource) reply {
	kind := c.text("type")
	if res == nil || c.number("account_id") == 0 || c.number("channel_id") == 0 || !slices.Contains([]string{"photo", "video", "audio", "voice", "document"}, kind) {
		return c.bad(http.StatusUnprocessableEntity, "required_parameter_missed", "account_id, channel_id, type (photo, video, audio, voice, document) and file are needed")
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	lc, answer := c.place()
	if answer != nil {
		return *answer
	}
	res.kind = kind
	lc.link.account.adopt(res)
	return reply{http.StatusOK, res.body()}
}

// servePayload is GET /v1/adapter/resource/{account_id}/{channel_id}/{resource_id}/{token}/payload.
func (c *restCall) servePayload(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/adapter/resource/"), "/")
	var ids [3]int64
	for i := 0; i < 3 && i < len(parts); i++ {
		ids[i], _ = strconv.ParseInt(parts[i], 10, 64)
	}
	if len(parts) != 5 || parts[4] != "payload" {
		c.bad(http.StatusNotFound, "unknown_address", "Not Found").write(c.p, w)
		return
	}
	c.p.mu.Lock()
	l := c.p.linkByID(c.adapter, ids[0])
	var res *resource
	if l != nil && slices.ContainsFunc(l.channels, func(lc linkChannel) bool { return lc.id == ids[1] }) {
		res = l.account.resources[ids[2]]
	}
	if l != nil {
		c.account = l.account
	}
	f := c.p.strike(c.account, "adapter", "GET /v1/adapter/resource", false)
	c.p.mu.Unlock()
	if res == nil || res.token != parts[3] {
		restError(http.StatusNotFound, "no_resource", fmt.Sprintf("resource %d not found", ids[2])).write(c.p, w)
		return
	}
	c.p.serveContent(w, r, res, f)
}
