// Package account keeps accounts and their Bitrix24 portals: the life cycle of an installation, its secrets and its tokens.
//
// Which portal a caller speaks for is proven in account/proof, browser sessions are made in account/session, what is sent to a portal or to UIS goes
// through account/transport; the connection to UIS is account/uisconn, employees are account/staff.
//
// Statements over all accounts are few, each one query: a portal by member_id or address (ByMember, ByDomain), a consent by its state (takeConsent), a
// remembered proof by its token's hash (account/proof), the UIS connection by its address token (account/uisconn), the keeper's walks. Admitting a proven
// portal runs as system too: only then is its account found or made.
package account
