package uis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"time"
)

// Upload is a file for a message. Body is streamed, never held in memory as a whole.
type Upload struct {
	ConnectionID ConnectionID
	ChannelID    AdapterChannelID
	Type         string // photo, video, audio, voice, document; see ResourceTypeFor
	Name         string
	MIME         string // "" means application/octet-stream
	// Size is the length of Body in bytes; negative when unknown, then the request is chunked.
	Size int64
	// Body is read once. If it is an io.Seeker, it is rewound to where it stood when the token turns out to be refused; else that is an error
	// (NotExecuted) and the caller tries again with a fresh reader.
	Body io.Reader
}

// ErrBodySpent means that the token was refused while the file was being sent and the file's reader cannot be rewound. Nothing was executed.
var ErrBodySpent = errors.New("uis: token refused and the file cannot be read again")

// UploadResource stores a file, to be sent with OutMessage.Resource. A file that no message names does no harm, so repeating is harmless.
// It ends with ctx, not with the request limit. (POST resource, multipart)
func (s *AdapterSession) UploadResource(ctx context.Context, u Upload) (Resource, error) {
	base, err := s.client.hosts.Address(AdapterAPI)
	if err != nil {
		return Resource{}, err
	}
	seeker, _ := u.Body.(io.Seeker)
	start := int64(0)
	if seeker != nil {
		if start, err = seeker.Seek(0, io.SeekCurrent); err != nil {
			seeker = nil // a pipe behind an *os.File, for instance
		}
	}
	var made Resource
	attempts := 0
	err = s.tokens.with(ctx, func(token string) error {
		if attempts++; attempts > 1 {
			if seeker == nil {
				return ErrBodySpent
			}
			if _, err := seeker.Seek(start, io.SeekStart); err != nil {
				return fmt.Errorf("%w: %w", ErrBodySpent, err)
			}
		}
		return s.client.upload(ctx, base+"resource", token, u, &made)
	})
	return made, err
}

func (c *Client) upload(ctx context.Context, address, token string, u Upload, made *Resource) error {
	const name = "POST resource"
	body, length, contentType, err := u.multipart()
	if err != nil {
		return fmt.Errorf("uis: making the form: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		return fmt.Errorf("uis: making the request: %w", err)
	}
	r.ContentLength = length
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	x := Exchange{API: AdapterAPI, Method: name, Started: time.Now()}
	x.HTTP, x.Err = c.finishUpload(r, name, made)
	c.report(ctx, x)
	return x.Err
}

func (c *Client) finishUpload(r *http.Request, name string, made *Resource) (int, error) {
	response, failure := c.open(r, c.http, AdapterAPI, name)
	if failure != nil {
		return 0, failure
	}
	defer func() { _ = response.Body.Close() }()
	answerBody, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return response.StatusCode, &Error{API: AdapterAPI, Method: name, HTTP: response.StatusCode, Message: "reading the answer failed", Cause: err, sent: true}
	}
	return response.StatusCode, judgeREST(AdapterAPI, name, answer{status: response.StatusCode, body: answerBody}, made)
}

// multipart builds the form around the file without touching it: the fields and the part's head, the file, the closing boundary.
func (u Upload) multipart() (body io.Reader, length int64, contentType string, err error) {
	var frame bytes.Buffer
	w := multipart.NewWriter(&frame)
	for _, field := range [][2]string{{"account_id", itoa(int64(u.ConnectionID))}, {"channel_id", itoa(int64(u.ChannelID))}, {"type", u.Type}} {
		if err := w.WriteField(field[0], field[1]); err != nil {
			return nil, 0, "", err
		}
	}
	mime := u.MIME
	if mime == "" || strings.ContainsAny(mime, "\r\n") {
		mime = "application/octet-stream"
	}
	head := textproto.MIMEHeader{}
	head.Set("Content-Disposition", `form-data; name="file"; filename="`+quoteFileName(u.Name)+`"`)
	head.Set("Content-Type", mime)
	if _, err := w.CreatePart(head); err != nil {
		return nil, 0, "", err
	}
	before := bytes.Clone(frame.Bytes())
	frame.Reset()
	if err := w.Close(); err != nil {
		return nil, 0, "", err
	}
	after := frame.Bytes()
	length = -1
	// The wrapper hides the reader's other methods, so that net/http cannot close or seek what belongs to the caller.
	file := io.Reader(struct{ io.Reader }{u.Body})
	if u.Size >= 0 {
		length = int64(len(before)) + u.Size + int64(len(after))
		file = io.LimitReader(u.Body, u.Size)
	}
	return io.MultiReader(bytes.NewReader(before), file, bytes.NewReader(after)), length, w.FormDataContentType(), nil
}

// quoteFileName keeps a name inside its quotes and its line; other characters go as UTF-8, which is what servers expect today.
func quoteFileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, name)
	if name == "" {
		name = "file"
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
}
