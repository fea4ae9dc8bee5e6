package portal

import (
	"strconv"
	"strings"
)

// userMethods are profile, user.*, department.get and timeman.status.
func userMethods() []*method {
	const users = "user|user_basic|user_brief"
	return []*method{
		{name: "profile", run: userProfile},
		{name: "user.admin", run: func(c *call) (any, error) { return c.user.Admin, nil }},
		{name: "user.current", scope: users, run: func(c *call) (any, error) { return userRow(c.user, c.userLevel()), nil }},
		{name: "user.get", scope: users, fold: true, run: userGet,
			takes: takes("FILTER map", "ID any", "SORT str", "ORDER any", "ADMIN_MODE bool", "SELECT list", "IMAGE_RESIZE str", "START int", "ACTIVE bool", "EMAIL str",
				"UF_DEPARTMENT any", "NAME str", "LAST_NAME str")},
		{name: "department.get", scope: "department", fold: true, run: departmentGet,
			takes: takes("SORT any", "ORDER str", "ID any", "NAME str", "PARENT any", "UF_HEAD any", "START int")},
		{name: "timeman.status", scope: "timeman", fold: true, takes: takes("USER_ID int"), run: timemanStatus},
	}
}

func userProfile(c *call) (any, error) {
	u := c.user
	return kv("ID", strconv.Itoa(u.ID), "ADMIN", u.Admin, "NAME", u.Name, "LAST_NAME", u.LastName, "PERSONAL_GENDER", "", "TIME_ZONE", "", "TIME_ZONE_OFFSET", 0), nil
}

// userLevel is how much the token may see of users.
func (c *call) userLevel() string {
	for _, level := range []string{"user", "user_basic"} {
		if c.tok.allows(level) {
			return level
		}
	}
	return "user_brief"
}

// userRow is a user as user.get shows it at a level of access.
func userRow(u *User, level string) *arr {
	var inner any
	if u.InnerPhone != "" {
		inner = u.InnerPhone
	}
	row := kv("ID", strconv.Itoa(u.ID), "ACTIVE", !u.Dismissed, "NAME", u.Name, "LAST_NAME", u.LastName, "SECOND_NAME", "", "WORK_POSITION", u.Position,
		"IS_ONLINE", yn(u.Online), "LAST_ACTIVITY_DATE", noObject{}, "TIMESTAMP_X", noObject{}, "UF_DEPARTMENT", listOf(u.Departments), "UF_PHONE_INNER", inner,
		"USER_TYPE", "employee")
	if level != "user_brief" {
		row.set("EMAIL", u.Email).set("WORK_PHONE", "").set("PERSONAL_MOBILE", u.Phone).set("PERSONAL_PHONE", "")
	}
	return row
}

func userGet(c *call) (any, error) {
	filter := newArr()
	for _, k := range []string{"ID", "ACTIVE", "EMAIL", "UF_DEPARTMENT", "NAME", "LAST_NAME"} {
		if c.args.has(k) {
			filter.set(k, c.args.get(k))
		}
	}
	for _, k := range c.args.sub("FILTER").keysOf() {
		filter.set(k, c.args.sub("FILTER").get(k))
	}
	level := c.userLevel()
	var rows []any
	for _, u := range c.p.users {
		row := userRow(u, level)
		ok, err := userMatches(row, u, filter)
		if err != nil {
			return nil, err
		}
		if ok {
			rows = append(rows, row)
		}
	}
	if strings.EqualFold(text(c.args.get("ORDER")), "DESC") {
		reverse(rows)
	}
	return paged(rows, c.args.int("START"), c.args.has("START"), nil), nil
}

// keysOf are the keys of an array that may be nil.
func (a *arr) keysOf() []string {
	if a == nil {
		return nil
	}
	return a.keys
}

func userMatches(row *arr, u *User, filter *arr) (bool, error) {
	for _, k := range filter.keys {
		op, name := splitPrefix(k)
		name = strings.ToUpper(name)
		want := filter.vals[k]
		var have any
		switch name {
		case "USER_TYPE":
			have = "employee"
		case "NAME_SEARCH":
			if !strings.Contains(strings.ToLower(u.FullName()), strings.ToLower(text(want))) {
				return false, nil
			}
			continue
		case "ACTIVE":
			if truth(want) == u.Dismissed {
				return false, nil
			}
			continue
		case "ID", "NAME", "LAST_NAME", "SECOND_NAME", "EMAIL", "WORK_POSITION", "UF_DEPARTMENT", "UF_PHONE_INNER", "IS_ONLINE", "WORK_PHONE", "PERSONAL_MOBILE":
			have = row.get(name)
		case "TIMESTAMP_X", "LAST_ACTIVITY_DATE":
			continue
		default:
			return false, badArgument("FILTER", "Unknown field %s in the filter", name)
		}
		if !compare(op, have, want) {
			return false, nil
		}
	}
	return true, nil
}

func departmentGet(c *call) (any, error) {
	var rows []any
	for i, name := range []string{"Горизонт", "Отдел продаж", "Поддержка"} {
		d := kv("ID", strconv.Itoa(i+1), "NAME", name, "SORT", 500)
		if i > 0 {
			d.set("PARENT", "1")
		}
		if c.args.has("ID") && !compare("", d.get("ID"), c.args.get("ID")) {
			continue
		}
		rows = append(rows, d)
	}
	return paged(rows, c.args.int("START"), c.args.has("START"), nil), nil
}

func timemanStatus(c *call) (any, error) {
	u := c.user
	if c.args.has("USER_ID") {
		if u = c.p.user(c.args.int("USER_ID")); u == nil {
			return nil, fail(400, "", "User not found")
		}
	}
	return kv("STATUS", u.WorkDay, "TIME_START", stamp(c.p.now().Truncate(24*3600e9)), "TIME_FINISH", nil, "DURATION", "00:00:00", "TIME_LEAKS", "00:00:00",
		"ACTIVE", u.WorkDay == "OPENED", "TZ_OFFSET", 10800), nil
}
