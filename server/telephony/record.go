package telephony

import (
	"encoding/json"
	"fmt"
	"time"

	"omni/server/bitrix24"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/outbox"
)

// The states of a recording on its way.
const (
	recordComing    = "coming"
	recordAttaching = "attaching"
	recordWaiting   = "waiting"
	recordAttached  = "attached"
	recordFailed    = "failed"
)

// record brings a recording to the portal, when one is wanted and ready (T12). It comes minutes after the end as a rule; a newer one replaces it.
func (t *turn) record() {
	f, l := &t.call.Facts, &t.call.Link
	if l.Unfinished || t.wholeRecord() { // the portal takes recordings of calls that are finished there
		return
	}
	link, one := f.recording()
	if l.Whole.Link != "" && !one.Voice {
		link, one.Seconds = l.Whole.Link, f.seconds()
	}
	if link == "" || link == l.Record.Link || l.CallID == "" || l.Record.under() {
		return
	}
	if !records(t.setting.Document.Telephony, f.Direction).recording {
		l.Record = Recorded{Link: link}
		t.touched = true
		t.because("call.no_recording", nil)
		return
	}
	l.Record = Recorded{Link: link, State: recordComing}
	t.touched = true
	t.fetch = link
	t.because("call.recording_ready", map[string]any{"voice": one.Voice, "seconds": one.Seconds})
}

// Whole is the recording of a whole call, of which several were made: one for each conversation. The portal keeps one per call.
type Whole struct {
	State string `json:"state,omitempty"` // asked, later, over
	// Of is of how many recordings; with one more UIS has another whole.
	Of    int    `json:"of,omitempty"`
	Link  string `json:"link,omitempty"`
	Tries int    `json:"tries,omitempty"`
}

// wholeRecord asks UIS for the recording of the whole call when a conversation is not all of it (full_record_file_link of get.calls_report); true: the answer is
// waited for.
func (t *turn) wholeRecord() bool {
	f, l := &t.call.Facts, &t.call.Link
	n := f.conversations()
	switch {
	case l.Whole.State == inquiryAsked:
		return true
	case n < 2 || n <= l.Whole.Of || l.CallID == "" || !records(t.setting.Document.Telephony, f.Direction).recording:
		return false
	}
	l.Whole = Whole{State: inquiryAsked, Of: n}
	t.touched = true
	t.askReport("whole")
	return true
}

// wholeTold takes UIS' answer in. Until the whole is there, the newest conversation stands for it.
func (t *turn) wholeTold(results map[string]outbox.Result) {
	w := &t.call.Link.Whole
	if w.State != inquiryAsked {
		return
	}
	w.State, t.touched = inquiryOver, true
	link, problem := t.wholeLink(results["inquiry"])
	switch {
	case problem == "":
		w.Link = link
		t.because("call.recordings_whole", map[string]any{"count": w.Of})
	case w.Tries < len(inquiryPauses):
		w.State = inquiryLater
		t.timer("whole", t.now.Add(inquiryPauses[w.Tries]))
		w.Tries++
	default:
		t.because("call.recordings_apart", map[string]any{"count": w.Of})
	}
}

func (t *turn) wholeLink(r outbox.Result) (link, problem string) {
	row, problem := t.ownRow(r)
	if problem == "" && row.RecordLink == "" {
		problem = noRow
	}
	return row.RecordLink, problem
}

// under tells that a recording is under way; a newer one follows it.
func (r Recorded) under() bool {
	return r.State == recordComing || r.State == recordAttaching || r.State == recordWaiting
}

// recordCame takes the end of a recording's copying in and lets the portal fetch it.
func (t *turn) recordCame(body []byte) error {
	var came struct {
		File  ids.FileID `json:"file"`
		Name  string     `json:"name"`
		Mime  string     `json:"mime"`
		Error string     `json:"error"`
	}
	if err := json.Unmarshal(body, &came); err != nil {
		return inbox.Permanent(fmt.Errorf("read the end of a recording's copying: %w", err))
	}
	l := &t.call.Link
	if l.Record.State != recordComing {
		return nil
	}
	t.touched = true
	if came.Error != "" {
		if came.Error == "no_room" {
			return nil // the copy is tried again for hours
		}
		l.Record.State = recordFailed
		t.because("call.recording_failed", map[string]any{"error": came.Error})
		return nil
	}
	l.Record.File, l.Record.Wave = came.File, came.Mime == "audio/wav" || came.Mime == "audio/wave" || came.Mime == "audio/x-wav"
	t.attach()
	return nil
}

// attach lets the portal fetch the recording from us.
func (t *turn) attach() {
	r := &t.call.Link.Record
	r.State, t.touched = recordAttaching, true
	name := fmt.Sprintf("%d.mp3", t.call.ID)
	if r.Wave {
		name = fmt.Sprintf("%d.wav", t.call.ID)
	}
	call := bitrix24.AttachRecord(t.call.Link.CallID, name, t.fileURL(r.File, name))
	t.command("record", fmt.Sprintf("record%d", r.File), call.Method, call.Params).Plan += fmt.Sprintf(":%d:%d", r.File, r.Tries)
}

// recordPauses are how long is waited before a recording that the portal refused is offered again: it fetches the file from us, and may not have reached us.
var recordPauses = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}

// recorded takes the portal's answer about a recording in. When a newer one came meanwhile, it follows.
func (t *turn) recorded(results map[string]outbox.Result) {
	l := &t.call.Link
	for _, r := range results {
		// One that was given up, or waits for its next try, may have been repeated by a person.
		repeated := r.State == "done" && (l.Record.State == recordWaiting || l.Record.State == recordFailed)
		if l.Record.State != recordAttaching && !repeated {
			continue
		}
		t.touched = true
		switch {
		case r.State == "done":
			l.Record.State = recordAttached
			t.because("call.recording_attached", nil)
		case l.Record.Tries < len(recordPauses):
			t.out.Replaced = append(t.out.Replaced, r.Command) // it is offered again, and nobody need do so by hand
			l.Record.State = recordWaiting
			t.because("call.recording_again", map[string]any{"text": r.Text, "minutes": max(1, int(recordPauses[l.Record.Tries].Minutes()))})
			t.timer("record", t.now.Add(recordPauses[l.Record.Tries]))
			l.Record.Tries++
		default:
			l.Record.State = recordFailed
			t.because("call.recording_refused", map[string]any{"text": r.Text})
		}
	}
}
