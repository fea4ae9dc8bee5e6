package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// errand is what the sender's process is told: the platform of many accounts, whose clients write.
type errand struct {
	Address  string         `json:"address"` // %d is the account
	Bearer   string         `json:"bearer"`
	Accounts int64          `json:"accounts"`
	First    int64          `json:"first"`
	Rate     float64        `json:"rate"`
	Seconds  float64        `json:"seconds"`
	Callers  int            `json:"callers"`
	From     int64          `json:"from"` // numbers of messages
	Body     map[string]any `json:"body"`
	// Calls are, in place of Body, the notifications of one call: {session} and {phone} become those of one call after the other.
	Calls []string `json:"calls"`
}

// next is what is posted, and for which account.
func (e errand) next(n int64) (account int64, raw []byte, err error) {
	if many := int64(len(e.Calls)); many > 0 {
		call := e.From + n/many
		text := strings.NewReplacer("{session}", strconv.FormatInt(call, 10), "{phone}", fmt.Sprintf("78%09d", call%1_000_000_000)).Replace(e.Calls[n%many])
		return e.First + n/many%e.Accounts, []byte(text), nil
	}
	account = e.First + n%e.Accounts
	body := map[string]any{}
	for k, v := range e.Body {
		body[k] = v
	}
	body["chat_id"], body["id"] = chatOf(account, n, e.Accounts), e.From+n
	body["text"] = fmt.Sprintf("at:%d: Есть ли доставка в субботу?", time.Now().UnixNano())
	raw, err = json.Marshal(body)
	return account, raw, err
}

// delivered is what the sender saw.
type delivered struct {
	Sent      int64   `json:"sent"`
	P50       float64 `json:"p50"`
	P99       float64 `json:"p99"`
	Processor float64 `json:"-"` // seconds
}

// perAccount is how many clients of an account write.
const perAccount = 5

// chatOf numbers the chats of an account.
func chatOf(account, n, accounts int64) int64 { return account*10 + n/accounts%perAccount }

// sendMain is the sender's process: it posts webhooks at the rate it is told, each account in turn, and tells how long they took.
func sendMain() error {
	var e errand
	if err := json.NewDecoder(os.Stdin).Decode(&e); err != nil {
		return fmt.Errorf("read the errand: %w", err)
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: e.Callers}}
	var out delivered
	p50, p99, err := pacedBy(context.Background(), e.Callers, time.Duration(e.Seconds*float64(time.Second)), e.Rate, func(ctx context.Context, n int64) error {
		account, raw, err := e.next(n)
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf(e.Address, account), bytes.NewReader(raw))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+e.Bearer)
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			return errors.Join(fmt.Errorf("a webhook was answered %s", resp.Status), err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	out.Sent, out.P50, out.P99 = int64(float64(e.Seconds)*e.Rate), inMS(p50), inMS(p99)
	return json.NewEncoder(os.Stdout).Encode(out)
}

// send runs the sender in a process of its own.
func (e errand) send(ctx context.Context) (delivered, error) {
	var out delivered
	self, err := os.Executable()
	if err != nil {
		return out, fmt.Errorf("find the own program: %w", err)
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return out, fmt.Errorf("encode the errand: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "-sender") //nolint:gosec // this very program
	cmd.Stdin, cmd.Stderr = bytes.NewReader(raw), os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("the sender: %w", err)
	}
	out.Processor = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return out, json.Unmarshal(answer, &out)
}

// used is the processor time of this process so far.
func used() float64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}

// ticks are the clock ticks a second in which Linux counts processor time.
const ticks = 100

// database is the processor time in seconds that the private PostgreSQL has used so far; 0 where the system does not tell.
func (s *stand) database() float64 {
	postmaster := ""
	_ = filepath.WalkDir(s.folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "postmaster.pid" {
			raw, _ := os.ReadFile(path) //nolint:gosec // below our own folder
			postmaster, _, _ = strings.Cut(string(raw), "\n")
			return fs.SkipAll
		}
		return nil
	})
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	sum := 0.0
	for _, path := range stats {
		raw, err := os.ReadFile(path) //nolint:gosec // of the system
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		fields := strings.Fields(rest) // from the state on: proc(5)
		if len(fields) < 15 {
			continue
		}
		counted := 0
		switch postmaster {
		case fields[1]: // a process of the cluster
			counted = 2
		case filepath.Base(filepath.Dir(path)): // the first one, and those of its children that have ended
			counted = 4
		}
		for _, f := range fields[11 : 11+counted] {
			n, _ := strconv.ParseFloat(f, 64)
			sum += n / ticks
		}
	}
	return sum
}
