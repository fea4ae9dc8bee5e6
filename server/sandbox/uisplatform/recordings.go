package uisplatform

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// record makes the recordings of an ended call: one for each talk of an employee whose calls are recorded, and one of the whole call, which with a single talk is
// that talk's.
func (a *Account) record(c *call) []*talk {
	var list []*talk
	for _, t := range c.talks {
		if a.hasComponent([]string{"recording"}) && (t.employee.CallRecording == "all" || t.employee.CallRecording == c.spec.Direction) {
			t.record = secret(32)
			list = append(list, t)
		}
	}
	switch len(list) {
	case 0:
	case 1:
		c.record = list[0].record
	default:
		c.record = secret(32)
	}
	return list
}

// recordURL is the link of a recording (documentation, "Links to recordings"); nil without one.
func (a *Account) recordURL(c *call, hash string) any {
	if hash == "" {
		return nil
	}
	return fmt.Sprintf("%s/system/media/talk/%d/%s/", a.p.publicURL, c.communication, hash)
}

// recordVars are the variables of talk_record_file for one talk.
func (a *Account) recordVars(c *call, t *talk) map[string]any {
	v := a.callVars(c)
	a.employeeVars(v, t.employee)
	v["file_link"], v["file_link_hash"], v["file_duration"] = a.recordURL(c, t.record), t.record, seconds(t.end.Sub(t.begin))
	return v
}

// recorded is how long what a hash names lasts.
func (a *Account) recorded(c *call, hash string) (time.Duration, bool) {
	if c.record == hash {
		return a.talkTime(c), true
	}
	for _, t := range c.talks {
		if t.record == hash {
			return t.end.Sub(t.begin), true
		}
	}
	return 0, false
}

// serveRecording answers /system/media/talk/{communication_id or call_session_id}/{hash}/ with an MP3 of silence as long as the talk.
func (p *Platform) serveRecording(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/system/media/"), "/"), "/")
	if len(parts) != 3 || parts[0] != "talk" {
		http.NotFound(w, r)
		return
	}
	id, _ := strconv.ParseInt(parts[1], 10, 64)
	p.mu.Lock()
	var owner *Account
	talk := time.Duration(0)
	for _, a := range p.order {
		for _, c := range a.calls {
			if long, there := a.recorded(c, parts[2]); there && parts[2] != "" && (c.communication == id || c.id == id) {
				owner, talk = a, long
			}
		}
	}
	f := p.strike(owner, "media", r.Method+" /system/media", false)
	p.mu.Unlock()
	if owner == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "audio/mpeg")
	mp3 := silence(talk)
	if f != nil {
		p.breakContent(w, bytes.NewReader(mp3), int64(len(mp3)), f)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(mp3))
}

// silence is a valid MP3: frames of MPEG-1 Layer III, 32 kbit/s, 44.1 kHz, mono, without any sound (104 bytes for 26.12 ms).
func silence(d time.Duration) []byte {
	frame := make([]byte, 104)
	copy(frame, []byte{0xFF, 0xFB, 0x10, 0xC4})
	n := int(d/(26122*time.Microsecond)) + 1
	return bytes.Repeat(frame, n)
}
