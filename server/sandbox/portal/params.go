package portal

import (
	"encoding/json"
	"strconv"
	"strings"
)

// param describes one documented parameter of a method.
type param struct {
	name string
	kind string // str int num yn flag bool list map any
	must bool
	in   shape // keys of a map, or of each map of a list
}

// shape is the list of parameters a method knows.
type shape []param

// takes builds a shape from declarations "NAME kind" or "NAME kind*" (required) and from nested params made by with.
func takes(decls ...any) shape {
	var s shape
	for _, d := range decls {
		switch x := d.(type) {
		case param:
			s = append(s, x)
		case shape:
			s = append(s, x...)
		case string:
			s = append(s, declare(x))
		}
	}
	return s
}

func declare(d string) param {
	name, kind, _ := strings.Cut(d, " ")
	must := strings.HasSuffix(kind, "*")
	return param{name: name, kind: strings.TrimSuffix(kind, "*"), must: must}
}

// with declares a map or a list of maps with known keys.
func with(d string, in ...any) param {
	p := declare(d)
	p.in = takes(in...)
	return p
}

// transport holds what callers may add to every call without its being a parameter of the method.
var transport = map[string]bool{
	"auth": true, "access_token": true, "auth_connector": true,
	"bx24_request_id": true, "bx24_sdk_ver": true, "bx24_sdk_type": true,
}

// check compares arguments with a shape and says what is wrong in the words of style.
func (s shape) check(args *arr, style errorStyle, path string) *apiError {
	known := make(map[string]param, len(s))
	for _, p := range s {
		known[p.name] = p
		if p.must && (!args.has(p.name) || args.get(p.name) == nil || args.get(p.name) == "") {
			return style.missing(path + p.name)
		}
	}
	for _, k := range args.keys {
		if path == "" && transport[strings.ToLower(k)] {
			continue
		}
		p, ok := known[k]
		if !ok {
			return style.unknown(path + k)
		}
		if e := p.check(args.get(k), style, path+k); e != nil {
			return e
		}
	}
	return nil
}

func (p param) check(v any, style errorStyle, path string) *apiError {
	if v == nil {
		return nil
	}
	a, isArr := v.(*arr)
	switch p.kind {
	case "any":
		return nil
	case "map", "list":
		if !isArr {
			if v == "" && !p.must { // an empty array in a form
				return nil
			}
			return style.wrongType(path, "array")
		}
		if p.in == nil {
			return nil
		}
		if p.kind == "map" {
			return p.in.check(a, style, path+".")
		}
		for _, k := range a.keys {
			m, ok := a.vals[k].(*arr)
			if !ok {
				return style.wrongType(path+"."+k, "array")
			}
			if e := p.in.check(m, style, path+"."+k+"."); e != nil {
				return e
			}
		}
		return nil
	}
	if isArr || !scalarFits(p.kind, v) {
		return style.wrongType(path, p.kind)
	}
	return nil
}

func scalarFits(kind string, v any) bool {
	s := text(v)
	_, isBool := v.(bool)
	switch kind {
	case "str":
		return !isBool
	case "int":
		_, ok := integer(v)
		return ok || s == "" && !isBool
	case "num":
		_, err := strconv.ParseFloat(s, 64)
		return !isBool && (err == nil || s == "")
	case "yn":
		return s == "Y" || s == "N"
	case "flag":
		return isBool || s == "0" || s == "1" || s == "Y" || s == "N"
	case "bool":
		if _, num := v.(json.Number); num {
			return s == "0" || s == "1"
		}
		return isBool || s == "0" || s == "1" || s == "true" || s == "false" || s == "Y" || s == "N" || s == ""
	}
	return false
}

// errorStyle is how a module words refusals of parameters.
type errorStyle string

const (
	styleRest errorStyle = ""    // ERROR_ARGUMENT with "argument"
	styleCrm  errorStyle = "crm" // controllers of the CRM: code 100
	styleCore errorStyle = "core"
)

func (st errorStyle) missing(name string) *apiError {
	switch st {
	case styleCrm:
		return breach(400, "100", "Could not find value for parameter {%s}", name)
	case styleCore:
		return breach(400, "ERROR_CORE", "%s should not be empty", name)
	}
	return badArgument(name, "Argument '%s' is null or empty", name)
}

func (st errorStyle) unknown(name string) *apiError {
	switch st {
	case styleCrm:
		return breach(400, "INVALID_ARG_VALUE", "Unknown field '%s'", name)
	case styleCore:
		return breach(400, "ERROR_CORE", "Unknown parameter %s", name)
	}
	return badArgument(name, "Unknown argument '%s'", name)
}

func (st errorStyle) wrongType(name, kind string) *apiError {
	switch st {
	case styleCrm:
		return breach(400, "100", "Invalid value to match with parameter {%s}. Should be value of type %s.", name, kind)
	case styleCore:
		return breach(400, "ERROR_CORE", "%s must be of type %s", name, kind)
	}
	return badArgument(name, "Argument '%s' must be of type %s", name, kind)
}
