package account_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/locales"
	"omni/server/account"
)

func TestMissingScopes(t *testing.T) {
	t.Parallel()
	names := func(granted ...string) (list []string) {
		for _, s := range account.MissingScopes(account.Portal{Scope: granted}) {
			list = append(list, s.Name)
		}
		return list
	}
	all := []string{}
	for _, s := range account.Scopes() {
		all = append(all, s.Name)
	}
	require.Empty(t, names(all...))
	require.Equal(t, []string{"placement", "user_basic", "im"}, names("crm", "telephony", "imconnector", "imopenlines", "contact_center", "department", "timeman", "bizproc"), "the indispensable ones first")
	require.NotContains(t, names("user_brief"), "user_basic", "a smaller right to the people serves as well")
	texts, err := locales.Load()
	require.NoError(t, err)
	for _, s := range account.Scopes() {
		for _, lang := range texts.Languages() {
			require.True(t, texts.Has(lang, "scope."+s.Name), "%s: scope.%s", lang, s.Name)
		}
	}
}
