package portal

import "strings"

const batchLimit = 50

// command is one command of a batch.
type command struct {
	key  string
	name string // method, lower case
	args *arr
	err  *apiError
}

// commandsOf reads the commands of a batch; a call of another method has none.
func commandsOf(name string, args *arr) []command {
	if name != "batch" {
		return nil
	}
	cmd := args.sub("cmd")
	if cmd == nil {
		cmd = args.sub("CMD")
	}
	if cmd == nil {
		return nil
	}
	out := make([]command, 0, cmd.len())
	for _, k := range cmd.keys {
		c := command{key: k}
		line, ok := cmd.vals[k].(string)
		if !ok {
			c.err = breach(400, "ERROR_ARGUMENT", "Command %s is not a string", k)
			out = append(out, c)
			continue
		}
		path, query, _ := strings.Cut(line, "?")
		c.name = methodName("/rest/" + path)
		var err error
		if c.args, err = parseForm(query); err != nil {
			c.err = breach(400, "INVALID_REQUEST", "Command %s: %v", k, err)
		}
		out = append(out, c)
	}
	return out
}

// batch runs the commands in order (docs page "batch"). The whole is always HTTP 200; each command has its result or its error.
func (c *call) batch(commands []command, rec *Request) (*arr, *apiError) {
	if e := batchShape.check(c.args, styleRest, ""); e != nil {
		return nil, e
	}
	results, errs, totals, nexts, times := newArr(), newArr(), newArr(), newArr(), newArr()
	halt := truth(c.args.get("halt"))
	for i, cmd := range commands {
		out := outcome{err: cmd.err}
		cr := CommandRecord{Key: cmd.key, Method: cmd.name}
		switch {
		case out.err != nil:
			c.p.world.noteBreach(out.err, c.p, c.tok.clientID, "batch")
		case i >= batchLimit:
			out.err = breach(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
			c.p.world.noteBreach(out.err, c.p, c.tok.clientID, "batch")
		case cmd.name == "batch":
			out.err = breach(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
			c.p.world.noteBreach(out.err, c.p, c.tok.clientID, "batch")
		default:
			args := substitute(cmd.args, results).(*arr)
			cr.Params = blot(args)
			sub := &call{p: c.p, in: c.in, user: c.user, tok: c.tok, args: args}
			out = sub.execute(cmd.name, true)
		}
		if out.err != nil {
			cr.Error = out.err.code
			errs.set(cmd.key, out.err.body())
		} else {
			results.set(cmd.key, out.result)
			times.set(cmd.key, out.time)
			if out.paged {
				totals.set(cmd.key, out.total)
				if out.next > 0 {
					nexts.set(cmd.key, out.next)
				}
			}
		}
		rec.Calls = append(rec.Calls, cr)
		if out.err != nil && halt {
			break
		}
	}
	return kv("result", results, "result_error", errs, "result_total", totals, "result_next", nexts, "result_time", times), nil
}

var batchShape = takes("cmd map*", "halt bool")

// substitute replaces $result[key][path] in arguments. A value that consists of one reference becomes the raw value, arrays included. A missing path stops at the
// last level found; a command without a result leaves the text as it is.
func substitute(v any, results *arr) any {
	switch x := v.(type) {
	case *arr:
		out := newArr()
		for _, k := range x.keys {
			out.set(k, substitute(x.vals[k], results))
		}
		return out
	case string:
		return resolve(x, results)
	}
	return v
}

func resolve(s string, results *arr) any {
	const mark = "$result["
	if !strings.Contains(s, mark) {
		return s
	}
	var b strings.Builder
	rest := s
	for {
		at := strings.Index(rest, mark)
		if at < 0 {
			b.WriteString(rest)
			return b.String()
		}
		b.WriteString(rest[:at])
		path, length := bracketPath(rest[at+len("$result"):])
		ref := rest[at : at+len("$result")+length]
		rest = rest[at+len(ref):]
		if len(path) == 0 || !results.has(path[0]) {
			b.WriteString(ref)
			if length == 0 {
				b.WriteString(rest)
				return b.String()
			}
			continue
		}
		found := follow(results.get(path[0]), path[1:])
		if ref == s {
			return found
		}
		if a, ok := found.(*arr); ok && a != nil {
			b.WriteString("Array") // what PHP prints of an array inside a text
			continue
		}
		b.WriteString(text(found))
	}
}

// follow walks down a result; it stays at the last level that exists.
func follow(v any, path []string) any {
	for _, seg := range path {
		a, ok := v.(*arr)
		if !ok || !a.has(seg) {
			return v
		}
		v = a.get(seg)
	}
	return v
}

// bracketPath reads [a][b]… and tells how long it is.
func bracketPath(s string) (path []string, length int) {
	for strings.HasPrefix(s[length:], "[") {
		end := strings.IndexByte(s[length:], ']')
		if end < 0 {
			break
		}
		path = append(path, s[length+1:length+end])
		length += end + 1
	}
	return path, length
}
