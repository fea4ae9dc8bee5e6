package settings

import "omni/server/ids"

// PortalOf is the portal that a section works with: the one it chose for itself (own, such as d.Chats.Portal), else the main one; 0: none is chosen. Whether the
// section is on is another question.
func (d Document) PortalOf(own *int64) ids.PortalID {
	switch {
	case own != nil:
		return ids.PortalID(*own)
	case d.Main.Portal != nil:
		return ids.PortalID(*d.Main.Portal)
	}
	return 0
}

// LinesPortal is the portal whose open lines carry chats (O1); 0: none, because a switch is off or no portal is chosen.
func (d Document) LinesPortal() ids.PortalID {
	if !d.Main.Enabled || !d.Lines.Enabled {
		return 0
	}
	return d.PortalOf(d.Lines.Portal)
}

// ManagerPortal is the portal whose CRM says who a caller's personal manager is (T3); 0: nobody is asked, because a switch is off or another telephony rules
// the main settings (T2). The lookup of a call has the same rule in SQL (server/telephony/numbers).
func (d Document) ManagerPortal() ids.PortalID {
	t := d.Telephony
	if !d.Main.Enabled || !t.Enabled || t.OtherTelephony || !t.PersonalManager {
		return 0
	}
	return d.PortalOf(t.Portal)
}
