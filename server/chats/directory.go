package chats

import (
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/ids"
	"omni/server/settings"
)

// AccountDirectory is the Directory over the account's own tables. It remembers decoded settings by their version, which every step compares.
type AccountDirectory struct {
	zones directory.Zones

	mu         sync.Mutex
	documents  map[ids.AccountID]settings.Document
	reportless map[ids.AccountID]time.Time
}

// NewAccountDirectory builds the directory.
func NewAccountDirectory() *AccountDirectory {
	return &AccountDirectory{documents: map[ids.AccountID]settings.Document{}, reportless: map[ids.AccountID]time.Time{}}
}

const (
	// documentsKept bounds the settings in memory.
	documentsKept = 10_000
	// reportlessFor is how long a tariff or a key without the report of chats is believed to be so (U4).
	reportlessFor = time.Hour
)

// Ask implements Directory.
func (d *AccountDirectory) Ask(batch *pgx.Batch, account ids.AccountID) func() Setting {
	d.mu.Lock()
	doc, known := d.documents[account]
	reportless := time.Now().Before(d.reportless[account])
	d.mu.Unlock()
	if !known {
		doc = settings.Document{Version: -1}
	}
	before := doc.Version
	settings.QueueCurrent(batch, account, &doc)
	employees := directory.QueueEmployees(batch, account)
	place := directory.QueuePlace(batch, account, &d.zones)
	return func() Setting {
		if doc.Version != before {
			d.keep(account, doc)
		}
		s := Setting{Document: doc, Employees: employees, Zone: place.Zone, reportless: reportless}
		s.Lang = place.Language(portalOf(nil, doc))
		return s
	}
}

func (d *AccountDirectory) keep(account ids.AccountID, doc settings.Document) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.documents) >= documentsKept {
		clear(d.documents)
	}
	d.documents[account] = doc
}

// Channel implements Directory.
func (d *AccountDirectory) Channel(batch *pgx.Batch, account ids.AccountID, id ids.UISChannelID, adapterChannel int64) func() Channel {
	var c directory.Channel
	directory.QueueChannel(batch, account, id, adapterChannel, &c)
	return func() Channel { return ChannelFrom(c) }
}

// Reportless implements Directory.
func (d *AccountDirectory) Reportless(account ids.AccountID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reportless[account] = time.Now().Add(reportlessFor)
}

// Names implements Directory.
func (d *AccountDirectory) Names(batch *pgx.Batch, account ids.AccountID, kinds, names []string) Names {
	return directory.QueueNumbers(batch, account, kinds, names)
}

// ChannelFrom takes a channel over from the directory.
func ChannelFrom(c directory.Channel) Channel {
	return Channel{ID: c.ID, Type: c.Type, Name: c.Name, Active: c.Active, AdapterAccount: c.Connection, AdapterChannel: c.Adapter}
}
