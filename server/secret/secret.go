// Package secret seals what must not be readable in the database and derives the keys for everything that is signed.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"omni/server/ids"
)

const (
	// KeySize is how long a key of OMNI_SECRET_KEYS must be at least, in bytes.
	KeySize = 32

	format    = 1 // first byte of everything sealed
	idSize    = 4
	nonceSize = 12
	headSize  = 1 + idSize + nonceSize
)

// Errors of this package. None holds a key or a sealed text.
var (
	ErrNoKeys = errors.New("there is no key")
	// ErrOpen means that none of the keys opens the text: it was sealed with a key that is gone, belongs to another row, or was changed.
	ErrOpen = errors.New("none of the keys opens this secret")
)

// Keyring holds the keys of OMNI_SECRET_KEYS. The first seals and signs, all open and verify; that is how a key is replaced: put the new one in
// front, let everything be sealed again (Stale), drop the old one.
type Keyring struct{ keys []key }

type key struct {
	master []byte
	id     [idSize]byte // recognises the key that sealed a text
	aead   cipher.AEAD
}

// Parse reads a comma-separated list of base64 keys of at least 32 bytes. Its errors tell the place in the list, never a key.
func Parse(list string) (*Keyring, error) {
	ring := &Keyring{}
	for i, item := range strings.Split(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		master, err := decode(item)
		if err != nil {
			return nil, fmt.Errorf("key %d is not base64", i+1)
		}
		if len(master) < KeySize {
			return nil, fmt.Errorf("key %d has %d bytes, %d are needed", i+1, len(master), KeySize)
		}
		k, err := newKey(master)
		if err != nil {
			return nil, fmt.Errorf("prepare key %d: %w", i+1, err)
		}
		ring.keys = append(ring.keys, k)
	}
	if len(ring.keys) == 0 {
		return nil, ErrNoKeys
	}
	return ring, nil
}

// decode takes base64 in both alphabets, with padding or without.
func decode(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	return base64.RawStdEncoding.DecodeString(text)
}

// Generate makes a new random key in the form Parse reads.
func Generate() string {
	raw := make([]byte, KeySize)
	_, _ = rand.Read(raw) // never fails: it would end the program
	return base64.StdEncoding.EncodeToString(raw)
}

func newKey(master []byte) (key, error) {
	k := key{master: master}
	id, err := derive(master, "id", idSize)
	if err != nil {
		return key{}, err
	}
	copy(k.id[:], id)
	sealing, err := derive(master, "seal", KeySize)
	if err != nil {
		return key{}, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return key{}, fmt.Errorf("make the cipher: %w", err)
	}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		return key{}, fmt.Errorf("make the cipher mode: %w", err)
	}
	return k, nil
}

// derive makes a key for one purpose from a master key (HKDF with SHA-256), so that no two purposes share one.
func derive(master []byte, purpose string, size int) ([]byte, error) {
	derived, err := hkdf.Key(sha256.New, master, nil, "omni "+purpose, size)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return derived, nil
}

// Place says where a sealed text is kept. It is bound into the text, which therefore opens in no other row, column or account.
type Place string

// At is the place of a column in a row of an account. The names never change once data is sealed.
func At(table, column string, account ids.AccountID, row int64) Place {
	return Place(table + "." + column + ":" + strconv.FormatInt(int64(account), 10) + ":" + strconv.FormatInt(row, 10))
}

// Seal encrypts with the first key: AES-256-GCM, a fresh nonce each time.
func (r *Keyring) Seal(plain []byte, place Place) []byte {
	k := r.keys[0]
	sealed := make([]byte, headSize, headSize+len(plain)+k.aead.Overhead())
	sealed[0] = format
	copy(sealed[1:], k.id[:])
	nonce := sealed[1+idSize : headSize]
	_, _ = rand.Read(nonce) // never fails: it would end the program
	return k.aead.Seal(sealed, nonce, plain, []byte(place))
}

// Open decrypts what Seal made for the same place with any of the keys. Error: ErrOpen.
func (r *Keyring) Open(sealed []byte, place Place) ([]byte, error) {
	if len(sealed) < headSize || sealed[0] != format {
		return nil, ErrOpen
	}
	for _, k := range r.keys {
		if [idSize]byte(sealed[1:]) != k.id {
			continue
		}
		if plain, err := k.aead.Open(nil, sealed[1+idSize:headSize], sealed[headSize:], []byte(place)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrOpen
}

// Stale tells whether a text was sealed with another key than the first, so that it should be sealed again when its row is next written.
func (r *Keyring) Stale(sealed []byte) bool {
	return len(sealed) < headSize || sealed[0] != format || [idSize]byte(sealed[1:]) != r.keys[0].id
}

// Derive makes the 32-byte key for a purpose ("session", "files") from the first key: with it things are signed.
func (r *Keyring) Derive(purpose string) ([]byte, error) {
	return derive(r.keys[0].master, "use "+purpose, KeySize)
}

// DeriveAll makes the key for a purpose from each of the keys, the first one first: with these signatures are checked.
func (r *Keyring) DeriveAll(purpose string) ([][]byte, error) {
	all := make([][]byte, 0, len(r.keys))
	for _, k := range r.keys {
		derived, err := derive(k.master, "use "+purpose, KeySize)
		if err != nil {
			return nil, err
		}
		all = append(all, derived)
	}
	return all, nil
}
