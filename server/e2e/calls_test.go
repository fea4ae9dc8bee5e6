package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// T4, T4a, T9 rows 3 and 4, T12 row 1: a client nobody knows calls in vain, and again with success.
func TestFirstCalls(t *testing.T) {
	t.Parallel()
	c := callsOf(t, portal.Classic, func(s map[string]any) { s["records"] = map[string]any{"send": true, "with_filters": false} })
	const phone = "79005550001"
	missed := c.play("missed", uisplatform.CallSpec{Contact: phone, Employee: 1002})
	c.quiet()
	leads := c.of(portal.Lead, phone)
	require.Len(t, leads, 1)
	require.Equal(t, "Входящий звонок на номер 79005550001 из приложения OMNI для Битрикс24", leads[0].Fields["title"])
	require.Equal(t, 4, whole(leads[0].Fields["assignedById"]), "a missed call falls to the default")
	k := c.at(missed)
	require.True(t, k.Finished)
	require.Equal(t, mainNumber, k.Line)
	require.Empty(t, k.Shown)
	first := c.activity(k.Activity)
	require.Equal(t, "N", first.Fields["COMPLETED"])
	require.Equal(t, []portal.Binding{{Type: portal.Lead, ID: leads[0].ID}}, first.Bindings)

	answered := c.play("answered", uisplatform.CallSpec{Contact: phone, Employee: 1002})
	c.quiet()
	require.Len(t, c.of(portal.Lead, phone), 1, "the open lead serves")
	k = c.at(answered)
	require.Equal(t, "Y", c.activity(k.Activity).Fields["COMPLETED"])
	require.Equal(t, "2", c.activity(k.Activity).Fields["RESPONSIBLE_ID"])
	require.Equal(t, "Y", c.activity(first.ID).Fields["COMPLETED"], "the missed one is handled")
	require.NotEmpty(t, k.Record, "the recording is attached")
	c.w.clean()
}
