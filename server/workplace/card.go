package workplace

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"omni/server/bitrix24"
	"omni/server/clock"
	"omni/server/crm"
	"omni/server/ids"
	"omni/server/outbox"
)

// Card is the contact data of a CRM card: every phone and e-mail of it (W1).
type Card struct {
	Name   *string  `json:"name"`
	Phones []string `json:"phones"`
	Emails []string `json:"emails"`
}

// cardFresh is how long a card's contact data are believed without asking the portal: operators open hundreds of cards an hour.
const cardFresh = time.Minute

type cardKey struct {
	account ids.AccountID
	portal  ids.PortalID
	ref     crm.Ref
}

type cachedCard struct {
	card Card
	at   time.Time
}

// cardCache holds cards read a moment ago. It is bounded: when full it starts anew.
type cardCache struct {
	clock clock.Clock
	mu    sync.Mutex
	cards map[cardKey]cachedCard
}

const cachedCards = 10_000

func newCardCache(c clock.Clock) *cardCache {
	return &cardCache{clock: c, cards: map[cardKey]cachedCard{}}
}

func (c *cardCache) get(k cardKey) (Card, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.cards[k]
	return e.card, ok && c.clock.Now().Sub(e.at) < cardFresh
}

func (c *cardCache) put(k cardKey, card Card) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.cards) >= cachedCards {
		c.cards = map[cardKey]cachedCard{}
	}
	c.cards[k] = cachedCard{card, c.clock.Now()}
}

// cardItem is what a card's page of crm.item.get says of contact data. fm comes only with the whole item.
type cardItem struct {
	Title    bitrix24.String `json:"title"`
	Name     bitrix24.String `json:"name"`
	LastName bitrix24.String `json:"lastName"`
	FM       bitrix24.List[struct {
		Type  string          `json:"typeId"`
		Value bitrix24.String `json:"value"`
	}] `json:"fm"`
	ContactID  bitrix24.ID                `json:"contactId"`
	ContactIDs bitrix24.List[bitrix24.ID] `json:"contactIds"`
	CompanyID  bitrix24.ID                `json:"companyId"`
}

// card reads the contact data of a card through the portal's lane; a deal has those of its contacts and company.
func (s *Service) card(ctx context.Context, p Person, t crm.EntityType, id int64) (*Card, error) {
	if t.Wire() == 0 || id <= 0 {
		return nil, ErrBadInput{"entity_type", "choice"}
	}
	k := cardKey{p.Account, p.Portal, crm.Ref{Type: t, ID: id}}
	if card, fresh := s.cards.get(k); fresh {
		return &card, nil
	}
	item, err := s.item(ctx, p, t, id)
	if err != nil {
		return nil, err
	}
	items := []cardItem{item}
	if t == crm.Deal || t == crm.Lead {
		linked, err := s.linked(ctx, p, item)
		if err != nil {
			return nil, err
		}
		items = append(items, linked...)
	}
	card := contactsOf(items)
	s.cards.put(k, card)
	return &card, nil
}

func (s *Service) linked(ctx context.Context, p Person, item cardItem) ([]cardItem, error) {
	contacts := item.ContactIDs
	if len(contacts) == 0 && item.ContactID != 0 {
		contacts = append(contacts, item.ContactID)
	}
	var out []cardItem
	for i, c := range contacts {
		if i >= 5 {
			break
		}
		linked, err := s.item(ctx, p, crm.Contact, int64(c))
		if err != nil {
			return nil, err
		}
		out = append(out, linked)
	}
	if item.CompanyID != 0 {
		company, err := s.item(ctx, p, crm.Company, int64(item.CompanyID))
		if err != nil {
			return nil, err
		}
		out = append(out, company)
	}
	return out, nil
}

func (s *Service) item(ctx context.Context, p Person, t crm.EntityType, id int64) (cardItem, error) {
	raw, err := s.Asker.Ask(ctx, p.Account, outbox.LaneRef{Kind: outbox.LaneB24, Portal: p.Portal}, "crm.item.get",
		map[string]any{"entityTypeId": t.Wire(), "id": id}, outbox.Waiting)
	if err != nil {
		return cardItem{}, fmt.Errorf("read %s %d: %w", t, id, err)
	}
	var answer struct {
		Item cardItem `json:"item"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return cardItem{}, fmt.Errorf("read %s %d: %w", t, id, err)
	}
	return answer.Item, nil
}

// contactsOf gathers phones and e-mails, each once, and a name.
func contactsOf(items []cardItem) Card {
	card := Card{Phones: []string{}, Emails: []string{}}
	seen := map[string]bool{}
	for _, item := range items {
		if name := (string(item.Name) + " " + string(item.LastName)); card.Name == nil && len(name) > 1 {
			trimmed := crm.CleanName(name)
			card.Name = &trimmed
		}
		for _, f := range item.FM {
			switch f.Type {
			case "PHONE":
				if v, ok := crm.Phone(string(f.Value)); ok && !seen[v] {
					seen[v] = true
					card.Phones = append(card.Phones, v)
				}
			case "EMAIL":
				if v, ok := crm.Email(string(f.Value)); ok && !seen[v] {
					seen[v] = true
					card.Emails = append(card.Emails, v)
				}
			}
		}
	}
	return card
}
