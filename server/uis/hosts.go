package uis

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Brand is one of the names the platform is sold under. Each has its own hosts; credentials of one are invalid at another.
type Brand string

// Brands known to the package.
const (
	UIS      Brand = "uis"
	CoMagic  Brand = "comagic"
	CallGear Brand = "callgear"
	Novofon  Brand = "novofon"
)

// Brands lists every known brand in the order a form shows them.
func Brands() []Brand { return []Brand{UIS, CoMagic, CallGear, Novofon} }

// API names one of the platform's interfaces.
type API string

// Interfaces of the platform.
const (
	DataAPI    API = "data"    // Data API v2.0, JSON-RPC: directories, reports, history
	CallAPI    API = "call"    // Call API v4.0, JSON-RPC: starting and ending calls
	ChatsAPI   API = "chats"   // "main chat API": management of adapters, channels and connections
	AdapterAPI API = "adapter" // Chat API proper: what an adapter sends
	LoginAPI   API = "login"   // personal account login that gives the management API its JWT
	MediaAPI   API = "media"   // recordings and voice mails
)

// ErrNotOffered means that the brand has no such interface (Novofon documents no chats) or that the brand is unknown.
var ErrNotOffered = errors.New("not offered by this brand")

// NotOfferedError says which interface which brand lacks; errors.Is(err, ErrNotOffered) holds.
type NotOfferedError struct {
	Brand Brand
	API   API
}

// Error implements error.
func (e *NotOfferedError) Error() string {
	return fmt.Sprintf("uis: brand %q has no %s API", e.Brand, e.API)
}

// Unwrap makes errors.Is(err, ErrNotOffered) hold.
func (e *NotOfferedError) Unwrap() error { return ErrNotOffered }

// Hosts are the addresses of one brand, ready to use. An empty address means that the brand does not offer the interface.
type Hosts struct {
	Brand Brand
	// DataAPI and CallAPI are the exact addresses that every JSON-RPC request is posted to.
	DataAPI, CallAPI string
	// Chats is the base of the management API, with a slash at the end; "integration/adapter" and so on are appended.
	Chats string
	// Adapter is the base of the adapter API, with a slash at the end; "login", "message" and so on are appended.
	Adapter string
	// Login is the exact address of the personal account's login, its query included.
	Login string
	// Project is the `project` parameter of Login: uis2, comagic or usa.
	Project string
	// App is the personal account, where paths to recordings lead; empty: the brand's documentation shows none.
	App string
	// Media lists the hosts recordings may be fetched from; an entry with a leading dot stands for the domain and everything below it.
	Media []string
}

// Overrides replace addresses of a brand, each may be empty. A value is an absolute http or https URL:
//
//	DataAPI, CallAPI  the exact address to post to (http://127.0.0.1:9000/v2.0)
//	Chats             replaces https://chats-prod-logic.uiscom.ru/v1/
//	Adapter           replaces https://chat-integration-api-prod.uiscom.ru/v1/adapter/
//	Login             replaces https://go.uiscom.ru/api/auth/json_rpc?method=login
//
// A value without a path (http://127.0.0.1:9000 or http://127.0.0.1:9000/) gets the brand's own path and query, so both forms work.
// An override never adds what a brand lacks: Novofon has no chats with it either.
type Overrides struct {
	DataAPI, CallAPI, Chats, Adapter, Login string
}

// Hosts gives the brand's own addresses (section "hosts" of the Data, Call and Chat API pages). An unknown brand is a *NotOfferedError.
func (b Brand) Hosts() (Hosts, error) {
	h, ok := hostsOf[b]
	if !ok {
		return Hosts{}, &NotOfferedError{Brand: b, API: DataAPI}
	}
	h.Media = append([]string(nil), h.Media...)
	return h, nil
}

var hostsOf = map[Brand]Hosts{
	UIS: {
		Brand: UIS, DataAPI: "https://dataapi.uiscom.ru/v2.0", CallAPI: "https://callapi.uiscom.ru/v4.0",
		Chats: "https://chats-prod-logic.uiscom.ru/v1/", Adapter: "https://chat-integration-api-prod.uiscom.ru/v1/adapter/",
		Login: "https://go.uiscom.ru/api/auth/json_rpc?method=login", Project: "uis2", App: "https://app.uiscom.ru",
		Media: []string{".uiscom.ru", ".comagic.ru"}, // the Data API page shows app.comagic.ru links for both
	},
	CoMagic: {
		Brand: CoMagic, DataAPI: "https://dataapi.comagic.ru/v2.0", CallAPI: "https://callapi.comagic.ru/v4.0",
		Chats: "https://chats-prod-logic.uiscom.ru/v1/", Adapter: "https://chat-integration-api-prod.uiscom.ru/v1/adapter/",
		Login: "https://go.uiscom.ru/api/auth/json_rpc?method=login", Project: "comagic", App: "https://app.comagic.ru",
		Media: []string{".comagic.ru", ".uiscom.ru"},
	},
	CallGear: {
		Brand: CallGear, DataAPI: "https://dataapi.callgear.com/v2.0", CallAPI: "https://callapi.callgear.com/v4.0",
		Chats: "https://cg-dub-omni-chats-logic.callgear.ae/v1/", Adapter: "https://chat-integration-api-cg.callgear.ae/v1/adapter/",
		Login: "https://go.callgear.ae/api/auth/json_rpc?method=login", Project: "usa",
		Media: []string{".callgear.com", ".callgear.ae"},
	},
	Novofon: {
		Brand: Novofon, DataAPI: "https://dataapi-jsonrpc.novofon.ru/v2.0", CallAPI: "https://callapi-jsonrpc.novofon.ru/v4.0",
		Media: []string{".novofon.ru"},
	},
}

// Address is the address of one interface, or a *NotOfferedError.
func (h Hosts) Address(api API) (string, error) {
	address := ""
	switch api {
	case DataAPI:
		address = h.DataAPI
	case CallAPI:
		address = h.CallAPI
	case ChatsAPI:
		address = h.Chats
	case AdapterAPI:
		address = h.Adapter
	case LoginAPI:
		address = h.Login
	}
	if address == "" {
		return "", &NotOfferedError{Brand: h.Brand, API: api}
	}
	return address, nil
}

// Offers reports whether the brand has the interface.
func (h Hosts) Offers(api API) bool {
	_, err := h.Address(api)
	return err == nil
}

// With applies the overrides. An override that is not an absolute http(s) URL is an error that names the field.
func (h Hosts) With(o Overrides) (Hosts, error) {
	for _, one := range []struct {
		name, value string
		base        bool // paths are appended, so it ends in a slash
		target      *string
	}{
		{"DataAPI", o.DataAPI, false, &h.DataAPI},
		{"CallAPI", o.CallAPI, false, &h.CallAPI},
		{"Chats", o.Chats, true, &h.Chats},
		{"Adapter", o.Adapter, true, &h.Adapter},
		{"Login", o.Login, false, &h.Login},
	} {
		if one.value == "" || *one.target == "" {
			continue
		}
		address, err := override(*one.target, one.value, one.base)
		if err != nil {
			return Hosts{}, fmt.Errorf("uis: override of %s: %w", one.name, err)
		}
		*one.target = address
	}
	// A platform that stands elsewhere keeps its recordings there too.
	if u, err := url.Parse(strings.TrimSpace(o.DataAPI)); err == nil && u.Host != "" {
		h.App = u.Scheme + "://" + u.Host
	}
	// The login's query is part of its address (Chat API, "Authorization"); an override that leaves it out means the same call.
	if h.Login != "" && o.Login != "" && !strings.Contains(h.Login, "?") {
		h.Login += "?method=login"
	}
	return h, nil
}

func override(standard, value string, base bool) (string, error) {
	u, err := url.Parse(strings.TrimSpace(value))
	if err != nil {
		return "", errors.New("not a URL") // the parser's message would repeat the address with any password in it
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", errors.New("want an absolute http or https URL")
	}
	if u.Path == "" || u.Path == "/" {
		own, err := url.Parse(standard)
		if err != nil {
			return "", err
		}
		u.Path = own.Path
		if u.RawQuery == "" {
			u.RawQuery = own.RawQuery
		}
	}
	if base && !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u.String(), nil
}
