package secret

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// KeyFile reads the keys of a server that was given none, and makes them at the first time (made is true then). The file is in the form Parse reads;
// one that others may read is refused. Whoever loses it loses every sealed token.
func KeyFile(path string) (keys string, made bool, err error) {
	keys, err = readKeys(path)
	if !errors.Is(err, os.ErrNotExist) {
		return keys, false, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", false, fmt.Errorf("make the folder of the key file: %w", err)
	}
	if err := writeOnce(path, Generate()+"\n"); err != nil {
		return "", false, err
	}
	// Another server may have been faster: what lies there now counts.
	keys, err = readKeys(path)
	return keys, true, err
}

func readKeys(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("look for the key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("the key file %s may be read by others: chmod 600 it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the key file: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// writeOnce puts a complete file in place unless there is one already.
func writeOnce(path, text string) error {
	draft, err := os.CreateTemp(filepath.Dir(path), ".keys-") // mode 0600
	if err != nil {
		return fmt.Errorf("make the key file: %w", err)
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	_, err = draft.WriteString(text)
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("put the key file in place: %w", err)
	}
	return nil
}
