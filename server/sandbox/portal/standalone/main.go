// Command standalone serves sandbox portals by themselves, for trying the pages and for tests written in other languages. It prints one line of JSON with the
// addresses when everything listens, and stops with SIGINT or SIGTERM.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"omni/server/sandbox/portal"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	names := flag.String("portals", "Горизонт", "names of the portals, comma-separated; name=host:port gives the address, name:simple the mode without leads")
	oauth := flag.String("oauth", "127.0.0.1:0", "address of the authorization server")
	clientID := flag.String("client-id", "local.omni", "client id of the application")
	secret := flag.String("client-secret", "sandbox", "its secret")
	code := flag.String("code", "", "what app.info answers as CODE; the client id when empty")
	title := flag.String("title", "OMNI", "its name in the menu")
	base := flag.String("app", "", "public address of the application; without it no application is registered")
	install := flag.String("install-path", "/bitrix24/install", "path of the installer page")
	page := flag.String("page-path", "/bitrix24/app", "path of the main page")
	events := flag.String("events-path", "/bitrix24/events", "path of the events")
	callback := flag.String("callback-path", "/bitrix24/oauth/callback", "path of the end of the authorization")
	flag.Parse()

	w := portal.New(portal.Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if *base != "" {
		w.RegisterApp(portal.App{ClientID: *clientID, ClientSecret: *secret, Code: *code, Title: *title, InstallURL: *base + *install, AppURL: *base + *page, EventsURL: *base + *events,
			RedirectURL: *base + *callback})
	}
	for _, part := range strings.Split(*names, ",") {
		name, host, _ := strings.Cut(part, "=")
		name, mode, _ := strings.Cut(name, ":")
		w.AddPortal(portal.PortalConfig{Name: name, Host: host, LeadsMode: mode})
	}
	s, err := portal.Serve(w, *oauth)
	if err != nil {
		return err
	}
	addresses := map[string]any{"oauth": s.OAuthURL()}
	portals := map[string]string{}
	for _, p := range w.Portals() {
		portals[p.Name()] = p.URL()
	}
	addresses["portals"] = portals
	if err := json.NewEncoder(os.Stdout).Encode(addresses); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
	return s.Close()
}
