package files

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/url"
	"strings"
	"time"

	"omni/server/clock"
	"omni/server/ids"
)

// ErrLink says that a link is not ours or has expired.
var ErrLink = errors.New("the link is not valid any more")

// linkSlack rounds expiries, so that the same file has the same link for a while and browsers can cache it.
const linkSlack = 12 * time.Hour

// Links signs addresses under which a file can be fetched without any other right: /files/{signed}/{name}.
type Links struct {
	base  string
	keys  [][]byte
	life  time.Duration
	clock clock.Clock
}

// NewLinks builds a signer. base is OMNI_PUBLIC_URL; the first key signs, all verify; a link lives for life at least.
func NewLinks(base string, keys [][]byte, life time.Duration, clk clock.Clock) *Links {
	return &Links{base: strings.TrimSuffix(base, "/"), keys: keys, life: life, clock: clk}
}

// URL is the signed address of a file.
func (l *Links) URL(account ids.AccountID, file ids.FileID, name string) string {
	until := l.clock.Now().Add(l.life).Truncate(linkSlack).Add(linkSlack)
	return l.base + "/files/" + sign(l.keys[0], account, file, until) + "/" + url.PathEscape(CleanName(name))
}

// Open checks the signed part of an address.
func (l *Links) Open(signed string) (ids.AccountID, ids.FileID, error) {
	raw, err := base64.RawURLEncoding.DecodeString(signed)
	if err != nil || len(raw) != 24+sha256.Size {
		return 0, 0, ErrLink
	}
	account := ids.AccountID(binary.BigEndian.Uint64(raw))
	file := ids.FileID(binary.BigEndian.Uint64(raw[8:]))
	until := time.Unix(int64(binary.BigEndian.Uint64(raw[16:])), 0)
	for _, key := range l.keys {
		if hmac.Equal(raw[24:], mac(key, raw[:24])) {
			if l.clock.Now().After(until) {
				return 0, 0, ErrLink
			}
			return account, file, nil
		}
	}
	return 0, 0, ErrLink
}

func sign(key []byte, account ids.AccountID, file ids.FileID, until time.Time) string {
	raw := make([]byte, 24, 24+sha256.Size)
	binary.BigEndian.PutUint64(raw, uint64(account))
	binary.BigEndian.PutUint64(raw[8:], uint64(file))
	binary.BigEndian.PutUint64(raw[16:], uint64(until.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(raw, mac(key, raw)...))
}

func mac(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return h.Sum(nil)
}
