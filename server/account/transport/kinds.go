package transport

import (
	"encoding/json"
	"time"

	"omni/server/bitrix24"
	"omni/server/outbox"
	"omni/server/uis"
)

// The kinds of commands of the Chat API.
const (
	KindSend     = "uis.message.send"
	KindStart    = "uis.chat.start"
	KindClose    = "uis.chat.close"
	KindTransfer = "uis.chat.transfer"
	KindUpload   = "uis.resource.upload"
)

// uisReads are the Data API's reads that pages, jobs and checks use.
var uisReads = []string{"get.account", "get.employees", "get.group_employees", "get.virtual_numbers", "get.sites", "get.campaigns", "get.scenarios", "get.tags",
	"get.chat_channels", "get.statuses", "get.chats_report", "get.chat_messages_report", "get.calls_report", "get.call_legs_report", "get.offline_messages_report", "get.contacts"}

// Register makes every kind of command known, each with its check.
func Register(r *outbox.Registry) error {
	for _, s := range bitrix24.Specs() {
		if err := r.Register(outbox.Kind{Name: s.Method, Alone: s.Alone, Check: portalCheck(s), Join: portalJoin(s.Join)}); err != nil {
			return err
		}
	}
	for _, name := range uisReads {
		if err := r.Register(outbox.Kind{Name: name, Check: outbox.Check{Mode: outbox.CheckRead}}); err != nil {
			return err
		}
	}
	if err := r.Register(outbox.Kind{Name: uis.MethodUpdateEmployees, Check: dataCheck(uis.MethodUpdateEmployees)}); err != nil {
		return err
	}
	if err := r.Register(outbox.Kind{Name: uis.MethodListCalls, Check: outbox.Check{Mode: outbox.CheckRead}}); err != nil {
		return err
	}
	for _, method := range []string{uis.MethodStartEmployeeCall, uis.MethodStartScenarioCall, uis.MethodStartVNumberCall} {
		if err := r.Register(outbox.Kind{Name: method, Check: callCheck(method)}); err != nil {
			return err
		}
	}
	for _, k := range []outbox.Kind{
		{Name: KindUpload, Alone: true, Check: outbox.Check{Mode: outbox.CheckSet}},
		{Name: KindSend, Check: uisCheck[uis.OutMessage](uis.MethodSendMessage)},
		{Name: KindStart, Check: uisCheck[uis.NewChat](uis.MethodStartChat)},
		{Name: KindClose, Check: uisCheck[uis.CloseChat](uis.MethodCloseChat)},
		{Name: KindTransfer, Check: uisCheck[uis.TransferChat](uis.MethodTransferChat)},
	} {
		if err := r.Register(k); err != nil {
			return err
		}
	}
	return nil
}

// portalCheck takes a method's check over for the outbox.
func portalCheck(s bitrix24.Spec) outbox.Check {
	c := outbox.Check{Mode: outbox.CheckMode(s.Mode)}
	if s.Probe == nil {
		return c
	}
	c.Probe = func(sent outbox.Sent) (outbox.Probe, bool) {
		call, ok := s.Probe(sent.Params, sent.UID)
		return outbox.Probe{Lane: sent.Lane, Kind: call.Method, Params: call.Params}, ok
	}
	c.Judge = func(sent outbox.Sent, answer json.RawMessage) (outbox.Finding, json.RawMessage) {
		found, result := s.Judge(sent.Params, sent.UID, answer)
		return outbox.Finding(found), result
	}
	return c
}

// dataCheck takes the check of a Data API call that sets something over for the outbox.
func dataCheck(method string) outbox.Check {
	spec, _ := uis.SpecOf(method)
	of := func(sent outbox.Sent) uis.Sent {
		return uis.Sent{Command: uis.Command{API: uis.DataAPI, Method: method, Params: sent.Params}, At: sent.At}
	}
	return outbox.Check{Mode: outbox.CheckSet,
		Probe: func(sent outbox.Sent) (outbox.Probe, bool) {
			probes := spec.Probes(of(sent))
			if len(probes) != 1 {
				return outbox.Probe{}, false
			}
			return outbox.Probe{Lane: sent.Lane, Kind: probes[0].Method, Params: probes[0].Params}, true
		},
		Judge: func(sent outbox.Sent, answer json.RawMessage) (outbox.Finding, json.RawMessage) {
			switch v := spec.Judge(of(sent), []json.RawMessage{answer}); v.Finding {
			case uis.Found:
				return outbox.Found, nil
			case uis.Absent:
				return outbox.Absent, nil
			case uis.Undecided:
			}
			return outbox.Undecided, nil
		}}
}

// callCheck looks for a started call among those that run. It is never repeated: whom it should have rung is told that nobody knows (design section 11).
func callCheck(method string) outbox.Check {
	spec, _ := uis.SpecOf(method)
	of := func(sent outbox.Sent) uis.Sent {
		return uis.Sent{Command: uis.Command{API: uis.CallAPI, Method: method, Params: sent.Params}, At: sent.At}
	}
	return outbox.Check{Mode: outbox.CheckPerson, Within: spec.Within,
		Probe: func(sent outbox.Sent) (outbox.Probe, bool) {
			probes := spec.Probes(of(sent))
			if len(probes) == 0 {
				return outbox.Probe{}, false
			}
			return outbox.Probe{Lane: sent.Lane, Kind: probes[0].Method, Params: probes[0].Params}, true
		},
		Judge: func(sent outbox.Sent, answer json.RawMessage) (outbox.Finding, json.RawMessage) {
			v := spec.Judge(of(sent), []json.RawMessage{answer})
			if v.Finding != uis.Found {
				return outbox.Undecided, nil
			}
			result, err := json.Marshal(map[string]int64{"call_session_id": v.ID})
			if err != nil {
				return outbox.Undecided, nil
			}
			return outbox.Found, result
		}}
}

// portalJoin takes over how calls of a method become one.
func portalJoin(j *bitrix24.Join) *outbox.Join {
	if j == nil {
		return nil
	}
	return &outbox.Join{Most: j.Most, Size: j.Size, Params: j.Params, Split: func(each []json.RawMessage, answer json.RawMessage) []outbox.Reply {
		parts := j.Split(each, answer)
		replies := make([]outbox.Reply, len(parts))
		for i, p := range parts {
			switch {
			case p.Err != nil:
				replies[i] = reply(nil, p.Err)
			case p.Result == nil:
				replies[i].Err = &outbox.Failure{Kind: outbox.Unclear, Class: "server", Text: "the answer says nothing about it"}
			default:
				replies[i].Result = p.Result
			}
		}
		return replies
	}}
}

// meta is what chat commands carry for their checks.
type meta struct {
	Known   []uis.MessageID `json:"known"`
	Channel uis.ChannelID   `json:"channel"`
	Zone    string          `json:"zone"`
}

// uisCheck takes the check of a Chat API call over for the outbox: its probe is a report of the Data API.
func uisCheck[T any](method string) outbox.Check {
	spec, _ := uis.SpecOf(method)
	mode := map[uis.CheckMode]outbox.CheckMode{uis.CheckSet: outbox.CheckSet, uis.CheckFind: outbox.CheckFind, uis.CheckPerson: outbox.CheckPerson}[spec.Mode]
	c := outbox.Check{Mode: mode}
	c.Probe = func(sent outbox.Sent) (outbox.Probe, bool) {
		s, ok := sentOf[T](sent)
		if !ok {
			return outbox.Probe{}, false
		}
		probes := spec.Probes(s)
		if len(probes) != 1 {
			return outbox.Probe{}, false
		}
		return outbox.Probe{Lane: outbox.LaneRef{Kind: outbox.LaneUISData}, Kind: probes[0].Method, Params: probes[0].Params}, true
	}
	c.Judge = func(sent outbox.Sent, answer json.RawMessage) (outbox.Finding, json.RawMessage) {
		s, ok := sentOf[T](sent)
		if !ok {
			return outbox.Undecided, nil
		}
		v := spec.Judge(s, []json.RawMessage{answer})
		switch v.Finding {
		case uis.Found:
			field := "id"
			if method == uis.MethodStartChat {
				field = "chat_id"
			}
			result, err := json.Marshal(map[string]int64{field: v.ID})
			if err != nil {
				return outbox.Undecided, nil
			}
			return outbox.Found, result
		case uis.Absent:
			return outbox.Absent, nil
		case uis.Undecided:
		}
		return outbox.Undecided, nil
	}
	return c
}

func sentOf[T any](sent outbox.Sent) (uis.Sent, bool) {
	command, err := complete[T](sent.Params)
	if err != nil {
		return uis.Sent{}, false
	}
	var m meta
	if len(sent.Meta) > 0 {
		if err := json.Unmarshal(sent.Meta, &m); err != nil {
			return uis.Sent{}, false
		}
	}
	s := uis.Sent{Command: command, At: sent.At, Channel: m.Channel, KnownMessages: map[uis.MessageID]bool{}}
	for _, id := range m.Known {
		s.KnownMessages[id] = true
	}
	for _, raw := range sent.Others {
		var other struct {
			ID uis.MessageID `json:"id"`
		}
		if json.Unmarshal(raw, &other) == nil && other.ID != 0 {
			s.KnownMessages[other.ID] = true
		}
	}
	if zone, err := time.LoadLocation(m.Zone); err == nil {
		s.Zone = zone
	}
	return s, true
}
