package portal

import "fmt"

// apiError is a refusal in the portal's words (docs page "system errors" and the page of each method).
type apiError struct {
	status int
	code   string
	text   string
	extra  *arr // further keys beside error and error_description, such as argument
	breach bool // the caller did what the documentation forbids: goes to the journal
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.text) }

func (e *apiError) body() *arr {
	b := kv("error", e.code, "error_description", e.text)
	if e.extra != nil {
		for _, k := range e.extra.keys {
			b.set(k, e.extra.vals[k])
		}
	}
	return b
}

// fail is an ordinary refusal (object not found, already bound …): no breach of the documentation.
func fail(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, text: fmt.Sprintf(format, args...)}
}

// breach is a refusal that the caller could have known from the documentation.
func breach(status int, code, format string, args ...any) *apiError {
	e := fail(status, code, format, args...)
	e.breach = true
	return e
}

func badArgument(name, format string, args ...any) *apiError {
	e := breach(400, "ERROR_ARGUMENT", format, args...)
	e.extra = kv("argument", name)
	return e
}

func coreError(format string, args ...any) *apiError {
	return fail(400, "ERROR_CORE", format, args...)
}
