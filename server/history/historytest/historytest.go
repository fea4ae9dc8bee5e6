// Package historytest reads an account's history in tests.
package historytest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/history"
	"omni/server/ids"
	"omni/server/store"
)

// Lines are the changes of an account beside its settings, oldest first: who, what, about whom.
func Lines(t testing.TB, db *store.DB, account ids.AccountID) []string {
	t.Helper()
	var list []history.Entry
	require.NoError(t, db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		list, err = history.List(ctx, tx, account, history.Before{}, 1000)
		return err
	}))
	slices.SortFunc(list, func(a, b history.Entry) int { return cmp.Compare(a.Number, b.Number) })
	lines := []string{}
	for _, e := range list {
		if e.Kind == history.Settings {
			continue
		}
		words := append([]string{e.By, string(e.Kind), e.About.Name, e.About.Other}, e.About.Parts...)
		lines = append(lines, strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), " "))
	}
	return lines
}
