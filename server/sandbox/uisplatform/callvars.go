package uisplatform

import "time"

func seconds(d time.Duration) int64 { return int64(d.Round(time.Second) / time.Second) }

// talkTime, waitTime and totalTime of a call up to now.
func (a *Account) talkTime(c *call) time.Duration {
	var sum time.Duration
	for _, t := range c.talks {
		sum += firstTime(t.end, a.callNow(c)).Sub(t.begin)
	}
	return sum
}

func (a *Account) waitTime(c *call) time.Duration {
	if len(c.talks) > 0 {
		return c.talks[0].begin.Sub(c.started)
	}
	return a.totalTime(c)
}

func (a *Account) totalTime(c *call) time.Duration {
	return firstTime(c.over, a.callNow(c)).Sub(c.started)
}

// lastEmployee is who talked last, or who was called last.
func (c *call) lastEmployee() *Employee {
	if n := len(c.talks); n > 0 {
		return c.talks[n-1].employee
	}
	for i := len(c.legs) - 1; i >= 0; i-- {
		if c.legs[i].employee != nil {
			return c.legs[i].employee
		}
	}
	return nil
}

// callVars are the variables of a call's notifications; the lock is held.
func (a *Account) callVars(c *call) map[string]any {
	v := a.analytics()
	v["call_session_id"], v["communication_id"], v["communication_number"], v["communication_type"] = c.id, c.communication, c.number, "call"
	v["call_source"], v["direction"], v["external_id"] = c.spec.Source, c.spec.Direction, orNull(c.spec.ExternalID)
	v["virtual_phone_number"], v["contact_phone_number"] = orNull(c.spec.VirtualNumber), orNull(c.spec.Contact)
	v["calling_phone_number"], v["called_phone_number"] = c.contact.from, c.contact.to
	v["is_lost"], v["is_transfer"], v["is_internal"] = !c.open() && len(c.talks) == 0, len(c.talks) > 1, a.internal(c.spec)
	v["start_time"], v["finish_time"] = a.local(c.started), a.local(c.over)
	v["wait_time_duration"], v["talk_time_duration"] = seconds(a.waitTime(c)), seconds(a.talkTime(c))
	v["clean_talk_time_duration"], v["total_time_duration"] = seconds(a.talkTime(c)), seconds(a.totalTime(c))
	if c.scenario != nil {
		v["scenario_id"], v["scenario_name"] = c.scenario.ID, c.scenario.Name
	}
	v["tag_ids"], v["tag_names"] = a.tagLists("call", c.communication)
	a.contactVars(v, c)
	if e := c.lastEmployee(); e != nil {
		a.employeeVars(v, e)
	}
	ids := []int64{}
	for _, l := range c.legs {
		if l.employee != nil {
			ids = append(ids, l.employee.ID)
		}
	}
	v["employee_ids"] = ids
	v["full_record_file_link"] = a.recordURL(c, c.record)
	return v
}

func (a *Account) contactVars(v map[string]any, c *call) {
	v["contact_id"], v["contact_full_name"] = nil, nil
	if k := a.contactByPhone(c.spec.Contact); k != nil {
		v["contact_id"], v["contact_full_name"] = k.ID, k.FullName()
	}
}

func (a *Account) contactByPhone(phone string) *Contact {
	for _, k := range a.contacts {
		for _, p := range k.Phones {
			if p == phone {
				return k
			}
		}
	}
	return nil
}

func (a *Account) employeeVars(v map[string]any, e *Employee) {
	v["employee_id"], v["employee_full_name"], v["employee_email"] = e.ID, e.FullName(), orNull(e.Email)
	v["extension_phone_number"] = orNull(e.Extension)
	if len(e.Phones) > 0 {
		v["employee_phone_number"] = e.Phones[0]
	}
}

// legVars are callVars with one leg's own values.
func (a *Account) legVars(c *call, l *leg) map[string]any {
	v := a.callVars(c)
	v["leg_id"] = l.id
	if l.employee != nil {
		a.employeeVars(v, l.employee)
	}
	return v
}
