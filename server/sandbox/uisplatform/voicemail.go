package uisplatform

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// voiceMail is a message that a client left when nobody took his call.
type voiceMail struct {
	hash string
	long time.Duration
}

// LeaveMessage plays a client whom nobody answered and who leaves a message on the voice mail: the call is lost, and voice_message follows its end.
func (c *Call) LeaveMessage(long time.Duration) error {
	return c.step(func(a *Account) error {
		if len(c.c.talks) > 0 {
			return fmt.Errorf("leave a message: %w", ErrCallOver)
		}
		c.c.voice = &voiceMail{secret(32), long}
		c.c.shift += long
		a.hangUp(c.c, "")
		v := a.callVars(c.c)
		v["file_link"], v["file_link_hash"], v["file_duration"] = a.p.publicURL+voicePath(c.c), c.c.voice.hash, seconds(long)
		a.notify("voice_message", c.c.id, v)
		return nil
	})
}

// voicePath is where a message lies (documentation, "Links to recordings").
func voicePath(c *call) string {
	return fmt.Sprintf("/system/media/voice_mail/%d/%s/", c.communication, c.voice.hash)
}

// serveVoiceMail answers /system/media/voice_mail/{communication_id}/{hash}/ with an MP3 of silence as long as the message.
func (p *Platform) serveVoiceMail(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/system/media/voice_mail/"), "/"), "/")
	id, _ := strconv.ParseInt(parts[0], 10, 64)
	var found *voiceMail
	p.mu.Lock()
	for _, a := range p.order {
		for _, c := range a.calls {
			if c.communication == id && c.voice != nil && len(parts) == 2 && c.voice.hash == parts[1] {
				found = c.voice
			}
		}
	}
	p.mu.Unlock()
	if found == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "audio/mpeg")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(silence(found.long)))
}
