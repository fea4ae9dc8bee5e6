package portal

import (
	"sort"
	"strings"
)

// placementRow is one bound handler of a placement.
type placementRow struct {
	id      int
	code    string
	handler string
	title   string
	desc    string
	group   string
	langAll *arr
	options *arr
	user    int
}

// titleFor is what the page shows.
func (r *placementRow) titleFor(lang string, app *App) string {
	if t := r.langAll.sub(lang).str("TITLE"); t != "" {
		return t
	}
	if t := r.langAll.sub("en").str("TITLE"); t != "" {
		return t
	}
	if r.title != "" {
		return r.title
	}
	return app.title(lang)
}

// knownPlacements are the codes of the places with the scope each needs beside "placement".
func knownPlacements() map[string]string {
	m := map[string]string{
		"LEFT_MENU": "", "PAGE_BACKGROUND_WORKER": "", "REST_APP_URI": "", "IM_SIDEBAR": "", "IM_TEXTAREA": "", "IM_CONTEXT_MENU": "", "IM_NAVIGATION": "",
		"CALL_CARD": "telephony", "TELEPHONY_ANALYTICS_MENU": "telephony", "CONTACT_CENTER": "contact_center", "SETTING_CONNECTOR": "imopenlines",
		"USER_PROFILE_MENU": "user|user_basic|user_brief", "USER_PROFILE_TOOLBAR": "user|user_basic|user_brief",
	}
	for _, of := range []string{"LEAD", "DEAL", "CONTACT", "COMPANY", "QUOTE", "SMART_INVOICE"} {
		for _, at := range []string{"DETAIL_TAB", "LIST_MENU", "LIST_TOOLBAR", "DETAIL_TOOLBAR", "DETAIL_ACTIVITY", "ACTIVITY_TIMELINE_MENU", "DOCUMENTGENERATOR_BUTTON"} {
			m["CRM_"+of+"_"+at] = "crm"
		}
	}
	return m
}

func placementMethods() []*method {
	return []*method{
		{name: "placement.bind", scope: "placement", app: true, admin: true, fold: true, run: placementBind,
			takes: takes("PLACEMENT str*", "HANDLER str*", "TITLE str", "DESCRIPTION str", "GROUP_NAME str", "LANG_ALL map", "OPTIONS map", "USER_ID int", "ICON map")},
		{name: "placement.get", scope: "placement", app: true, admin: true, run: placementGet},
		{name: "placement.list", scope: "placement", app: true, fold: true, run: placementList, takes: takes("SCOPE str", "FULL bool")},
		{name: "placement.unbind", scope: "placement", app: true, admin: true, fold: true, run: placementUnbind, takes: takes("PLACEMENT str*", "HANDLER str", "USER_ID int")},
	}
}

func placementBind(c *call) (any, error) {
	code := strings.ToUpper(c.args.str("PLACEMENT"))
	scope, known := knownPlacements()[code]
	if !known || !c.tok.allows(scope) {
		return nil, breach(400, "ERROR_PLACEMENT_NOT_FOUND", "Placement not found")
	}
	row := &placementRow{code: code, handler: c.args.str("HANDLER"), title: c.args.str("TITLE"), desc: c.args.str("DESCRIPTION"), group: c.args.str("GROUP_NAME"),
		langAll: c.args.sub("LANG_ALL"), options: c.args.sub("OPTIONS"), user: c.args.int("USER_ID")}
	if err := c.p.checkHandler(row.handler); err != nil {
		return nil, err
	}
	if row.user != 0 && code != "PAGE_BACKGROUND_WORKER" {
		return nil, breach(200, "ERROR_PLACEMENT_USER_MODE", "Placement does not support user mode")
	}
	if code == "PAGE_BACKGROUND_WORKER" && row.options.str("errorHandlerUrl") == "" {
		return nil, breach(200, "EMPTY_ERROR_HANDLER_URL", "Error handler URL is empty")
	}
	for _, old := range c.in.placements {
		if old.code != code {
			continue
		}
		if old.handler == row.handler && old.user == row.user {
			return nil, fail(400, "ERROR_CORE", "Unable to set placement handler: Handler already binded")
		}
		if (code == "PAGE_BACKGROUND_WORKER" || code == "REST_APP_URI") && old.user == row.user {
			return nil, fail(200, "ERROR_PLACEMENT_MAX_COUNT", "Placement max count")
		}
	}
	row.id = c.p.id("placement")
	c.in.placements = append(c.in.placements, row)
	return true, nil
}

func placementGet(c *call) (any, error) {
	out := newArr()
	for _, r := range c.in.placements {
		opts, langs := r.options, r.langAll
		if opts == nil {
			opts = newArr()
		}
		if langs == nil {
			langs = newArr()
		}
		out.push(kv("placement", r.code, "userId", r.user, "handler", r.handler, "options", opts, "title", r.title, "description", r.desc, "langAll", langs))
	}
	return out, nil
}

func placementList(c *call) (any, error) {
	out := newArr()
	for _, code := range sortedKeys(knownPlacements()) {
		scope := knownPlacements()[code]
		if c.tok.allows(scope) && (!c.args.has("SCOPE") || scope == c.args.str("SCOPE")) {
			out.push(code)
		}
	}
	return out, nil
}

func placementUnbind(c *call) (any, error) {
	code := strings.ToUpper(c.args.str("PLACEMENT"))
	if _, known := knownPlacements()[code]; !known {
		return nil, breach(400, "ERROR_PLACEMENT_NOT_FOUND", "Placement not found")
	}
	var kept []*placementRow
	for _, r := range c.in.placements {
		if r.code == code && (!c.args.has("HANDLER") || r.handler == c.args.str("HANDLER")) && (!c.args.has("USER_ID") || r.user == c.args.int("USER_ID")) {
			continue
		}
		kept = append(kept, r)
	}
	n := len(c.in.placements) - len(kept)
	c.in.placements = kept
	return kv("count", 2*n), nil // the portal counts each handler when it finds it and again when it deletes it
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
