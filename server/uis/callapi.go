package uis

import (
	"context"
	"strconv"
)

// Methods of the Call API.
const (
	MethodStartEmployeeCall = "start.employee_call"
	MethodStartScenarioCall = "start.scenario_call"
	MethodStartVNumberCall  = "start.vnumber_call"
	MethodStartSimpleCall   = "start.simple_call"
	MethodListCalls         = "list.calls"
	MethodReleaseCall       = "release.call"
)

// Who is rung first.
const (
	FirstContact  = "contact"
	FirstEmployee = "employee"
	FirstOperator = "operator" // start.simple_call only
)

// Prompt is a message that is played: a media file's id or a text to be spoken.
type Prompt struct {
	Type  string `json:"type"` // media, tts
	Value string `json:"value"`
}

// StartCall are the parameters all start.* methods share (Call API, "Creating calls").
type StartCall struct {
	// VirtualNumber is one of the account's numbers, Contact the other side; both E.164 digits without plus.
	VirtualNumber string `json:"virtual_phone_number"`
	Contact       string `json:"contact"`
	// FirstCall says who is rung first: FirstContact, FirstEmployee or FirstOperator.
	FirstCall string `json:"first_call"`
	// Direction is "in" by the platform's own default; use "out" for click-to-call, else the session counts as incoming.
	Direction string `json:"direction,omitempty"`
	// ExternalID comes back in notifications and as Call.ExternalID: give every call its own, it is the only way to find an unclear one.
	ExternalID     string  `json:"external_id,omitempty"`
	SwitchAtOnce   bool    `json:"switch_at_once,omitempty"`
	EarlySwitching bool    `json:"early_switching,omitempty"` // the employee hears the line; needs FirstEmployee and SwitchAtOnce
	DTMF           string  `json:"dtmf_string,omitempty"`
	NumberRule     string  `json:"virtual_phone_usage_rule,omitempty"` // fixed (default), fixed_for_numa, random, regional_…
	ContactMessage *Prompt `json:"contact_message,omitempty"`
}

// EmployeeCall connects a contact with an employee.
type EmployeeCall struct {
	StartCall
	Employee CallTarget `json:"employee"`
	// ShowVirtualNumber says whose number the employee sees; nil means the platform's default, true.
	ShowVirtualNumber *bool   `json:"show_virtual_phone_number,omitempty"`
	EmployeeMessage   *Prompt `json:"employee_message,omitempty"`
}

// CallTarget is the employee to ring; without a number all active ones are tried one after another.
type CallTarget struct {
	ID     EmployeeID `json:"id"`
	Number string     `json:"phone_number,omitempty"`
}

// ScenarioCall runs a scenario with the contact.
type ScenarioCall struct {
	StartCall
	ScenarioID      ScenarioID `json:"scenario_id"`
	EmployeeMessage *Prompt    `json:"employee_message,omitempty"`
}

// VNumberCall runs the virtual number's own scenario with the contact.
type VNumberCall struct {
	StartCall
}

// SimpleCall connects a contact with a plain number.
type SimpleCall struct {
	StartCall
	Operator             string  `json:"operator"`
	OperatorConfirmation string  `json:"operator_confirmation,omitempty"` // 0-9, *, # or any
	OperatorMessage      *Prompt `json:"operator_message,omitempty"`
	ShowVirtualNumber    *bool   `json:"show_virtual_phone_number,omitempty"`
}

// StartEmployeeCall starts a call between a contact and an employee. (start.employee_call)
func (c *Client) StartEmployeeCall(ctx context.Context, call EmployeeCall) (CallSessionID, Metadata, error) {
	return c.start(ctx, MethodStartEmployeeCall, call)
}

// StartScenarioCall starts a call that runs a scenario. (start.scenario_call)
func (c *Client) StartScenarioCall(ctx context.Context, call ScenarioCall) (CallSessionID, Metadata, error) {
	return c.start(ctx, MethodStartScenarioCall, call)
}

// StartVNumberCall starts a call that runs the number's own scenario. (start.vnumber_call)
func (c *Client) StartVNumberCall(ctx context.Context, call VNumberCall) (CallSessionID, Metadata, error) {
	return c.start(ctx, MethodStartVNumberCall, call)
}

// StartSimpleCall starts a call between a contact and a plain number. (start.simple_call)
func (c *Client) StartSimpleCall(ctx context.Context, call SimpleCall) (CallSessionID, Metadata, error) {
	return c.start(ctx, MethodStartSimpleCall, call)
}

func (c *Client) start(ctx context.Context, method string, params any) (CallSessionID, Metadata, error) {
	var made struct {
		ID CallSessionID `json:"call_session_id"`
	}
	metadata, err := c.Call(ctx, CallAPI, method, params, &made)
	return made.ID, metadata, err
}

// ActiveCall is a running call session (Call API, list.calls).
type ActiveCall struct {
	ID            CallSessionID `json:"call_session_id"`
	Direction     string        `json:"direction"`
	StartTime     WallTime      `json:"start_time"`
	VirtualNumber Word          `json:"virtual_phone_number"`
	ContactNumber Word          `json:"contact_phone_number"`
	ExternalID    Word          `json:"external_id"`
	Legs          []struct {
		ID            LegID      `json:"leg_id"`
		CallingNumber Word       `json:"calling_phone_number"`
		CalledNumber  Word       `json:"called_phone_number"`
		Operator      bool       `json:"is_operator"`
		EmployeeID    EmployeeID `json:"employee_id"`
		EmployeeName  string     `json:"employee_full_name"`
		State         string     `json:"state"` // a Russian label
	} `json:"legs"`
}

// ListCalls lists running calls; direction ("in", "out") and virtual number may be empty. Needs the component callapi_management_call. (list.calls)
func (c *Client) ListCalls(ctx context.Context, direction, virtualNumber string) ([]ActiveCall, Metadata, error) {
	params := map[string]any{}
	if direction != "" {
		params["direction"] = direction
	}
	if virtualNumber != "" {
		params["virtual_phone_number"] = virtualNumber
	}
	var calls []ActiveCall
	metadata, err := c.Call(ctx, CallAPI, MethodListCalls, params, &calls)
	return calls, metadata, err
}

// ReleaseCall ends a call; NotFound means it is over already. (release.call)
func (c *Client) ReleaseCall(ctx context.Context, id CallSessionID) (Metadata, error) {
	return c.Call(ctx, CallAPI, MethodReleaseCall, map[string]any{"call_session_id": id}, nil)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
