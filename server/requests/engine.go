package requests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"omni/server/account/directory"
	"omni/server/account/uisconn"
	"omni/server/crm"
	"omni/server/flow"
	"omni/server/ids"
	"omni/server/inbox"
	"omni/server/rules"
	"omni/server/settings"
	"omni/server/uis"
)

// The kinds of rows under the keys request:{id}: KindNotification prefixes notifications of UIS, KindEntities is the planner's answer.
const (
	KindNotification = "uis.notification."
	KindEntities     = "request.entities"
)

// Engine works the keys of requests.
type Engine struct {
	flow  *flow.Writer
	texts Texts
	zones directory.Zones
}

// NewEngine builds the engine.
func NewEngine(w *flow.Writer, t Texts) *Engine { return &Engine{flow: w, texts: t} }

// Step implements inbox.Handler for keys request:{id}.
func (e *Engine) Step(ctx context.Context, step *inbox.Step, events []inbox.Event) error {
	id, err := strconv.ParseInt(step.Key.Rest(), 10, 64)
	if err != nil || id <= 0 {
		return inbox.Permanent(fmt.Errorf("key %s has no request", step.Key))
	}
	t := &turn{key: step.Key, texts: e.texts, now: step.Now, physical: time.Now()}
	place, err := e.load(ctx, step, t, id)
	if err != nil {
		return err
	}
	t.zone = place.Zone
	for _, event := range events {
		if strings.HasPrefix(event.Kind, KindNotification) {
			step.Write(func(batch *pgx.Batch) {
				uisconn.QueueReceived(batch, step.Account, strings.TrimPrefix(event.Kind, KindNotification), step.Now)
			})
		}
		switch {
		case event.Kind == KindEntities && t.request != nil:
			if err := e.around(ctx, step, t); err != nil {
				return err
			}
			err = t.entities(event.Body)
		case event.Kind == KindAnswer && t.request != nil:
			err = e.informed(ctx, step, t, event.Body)
		case event.Kind == KindTimer && t.request != nil:
			if t.request.Phase == Waiting {
				t.question()
			}
		case (event.Kind == KindReported || strings.HasPrefix(event.Kind, KindNotification)) && t.request == nil:
			err = e.arrived(ctx, step, t, event, len(events) == 1)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", event.Kind, err)
		}
	}
	return e.write(ctx, step, t)
}

// arrived takes a request in; one that comes again is known by its number.
func (e *Engine) arrived(ctx context.Context, step *inbox.Step, t *turn, event inbox.Event, alone bool) error {
	n, err := uis.ParseNotification(event.Body)
	if err != nil {
		if alone {
			return inbox.Permanent(err)
		}
		return err
	}
	t.request = requestOf(n, t.zone, event.ReceivedAt)
	if event.Kind == KindReported {
		t.because("request.reported", nil)
		t.request.Link.Reported = true
	}
	if err := e.around(ctx, step, t); err != nil {
		return err
	}
	t.begin()
	return nil
}

// informed judges a request with what its report told.
func (e *Engine) informed(ctx context.Context, step *inbox.Step, t *turn, body []byte) error {
	ready, err := t.reported(body)
	if err != nil || !ready {
		return err
	}
	if err := e.around(ctx, step, t); err != nil {
		return err
	}
	t.begin()
	return nil
}

func (e *Engine) load(ctx context.Context, step *inbox.Step, t *turn, id int64) (*directory.Place, error) {
	doc := settings.Document{Version: -1}
	batch := &pgx.Batch{}
	batch.Queue(`SELECT `+columns+` FROM request WHERE account_id = $1 AND id = $2 FOR UPDATE`, int64(step.Account), id).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectExactlyOneRow(rows, scan)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		t.request = found
		return err
	})
	settings.QueueCurrent(batch, step.Account, &doc)
	place := directory.QueuePlace(batch, step.Account, &e.zones)
	if err := step.Tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("read request %d: %w", id, err)
	}
	if doc.Version < 0 {
		doc = settings.Initial()
	}
	t.doc = doc
	t.lang = place.Language(portalOf(doc))
	return place, nil
}

// named are the directories' entries that rules may ask for, by the variable that names one.
var named = [][3]string{{"site", "sites", "site_domain_name"}, {"campaign", "campaigns", "campaign_name"}, {"scenario", "scenarios", "scenario_name"}, {"group", "groups", "communication_group_name"}}

// around reads the numbers of what the notification only names, and the fields that rows write.
func (e *Engine) around(ctx context.Context, step *inbox.Step, t *turn) error {
	var kinds, names []string
	for _, one := range named {
		kinds, names = append(kinds, one[1]), append(names, t.request.Values[one[2]])
	}
	batch := &pgx.Batch{}
	found := directory.QueueNumbers(batch, step.Account, kinds, names)
	wanted, fieldIDs := rowsOf(t.doc)
	var fields []directory.Field
	portal := t.request.Portal
	if portal == 0 {
		portal = portalOf(t.doc)
	}
	directory.QueueFields(batch, step.Account, portal, fieldIDs, &fields)
	if err := step.Tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("read what %s needs: %w", step.Key, err)
	}
	known := map[string]crm.Field{}
	for _, f := range fields {
		known[f.ID] = crm.Field{Gone: f.Gone, Multiple: f.Multiple}
	}
	t.mappings = crm.MappingsOf(wanted, known)
	t.params = paramsOf(t.request.Values, found)
	return nil
}

// rowsOf are the extra fields that act on requests (R7b).
func rowsOf(doc settings.Document) (rows []rules.Mapping, fields []string) {
	if !doc.Requests.FieldsOn {
		return nil, nil
	}
	for _, row := range doc.Requests.Fields {
		rows, fields = append(rows, rules.Mapping(row)), append(fields, crm.FieldID(row.Entity, row.Field))
	}
	return rows, fields
}

// paramsOf are the values a request's rules look at (R2), as far as its notification tells them. It is pure.
func paramsOf(values map[string]string, found map[[2]string]string) rules.Params {
	p := rules.Params{}
	put := func(param string, candidates ...string) {
		for _, v := range candidates {
			if v != "" {
				p[param] = []string{v}
				return
			}
		}
	}
	for _, one := range named {
		put(one[0], values[one[0]+"_id"], found[[2]string{one[1], values[one[2]]}])
	}
	put("source", values["source_name"], values["utm_source"])
	put("employee", values["employee_id"])
	put("form", values["offline_message_form_name"])
	return p
}

func (e *Engine) write(ctx context.Context, step *inbox.Step, t *turn) error {
	if t.need != nil {
		aliases := t.need.Aliases
		if len(aliases) == 0 { // nothing names this person: he stands for himself
			aliases = []crm.Alias{{Kind: crm.AliasVisitor, Value: t.request.Ref()}}
		}
		client, err := crm.ClientOf(ctx, step.Tx, step.Account, t.request.Portal, step.Now, aliases)
		if err != nil {
			return err
		}
		t.request.Client = client
		body, err := json.Marshal(t.need)
		if err != nil {
			return fmt.Errorf("encode the request for entities of %s: %w", step.Key, err)
		}
		t.out.Letters = append(t.out.Letters, inbox.Row{Key: ids.ClientKey(client), Kind: crm.KindNeed, Body: body})
	}
	if t.touched {
		if err := save(step, t.request); err != nil {
			return err
		}
	}
	return e.flow.Apply(ctx, step, t.out)
}
