package locales_test

import (
	"regexp"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/locales"
)

func TestLanguagesHaveTheSameKeysAndPlaces(t *testing.T) {
	t.Parallel()
	c, err := locales.Load()
	require.NoError(t, err)
	require.Subset(t, c.Languages(), []string{"en", "ru"})
	require.NotEmpty(t, c.Keys("en"))
	place := regexp.MustCompile(`\{\w+\}`)
	for _, lang := range c.Languages() {
		require.Equal(t, c.Keys("en"), c.Keys(lang), "keys of %s", lang)
		for _, key := range c.Keys(lang) {
			require.NotEmpty(t, c.Text(lang, key), "%s %s", lang, key)
			require.Equal(t, unique(place.FindAllString(c.Text("en", key), -1)), unique(place.FindAllString(c.Text(lang, key), -1)), "places of %s in %s", key, lang)
		}
	}
}

func TestTextFallsBackAndFillsPlaces(t *testing.T) {
	t.Parallel()
	c, err := locales.Load()
	require.NoError(t, err)
	require.Equal(t, "no.such.key", c.Text("ru", "no.such.key"))
	require.Equal(t, c.Text("en", "product.name"), c.Text("de", "product.name"))
	require.Equal(t, c.Text("ru", "product.name"), c.Text("kz", "product.name"))
}

func unique(places []string) []string {
	seen := map[string]bool{}
	for _, p := range places {
		seen[p] = true
	}
	out := make([]string, 0, len(seen))
	for p := range seen {
		out = append(out, p)
	}
	sort.Strings(out)
	return out
}
