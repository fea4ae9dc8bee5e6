package uisplatform

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// wireText is text that may hold what people's phones really send: NUL and halves of surrogate pairs. Half a surrogate is kept as the three bytes UTF-8 would
// need for it, and leaves as \ud83d in JSON, which encoding/json alone would replace.
type wireText string

// MarshalJSON writes the text as a JSON string.
func (t wireText) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('"')
	s := string(t)
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			if half, ok := halfSurrogate(s); ok {
				fmt.Fprintf(&b, `\u%04x`, half)
				n = 3
			} else {
				b.WriteString(`\ufffd`)
			}
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == '\u2028' || r == '\u2029' || r == '<' || r == '>' || r == '&':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	b.WriteByte('"')
	return b.Bytes(), nil
}

// UnmarshalJSON reads a JSON string or null.
func (t *wireText) UnmarshalJSON(raw []byte) error {
	if bytes.Equal(raw, []byte("null")) {
		*t = ""
		return nil
	}
	if len(raw) < 2 || raw[0] != '"' {
		return fmt.Errorf("not a JSON string")
	}
	raw = raw[1 : len(raw)-1]
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		switch raw[i] {
		case 'u':
			u := hex4(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(u) && i+6 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
				if pair := utf16.DecodeRune(u, hex4(raw[i+3:])); pair != utf8.RuneError {
					out = utf8.AppendRune(out, pair)
					i += 6
					continue
				}
			}
			out = appendHalf(out, u)
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		default:
			out = append(out, raw[i])
		}
	}
	*t = wireText(out)
	return nil
}

func hex4(b []byte) rune {
	n, err := strconv.ParseUint(string(b[:4]), 16, 32)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}

// appendHalf appends r, also when it is half a surrogate pair.
func appendHalf(out []byte, r rune) []byte {
	if utf16.IsSurrogate(r) {
		return append(out, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
	}
	return utf8.AppendRune(out, r)
}

// halfSurrogate recognises the three bytes appendHalf writes.
func halfSurrogate(s string) (uint16, bool) {
	if len(s) < 3 || s[0] != 0xED || s[1] < 0xA0 || s[1] > 0xBF || s[2]&0xC0 != 0x80 {
		return 0, false
	}
	return 0xD000 | uint16(s[1]&0x3F)<<6 | uint16(s[2]&0x3F), true
}
