package settings

import "omni/server/ids"

// ManagerPortal is the portal whose CRM says who a caller's personal manager is (T3); 0: nobody is asked, because a switch is off or another telephony rules
// the main settings (T2). The lookup of a call has the same rule in SQL (server/telephony/numbers).
func (d Document) ManagerPortal() ids.PortalID {
	t := d.Telephony
	if !d.Main.Enabled || !t.Enabled || t.OtherTelephony || !t.PersonalManager {
		return 0
	}
	portal := t.Portal
	if portal == nil {
		portal = d.Main.Portal
	}
	if portal == nil {
		return 0
	}
	return ids.PortalID(*portal)
}
