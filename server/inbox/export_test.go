package inbox

import "time"

// HoldMost is how many requests are held at once.
const HoldMost = holdMost

// Stalled is for how long nothing may be stored until rows that wait count as held.
const Stalled = stalled

// Hold sets for how long a request is held.
func (in *Intake) Hold(d time.Duration) { in.patience = d }

// Crowd is how many rows wait or are under way, and their bytes.
func (in *Intake) Crowd() (rows, bytes int) {
	in.group.mu.Lock()
	defer in.group.mu.Unlock()
	waiting := 0
	for _, list := range in.group.waiting {
		waiting += len(list)
	}
	return max(in.group.crowd, waiting), in.group.bytes
}
