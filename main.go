// Command huisclos is the appliance: accounts, rooms, a media forwarder that cannot open what it forwards, and a console.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"huisclos/appliance"
	"huisclos/appliance/command"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run carries out the command line, and returns the program's exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return table().Run(ctx, args, stdout, stderr)
}

// table is the one table of commands. Help, the man pages' list and bash's completion are made from it; a test holds each line to its
// script in testdata/script. A part of the product has a file of its own beside this one, and its section here.
func table() command.Table {
	return command.Table(slices.Concat(
		theService(), checks(), settings(), appliance.CertCommands(), people(), auditing(), keylogs(), calls(), observing(), theBackups(), theUpdates(), theMachine(),
	)).WithHelp()
}
