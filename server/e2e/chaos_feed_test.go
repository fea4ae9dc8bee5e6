package e2e_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// entry is a row of the feed with whom it is for.
type entry struct {
	seq      int64
	name     string
	employee int64
}

// feeds: each open page saw all that is meant for its person, each number once and in order, and every message once.
func (s *side) feeds() {
	rows, err := s.feed()
	if err != nil {
		s.c.find(itself, s.tag, "%v", err)
		return
	}
	for i, e := range rows {
		if e.seq != int64(i)+rows[0].seq {
			s.c.find("hole in the feed", s.tag, "%d follows %d", e.seq, rows[i-1].seq)
			return
		}
	}
	for i, p := range s.pages {
		user := i + 1
		var want []int64
		for _, e := range rows {
			if e.seq > p.first && !p.wasSkipped(e.seq) && (user == 1 || e.employee == 0 || e.employee == int64(1000+user) || !ofChat(e.name)) {
				want = append(want, e.seq)
			}
		}
		have := p.numbers()
		for end := time.Now().Add(15 * time.Second); len(have) < len(want) && time.Now().Before(end); time.Sleep(look) {
			have = p.numbers()
		}
		if what := differ(want, have); what != "" {
			s.c.find("feed", fmt.Sprintf("%s, page of person %d", s.tag, user), "%s", what)
			return
		}
		if user == 1 {
			s.messagesOnce(p)
		}
	}
}

func ofChat(name string) bool {
	switch name {
	case "chat.added", "chat.changed", "message.added", "message.changed":
		return true
	}
	return false
}

func (s *side) feed() ([]entry, error) {
	var rows []entry
	err := s.c.database.do(context.Background(), func(conn *pgx.Conn) error {
		found, err := conn.Query(context.Background(), `SELECT seq, name, COALESCE(employee, 0) FROM feed
			WHERE account_id = (SELECT account_id FROM portal WHERE member_id = $1) ORDER BY seq`, s.n.portal.MemberID())
		if err != nil {
			return err
		}
		rows, err = pgx.CollectRows(found, func(row pgx.CollectableRow) (entry, error) {
			var e entry
			err := row.Scan(&e.seq, &e.name, &e.employee)
			return e, err
		})
		return err
	})
	return rows, err
}

// wasSkipped: the page was told to read everything anew, so it did not get this number.
func (p *page) wasSkipped(seq int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, span := range p.skipped {
		if seq > span[0] && seq <= span[1] {
			return true
		}
	}
	return false
}

// numbers are those of the events in the order in which they came.
func (p *page) numbers() []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []int64
	for _, f := range p.frames {
		if f.Type == "event" {
			list = append(list, f.Seq)
		}
	}
	return list
}

func differ(want, have []int64) string {
	for i := range max(len(want), len(have)) {
		switch {
		case i >= len(want):
			return fmt.Sprintf("%d came although nothing more is there, after %d numbers", have[i], i)
		case i >= len(have):
			return fmt.Sprintf("%d never came, nor the %d after it", want[i], len(want)-i-1)
		case want[i] != have[i]:
			return fmt.Sprintf("%d came where %d is due, after %d right ones", have[i], want[i], i)
		}
	}
	return ""
}

// messagesOnce: a page hears of every message once.
func (s *side) messagesOnce(p *page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[int64]int{}
	for _, f := range p.frames {
		if f.Name == "message.added" && f.Data.Message != nil {
			if seen[f.Data.Message.ID]++; seen[f.Data.Message.ID] == 2 {
				s.c.find("feed", s.tag, "message %d %q was announced twice", f.Data.Message.ID, f.Data.Message.Text)
			}
		}
	}
}
