package e2e_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// withPhones makes a contact with several telephones.
func (c *callCentre) withPhones(responsible int, phones ...string) int {
	c.t.Helper()
	var fm []any
	for _, p := range phones {
		fm = append(fm, map[string]any{"typeId": "PHONE", "valueType": "WORK", "value": "+" + p})
	}
	id, err := c.portal.AddItem(portal.Contact, map[string]any{"name": "Клиент", "assignedById": responsible, "fm": fm}, 1)
	require.NoError(c.t, err)
	return id
}

// completed is whether a session's activity is done: Y or N.
func (c *callCentre) completed(session int64) any {
	c.t.Helper()
	return c.activity(c.at(session).Activity).Fields["COMPLETED"]
}

// T4a: missed from one telephone and answered from another one of the same contact: handled. So it is for two clients that turn out to be one, although nothing of
// the CRM is common to both calls; a stranger's missed call stays as it is.
func TestHandledFromAnotherTelephone(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, nil)
	c.forms(func(s map[string]any) { s["first"] = map[string]any{"on": true, "create": []string{"lead"}} })
	const first, second, stranger = "79005564001", "79005564002", "79005564003"
	c.withPhones(1, first, second)
	missed := c.play("missed", uisplatform.CallSpec{Contact: first, Employee: caller})
	foreign := c.play("missed", uisplatform.CallSpec{Contact: stranger, Employee: caller})
	c.quiet()
	require.Equal(t, "N", c.completed(missed))
	c.play("answered", uisplatform.CallSpec{Contact: second, Employee: caller})
	c.quiet()
	require.Equal(t, "Y", c.completed(missed), "the contact was spoken to")
	require.Equal(t, "N", c.completed(foreign))

	// The e-mail says that two telephones are one person's. Each has a lead of its own, and the answered call shows in the newer one only.
	const one, other = "79005564004", "79005564005"
	missed = c.play("missed", uisplatform.CallSpec{Contact: one, Employee: caller})
	c.quiet()
	for _, phone := range []string{other, one} {
		_, err := c.uis.SendRequest(uisplatform.Request{Name: "Клиент", Phone: phone, Email: "one@client.example", Text: "?"})
		require.NoError(t, err)
		c.quiet()
	}
	require.Equal(t, "N", c.completed(missed))
	require.Equal(t, 1, c.rows(`SELECT count(DISTINCT client_id) FROM (SELECT client_id FROM call WHERE phone = '`+one+`' UNION ALL
		SELECT client_id FROM client_alias WHERE kind = 'email' AND value = 'one@client.example') c`), "the call is the joined client's")
	answered := c.play("answered", uisplatform.CallSpec{Contact: other, Employee: caller})
	c.quiet()
	require.Equal(t, "Y", c.completed(answered))
	require.NotEqual(t, c.activity(c.at(answered).Activity).Bindings, c.activity(c.at(missed).Activity).Bindings)
	require.Equal(t, "Y", c.completed(missed), "the client was spoken to")
	require.Equal(t, 1, c.rows(`SELECT count(*) FROM call_open`), "the stranger's")
	c.w.clean()
}

// T4a, both calls ending at once, from two telephones of one contact: whichever is finished first, the missed one is handled, and nobody waits for anybody in vain.
func TestHandledAtOnce(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Simple, nil)
	const pairs = 12
	missed, answered := make([]*uisplatform.Call, pairs), make([]*uisplatform.Call, pairs)
	start := func(phone string) *uisplatform.Call {
		call, err := c.uis.StartCall(uisplatform.CallSpec{Contact: phone, Employee: caller})
		require.NoError(t, err)
		require.NoError(t, call.Ring(caller))
		return call
	}
	for i := range pairs {
		phones := []string{fmt.Sprintf("790055650%02d", i), fmt.Sprintf("790055651%02d", i)}
		c.withPhones(1, phones...)
		missed[i] = start(phones[0])
		answered[i] = start(phones[1])
		require.NoError(t, answered[i].Answer())
		answered[i].Advance(30 * time.Second)
	}
	c.w.rest()
	c.hangUp(answered...)
	c.w.rest()
	c.advance(4 * time.Second) // the answered ones are finished in this moment,
	c.hangUp(missed...)        // and the missed ones too
	c.quiet()
	for i := range pairs {
		require.Equal(t, "Y", c.completed(answered[i].ID()), i)
		require.Equal(t, "Y", c.completed(missed[i].ID()), i)
	}
	require.Zero(t, c.rows(`SELECT count(*) FROM call_open`))
	require.Zero(t, c.rows(`SELECT count(*) FROM inbox WHERE attempts > 0 AND key LIKE 'call:%'`), "no step failed on another's lock")
	c.w.clean()
}

// hangUp ends calls all at once.
func (c *callCentre) hangUp(calls ...*uisplatform.Call) {
	c.t.Helper()
	failed := make([]error, len(calls))
	var all sync.WaitGroup
	for i, call := range calls {
		all.Go(func() { failed[i] = call.HangUp() })
	}
	all.Wait()
	for _, err := range failed {
		require.NoError(c.t, err)
	}
}
