// Command huisclos is the appliance: accounts, rooms, a media forwarder that cannot open what it forwards, and a console.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"huisclos/appliance"
	participant "huisclos/client/command"
)

// A command is one word after the program's name.
type command struct {
	name   string
	fr, en string
	run    func(ctx context.Context, args []string, stdout, stderr io.Writer) int
}

func commands() []command {
	return []command{
		{"serve", "démarre l'appliance", "start the appliance", appliance.Serve},
		{"outward", "ouvre les connexions vers ce que les réglages nomment", "open the connections to what the settings name", appliance.Outward},
		{"setup-code", "donne le code d'installation, tant qu'il n'y a pas d'administrateur", "print a set-up code while there is no administrator", appliance.SetupCode},
		{"reset-admin", "rend l'entrée à un administrateur qui a tout perdu", "let an administrator who lost everything in again", appliance.ResetAdministrator},
		{"account", "écrit tout ce qui est gardé d'une personne (RGPD)", "write everything that is kept of a person (GDPR)", appliance.Account},
		{"status", "dit ce que fait l'appliance en marche", "say what the running appliance does", appliance.PrintStatus},
		{"check", "dit ce qui est en ordre, et quoi faire sinon", "say what is in order, and what to do otherwise", appliance.Check},
		{"call", "entre dans un appel sans écran, joue et enregistre des fichiers", "join a call without a screen, play and record files", participant.Call},
		{"console", "ouvre le menu de l'écran et de la ligne série de l'image", "open the menu of the image's screen and serial line", appliance.Console},
		{"version", "affiche la version", "print the version", appliance.PrintVersion},
	}
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run finds the command. Exit codes: 0 done, 1 it failed, 2 it was not understood.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		help(stderr)
		return 2
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		help(stdout)
		return 0
	}
	for _, c := range commands() {
		if c.name == args[0] {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "huisclos : la commande « %s » n'existe pas.\nhuisclos: there is no command “%s”.\n\n", args[0], args[0])
	help(stderr)
	return 2
}

func help(w io.Writer) {
	fmt.Fprint(w, "Huis Clos – visioconférence chiffrée de bout en bout / end-to-end encrypted video conferences\n\nhuisclos COMMANDE / COMMAND\n\n")
	for _, c := range append(commands(), command{name: "help", fr: "affiche cette aide", en: "print this help"}) {
		fmt.Fprintf(w, "  %-11s %s\n  %-11s %s\n", c.name, c.fr, "", c.en)
	}
	fmt.Fprint(w, "\nhuisclos COMMANDE / COMMAND --help\n")
}
