package uis

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Command is a call as plain data, for callers that store what they send: Params is the JSON of the typed parameters (EmployeeCall, OutMessage …).
type Command struct {
	API    API
	Method string // a JSON-RPC method, or one of the adapter methods below
	Params json.RawMessage
}

// Methods of the adapter API as commands name them. Uploads are no commands: their body is a stream.
const (
	MethodStartChat    = "POST chat"
	MethodCloseChat    = "POST chat/close"
	MethodTransferChat = "POST chat/transfer"
	MethodSendMessage  = "POST message"
	MethodUpload       = "POST resource"
)

// Do makes a stored call of the Data or Call API and gives result.data.
func (c *Client) Do(ctx context.Context, command Command) (json.RawMessage, Metadata, error) {
	if command.API != DataAPI && command.API != CallAPI {
		return nil, Metadata{}, fmt.Errorf("uis: %s is no command of the Data or Call API", command.Method)
	}
	var data json.RawMessage
	metadata, err := c.Call(ctx, command.API, command.Method, command.Params, &data)
	return data, metadata, err
}

// Do makes a stored call of the adapter API and gives the answer's body, nil for an empty one. The typed methods fill in constant fields, this one
// sends what is stored; NewCommand makes complete ones.
func (s *AdapterSession) Do(ctx context.Context, command Command) (json.RawMessage, error) {
	path, post := strings.CutPrefix(command.Method, "POST ")
	if command.API != AdapterAPI || !post {
		return nil, fmt.Errorf("uis: %s is no command of the adapter API", command.Method)
	}
	var body json.RawMessage
	var out any = &body
	if path == pathClose || path == pathTransfer {
		out = nil // their answers are not documented
	}
	err := s.call(ctx, path, command.Params, out)
	return body, err
}

// NewCommand makes a stored call from typed parameters: the adapter's NewChat, CloseChat, TransferChat and OutMessage, the Call API's EmployeeCall,
// ScenarioCall, VNumberCall and SimpleCall. For others fill a Command by hand.
func NewCommand(params any) (Command, error) {
	command := Command{API: AdapterAPI}
	switch p := params.(type) {
	case NewChat:
		p.Initiator = "operator"
		command.Method, params = MethodStartChat, p
	case CloseChat:
		p.Reason = ClosedByOperator
		if p.Context == nil {
			p.Context = map[string]any{}
		}
		command.Method, params = MethodCloseChat, p
	case TransferChat:
		if p.Context == nil {
			p.Context = map[string]any{}
		}
		command.Method, params = MethodTransferChat, p
	case OutMessage:
		p.Source = "operator"
		command.Method, params = MethodSendMessage, p
	case EmployeeCall:
		command.API, command.Method = CallAPI, MethodStartEmployeeCall
	case ScenarioCall:
		command.API, command.Method = CallAPI, MethodStartScenarioCall
	case VNumberCall:
		command.API, command.Method = CallAPI, MethodStartVNumberCall
	case SimpleCall:
		command.API, command.Method = CallAPI, MethodStartSimpleCall
	default:
		return Command{}, fmt.Errorf("uis: %T are no parameters of a command", params)
	}
	encoded, err := encode(params)
	if err != nil {
		return Command{}, fmt.Errorf("uis: encoding %s: %w", command.Method, err)
	}
	command.Params = encoded
	return command, nil
}
