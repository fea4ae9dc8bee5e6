//go:build sabotage

package outbox

import "os"

// What OMNI_SABOTAGE breaks; see sabotage_off.go.
var (
	sabotageTrust  = os.Getenv("OMNI_SABOTAGE") == "trust"
	sabotageRepeat = os.Getenv("OMNI_SABOTAGE") == "repeat"
	sabotageHasty  = os.Getenv("OMNI_SABOTAGE") == "hasty"
)
