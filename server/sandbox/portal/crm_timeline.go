package portal

import (
	"encoding/base64"
	"sort"
	"strings"
)

// comment is a comment in one or more timelines.
type comment struct {
	id       int
	bindings []owner
	author   int
	created  string
	text     string
	files    []storedFile
}

// owner is the item a comment or an activity hangs on.
type owner struct{ typ, id int }

// storedFile is a file the portal keeps.
type storedFile struct {
	id   int
	name string
	data []byte
}

func (cm *comment) boundTo(o owner) bool {
	for _, b := range cm.bindings {
		if b == o {
			return true
		}
	}
	return false
}

// timelineMethods are crm.timeline.comment.* and crm.timeline.bindings.*.
func timelineMethods() []*method {
	bind := with("fields map*", "OWNER_ID int*", "ENTITY_ID int*", "ENTITY_TYPE str*")
	return []*method{
		{name: "crm.timeline.comment.add", scope: "crm", style: styleCrm, run: commentAdd,
			takes: takes(with("fields map*", "ENTITY_ID int*", "ENTITY_TYPE str*", "COMMENT str", "AUTHOR_ID int", "FILES any"))},
		{name: "crm.timeline.comment.update", scope: "crm", style: styleCrm, run: commentUpdate,
			takes: takes("id int*", with("fields map*", "COMMENT str", "FILES any"), "ownerTypeId int", "ownerId int")},
		{name: "crm.timeline.comment.get", scope: "crm", style: styleCrm, run: commentGet, takes: takes("id int*")},
		{name: "crm.timeline.comment.list", scope: "crm", style: styleCrm, run: commentList,
			takes: takes("filter map*", "select list", "order map", "start int")},
		{name: "crm.timeline.comment.delete", scope: "crm", style: styleCrm, run: commentDelete, takes: takes("id int*", "ownerTypeId int", "ownerId int")},
		{name: "crm.timeline.bindings.bind", scope: "crm", style: styleCrm, run: commentBind, takes: takes(bind)},
		{name: "crm.timeline.bindings.unbind", scope: "crm", style: styleCrm, run: commentUnbind, takes: takes(bind)},
		{name: "crm.timeline.bindings.list", scope: "crm", style: styleCrm, run: bindingsList, takes: takes(with("filter map*", "OWNER_ID int*"))},
	}
}

// ownerOf reads ENTITY_TYPE and ENTITY_ID.
func (c *call) ownerOf(a *arr) (owner, error) {
	o := owner{typ: entityType(a.str("ENTITY_TYPE")), id: a.int("ENTITY_ID")}
	if o.typ == 0 || a.str("ENTITY_TYPE") != strings.ToLower(a.str("ENTITY_TYPE")) {
		return o, breach(400, "INVALID_ARG_VALUE", "Unknown ENTITY_TYPE %s", a.str("ENTITY_TYPE"))
	}
	if c.p.crm.items[o.typ][o.id] == nil {
		return o, fail(400, "OWNER_NOT_FOUND", "Owner was not found")
	}
	return o, nil
}

// commentFiles reads FILES: one [name, base64] or a list of them.
func (c *call) commentFiles(v any) ([]storedFile, error) {
	a, ok := v.(*arr)
	if !ok || a.len() == 0 {
		return nil, nil
	}
	if _, single := a.items()[0].(string); single {
		a = list(a)
	}
	var out []storedFile
	for _, x := range a.items() {
		pair, ok := x.(*arr)
		if !ok || pair.len() != 2 {
			return nil, breach(400, "INVALID_ARG_VALUE", "A file must be [name, base64]")
		}
		data, err := base64.StdEncoding.DecodeString(text(pair.items()[1]))
		if err != nil {
			return nil, breach(400, "INVALID_ARG_VALUE", "File %s is not base64", text(pair.items()[0]))
		}
		out = append(out, storedFile{id: c.p.id("file"), name: text(pair.items()[0]), data: data})
	}
	return out, nil
}

func commentAdd(c *call) (any, error) {
	f := c.args.sub("fields")
	o, err := c.ownerOf(f)
	if err != nil {
		return nil, err
	}
	body := strings.TrimSpace(f.str("COMMENT"))
	files, err := c.commentFiles(f.get("FILES"))
	if err != nil {
		return nil, err
	}
	if body == "" && len(files) == 0 {
		return nil, breach(400, "INVALID_ARG_VALUE", "Empty comment message")
	}
	author := c.user.ID
	if f.has("AUTHOR_ID") && c.p.user(f.int("AUTHOR_ID")) != nil {
		author = f.int("AUTHOR_ID")
	}
	cm := &comment{id: c.p.id("timeline"), bindings: []owner{o}, author: author, created: stamp(c.p.now()), text: body, files: files}
	c.p.crm.comments[cm.id] = cm
	c.fire("onCrmTimelineCommentAdd", kv("FIELDS", kv("ID", cm.id)))
	return cm.id, nil
}

func (c *call) comment(key string) (*comment, error) {
	cm := c.p.crm.comments[c.args.int(key)]
	if cm == nil {
		return nil, fail(400, "NOT_FOUND", "Comment not found")
	}
	return cm, nil
}

// namedOwner reads ownerTypeId and ownerId and checks that the comment hangs there.
func (c *call) namedOwner(cm *comment) (owner, bool, error) {
	if !c.args.has("ownerId") {
		return owner{}, false, nil
	}
	o := owner{typ: c.args.int("ownerTypeId"), id: c.args.int("ownerId")}
	if !cm.boundTo(o) {
		return o, true, fail(400, "OWNER_NOT_FOUND", "Owner was not found")
	}
	return o, true, nil
}

// commentUpdate replaces the text; without FILES it drops the files; a comment of several items is copied for the named one.
func commentUpdate(c *call) (any, error) {
	cm, err := c.comment("id")
	if err != nil {
		return nil, err
	}
	o, named, err := c.namedOwner(cm)
	if err != nil {
		return nil, err
	}
	f := c.args.sub("fields")
	files, err := c.commentFiles(f.get("FILES"))
	if err != nil {
		return nil, err
	}
	if len(cm.bindings) > 1 {
		if !named {
			o = cm.bindings[0]
		}
		cm.unbind(o)
		copied := *cm
		copied.id, copied.bindings = c.p.id("timeline"), []owner{o}
		c.p.crm.comments[copied.id] = &copied
		cm = &copied
	}
	if f.has("COMMENT") {
		body := strings.TrimSpace(f.str("COMMENT"))
		if body == "" && len(files) == 0 {
			return nil, breach(400, "INVALID_ARG_VALUE", "Empty comment message")
		}
		cm.text = body
	}
	cm.files = files
	c.fire("onCrmTimelineCommentUpdate", kv("FIELDS", kv("ID", cm.id)))
	return cm.id, nil
}

func (cm *comment) unbind(o owner) bool {
	for i, b := range cm.bindings {
		if b == o {
			cm.bindings = append(cm.bindings[:i:i], cm.bindings[i+1:]...)
			return true
		}
	}
	return false
}

func (cm *comment) row(p *Portal, o owner) *arr {
	row := kv("ID", text(cm.id), "ENTITY_ID", text(o.id), "ENTITY_TYPE", strings.ToLower(entityNames[o.typ]), "CREATED", cm.created, "COMMENT", cm.text,
		"AUTHOR_ID", text(cm.author))
	if len(cm.files) > 0 {
		files := newArr()
		for _, f := range cm.files {
			link := p.URL() + "/disk/" + text(f.id) + "/"
			files.set(text(f.id), kv("id", f.id, "date", cm.created, "type", "file", "name", f.name, "size", len(f.data), "authorId", cm.author, "urlDownload", link))
		}
		row.set("FILES", files)
	}
	return row
}

func commentGet(c *call) (any, error) {
	cm, err := c.comment("id")
	if err != nil {
		return nil, err
	}
	return cm.row(c.p, cm.bindings[0]), nil
}

// commentsOf are the comments in the timeline of an item, oldest first.
func (s *crmState) commentsOf(o owner) []*comment {
	var out []*comment
	for _, cm := range s.comments {
		if cm.boundTo(o) {
			out = append(out, cm)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].id < out[j].id })
	return out
}

func commentList(c *call) (any, error) {
	f := c.args.sub("filter")
	o, err := c.ownerOf(f)
	if err != nil {
		return nil, err
	}
	by := c.args.sub("order")
	if by.len() == 0 {
		by = kv("ID", "ASC")
	}
	for _, k := range by.keys {
		if k != "ID" && k != "CREATED" && k != "AUTHOR_ID" {
			return nil, breach(400, "INVALID_ARG_VALUE", "Comments cannot be ordered by %s", k)
		}
	}
	var rows []*arr
	for _, cm := range c.p.crm.commentsOf(o) {
		row, keep := cm.row(c.p, o), true
		for _, k := range f.keys {
			op, name := splitPrefix(k)
			if name != "ENTITY_ID" && name != "ENTITY_TYPE" && name != "ID" && name != "CREATED" && name != "AUTHOR_ID" && name != "COMMENT" {
				return nil, breach(400, "INVALID_ARG_VALUE", "Field '%s' is not allowed in filter", name)
			}
			keep = keep && compare(op, row.get(name), f.vals[k])
		}
		if keep {
			rows = append(rows, row)
		}
	}
	sortRows(rows, by, func(r *arr, k string) any { return r.get(k) })
	return pagedRows(rows, c.args, c.args.sub("select")), nil
}

// pagedRows cuts a page of rows and of the selected columns.
func pagedRows(rows []*arr, args, sel *arr) page {
	out := make([]any, len(rows))
	for i, r := range rows {
		out[i] = r.only(sel)
	}
	return paged(out, args.int("start"), args.has("start"), nil)
}

// only keeps the selected keys; without a selection, or with *, all.
func (a *arr) only(sel *arr) *arr {
	if sel.len() == 0 {
		return a
	}
	out := newArr()
	for _, v := range sel.items() {
		if text(v) == "*" {
			return a
		}
		if a.has(text(v)) {
			out.set(text(v), a.get(text(v)))
		}
	}
	return out
}

func commentDelete(c *call) (any, error) {
	cm, err := c.comment("id")
	if err != nil {
		return nil, err
	}
	o, named, err := c.namedOwner(cm)
	if err != nil {
		return nil, err
	}
	if len(cm.bindings) > 1 {
		if !named {
			return nil, fail(400, "MULTIPLE_BINDINGS", "The comment has several bindings")
		}
		cm.unbind(o)
		return nil, nil
	}
	delete(c.p.crm.comments, cm.id)
	c.fire("onCrmTimelineCommentDelete", kv("FIELDS", kv("ID", cm.id)))
	return nil, nil
}

func (c *call) bindingArgs() (*comment, owner, error) {
	f := c.args.sub("fields")
	cm := c.p.crm.comments[f.int("OWNER_ID")]
	if cm == nil {
		return nil, owner{}, fail(400, "NOT_FOUND", "Timeline record not found")
	}
	o, err := c.ownerOf(f)
	return cm, o, err
}

func commentBind(c *call) (any, error) {
	cm, o, err := c.bindingArgs()
	if err != nil {
		return nil, err
	}
	if !cm.boundTo(o) {
		cm.bindings = append(cm.bindings, o)
	}
	return true, nil
}

func commentUnbind(c *call) (any, error) {
	cm, o, err := c.bindingArgs()
	if err != nil {
		return nil, err
	}
	return cm.unbind(o), nil
}

func bindingsList(c *call) (any, error) {
	out := newArr()
	if cm := c.p.crm.comments[c.args.sub("filter").int("OWNER_ID")]; cm != nil {
		for _, b := range cm.bindings {
			out.push(kv("OWNER_ID", text(cm.id), "ENTITY_ID", text(b.id), "ENTITY_TYPE", strings.ToLower(entityNames[b.typ])))
		}
	}
	return out, nil
}
