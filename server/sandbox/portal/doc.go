// Package portal is an embedded Bitrix24: one authorization server and any number of portals with REST, events, placements and the pages around the frames,
// strict enough that tests can trust what it accepts and refuses.
//
// It is written from the REST documentation alone and imports nothing of the product, so that the two cannot share a mistake. All of its state is in memory, all of
// its data is invented.
//
// What the documentation does not allow (unknown method or parameter, wrong type, missing scope, a file in a batch, a call over the bucket) is refused as documented
// and written to the journal of violations, see World.Violations. Everything can be made to fail on demand, see Fault.
package portal
