package house

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/locales"
)

// reasonTexts are the texts that reasons are told by; what else stands under "why" serves the same page (titles, states, kinds of entities).
const reasonTexts = "why."

var otherWhyTexts = []string{"why.aside.", "why.command.", "why.entity.", "why.state.", "why.title."}

// noted gathers the codes of reasons that are noted. A code is a literal: in a Reason itself, or as the argument of a function that makes a Reason of
// its parameter. A Reason that takes its code from anywhere else than another Reason's Code is a fault, as nobody could tell its text.
type noted struct {
	t *testing.T
	// makers are the functions that make a reason of a parameter, with the parameter's place.
	makers map[maker]int
	codes  map[string]string // code → file
}

// maker names a function as it is called: by its name within its folder (a closure: within its file), as a method, or from elsewhere as package.Name.
type maker struct{ scope, name string }

func method(folder, name string) maker { return maker{"method " + folder, name} }

func (n *noted) fault(f sourceFile, format string, args ...any) {
	n.t.Helper()
	n.t.Errorf(f.path+": "+format, args...)
}

// isReason tells whether a composite literal is a Reason of any package.
func isReason(lit *ast.CompositeLit) bool {
	switch name := lit.Type.(type) {
	case *ast.Ident:
		return name.Name == "Reason"
	case *ast.SelectorExpr:
		return name.Sel.Name == "Reason"
	}
	return false
}

// codeOf is the expression of a Reason's code; nil: it has none.
func codeOf(lit *ast.CompositeLit) ast.Expr {
	for _, element := range lit.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Code" {
				return pair.Value
			}
		}
	}
	return nil
}

// parameter finds a name among the parameters of a function; -1: it is none.
func parameter(f *ast.FuncType, name string) int {
	at := 0
	for _, field := range f.Params.List {
		for _, one := range field.Names {
			if one.Name == name {
				return at
			}
			at++
		}
	}
	return -1
}

// learn notes which functions of a file make a reason of a parameter: declared ones, and closures that have a name.
func (n *noted) learn(f sourceFile) {
	look := func(signature *ast.FuncType, body *ast.BlockStmt, names ...maker) {
		ast.Inspect(body, func(node ast.Node) bool {
			if lit, ok := node.(*ast.CompositeLit); ok && isReason(lit) {
				if code, ok := codeOf(lit).(*ast.Ident); ok {
					for _, name := range names {
						if at := parameter(signature, code.Name); at >= 0 {
							n.makers[name] = at
						}
					}
				}
			}
			return true
		})
	}
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			switch name := node.Name.Name; {
			case node.Body == nil:
			case node.Recv != nil:
				look(node.Type, node.Body, method(f.folder, name))
			default:
				look(node.Type, node.Body, maker{f.folder, name}, maker{"", f.syntax.Name.Name + "." + name})
			}
		case *ast.AssignStmt:
			for i, value := range node.Rhs {
				if closure, ok := value.(*ast.FuncLit); ok && i < len(node.Lhs) {
					if name, ok := node.Lhs[i].(*ast.Ident); ok {
						look(closure.Type, closure.Body, maker{f.path, name.Name})
					}
				}
			}
		}
		return true
	})
}

// gather takes the codes of a file.
func (n *noted) gather(f sourceFile) {
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.CompositeLit:
			if isReason(node) {
				n.take(f, codeOf(node), true)
			}
		case *ast.CallExpr:
			for _, name := range called(f, node) {
				if at, makes := n.makers[name]; makes && at < len(node.Args) {
					n.take(f, node.Args[at], false)
				}
			}
		}
		return true
	})
}

// called are the names under which a called function may be known.
func called(f sourceFile, call *ast.CallExpr) []maker {
	switch function := call.Fun.(type) {
	case *ast.Ident:
		return []maker{{f.folder, function.Name}, {f.path, function.Name}}
	case *ast.SelectorExpr:
		names := []maker{method(f.folder, function.Sel.Name)}
		if of, ok := function.X.(*ast.Ident); ok {
			names = append(names, maker{"", of.Name + "." + function.Sel.Name})
		}
		return names
	}
	return nil
}

func (n *noted) take(f sourceFile, code ast.Expr, inReason bool) {
	switch code := code.(type) {
	case nil: // an empty one, or one that is filled by a scan
	case *ast.BasicLit:
		text, err := strconv.Unquote(code.Value)
		if code.Kind != token.STRING || err != nil {
			n.fault(f, "the code of a reason is %s", code.Value)
			return
		}
		n.codes[text] = f.path
	case *ast.SelectorExpr:
		if code.Sel.Name != "Code" {
			n.fault(f, "a reason's code comes from %s, whose text cannot be looked for", code.Sel.Name)
		}
	case *ast.Ident:
		if !inReason { // inside a maker it is its parameter, which learn found
			n.fault(f, "a reason's code is handed on as %s: name it where it is noted", code.Name)
		}
	default:
		n.fault(f, "a reason's code is put together: name it where it is noted")
	}
}

// TestEveryReasonHasItsText reads the sources of the engines: what they note about a communication is a sentence in every language, and no sentence is left
// that nothing notes.
func TestEveryReasonHasItsText(t *testing.T) {
	t.Parallel()
	n := &noted{t: t, makers: map[maker]int{}, codes: map[string]string{}}
	var engines []sourceFile
	for _, f := range sources(t) {
		if notes(f) {
			engines = append(engines, f)
			n.learn(f)
		}
	}
	for _, f := range engines {
		n.gather(f)
	}
	codes := n.codes
	require.Contains(t, codes, "crm.first_nothing_found")
	require.Contains(t, codes, "settings.chats_off")
	require.Contains(t, codes, "chat.repaired")
	texts, err := locales.Load()
	require.NoError(t, err)
	for code, file := range codes {
		for _, lang := range texts.Languages() {
			if !texts.Has(lang, reasonTexts+code) {
				t.Errorf("%s notes %s, which has no text %s%s in %s", file, code, reasonTexts, code, lang)
			}
		}
	}
	for _, key := range texts.Keys(locales.Fallback) {
		code, isWhy := strings.CutPrefix(key, reasonTexts)
		if isWhy && codes[code] == "" && !startsWithAny(key, otherWhyTexts) {
			t.Errorf("nothing notes the reason of the text %s", key)
		}
	}
}

// notes tells whether a file may note reasons: in every room but those that write and read them for all.
func notes(f sourceFile) bool {
	room, floor := roomOf(f.folder)
	return floor >= 0 && !f.isTest() && room != "server/why" && room != "server/flow"
}

func startsWithAny(text string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
