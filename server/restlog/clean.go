package restlog

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"
)

const hidden = "***"

// secretNames are the fields whose values are never kept, in lower case.
var secretNames = map[string]bool{
	"auth": true, "access_token": true, "refresh_token": true, "auth_id": true, "refresh_id": true, "application_token": true, "event_token": true,
	"client_secret": true, "password": true, "passwd": true, "chats_password": true, "api_key": true, "apikey": true, "token": true, "secret": true, "jwt": true,
	"refresh": true, "signature": true, "webhook_auth": true, "uploadurl": true, "authorization": true, "sessid": true,
}

// Secrets inside texts: parameters and paths of addresses that open something by themselves, and what signs a person in. hint is cheap to look for.
var secretTexts = []struct {
	hint string
	find *regexp.Regexp
	put  string
}{
	{"=", regexp.MustCompile(`(?i)([?&;](?:amp;)?(?:auth|access_token|refresh_token|auth_id|refresh_id|application_token|event_token|client_secret|password|api_key|token|secret|signature|sign|sig|key|code|state|sessid)=)[^&\s"'<>\]]+`), "${1}" + hidden},
	{"/files/", regexp.MustCompile(`(/files/)[^/\s"'<>\]]{16,}`), "${1}" + hidden},
	{"/uis/", regexp.MustCompile(`(/uis/)[^/\s"'<>\]]{8,}`), "${1}" + hidden},
	{"/rest/", regexp.MustCompile(`(/rest/\d+/)[A-Za-z0-9]{8,}`), "${1}" + hidden},
	{"/media/", regexp.MustCompile(`(/system/media/[a-z_/]*\d+/)[A-Za-z0-9]{8,}`), "${1}" + hidden},
	{"earer ", regexp.MustCompile(`([Bb]earer\s+)[A-Za-z0-9._~+/=-]{8,}`), "${1}" + hidden},
	{"asic ", regexp.MustCompile(`([Bb]asic\s+)[A-Za-z0-9+/=]{8,}`), "${1}" + hidden},
	{"eyJ", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}`), hidden},
}

// fileRun is from what length on a run of base64 is a file's content.
const fileRun = 300

// withoutFiles leaves runs of base64 out. A regular expression with such a count is slow.
func withoutFiles(s string) (string, bool) {
	if len(s) < fileRun {
		return s, false
	}
	var out strings.Builder
	cut, from := false, 0
	for i := 0; i < len(s); {
		run := i
		for run < len(s) && isBase64(s[run]) {
			run++
		}
		if run-i >= fileRun {
			cut = true
			out.WriteString(s[from:i])
			out.WriteString("…")
			from = run
		}
		i = run + 1
	}
	if !cut {
		return s, false
	}
	if from < len(s) {
		out.WriteString(s[from:])
	}
	return out.String(), true
}

func isBase64(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '+' || b == '/' || b == '_' || b == '-' || b == '='
}

// cleaner takes secrets out of JSON and shortens it.
type cleaner struct {
	text, items int
	cut         bool
}

// Clean gives what may be shown of a body that was asked or answered: without secrets and files, and shortened as the log does.
func Clean(raw []byte) json.RawMessage {
	out, _ := clean(raw, partLimit)
	return out
}

// clean gives the JSON that is kept of a body: without secrets and files, at most limit bytes; cut tells that something was left out for its length.
func clean(raw []byte, limit int) (out json.RawMessage, cut bool) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var value any
	if d.Decode(&value) != nil {
		value = string(bytes.ToValidUTF8(raw, []byte("\uFFFD"))) // no JSON: kept as text
	}
	for _, c := range []cleaner{{text: limit / 4, items: 50}, {text: max(limit/32, 24), items: 8}, {text: 24, items: 2}} {
		encoded := encode(c.value(value))
		if len(encoded) <= limit {
			return encoded, cut || c.cut
		}
		cut, out = true, encoded
	}
	c := cleaner{text: max(limit/8, 16)} // very many fields: their beginning as text; it is clean already
	return encode(c.shorten(string(out))), true
}

func (c *cleaner) value(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			if secretNames[strings.ToLower(name)] && inner != nil && inner != "" {
				out[name] = hidden
				continue
			}
			out[name] = c.value(inner)
		}
		return out
	case []any:
		kept := v
		if len(kept) > c.items {
			kept, c.cut = kept[:c.items], true
		}
		out := make([]any, len(kept), len(kept)+1)
		for i, inner := range kept {
			out[i] = c.value(inner)
		}
		if len(v) > len(kept) {
			out = append(out, "…")
		}
		return out
	case string:
		return c.string(v)
	}
	return v
}

// string cleans a text, and shortens it last: a secret cut in two would not be recognised.
func (c *cleaner) string(s string) string {
	if whole := len(s); whole > c.text+ample {
		s = s[:c.text+ample]
		c.cut = true
		// Back to where a word ends, as it may be a secret's; without any it is no text.
		s = s[:max(c.text, strings.LastIndexAny(s, " \n\t\r"))]
		s = strings.ToValidUTF8(s, "")
	}
	s = cleanText(s)
	s, file := withoutFiles(s)
	c.cut = c.cut || file
	return c.shorten(s)
}

// ample is how much more than is kept of a long text is looked at.
const ample = 4 << 10

func (c *cleaner) shorten(s string) string {
	if len(s) <= c.text {
		return s
	}
	c.cut = true
	end := c.text
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// cleanText takes secrets out of a text.
func cleanText(s string) string {
	if len(s) < 8 {
		return s
	}
	for _, secret := range secretTexts {
		if !strings.Contains(s, secret.hint) {
			continue
		}
		s = secret.find.ReplaceAllString(s, secret.put)
	}
	return s
}

// encode writes JSON without the escaping of <, > and &, which only makes texts longer.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return json.RawMessage("null")
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
