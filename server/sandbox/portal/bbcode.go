package portal

import (
	"html"
	"html/template"
	"regexp"
	"strings"
)

var (
	bbPair = regexp.MustCompile(`(?is)\[(b|i|u|s)\](.*?)\[/(?:b|i|u|s)\]`)
	bbURL  = regexp.MustCompile(`(?is)\[url=([^\]]+)\](.*?)\[/url\]`)
	bbBare = regexp.MustCompile(`(?is)\[url\](.*?)\[/url\]`)
	bbUser = regexp.MustCompile(`(?is)\[user=\d+\](.*?)\[/user\]`)
	bbTone = regexp.MustCompile(`(?is)\[color=(#[0-9a-f]{3,6}|[a-z]+)\](.*?)\[/color\]`)
	bbImg  = regexp.MustCompile(`(?is)\[(?:img|size=\d+|/size|font=[^\]]*|/font|quote|/quote|code|/code|list|/list|\*)\]`)
)

// renderBB shows text with the messenger's BB codes; everything else is plain text.
func renderBB(s string) template.HTML {
	s = html.EscapeString(s)
	for range 3 {
		s = bbPair.ReplaceAllStringFunc(s, func(m string) string {
			g := bbPair.FindStringSubmatch(m)
			tag := strings.ToLower(g[1])
			return "<" + tag + ">" + g[2] + "</" + tag + ">"
		})
	}
	s = bbURL.ReplaceAllStringFunc(s, func(m string) string {
		g := bbURL.FindStringSubmatch(m)
		return link(g[1], g[2])
	})
	s = bbBare.ReplaceAllStringFunc(s, func(m string) string {
		g := bbBare.FindStringSubmatch(m)
		return link(g[1], g[1])
	})
	s = bbUser.ReplaceAllString(s, `<span class="mention">$1</span>`)
	s = bbTone.ReplaceAllString(s, `<span style="color:$1">$2</span>`)
	s = bbImg.ReplaceAllString(s, "")
	s = regexp.MustCompile(`(?i)\[br\]`).ReplaceAllString(s, "<br>")
	return template.HTML(strings.ReplaceAll(s, "\n", "<br>"))
}

func link(to, shown string) string {
	if !strings.HasPrefix(to, "http://") && !strings.HasPrefix(to, "https://") && !strings.HasPrefix(to, "/") {
		return shown
	}
	return `<a href="` + to + `" target="_blank" rel="noopener">` + shown + `</a>`
}

// initials are the letters of a round avatar.
func initials(name string) string {
	out := ""
	for _, word := range strings.Fields(name) {
		r := []rune(strings.Trim(word, "«»\"(#"))
		if len(r) > 0 && len([]rune(out)) < 2 {
			out += strings.ToUpper(string(r[0]))
		}
	}
	return out
}

// hue gives a name its own colour.
func hue(name string) int {
	n := 0
	for _, r := range name {
		n = (n*31 + int(r)) % 360
	}
	return n
}

// money groups thousands.
func money(v any) string {
	s := text(v)
	whole, cents, has := strings.Cut(s, ".")
	out := ""
	for len(whole) > 3 {
		out = " " + whole[len(whole)-3:] + out
		whole = whole[:len(whole)-3]
	}
	out = whole + out
	if has && cents != "0" && cents != "00" {
		out += "." + cents
	}
	return out
}
