package uis

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

type rpcRequest struct {
	Version string          `json:"jsonrpc"`
	ID      int             `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

type rpcError struct {
	Code    Count  `json:"code"`
	Message string `json:"message"`
	Data    struct {
		Mnemonic string       `json:"mnemonic"`
		Field    Word         `json:"field"`
		Metadata wireMetadata `json:"metadata"`
	} `json:"data"`
}

type rpcAnswer struct {
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

type rpcResult struct {
	Data     json.RawMessage `json:"data"`
	Metadata wireMetadata    `json:"metadata"`
}

// Call makes one JSON-RPC 2.0 request to the Data API or the Call API. params is a struct or map (nil for none), the key is added here.
// out receives result.data, or the whole result of methods that answer without `data` (create.contacts: {"id":…}); nil ignores it.
// Every failure of the request is an *Error; a brand without the API gives a *NotOfferedError.
func (c *Client) Call(ctx context.Context, api API, method string, params, out any) (Metadata, error) {
	address, err := c.hosts.Address(api)
	if err != nil {
		return Metadata{}, err
	}
	plain, err := encodeParams(params)
	if err != nil {
		return Metadata{}, fmt.Errorf("uis %s %s: encoding parameters: %w", api, method, err)
	}
	x := Exchange{API: api, Method: method, Params: plain, Started: time.Now()}
	if strings.HasPrefix(method, "login.") { // password in, session out
		x.Params = nil
	}
	result, metadata, err := c.rpc(ctx, api, address, method, c.withKey(plain), &x)
	x.Limits, x.Err = metadata.Limits, err
	c.report(ctx, x)
	if err != nil || out == nil {
		return metadata, err
	}
	if err := json.Unmarshal(result, out); err != nil {
		return metadata, &Error{API: api, Method: method, HTTP: x.HTTP, Message: "unexpected data: " + shorten(err.Error(), 200), Cause: err, sent: true}
	}
	return metadata, nil
}

// rpc posts one envelope and splits the answer.
func (c *Client) rpc(ctx context.Context, api API, address, method string, params []byte, x *Exchange) (json.RawMessage, Metadata, error) {
	r, _, err := jsonRequest(ctx, http.MethodPost, address, rpcRequest{Version: "2.0", ID: 1, Method: method, Params: params})
	if err != nil {
		return nil, Metadata{}, err
	}
	got, failure := c.do(r, api, method)
	if failure != nil {
		x.HTTP = failure.HTTP
		return nil, Metadata{}, failure
	}
	x.HTTP = got.status
	if x.Params != nil {
		x.Answer = got.body
	}
	return parseRPC(api, method, got)
}

// parseRPC judges an answer of a JSON-RPC interface.
func parseRPC(api API, method string, got answer) (json.RawMessage, Metadata, error) {
	var whole rpcAnswer
	if err := json.Unmarshal(got.body, &whole); err != nil {
		return nil, Metadata{}, &Error{API: api, Method: method, HTTP: got.status, Message: "answer is no JSON", Cause: err, sent: true}
	}
	if len(whole.Error) > 0 && string(whole.Error) != "null" {
		var e rpcError
		if err := json.Unmarshal(whole.Error, &e); err != nil {
			return nil, Metadata{}, &Error{API: api, Method: method, HTTP: got.status, Message: "unreadable error object", Cause: err, sent: true}
		}
		return nil, e.Data.Metadata.metadata(), &Error{
			API: api, Method: method, Code: int(e.Code), Mnemonic: e.Data.Mnemonic, Message: shorten(e.Message, 500),
			Field: string(e.Data.Field), HTTP: got.status, sent: true,
		}
	}
	if len(whole.Result) == 0 || got.status != http.StatusOK {
		return nil, Metadata{}, &Error{API: api, Method: method, HTTP: got.status, Message: "answer holds neither result nor error", sent: true}
	}
	var split rpcResult
	if whole.Result[0] == '{' {
		if err := json.Unmarshal(whole.Result, &split); err != nil {
			return nil, Metadata{}, &Error{API: api, Method: method, HTTP: got.status, Message: "unreadable result", Cause: err, sent: true}
		}
	}
	if split.Data == nil {
		split.Data = whole.Result
	}
	return split.Data, split.Metadata.metadata(), nil
}

func encodeParams(params any) ([]byte, error) {
	if params == nil {
		return []byte("{}"), nil
	}
	encoded, err := encode(params)
	if err != nil {
		return nil, err
	}
	if string(encoded) == "null" {
		return []byte("{}"), nil
	}
	if encoded[0] != '{' {
		return nil, fmt.Errorf("parameters must be an object, not %s", shorten(string(encoded), 20))
	}
	return encoded, nil
}

// withKey puts the credentials in front of the encoded parameters.
func (c *Client) withKey(params []byte) []byte {
	var b bytes.Buffer
	key, _ := json.Marshal(c.key) // a string always encodes
	b.WriteString(`{"access_token":`)
	b.Write(key)
	if c.customer != 0 {
		b.WriteString(`,"user_id":` + strconv.FormatInt(c.customer, 10))
	}
	if rest := bytes.TrimSpace(params[1:]); len(rest) > 1 {
		b.WriteByte(',')
	}
	b.Write(params[1:])
	return b.Bytes()
}
