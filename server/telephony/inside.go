package telephony

import (
	"slices"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"

	"omni/server/crm"
	"omni/server/ids"
)

// A call without a client outside is nobody's business in the CRM: colleagues among themselves, two numbers of the account, a hidden number.

// inside is whom of the account a contact's number belongs to.
type inside struct {
	// number: it is a virtual number of the account. employee is whose telephone or extension it is at UIS; empty: nobody's.
	number   bool
	employee string
}

// queueInside looks whether a contact's number is the account's own. Employees who are gone are people outside.
func queueInside(batch *pgx.Batch, account ids.AccountID, phone string, into *inside) {
	forms := []string{phone}
	if plain, ok := crm.Phone(phone); ok && telephone(phone) {
		forms = slices.Compact(append(forms, plain))
	}
	batch.Queue(`SELECT EXISTS (SELECT FROM directory_entry WHERE account_id = $1 AND portal_id = 0 AND kind = 'numbers' AND id = ANY($2) AND gone_at IS NULL),
		COALESCE((SELECT full_name FROM uis_employee WHERE account_id = $1 AND gone_at IS NULL AND (extension = ANY($2) OR phones && $2) ORDER BY id LIMIT 1), '')`,
		int64(account), forms).QueryRow(func(row pgx.Row) error { return row.Scan(&into.number, &into.employee) })
}

// telephone tells whether a contact can be a client's telephone. The word in the place of a hidden number, a SIP account's name and an extension are none.
func telephone(contact string) bool {
	_, ok := crm.Phone(contact)
	return ok && !strings.ContainsFunc(contact, unicode.IsLetter)
}

// clientless says why a call has no client outside, as far as that is known. Whoever clicked on a number, sent a form or set a robot up meant that number, whosever
// it is: such a call goes the usual way. It is pure.
func clientless(f *Facts, own inside, asked bool) (crm.Reason, bool) {
	reason := func(code string, args map[string]any) (crm.Reason, bool) {
		return crm.Reason{Code: code, Args: args}, true
	}
	switch {
	case f.Direction == "":
	case f.Announced && f.NoPhone:
		return reason("call.no_phone", nil)
	case f.Phone == "":
	case own.employee != "" && !asked:
		return reason("call.internal_employee", map[string]any{"number": f.Phone, "name": own.employee})
	case own.number && !asked:
		return reason("call.internal_number", map[string]any{"number": f.Phone})
	case !telephone(f.Phone):
		return reason("call.not_a_phone", map[string]any{"number": f.Phone})
	case f.ended() && f.Announced && f.Number == "": // no virtual number took part: colleagues among themselves
		return reason("call.internal", nil)
	}
	return crm.Reason{}, false
}
