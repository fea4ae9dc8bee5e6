//go:build !sabotage

package inbox

// sabotageLock leaves the lock of keys out: the fault suite shows that it finds that (build tag sabotage). Here it is dead code.
const sabotageLock = false
