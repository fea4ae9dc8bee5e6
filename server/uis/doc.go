// Package uis speaks the wire protocols of the UIS communications platform (also sold as CoMagic, CallGear and Novofon): Data API, Call API,
// Chat API with its management part, chat webhooks and HTTP notifications, as typed calls, typed errors and limits.
//
// It knows nothing of any product that uses it: it holds no state but a chat adapter's token, takes credentials as values and returns facts.
// Everything that only looks at data (ParseWebhook, ParseNotification, Plan…, Spec.Judge) is a pure function.
//
// Wire facts come from the vendor's developer pages; a doc comment names the page ("Data API, get.calls_report"). Facts that were only seen in
// third-party code are marked as such and never relied on for correctness.
package uis
