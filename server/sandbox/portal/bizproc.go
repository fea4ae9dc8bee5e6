package portal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// robot is a robot of the automation rules an application added.
type robot struct {
	app, code, handler string
	data               *arr
}

// robotMethods are bizproc.robot.*.
func robotMethods() []*method {
	fields := takes("CODE str*", "HANDLER str*", "NAME any*", "AUTH_USER_ID int", "USE_SUBSCRIPTION yn", "PROPERTIES map", "RETURN_PROPERTIES map", "USE_PLACEMENT yn", "PLACEMENT_HANDLER str",
		"DOCUMENT_TYPE list", "FILTER map", "DESCRIPTION any")
	return []*method{
		{name: "bizproc.robot.add", scope: "bizproc", app: true, admin: true, fold: true, takes: fields, run: robotAdd},
		{name: "bizproc.robot.update", scope: "bizproc", app: true, admin: true, fold: true, takes: takes("CODE str*", "FIELDS map*"), run: robotUpdate},
		{name: "bizproc.robot.list", scope: "bizproc", app: true, admin: true, run: func(c *call) (any, error) {
			out := newArr()
			for _, r := range c.p.lines.robots {
				if r.app == c.tok.clientID {
					out.push(r.code)
				}
			}
			return out, nil
		}},
		{name: "bizproc.robot.delete", scope: "bizproc", app: true, admin: true, fold: true, takes: takes("CODE str*"), run: robotDelete},
	}
}

func (c *call) robot() (int, *robot) {
	for i, r := range c.p.lines.robots {
		if r.app == c.tok.clientID && r.code == c.args.str("CODE") {
			return i, r
		}
	}
	return -1, nil
}

var (
	robotCode     = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	robotProperty = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	// robotTypes are the basic types of a property; PROPERTIES may use nothing else without DOCUMENT_TYPE.
	robotTypes = []string{"bool", "date", "datetime", "double", "file", "int", "select", "string", "text", "user"}
)

// checkRobot holds the fields of a robot against the documentation of bizproc.robot.add and update.
func (c *call) checkRobot(f *arr) error {
	wrong := func(text string) error { return breach(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", "%s", text) }
	if f.has("HANDLER") {
		if err := c.p.checkHandler(f.str("HANDLER")); err != nil {
			return err
		}
	}
	for _, kind := range []string{"PROPERTIES", "RETURN_PROPERTIES"} {
		properties := f.sub(kind)
		if properties == nil {
			continue
		}
		for _, name := range properties.keys {
			property := properties.sub(name)
			options := property.sub("Options")
			switch {
			case !robotProperty.MatchString(name):
				return wrong("Wrong property key " + name + "!")
			case property.get("Name") == nil || property.get("Name") == "":
				return wrong("Empty property NAME " + name + "!")
			case !f.has("DOCUMENT_TYPE") && !slices.Contains(robotTypes, property.str("Type")):
				return wrong("Wrong properties array!")
			case property.str("Type") == "select" && (options.len() == 0 || property.str("Default") != "" && !options.has(property.str("Default"))):
				return wrong("Wrong properties array!")
			}
		}
	}
	filter := f.sub("FILTER")
	if filter == nil {
		return nil
	}
	for _, key := range filter.keys {
		if key != "INCLUDE" && key != "EXCLUDE" {
			return wrong("Wrong activity FILTER!")
		}
	}
	return nil
}

func robotAdd(c *call) (any, error) {
	if !robotCode.MatchString(c.args.str("CODE")) {
		return nil, breach(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Wrong activity code!")
	}
	if _, r := c.robot(); r != nil {
		return nil, fail(400, "ERROR_ACTIVITY_ALREADY_INSTALLED", "Activity or Robot already installed!")
	}
	if err := c.checkRobot(c.args); err != nil {
		return nil, err
	}
	c.p.lines.robots = append(c.p.lines.robots, &robot{app: c.tok.clientID, code: c.args.str("CODE"), handler: c.args.str("HANDLER"), data: c.args})
	return true, nil
}

func robotUpdate(c *call) (any, error) {
	_, r := c.robot()
	if r == nil {
		return nil, fail(400, "ERROR_ACTIVITY_NOT_FOUND", "Activity or Robot not found!")
	}
	f := c.args.sub("FIELDS")
	if f.len() == 0 {
		return nil, breach(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", "No fields to update")
	}
	if err := c.checkRobot(f); err != nil {
		return nil, err
	}
	for _, k := range f.keys {
		r.data.set(k, f.vals[k])
	}
	if h := f.str("HANDLER"); h != "" {
		r.handler = h
	}
	return true, nil
}

func robotDelete(c *call) (any, error) {
	i, r := c.robot()
	if r == nil {
		return nil, fail(400, "ERROR_ACTIVITY_NOT_FOUND", "Activity or Robot not found!")
	}
	c.p.lines.robots = append(c.p.lines.robots[:i:i], c.p.lines.robots[i+1:]...)
	return true, nil
}

// Robot is what a robot was registered with, as JSON; nil: there is none.
func (p *Portal) Robot(code string) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.lines.robots {
		if r.code == code {
			return encode(r.data)
		}
	}
	return nil
}

// RunRobot lets the automation rules of an item run an application's robot: the post carries no token of a user.
func (p *Portal) RunRobot(code string, typ, id int, properties map[string]any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.lines.robots {
		in := p.installation(r.app)
		if r.code != code || in == nil || !in.installed {
			continue
		}
		kind := entityNames[typ]
		body := kv("workflow_id", secret(8), "code", code, "document_id", list("crm", "CCrmDocument"+kind, fmt.Sprintf("%s_%d", strings.ToUpper(kind), id)),
			"document_type", list("crm", "CCrmDocument"+kind, strings.ToUpper(kind)), "event_token", secret(16), "properties", fromGo(properties), "use_subscription", "N",
			"timeout_duration", 0, "ts", p.world.Now().Unix(), "auth", p.bareAuth(in, true))
		p.queue.put(post{event: "robot " + code, url: r.handler, body: buildForm(body)})
		return nil
	}
	return fmt.Errorf("run robot %s: no finished installation has it", code)
}
