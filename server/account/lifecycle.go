package account

// State is where an installation stands.
type State string

// States of a portal.
const (
	Waiting     State = "waiting"     // added in the cabinet, nobody consented yet
	Installing  State = "installing"  // proven, but installFinish was not reached: the portal shows no placements and sends no events
	Active      State = "active"      // in use
	Blocked     State = "blocked"     // nothing can be sent; Reason says why
	Unpaid      State = "unpaid"      // the platform stopped the app until it is paid
	Uninstalled State = "uninstalled" // removed at the portal
)

// Reasons why a portal is not active. Each has the text "account.reason.<code>".
const (
	ReasonConsent     = "consent"      // consent is awaited
	ReasonInstall     = "install"      // the installer page was not finished
	ReasonToken       = "token"        // no token works: open the app once
	ReasonDeleted     = "deleted"      // the portal is gone
	ReasonPlan        = "plan"         // the portal's plan has no REST
	ReasonOverload    = "overload"     // Bitrix24 stopped requests to this portal by hand
	ReasonPayment     = "payment"      // trial or paid period is over
	ReasonUninstalled = "uninstalled"  // the app was removed
	ReasonOtherApp    = "not_our_app"  // the authorization server does not know our app there
	ReasonMoved       = "domain_moved" // the address changed and the new one could not be proven
)

// Happening is what can happen to an installation.
type Happening string

// Happenings.
const (
	Opened      Happening = "opened"       // a frame with a working administrator's token was opened, or consent was given
	Finished    Happening = "finished"     // everything is bound and installFinish was called
	Updated     Happening = "updated"      // the app's version changed: the portal dropped our bindings
	TokensGone  Happening = "tokens_gone"  // the last token was refused
	PortalGone  Happening = "portal_gone"  // PORTAL_DELETED
	PlanRefused Happening = "plan_refused" // ACCESS_DENIED of the plan
	Overloaded  Happening = "overloaded"   // OVERLOAD_LIMIT
	NotPaid     Happening = "not_paid"     // PAYMENT_REQUIRED, or app.info says that the period is over
	Paid        Happening = "paid"         // app.info says it is paid
	Answered    Happening = "answered"     // a request was answered normally
	Removed     Happening = "removed"      // ONAPPUNINSTALL
)

// Status is the part of a portal that its life cycle decides.
type Status struct {
	State  State
	Reason string
	// Finished is kept through blocked and unpaid, so that the portal returns to where it was.
	Finished bool
	// Repair asks for one walk over all bindings.
	Repair bool
}

// Sleeps tells whether nothing may be sent to the portal.
func (s Status) Sleeps() bool { return s.State != Active && s.State != Installing }

// Next is the life cycle: what a happening makes of a status. A happening that says nothing new in that state leaves it as it is.
func Next(s Status, h Happening) Status {
	if s.State == Uninstalled && h != Opened {
		return s // everything that still comes in from a removed app is late
	}
	switch h {
	case Opened:
		if s.State == Uninstalled || s.State == Waiting {
			s.Finished = false // the portal dropped our bindings, or never had them
		}
		return s.working()
	case Finished:
		if s.State == Waiting {
			return s
		}
		s.Finished, s.Repair = true, false
		return s.working()
	case Updated:
		s.Repair = true
		return s
	case Paid, Answered:
		if s.State == Unpaid || (h == Answered && s.State == Blocked) {
			return s.working()
		}
		return s
	case TokensGone:
		return s.asleep(Blocked, ReasonToken)
	case PortalGone:
		return s.asleep(Blocked, ReasonDeleted)
	case PlanRefused:
		return s.asleep(Blocked, ReasonPlan)
	case Overloaded:
		return s.asleep(Blocked, ReasonOverload)
	case NotPaid:
		return s.asleep(Unpaid, ReasonPayment)
	case Removed:
		return Status{State: Uninstalled, Reason: ReasonUninstalled}
	}
	return s
}

func (s Status) working() Status {
	s.State, s.Reason = Active, ""
	if !s.Finished {
		s.State, s.Reason = Installing, ReasonInstall
	}
	return s
}

func (s Status) asleep(state State, reason string) Status {
	if s.State == Waiting {
		return s // nothing was ever sent in its name
	}
	s.State, s.Reason = state, reason
	return s
}
