package uisplatform

import (
	"errors"
	"time"
)

// changeAccount changes what a tariff, an administrator or a phone would: limits, components, white list, key, block, automatic marks.
func (c *control) changeAccount() (any, error) {
	var in struct {
		named
		DayLimit    *int        `json:"day_limit"`
		MinuteLimit *int        `json:"minute_limit"`
		Components  *[]string   `json:"components"`
		IPs         *[]string   `json:"ips"`
		APIKey      *string     `json:"api_key"`
		Blocked     *bool       `json:"blocked"`
		PhoneMarks  *PhoneMarks `json:"phone_marks"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	if in.DayLimit != nil || in.MinuteLimit != nil {
		cfg := a.Config()
		day, minute := &cfg.DayLimit, &cfg.MinuteLimit
		if in.DayLimit != nil {
			day = in.DayLimit
		}
		if in.MinuteLimit != nil {
			minute = in.MinuteLimit
		}
		a.SetLimits(*day, *minute)
	}
	if in.Components != nil {
		a.SetComponents(*in.Components)
	}
	if in.IPs != nil {
		if err := a.SetIPs(*in.IPs...); err != nil {
			return nil, err
		}
	}
	if in.APIKey != nil {
		a.SetAPIKey(*in.APIKey)
	}
	if in.Blocked != nil {
		a.Block(*in.Blocked)
	}
	if in.PhoneMarks != nil {
		a.SetPhoneMarks(*in.PhoneMarks)
	}
	return nil, nil
}

// setCallScript changes how the people behave in calls; see CallScript.
func (c *control) setCallScript() (any, error) {
	var in struct {
		named
		Outcome string `json:"outcome"`
		WaitMS  int64  `json:"wait_ms"`
		TalkMS  int64  `json:"talk_ms"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	a.SetCallScript(CallScript{Outcome: in.Outcome, Wait: time.Duration(in.WaitMS) * time.Millisecond, Talk: time.Duration(in.TalkMS) * time.Millisecond})
	return nil, nil
}

func (c *control) setEmployeeStatus() (any, error) {
	var in struct {
		named
		Employee int64 `json:"employee"`
		Status   int64 `json:"status"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	return nil, a.SetEmployeeStatus(in.Employee, in.Status)
}

func (c *control) setTag() (any, error) {
	var in struct {
		named
		Kind          string `json:"kind"` // chat, call, offline_message
		Communication int64  `json:"communication_id"`
		Tag           int64  `json:"tag"`
	}
	a, err := c.body(&in)
	if err != nil {
		return nil, err
	}
	if !a.SetTag(in.Kind, in.Communication, in.Tag) {
		return nil, errors.New("there is no such communication or tag, or the tag is there already")
	}
	return nil, nil
}
