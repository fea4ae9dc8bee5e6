package account

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNextIsTheWholeLifeCycle(t *testing.T) {
	t.Parallel()
	active := Status{State: Active, Finished: true}
	installing := Status{State: Installing, Reason: ReasonInstall}
	for _, c := range []struct {
		name string
		from Status
		h    Happening
		want Status
	}{
		{"consent makes a waiting portal installable", Status{State: Waiting, Reason: ReasonConsent}, Opened, installing},
		{"nothing else moves a waiting portal", Status{State: Waiting}, Finished, Status{State: Waiting}},
		{"a refused token says nothing about a portal that never worked", Status{State: Waiting}, TokensGone, Status{State: Waiting}},
		{"installFinish", installing, Finished, active},
		{"opening an active portal changes nothing", active, Opened, active},
		{"finishing twice changes nothing", active, Finished, active},
		{"an update asks for repair and goes on working", active, Updated, Status{State: Active, Finished: true, Repair: true}},
		{"finishing ends the repair", Status{State: Active, Finished: true, Repair: true}, Finished, active},
		{"the last token refused", active, TokensGone, Status{State: Blocked, Reason: ReasonToken, Finished: true}},
		{"one opening cures it, without another installation", Status{State: Blocked, Reason: ReasonToken, Finished: true}, Opened, active},
		{"one opening of an unfinished one", Status{State: Blocked, Reason: ReasonToken}, Opened, installing},
		{"payment over", active, NotPaid, Status{State: Unpaid, Reason: ReasonPayment, Finished: true}},
		{"paid again", Status{State: Unpaid, Reason: ReasonPayment, Finished: true}, Paid, active},
		{"paid says nothing about a refused token", Status{State: Blocked, Reason: ReasonToken, Finished: true}, Paid, Status{State: Blocked, Reason: ReasonToken, Finished: true}},
		{"an answer wakes a blocked portal", Status{State: Blocked, Reason: ReasonOverload, Finished: true}, Answered, active},
		{"removed (P7)", active, Removed, Status{State: Uninstalled, Reason: ReasonUninstalled}},
		{"a late refusal does not wake a removed portal", Status{State: Uninstalled, Reason: ReasonUninstalled}, TokensGone, Status{State: Uninstalled, Reason: ReasonUninstalled}},
		{"nor does a late answer", Status{State: Uninstalled, Reason: ReasonUninstalled}, Answered, Status{State: Uninstalled, Reason: ReasonUninstalled}},
		{"reinstalling starts from the installer (P7)", Status{State: Uninstalled, Reason: ReasonUninstalled}, Opened, installing},
		{"deleted portal", active, PortalGone, Status{State: Blocked, Reason: ReasonDeleted, Finished: true}},
		{"plan without REST", active, PlanRefused, Status{State: Blocked, Reason: ReasonPlan, Finished: true}},
	} {
		require.Equal(t, c.want, Next(c.from, c.h), c.name)
	}
}

func TestOnlyActiveAndInstallingPortalsAreSpokenTo(t *testing.T) {
	t.Parallel()
	for state, sleeps := range map[State]bool{Waiting: true, Installing: false, Active: false, Blocked: true, Unpaid: true, Uninstalled: true} {
		require.Equal(t, sleeps, Status{State: state}.Sleeps(), state)
	}
}

func TestLimitClassByLicence(t *testing.T) {
	t.Parallel()
	for licence, want := range map[string]LimitClass{"ru_ent250": LimitEnterprise, "de_ent10000": LimitEnterprise, "ru_std": LimitOrdinary, "": LimitOrdinary, "ru_selfhosted": LimitNone} {
		require.Equal(t, want, Portal{Licence: licence}.Limits(), licence)
	}
}
