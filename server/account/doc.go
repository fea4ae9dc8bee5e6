// Package account keeps accounts and their Bitrix24 portals: the life cycle of an installation, its secrets and its tokens.
//
// Which portal a caller speaks for is proven in account/proof, browser sessions are made in account/session, what is sent to a portal goes through
// account/portallane; the connection to UIS is account/uisconn, employees are account/staff.
//
// Cross-account look-ups are the few statements run as system: a portal by member_id (ByMember), a consent by its state (takeConsent), a remembered
// proof by its token's hash (account/proof), the UIS connection by its address token (account/uisconn), and the keeper's walk over idle and leaving
// portals (Keeper). Each is one query.
package account
