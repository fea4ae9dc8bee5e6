package uis

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Clients send texts that are no proper text. What becomes of them:
//
//	NUL, as \u0000                     stays a NUL byte in the Go string; databases refuse it, see Visible
//	NUL and other control bytes, raw   the same: raw control bytes inside JSON strings are read as if they were escaped
//	half surrogates (\ud83d alone)     U+FFFD in the string, as no Go string can hold them; noted as RepairSurrogate
//	bytes that are no UTF-8            U+FFFD in the string; noted as RepairUTF8
//
// The caller keeps the body as received, so nothing is lost for good.

// Repair names something odd in a body that was read nevertheless.
type Repair string

// Repairs.
const (
	RepairControl     Repair = "raw control characters in a string"
	RepairSurrogate   Repair = "half surrogates replaced"
	RepairUTF8        Repair = "bytes that are no UTF-8 replaced"
	RepairBOM         Repair = "byte order mark removed"
	RepairQuotes      Repair = "doubled quotes removed"
	RepairPlaceholder Repair = "unfilled placeholder or missing value read as null"
	RepairField       Repair = "a field of unexpected type left empty"
)

const byteOrderMark = "\xef\xbb\xbf"

// Visible makes a text storable and readable: NUL becomes U+2400, bytes that are no UTF-8 become U+FFFD.
func Visible(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\u2400")
}

// mend makes a JSON body readable for encoding/json and says what it changed or what reading will change.
func mend(body []byte) ([]byte, []Repair) {
	var repairs []Repair
	if rest, found := bytes.CutPrefix(body, []byte(byteOrderMark)); found {
		body, repairs = rest, append(repairs, RepairBOM)
	}
	if !utf8.Valid(body) {
		repairs = append(repairs, RepairUTF8)
	}
	if hasHalfSurrogate(body) {
		repairs = append(repairs, RepairSurrogate)
	}
	if escaped, changed := escapeControls(body); changed {
		body, repairs = escaped, append(repairs, RepairControl)
	}
	return body, repairs
}

// escapeControls writes raw control bytes inside strings as \u00XX; JSON forbids them there.
func escapeControls(body []byte) ([]byte, bool) {
	inString, from := false, 0
	var out []byte
	for i := 0; i < len(body); i++ {
		switch b := body[i]; {
		case !inString:
			inString = b == '"'
		case b == '\\':
			i++
		case b == '"':
			inString = false
		case b < 0x20:
			out = append(out, body[from:i]...)
			out = fmt.Appendf(out, `\u%04x`, b)
			from = i + 1
		}
	}
	if out == nil {
		return body, false
	}
	return append(out, body[from:]...), true
}

// hasHalfSurrogate looks for \uD800–\uDFFF that is not part of a pair.
func hasHalfSurrogate(body []byte) bool {
	for i := 0; i+6 <= len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		if body[i+1] != 'u' {
			i++ // an escaped backslash or another escape
			continue
		}
		switch unit := hex4(body[i+2 : i+6]); {
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return true
		case unit >= 0xD800 && unit <= 0xDBFF:
			next := i + 6
			if next+6 > len(body) || body[next] != '\\' || body[next+1] != 'u' {
				return true
			}
			if low := hex4(body[next+2 : next+6]); low < 0xDC00 || low > 0xDFFF {
				return true
			}
			i = next + 5
		default:
			i += 5
		}
	}
	return false
}

// hex4 reads four hexadecimal digits, -1 when they are none.
func hex4(b []byte) int {
	n := 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 + int(c-'0')
		case c >= 'a' && c <= 'f':
			n = n<<4 + int(c-'a') + 10
		case c >= 'A' && c <= 'F':
			n = n<<4 + int(c-'A') + 10
		default:
			return -1
		}
	}
	return n
}
