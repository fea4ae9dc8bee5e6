package uisplatform

import "time"

// mark names a communication that tags can be put on.
type mark struct {
	kind string // chat, call, goal, offline_message
	id   int64  // communication_id
}

// tagMark is a tag on a communication.
type tagMark struct {
	tag Tag
	at  time.Time
}

func (a *Account) tag(id int64) *Tag {
	for i := range a.cfg.Tags {
		if a.cfg.Tags[i].ID == id {
			return &a.cfg.Tags[i]
		}
	}
	return nil
}

// tagLists are ids and names of a communication's tags, null without any; the lock is held.
func (a *Account) tagLists(kind string, id int64) (any, any) {
	marks := a.marks[mark{kind, id}]
	if len(marks) == 0 {
		return nil, nil
	}
	ids, names := []int64{}, []string{}
	for _, m := range marks {
		ids, names = append(ids, m.tag.ID), append(names, m.tag.Name)
	}
	return ids, names
}

// tagRows are a communication's tags as reports give them.
func (a *Account) tagRows(kind string, id int64) any {
	out := []any{}
	for _, m := range a.marks[mark{kind, id}] {
		out = append(out, map[string]any{"tag_id": m.tag.ID, "tag_name": m.tag.Name, "tag_type": "manual", "tag_change_time": a.local(m.at),
			"tag_user_id": nil, "tag_user_login": a.cfg.Login, "tag_employee_id": nil, "tag_employee_full_name": nil})
	}
	if len(out) == 0 {
		return []any{}
	}
	return out
}

// known tells whether a communication exists.
func (a *Account) known(m mark) bool {
	for _, c := range a.chatOrder {
		if m.kind == "chat" && c.communication == m.id {
			return true
		}
	}
	for _, c := range a.calls {
		if m.kind == "call" && c.communication == m.id {
			return true
		}
	}
	for _, r := range a.requests {
		if m.kind == "offline_message" && r.communication == m.id {
			return true
		}
	}
	return false
}

// setTag puts a tag on a communication and sends set_mark; false when it is there already.
func (a *Account) setTag(m mark, t Tag) bool {
	for _, x := range a.marks[m] {
		if x.tag.ID == t.ID {
			return false
		}
	}
	a.marks[m] = append(a.marks[m], tagMark{t, a.p.now()})
	a.notify("set_mark", m.id, a.markVars(m, t))
	return true
}

// unsetTag takes a tag off and sends unset_mark; false when it was not there.
func (a *Account) unsetTag(m mark, t Tag) bool {
	for i, x := range a.marks[m] {
		if x.tag.ID == t.ID {
			a.marks[m] = append(append([]tagMark{}, a.marks[m][:i]...), a.marks[m][i+1:]...)
			a.notify("unset_mark", m.id, a.markVars(m, t))
			return true
		}
	}
	return false
}

func (a *Account) markVars(m mark, t Tag) map[string]any {
	v := map[string]any{}
	for _, c := range a.calls {
		if m.kind == "call" && c.communication == m.id {
			v = a.callVars(c)
		}
	}
	for _, c := range a.chatOrder {
		if m.kind == "chat" && c.communication == m.id {
			v = a.chatVars(c)
		}
	}
	v["communication_id"], v["communication_type"], v["tag_id"], v["tag_name"] = m.id, m.kind, t.ID, t.Name
	return v
}

// SetTag plays an employee who puts a tag on a communication (kind chat, call, offline_message; id is its communication_id).
func (a *Account) SetTag(kind string, communication, tag int64) bool {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	t := a.tag(tag)
	return t != nil && a.known(mark{kind, communication}) && a.setTag(mark{kind, communication}, *t)
}
