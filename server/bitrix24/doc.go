// Package bitrix24 is a client for Bitrix24 portals: OAuth, REST calls and batches with typed errors, limits as data, events and frames, and how the effect of each writing call is checked.
//
// It knows nothing of the product it serves. Client sends a Call to a Target (a portal and an access token); an Answer or an *Error comes back, whose Class says what
// went wrong and whose Executed says whether the call may have had its effect all the same. SpecOf tells per method whether it writes, whether it may stand in a batch,
// and how its effect is found after a request that ended unclearly. Nothing here retries, waits, queues or stores tokens: these are the caller's decisions.
//
// Wire facts come from the official documentation (bitrix24/b24restdocs); comments name the page or method. "Seen in the portal's source" marks hints that may change.
package bitrix24
