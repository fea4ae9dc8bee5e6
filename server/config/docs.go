package config

import (
	"fmt"
	"regexp"
	"strings"
)

// code finds what stands in single quotes: struct tags cannot hold back quotes. An apostrophe follows a letter.
var code = regexp.MustCompile(`(^|[ (])'([^']+)'`)

// Docs renders docs/settings.md: every variable with its default and meaning, in the order of Config.
func Docs() string {
	var page strings.Builder
	page.WriteString(`# Settings

The server reads its settings from the environment, nothing else. An empty variable counts as unset. A wrong value stops the start with one sentence
that names the variable. Secrets are never printed.

This page is made from ` + "`server/config`" + `: ` + "`go test ./server/config -run Docs -update`" + `.

| variable | default | meaning |
| --- | --- | --- |
`)
	for field := range fields() {
		standard := ""
		if value := field.Tag.Get("envDefault"); value != "" {
			standard = "`" + strings.ReplaceAll(value, ",", "`, `") + "`"
		}
		text := code.ReplaceAllString(field.Tag.Get("doc"), "$1`$2`")
		_, _ = fmt.Fprintf(&page, "| `%s` | %s | %s |\n", field.Tag.Get("env"), standard, text)
	}
	return page.String()
}
