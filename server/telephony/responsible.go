package telephony

import (
	"slices"

	"omni/server/crm"
	"omni/server/ids"
)

// who is everybody a call may fall to (T9). A zero user is nobody: not matched, dismissed, or not set.
type who struct {
	direction string
	answered  bool
	// talker is the employee who talked, first or last as the settings say; of an outgoing call the caller.
	talker ids.B24UserID
	// rule is whom the first responsible rule that holds names (inbound only), standard the direction's default.
	rule, standard ids.B24UserID
	// standIn is the installing administrator, for a default who was dismissed.
	standIn ids.B24UserID
}

// missed is who gets a first call that nobody answered, and what it creates until its end decides (T6).
func (w who) missed() ids.B24UserID { return firstOf(w.rule, w.standard, w.standIn) }

// begin is the responsible of what a first call creates at its ring.
func (w who) begin() ids.B24UserID {
	if w.direction == Out {
		return firstOf(w.talker, w.standard, w.standIn)
	}
	return w.missed()
}

// stoodIn tells that nobody but the stand-in was left for what a first call creates: the direction has no default, or he was dismissed.
func (w who) stoodIn() bool {
	return w.standIn != 0 && w.begin() == w.standIn && firstOf(w.rule, w.standard) == 0 && (w.direction != Out || w.talker == 0)
}

// Verdict is what the end of a call does about responsibles.
type Verdict struct {
	// Created is who gets the entities that this call made; Open who gets the open lead or deal that was found, 0: it stays as it is.
	Created ids.B24UserID `json:"created,omitempty"`
	Open    ids.B24UserID `json:"open,omitempty"`
	// Activity is whose activity the call's is.
	Activity ids.B24UserID `json:"activity,omitempty"`
}

// judge is the table of T9. picture is what the client's key answered.
func (w who) judge(picture crm.CallAnswer) Verdict {
	var existing ids.B24UserID
	if len(picture.Existing) > 0 {
		existing = picture.Existing[0]
	}
	talked := ids.B24UserID(0)
	if w.direction == Out || w.answered {
		talked = w.talker
	}
	v := Verdict{
		// What a first call makes is the talker's (2, 4, 6), else as for a missed one (1, 3, 5). What a repeat call makes is always the existing person's
		// (15, 22); was he dismissed, the next in the order.
		Created: firstOf(existing, talked, w.missed()),
		// The activity is the talker's, else the existing person's (7-13, 14-22).
		Activity: firstOf(talked, existing, w.missed()),
	}
	if w.direction == In && w.answered && w.rule != 0 && w.talker != 0 && picture.Open != nil {
		v.Open = w.talker // row 10
	}
	return v
}

func firstOf(users ...ids.B24UserID) ids.B24UserID {
	for _, u := range users {
		if u != 0 {
			return u
		}
	}
	return 0
}

// people are the account's people as one portal knows them.
type people struct {
	// matched are the users in force behind employees: active, and within the list that is synchronised (S3).
	matched map[ids.UISEmployeeID]ids.B24UserID
	// dismissed users count as nobody; admin is who installed the app.
	dismissed []ids.B24UserID
	admin     ids.B24UserID
}

// active is the user himself, or nobody when he was dismissed.
func (p people) active(user ids.B24UserID) ids.B24UserID {
	if slices.Contains(p.dismissed, user) {
		return 0
	}
	return user
}

// users are the matched users of employees, each once.
func (p people) users(employees []ids.UISEmployeeID) []ids.B24UserID {
	var list []ids.B24UserID
	for _, e := range employees {
		if u := p.matched[e]; u != 0 && !slices.Contains(list, u) {
			list = append(list, u)
		}
	}
	return list
}
