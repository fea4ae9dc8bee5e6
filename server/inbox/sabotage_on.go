//go:build sabotage

package inbox

import "os"

// sabotageLock: see sabotage_off.go.
var sabotageLock = os.Getenv("OMNI_SABOTAGE") == "lock"
