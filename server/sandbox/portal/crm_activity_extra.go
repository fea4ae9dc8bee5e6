package portal

// activityExtraMethods are to-dos, configurable activities and bindings of activities.
func activityExtraMethods() []*method {
	fields := with("fields map", "typeId str", "completed bool", "deadline str", "pingOffsets list", "isIncomingChannel any", "responsibleId int", "badgeCode str",
		"originatorId str", "originId str")
	layout := with("layout map", "icon map", "header map", "body map", "footer map")
	needed := layout
	needed.must = true
	bind := takes("activityId int*", "entityTypeId int*", "entityId int*")
	return []*method{
		{name: "crm.activity.todo.add", scope: "crm", style: styleCrm, run: todoAdd,
			takes: takes("ownerTypeId int*", "ownerId int*", "deadline str*", "title str", "description str", "responsibleId int", "parentActivityId int", "pingOffsets list", "colorId str")},
		{name: "crm.activity.configurable.add", scope: "crm", style: styleCrm, app: true, run: configurableAdd, takes: takes("ownerTypeId int*", "ownerId int*", fields, needed)},
		{name: "crm.activity.configurable.update", scope: "crm", style: styleCrm, app: true, run: configurableUpdate, takes: takes("id int*", fields, layout)},
		{name: "crm.activity.configurable.get", scope: "crm", style: styleCrm, app: true, takes: takes("id int*"), run: func(c *call) (any, error) {
			a, err := c.ownConfigurable()
			if err != nil {
				return nil, err
			}
			return kv("activity", a.configurableRow()), nil
		}},
		{name: "crm.activity.binding.add", scope: "crm", style: styleCrm, takes: bind, run: activityBind},
		{name: "crm.activity.binding.delete", scope: "crm", style: styleCrm, takes: bind, run: activityUnbind},
		{name: "crm.activity.binding.list", scope: "crm", style: styleCrm, takes: takes("activityId int*"), run: func(c *call) (any, error) {
			a, err := c.activity("activityId")
			if err != nil {
				return nil, err
			}
			out := newArr()
			for _, b := range a.bindings {
				out.push(kv("entityTypeId", b.typ, "entityId", b.id))
			}
			return out, nil
		}},
	}
}

func (c *call) activityOwner(typeKey, idKey string) (owner, error) {
	o := owner{typ: c.args.int(typeKey), id: c.args.int(idKey)}
	if entityNames[o.typ] == "" {
		return o, breach(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type %d is not supported", o.typ)
	}
	if c.p.crm.items[o.typ][o.id] == nil {
		return o, fail(400, "OWNER_NOT_FOUND", "Owner was not found")
	}
	return o, nil
}

func todoAdd(c *call) (any, error) {
	o, err := c.activityOwner("ownerTypeId", "ownerId")
	if err != nil {
		return nil, err
	}
	responsible := c.user.ID
	if c.args.has("responsibleId") {
		if responsible = c.args.int("responsibleId"); c.p.user(responsible) == nil {
			return nil, fail(400, "100", "The responsible user is not found")
		}
	}
	subject := c.args.str("title")
	if subject == "" {
		subject = "Дело"
	}
	a := c.p.addActivity(o, kv("TYPE_ID", "6", "PROVIDER_ID", "CRM_TODO", "PROVIDER_TYPE_ID", "TODO", "SUBJECT", subject, "DESCRIPTION", c.args.str("description"),
		"DEADLINE", c.args.str("deadline"), "RESPONSIBLE_ID", responsible), c.user.ID)
	c.fire("onCrmActivityAdd", kv("FIELDS", kv("ID", a.id)))
	return kv("id", a.id), nil
}

func configurableAdd(c *call) (any, error) {
	o, err := c.activityOwner("ownerTypeId", "ownerId")
	if err != nil {
		return nil, err
	}
	a := c.p.addActivity(o, kv("TYPE_ID", "6", "PROVIDER_ID", "CONFIGURABLE_REST_APP", "PROVIDER_TYPE_ID", "CONFIGURABLE"), c.user.ID)
	a.app = c.tok.clientID
	if err := a.configure(c); err != nil {
		delete(c.p.crm.activities, a.id)
		return nil, err
	}
	c.fire("onCrmActivityAdd", kv("FIELDS", kv("ID", a.id)))
	return kv("activity", a.configurableRow()), nil
}

// configure writes fields and layout of a configurable activity.
func (a *activity) configure(c *call) error {
	f := c.args.sub("fields")
	if truth(f.get("isIncomingChannel")) && f.str("deadline") != "" {
		return breach(400, "INCOMING_ACTIVITY_CAN_NOT_BE_WITH_DEADLINE", "An incoming activity cannot have a deadline")
	}
	if c.args.has("layout") {
		l := c.args.sub("layout")
		for _, part := range []string{"icon", "header", "body"} {
			if l.sub(part) == nil {
				return breach(400, "FIELD_IS_REQUIRED", "The field layout.%s is required", part)
			}
		}
		a.layout = l
	}
	names := map[string]string{"deadline": "DEADLINE", "responsibleId": "RESPONSIBLE_ID", "originatorId": "ORIGINATOR_ID", "originId": "ORIGIN_ID"}
	for _, k := range f.keysOf() {
		if to, ok := names[k]; ok {
			a.fields.set(to, f.str(k))
		}
	}
	if f.has("completed") {
		a.write(kv("COMPLETED", yn(truth(f.get("completed")))))
	}
	if f.has("isIncomingChannel") {
		a.fields.set("IS_INCOMING_CHANNEL", yn(truth(f.get("isIncomingChannel"))))
	}
	if f.has("badgeCode") {
		a.badge = f.str("badgeCode")
	}
	a.fields.set("SUBJECT", a.layout.sub("header").str("title"))
	return nil
}

func (a *activity) configurableRow() *arr {
	layout := a.layout
	if layout == nil {
		layout = newArr()
	}
	return kv("id", a.id, "ownerTypeId", a.bindings[0].typ, "ownerId", a.bindings[0].id, "layout", layout,
		"fields", kv("typeId", "CONFIGURABLE", "completed", a.done(), "deadline", a.fields.get("DEADLINE"), "responsibleId", a.fields.int("RESPONSIBLE_ID"),
			"isIncomingChannel", a.fields.get("IS_INCOMING_CHANNEL"), "badgeCode", a.badge, "originatorId", a.fields.get("ORIGINATOR_ID"), "originId", a.fields.get("ORIGIN_ID")))
}

func (c *call) ownConfigurable() (*activity, error) {
	a, err := c.activity("id")
	if err != nil {
		return nil, err
	}
	if a.app != c.tok.clientID {
		return nil, fail(400, "ERROR_WRONG_APPLICATION", "Wrong application")
	}
	return a, nil
}

func configurableUpdate(c *call) (any, error) {
	a, err := c.ownConfigurable()
	if err != nil {
		return nil, err
	}
	if err := a.configure(c); err != nil {
		return nil, err
	}
	a.fields.set("LAST_UPDATED", stamp(c.p.now()))
	c.fire("onCrmActivityUpdate", kv("FIELDS", kv("ID", a.id)))
	return kv("activity", a.configurableRow()), nil
}

func activityBind(c *call) (any, error) {
	a, err := c.activity("activityId")
	if err != nil {
		return nil, err
	}
	o, err := c.activityOwner("entityTypeId", "entityId")
	if err != nil {
		return nil, err
	}
	if a.boundTo(o) {
		return nil, fail(400, "ACTIVITY_IS_ALREADY_BOUND", "The activity is already bound to this element")
	}
	a.bindings = append(a.bindings, o)
	c.fire("onCrmActivityUpdate", kv("FIELDS", kv("ID", a.id)))
	return true, nil
}

func activityUnbind(c *call) (any, error) {
	a, err := c.activity("activityId")
	if err != nil {
		return nil, err
	}
	o := owner{typ: c.args.int("entityTypeId"), id: c.args.int("entityId")}
	for i, b := range a.bindings {
		if b == o {
			if len(a.bindings) == 1 {
				return nil, fail(400, "LAST_BINDING_CANNOT_BE_DELETED", "The last binding cannot be deleted")
			}
			a.bindings = append(a.bindings[:i:i], a.bindings[i+1:]...)
			return true, nil
		}
	}
	return nil, fail(400, "BINDING_NOT_FOUND", "The binding is not found")
}
