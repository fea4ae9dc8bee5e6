// Package locales holds every text people see, one JSON file per language, shared by the server and the pages.
package locales

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"sort"
	"strings"
)

//go:embed *.json
var files embed.FS

// Fallback is the language used when a text or a language is missing.
const Fallback = "en"

// Catalogue holds the texts of all languages, by language and dotted key ("error.b24.token_expired").
type Catalogue struct{ texts map[string]map[string]string }

// Load reads the embedded files. A file that is not a tree of strings is an error that names it.
func Load() (*Catalogue, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list locale files: %w", err)
	}
	c := &Catalogue{texts: map[string]map[string]string{}}
	for _, entry := range entries {
		raw, err := files.ReadFile(entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read locale file %s: %w", entry.Name(), err)
		}
		var tree map[string]any
		if err := json.Unmarshal(raw, &tree); err != nil {
			return nil, fmt.Errorf("parse locale file %s: %w", entry.Name(), err)
		}
		flat := map[string]string{}
		if err := flatten("", tree, flat); err != nil {
			return nil, fmt.Errorf("locale file %s: %w", entry.Name(), err)
		}
		c.texts[strings.TrimSuffix(entry.Name(), path.Ext(entry.Name()))] = flat
	}
	return c, nil
}

// Text is the text of a key in a language, with {name} places filled from args (name, value, name, value …).
// A missing language or key falls back to English, then to the key itself, so that nothing is ever blank.
func (c *Catalogue) Text(lang, key string, args ...any) string {
	text, ok := c.texts[Pick(c.Languages(), lang)][key]
	if !ok {
		if text, ok = c.texts[Fallback][key]; !ok {
			return key
		}
	}
	for i := 0; i+1 < len(args); i += 2 {
		text = strings.ReplaceAll(text, "{"+fmt.Sprint(args[i])+"}", fmt.Sprint(args[i+1]))
	}
	return text
}

// Has tells whether the key exists in that very language.
func (c *Catalogue) Has(lang, key string) bool {
	_, ok := c.texts[lang][key]
	return ok
}

// Keys lists the dotted keys of a language in order.
func (c *Catalogue) Keys(lang string) []string {
	keys := make([]string, 0, len(c.texts[lang]))
	for key := range c.texts[lang] {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// Languages lists the languages there are, in order.
func (c *Catalogue) Languages() []string {
	langs := make([]string, 0, len(c.texts))
	for lang := range c.texts {
		langs = append(langs, lang)
	}
	sort.Strings(langs)
	return langs
}

// Pick chooses the language for a portal's LANG code: itself when known, Russian for its neighbours, else English.
func Pick(known []string, lang string) string {
	lang = strings.ToLower(strings.TrimSpace(lang))
	for _, k := range known {
		if k == lang {
			return lang
		}
	}
	switch lang {
	case "kz", "by", "ua", "uz":
		return Pick(known, "ru")
	case Fallback:
		return Fallback
	}
	return Fallback
}

func flatten(prefix string, tree map[string]any, into map[string]string) error {
	for key, value := range tree {
		full := key
		if prefix != "" {
			full = prefix + "." + key
		}
		switch v := value.(type) {
		case string:
			into[full] = v
		case map[string]any:
			if err := flatten(full, v, into); err != nil {
				return err
			}
		default:
			return fmt.Errorf("key %s is neither a text nor a group", full)
		}
	}
	return nil
}
