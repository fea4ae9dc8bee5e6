package portal

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// externalLine is a number of an application's telephony.
type externalLine struct {
	id                int
	app, number, name string
	autoCreate        bool
}

// phoneCall is a registered call that is not finished, or its statistics afterwards.
type phoneCall struct {
	id, app       string
	user          int
	phone         string
	kind          int // 1 out, 2 in, 3 in redirected, 4 call-back, 5 info
	line, outerID string
	start         time.Time
	typ, entity   int // primary item
	bindings      []owner
	created       []owner
	shown         map[int]bool
	internal      bool
	finished      bool
	stat          *arr
	activity      int
	record        *storedFile
	upload        string // name of the file awaited after the first step of an upload
	message       *CallMessage
}

type callState struct {
	lines []*externalLine
	calls []*phoneCall
}

func newCalls() *callState { return &callState{} }

func (s *callState) find(id string) *phoneCall {
	for _, k := range s.calls {
		if k.id == id {
			return k
		}
	}
	return nil
}

func (s *callState) line(app, number string) *externalLine {
	for _, l := range s.lines {
		if l.app == app && l.number == number {
			return l
		}
	}
	return nil
}

func (s *callState) dropApp(app string) {
	var kept []*externalLine
	for _, l := range s.lines {
		if l.app != app {
			kept = append(kept, l)
		}
	}
	s.lines = kept
}

func (s *callState) file(id int) *storedFile {
	for _, k := range s.calls {
		if k.record != nil && k.record.id == id {
			return k.record
		}
	}
	return nil
}

func (s *callState) recordOf(activity int) *storedFile {
	for _, k := range s.calls {
		if k.activity == activity {
			return k.record
		}
	}
	return nil
}

// telephonyLineMethods are telephony.externalLine.* and the call statistics.
func telephonyLineMethods() []*method {
	return []*method{
		{name: "telephony.externalLine.add", scope: "telephony", app: true, fold: true, style: styleCore, takes: takes("NUMBER str*", "NAME str", "CRM_AUTO_CREATE yn"), run: lineOuterAdd},
		{name: "telephony.externalLine.update", scope: "telephony", app: true, fold: true, style: styleCore, takes: takes("NUMBER str*", "NAME str", "CRM_AUTO_CREATE yn"), run: lineOuterUpdate},
		{name: "telephony.externalLine.delete", scope: "telephony", app: true, fold: true, style: styleCore, takes: takes("NUMBER str*"), run: lineOuterDelete},
		{name: "telephony.externalLine.get", scope: "telephony", app: true, run: func(c *call) (any, error) {
			out := newArr()
			for _, l := range c.p.calls.lines {
				if l.app == c.tok.clientID {
					out.push(kv("NUMBER", l.number, "NAME", l.name, "CRM_AUTO_CREATE", yn(l.autoCreate)))
				}
			}
			return out, nil
		}},
		{name: "telephony.externalCall.searchCrmEntities", scope: "telephony", fold: true, style: styleCore, takes: takes("PHONE_NUMBER str"), run: callSearch},
		{name: "voximplant.statistic.get", scope: "telephony", fold: true, takes: takes("FILTER map", "SORT str", "ORDER str", "START int"), run: statisticGet},
	}
}

func lineOuterAdd(c *call) (any, error) {
	number := c.args.str("NUMBER")
	if c.p.calls.line(c.tok.clientID, number) != nil {
		return nil, coreError("Line already exists")
	}
	l := &externalLine{id: c.p.id("external line"), app: c.tok.clientID, number: number, name: c.args.str("NAME"), autoCreate: c.args.str("CRM_AUTO_CREATE") != "N"}
	c.p.calls.lines = append(c.p.calls.lines, l)
	return kv("ID", l.id), nil
}

func lineOuterUpdate(c *call) (any, error) {
	l := c.p.calls.line(c.tok.clientID, c.args.str("NUMBER"))
	switch {
	case l == nil:
		return nil, coreError("Could not find line with number %s", c.args.str("NUMBER"))
	case !c.args.has("NAME") && !c.args.has("CRM_AUTO_CREATE"):
		return nil, breach(400, "ERROR_CORE", "There are no fields to update")
	}
	if c.args.has("NAME") {
		l.name = c.args.str("NAME")
	}
	if c.args.has("CRM_AUTO_CREATE") {
		l.autoCreate = c.args.str("CRM_AUTO_CREATE") == "Y"
	}
	return kv("ID", text(l.id)), nil
}

func lineOuterDelete(c *call) (any, error) {
	for i, l := range c.p.calls.lines {
		if l.app == c.tok.clientID && l.number == c.args.str("NUMBER") {
			c.p.calls.lines = append(c.p.calls.lines[:i:i], c.p.calls.lines[i+1:]...)
			return newArr(), nil
		}
	}
	return nil, coreError("Could not find line with number %s", c.args.str("NUMBER"))
}

// ownersByPhone are the clients with a number: contacts, leads, companies.
func (p *Portal) ownersByPhone(phone string) []owner {
	var out []owner
	for _, typ := range []int{Contact, Lead, Company} {
		for _, id := range p.findByComm(typ, "PHONE", []string{phone}) {
			out = append(out, owner{typ, id})
		}
	}
	return out
}

func callSearch(c *call) (any, error) {
	phone := c.args.str("PHONE_NUMBER")
	if phone == "" {
		return nil, breach(400, "ERROR_CORE", "PHONE_NUMBER is empty")
	}
	out := newArr()
	for _, o := range c.p.ownersByPhone(phone) {
		it := c.p.crm.items[o.typ][o.id]
		who := it.fields.int("assignedById")
		row := kv("CRM_ENTITY_TYPE", strings.ToUpper(entityNames[o.typ]), "CRM_ENTITY_ID", o.id, "ASSIGNED_BY_ID", who, "NAME", it.name())
		if u := c.p.user(who); u != nil {
			var inner any
			if u.InnerPhone != "" {
				inner = u.InnerPhone
			}
			row.set("ASSIGNED_BY", kv("ID", text(who), "TIMEMAN_STATUS", u.WorkDay, "USER_PHONE_INNER", inner, "WORK_PHONE", nil, "PERSONAL_PHONE", nil, "PERSONAL_MOBILE", u.Phone))
		}
		out.push(row)
	}
	return out, nil
}

var recordName = regexp.MustCompile(`(?i)\.(mp3|wav)$`)

// fetchRecord downloads RECORD_URL outside the portal's lock.
func fetchRecord(c *call) error {
	address := c.args.str("RECORD_URL")
	if address == "" {
		return nil
	}
	data, err := c.p.world.download(address)
	if err != nil {
		return coreError("%v", err)
	}
	c.fetched = map[string][]byte{address: data}
	return nil
}

func attachRecord(c *call) (any, error) {
	address, name := c.args.str("RECORD_URL"), c.args.str("FILENAME")
	if address == "" && name == "" {
		return nil, breach(400, "ERROR_CORE", "Required parameters are not set. Request should contain either URL or FILENAME parameter")
	}
	k := c.p.calls.find(c.args.str("CALL_ID"))
	if k == nil || !k.finished {
		return nil, coreError("Call is not found in the statistic table. It looks like it is not finished yet.")
	}
	if name == "" {
		name = fileName(kv("url", address))
	}
	if !recordName.MatchString(name) {
		return nil, breach(400, "ERROR_CORE", "Wrong file extension. Only wav and mp3 are allowed")
	}
	var data []byte
	switch {
	case address != "":
		data = c.fetched[address]
	case c.args.has("FILE_CONTENT"):
		raw, err := base64.StdEncoding.DecodeString(c.args.str("FILE_CONTENT"))
		if err != nil {
			return nil, breach(400, "ERROR_CORE", "File content is not properly encoded. Base64 encoding is expected.")
		}
		data = raw
	default:
		k.upload = name
		return kv("uploadUrl", c.p.URL()+"/rest/upload.json?auth="+c.tok.access+"&call="+k.id, "fieldName", "file"), nil
	}
	if len(data) == 0 {
		return nil, coreError("File content is empty.")
	}
	return kv("FILE_ID", c.p.keepRecord(k, name, data)), nil
}

// serveUpload is the second step of an upload: a multipart file to the address attachRecord gave.
func (p *Portal) serveUpload(rw http.ResponseWriter, r *http.Request) {
	w := p.world
	refuse := func(e *apiError) {
		w.noteBreach(e, p, "", "upload")
		writeJSON(rw, e.status, e.body())
	}
	if _, e := w.authenticate(kv("auth", r.URL.Query().Get("auth")), p); e != nil {
		refuse(e)
		return
	}
	file, _, err := r.FormFile("file")
	if err != nil {
		refuse(breach(400, "ERROR_CORE", "File is not found in the request"))
		return
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, 512<<20))
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.calls.find(r.URL.Query().Get("call"))
	if err != nil || k == nil || k.upload == "" || len(data) == 0 {
		refuse(coreError("File content is empty."))
		return
	}
	writeJSON(rw, 200, kv("result", kv("FILE_ID", p.keepRecord(k, k.upload, data))))
	k.upload = ""
}

// keepRecord stores the record of a call; a second one replaces the first.
func (p *Portal) keepRecord(k *phoneCall, name string, data []byte) int {
	k.record = &storedFile{id: p.id("file"), name: name, data: data}
	k.stat.set("RECORD_FILE_ID", k.record.id).set("CALL_RECORD_URL", p.URL()+"/disk/"+text(k.record.id)+"/")
	if a := p.crm.activities[k.activity]; a != nil {
		a.fields.set("STORAGE_ELEMENT_IDS", list(k.record.id))
	}
	return k.record.id
}

func statisticGet(c *call) (any, error) {
	if !c.user.Admin {
		return nil, fail(403, "ACCESS_DENIED", "Access denied!")
	}
	known := kv("ID", 1, "PORTAL_USER_ID", 1, "PORTAL_NUMBER", 1, "PHONE_NUMBER", 1, "CALL_ID", 1, "EXTERNAL_CALL_ID", 1, "CALL_CATEGORY", 1, "CALL_DURATION", 1, "CALL_START_DATE", 1,
		"CALL_VOTE", 1, "COST", 1, "CALL_FAILED_CODE", 1, "CRM_ENTITY_TYPE", 1, "CRM_ENTITY_ID", 1, "CRM_ACTIVITY_ID", 1, "REST_APP_ID", 1, "CALL_TYPE", 1, "RECORD_FILE_ID", 1)
	filter := c.args.sub("FILTER")
	for _, k := range filter.keysOf() {
		if _, name := splitPrefix(k); !known.has(name) {
			return nil, badArgument("FILTER", "Unknown field %s in the filter", name)
		}
	}
	var rows []*arr
	for _, k := range c.p.calls.calls {
		if !k.finished {
			continue
		}
		keep := true
		for _, f := range filter.keysOf() {
			op, name := splitPrefix(f)
			keep = keep && compare(op, k.stat.get(name), filter.vals[f])
		}
		if keep {
			rows = append(rows, k.stat)
		}
	}
	if by := c.args.str("SORT"); by != "" {
		dir := c.args.str("ORDER")
		if dir != "" && dir != "ASC" && dir != "DESC" {
			return nil, badArgument("ORDER", "ORDER must be ASC or DESC")
		}
		sortRows(rows, kv(by, dir), func(r *arr, k string) any { return r.get(k) })
	}
	out := make([]any, len(rows))
	for i, r := range rows {
		out[i] = r
	}
	return paged(out, c.args.int("START"), c.args.has("START"), nil), nil
}

// callView is a call card on the page.
type callView struct{ CallID, Title, Phone, Client, URL, Line string }

// openCards are the cards shown to an employee now.
func (p *Portal) openCards(user int) []callView {
	var out []callView
	for _, k := range p.calls.calls {
		if k.finished || !k.shown[user] {
			continue
		}
		v := callView{CallID: k.id, Title: "↙", Phone: k.phone, Line: k.line}
		if k.kind == 1 || k.kind == 4 {
			v.Title = "↗"
		}
		if it := p.crm.items[k.typ][k.entity]; it != nil {
			v.Client, v.URL = it.name(), cardURL(k.typ, k.entity)
		}
		out = append(out, v)
	}
	return out
}

func newCallID(now time.Time) string {
	return fmt.Sprintf("externalCall.%s.%d", secret(16), now.Unix())
}
