// Command omni is OMNI for Bitrix24: the server, its migrations, its self-check and a demonstration on one machine.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"omni/server/app"
)

const usage = `omni: calls and chats of UIS inside Bitrix24

  omni serve     the server, configured by its environment (docs/settings.md); SIGTERM drains
  omni migrate   bring the database up to date
  omni check     test every dependency and every portal's installation, and say what is missing
  omni demo      the server with a sandbox portal and a sandbox UIS, all on this machine
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "omni:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	switch command {
	case "serve":
		return app.Serve(ctx, os.Environ())
	case "migrate":
		return app.Migrate(ctx, os.Environ())
	case "check":
		return app.Check(ctx, os.Environ(), os.Stdout)
	case "demo":
		return app.Demo(ctx, os.Environ(), os.Stdout)
	}
	fmt.Fprint(os.Stderr, usage)
	if command == "" || command == "help" || command == "-h" || command == "--help" {
		return nil
	}
	return fmt.Errorf("there is no command %q", command)
}
