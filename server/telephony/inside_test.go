package telephony

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/settings"
)

// T, hidden number, number and extension, internal calls, calls between two numbers of the account: who has no client outside, and why.
func TestClientless(t *testing.T) {
	t.Parallel()
	begun := func(change func(*Facts)) *Facts {
		f := &Facts{Direction: In, Announced: true, Phone: "79005550001", Number: "74950000031"}
		if change != nil {
			change(f)
		}
		return f
	}
	contact := func(phone string) *Facts { return begun(func(f *Facts) { f.Phone = phone }) }
	for name, row := range map[string]struct {
		facts *Facts
		own   inside
		asked bool
		why   string
	}{
		"a client":                         {begun(nil), inside{}, false, ""},
		"with an extension of his":         {contact("74957770000;101"), inside{}, false, ""},
		"written with an eight":            {contact("8 (900) 555-00-01"), inside{}, false, ""},
		"no number at all":                 {begun(func(f *Facts) { f.Phone, f.NoPhone = "", true }), inside{}, false, "call.no_phone"},
		"a word for a hidden one":          {contact("anonymous"), inside{}, false, "call.not_a_phone"},
		"a SIP account's name":             {contact("sip01234567890@office"), inside{}, false, "call.not_a_phone"},
		"an extension nobody has":          {contact("555"), inside{}, false, "call.not_a_phone"},
		"an employee's extension":          {contact("101"), inside{employee: "Орлова Марина"}, false, "call.internal_employee"},
		"an employee's own telephone":      {begun(nil), inside{employee: "Орлова Марина"}, false, "call.internal_employee"},
		"a number of the account":          {begun(nil), inside{number: true}, false, "call.internal_number"},
		"the same, clicked on":             {begun(nil), inside{number: true, employee: "Орлова Марина"}, true, ""},
		"no virtual number took part":      {begun(func(f *Facts) { f.Number, f.EndedAt = "", time.Unix(1, 0) }), inside{}, false, "call.internal"},
		"its virtual number may come yet":  {begun(func(f *Facts) { f.Number = "" }), inside{}, false, ""},
		"nothing is told of the call yet":  {&Facts{Phone: "anonymous"}, inside{}, false, ""},
		"the opening is still to come":     {&Facts{Direction: In}, inside{}, false, ""},
		"an employee's, its end heard too": {begun(func(f *Facts) { f.EndedAt = time.Unix(1, 0) }), inside{employee: "Орлова Марина"}, false, "call.internal_employee"},
	} {
		why, off := clientless(row.facts, row.own, row.asked)
		require.Equal(t, row.why, why.Code, name)
		require.Equal(t, row.why != "", off, name)
	}
}

// What opens a call is waited for a moment when others overtook it: by what it tells the call is judged.
func TestTheOpeningIsWaitedFor(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 7, 15, 0, 0, time.UTC)
	doc, on := settings.Initial(), int64(1)
	doc.Main.Enabled, doc.Telephony.Enabled, doc.Telephony.Portal, doc.Telephony.OtherTelephony = true, true, &on, true
	c := &Call{ID: 5, Facts: Facts{Direction: In, Phone: "79005550001", Number: "1", StartedAt: at}}
	look := func(now time.Time) *turn {
		step := &turn{now: now, key: ids.CallKey(5), setting: Setting{Document: doc}, call: c}
		step.advance()
		return step
	}
	first := look(at)
	require.Nil(t, first.need)
	require.Equal(t, "opening", first.out.Timers[0].Name)
	require.Nil(t, look(at.Add(2*time.Second)).need)
	require.NotNil(t, look(at.Add(settling)).need, "one that never comes is not waited for long")
	c.Link, c.Facts.Announced = Link{}, true
	require.NotNil(t, look(at).need)
}
