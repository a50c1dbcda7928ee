package appliance

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"huisclos/appliance/config"
	"huisclos/appliance/logs"
	"huisclos/hardening"
)

// PrintVersion prints the program's version.
func PrintVersion(_ context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		fmt.Fprint(stderr, "huisclos : la commande version ne prend pas d'options.\nhuisclos: the command version takes no options.\n")
		return 2
	}
	fmt.Fprintln(stdout, "huisclos", Version)
	return 0
}

// Serve runs the appliance until ctx ends, shut in to what it needs. It prints what an operator needs to open the first
// page, and sentences when it cannot start.
func Serve(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if err := hardening.NoDumps(); err != nil {
		explain(stderr, err, settings{Settings: config.Defaults()})
		return 1
	}
	// Where it can't be done, the self-check says what stands against swap instead.
	_, _ = hardening.LockMemory()
	return serve(ctx, args, stdout, stderr, surroundings{os.Getenv, os.Getpid(), firstGiven, hardening.Confine})
}

// surroundings are what a process is given by who starts it.
type surroundings struct {
	getenv     func(string) string
	pid        int
	firstGiven int
	confine    func(hardening.Policy) error
}

func serve(ctx context.Context, args []string, stdout, stderr io.Writer, around surroundings) int {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	s, err := readSettings(args)
	if err != nil {
		explain(stderr, err, s)
		return 2
	}
	s.level, s.confine = new(slog.LevelVar), around.confine
	s.level.Set(s.LogLevel)
	s.recent, s.ring = new(recent), new(logs.Ring)
	log := slog.New(logs.New(logs.Options{Out: stderr, Also: s.recent, Level: s.level, Journal: isJournal(stderr, around.getenv), Ring: s.ring}))
	hardening.CollectEarly()
	if _, err := hardening.LimitMemory("/proc", "/sys"); err != nil {
		log.Warn("the unit's memory limit is not known", "error", err)
	}
	if s.given, err = takeSockets(around.getenv, around.pid, around.firstGiven); err != nil {
		explain(stderr, err, s)
		return 1
	}
	if s.pepper, err = credential(around.getenv, pepperCredential); err != nil {
		explain(stderr, err, s)
		return 1
	}
	if s.directoryPassword, err = credential(around.getenv, directoryCredential); err != nil {
		explain(stderr, err, s)
		return 1
	}
	if s.providerSecret, err = credential(around.getenv, providerCredential); err != nil {
		explain(stderr, err, s)
		return 1
	}
	if s.backupSecret, err = credential(around.getenv, backupCredential); err != nil {
		explain(stderr, err, s)
		return 1
	}
	if s.password, err = credential(around.getenv, mailCredential); err != nil {
		explain(stderr, err, s)
		return 1
	}
	manager, err := newNotifier(around.getenv, around.pid)
	if err != nil {
		log.Warn("the service manager is not told", "error", err)
	}
	defer manager.close()
	a, err := Start(s, log)
	if err != nil {
		explain(stderr, err, s)
		return exitCode(err)
	}
	defer a.Stop()
	code, needed, err := a.accounts.SetupCode(s.now())
	if err != nil {
		explain(stderr, err, s)
		return 1
	}
	secret := ""
	switch {
	case needed && isJournal(stdout, around.getenv):
		secret = "sudo huisclos setup-code"
	case needed:
		secret = code.Reveal()
	}
	fmt.Fprint(stdout, a.banner(secret))
	manager.ready(a.sentence())
	a.watch(manager)
	for {
		select {
		case <-hup:
			manager.reloading()
			said := a.reloadFrom(args)
			if _, err := fmt.Fprintln(stdout, said); err != nil {
				return 0 // SIGHUP because the terminal is gone: nobody is there who could stop us later
			}
			manager.ready(said)
		case <-ctx.Done():
			manager.stopping()
			fmt.Fprintln(stdout, "Arrêt en cours. / Stopping.")
			return 0
		case err := <-a.failed:
			manager.stopping()
			explain(stderr, err, s)
			return 1
		}
	}
}

// isJournal reports whether w writes to the system's journal (JOURNAL_STREAM, systemd.exec(5)): what stands there stays,
// and is read by others. A set-up code does not belong there.
func isJournal(w io.Writer, getenv func(string) string) bool {
	f, ok := w.(*os.File)
	if !ok || getenv("JOURNAL_STREAM") == "" {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return true // not known: keep it back
	}
	at, ok := info.Sys().(*syscall.Stat_t)
	return !ok || getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", at.Dev, at.Ino)
}

// banner is what a start prints: addresses, fingerprint and, while there is no administrator, the set-up code. French and
// English stand side by side; the code stands on standard output only, never in the log.
func (a *Appliance) banner(setupCode string) string {
	var b strings.Builder
	row := func(fr, en, value string) {
		label := fr
		if fr != en {
			label += " / " + en
		}
		fmt.Fprintf(&b, "  %s%s  %s\n", label, strings.Repeat(" ", max(0, labelWidth-len([]rune(label)))), value)
	}
	fmt.Fprintf(&b, "\nHuis Clos %s\n\n", Version)
	for i, address := range a.addresses() {
		if i == 0 {
			row("Adresse", "Address", address)
		} else {
			row("", "", address)
		}
	}
	if a.unlisted() {
		row("Autres adresses", "Other addresses", "sudo huisclos status")
	}
	fingerprint := a.keeper.Fingerprint()
	for i := 0; i < len(fingerprint); i += fingerprintLine {
		fr, en := "", ""
		if i == 0 {
			fr, en = "Empreinte SHA-256", "Fingerprint"
		}
		row(fr, en, strings.TrimSuffix(fingerprint[i:min(i+fingerprintLine, len(fingerprint))], ":"))
	}
	if setupCode != "" {
		row("Installation", "Set-up", a.addresses()[0]+"console/setup")
		row("Code d'installation", "Set-up code", setupCode)
		b.WriteString("\n  Ouvrez l'adresse d'installation, vérifiez l'empreinte du certificat, puis entrez ce code : il fait de vous l'administrateur.\n" +
			"  Open the set-up address, check the certificate's fingerprint, then enter this code: it makes you the administrator.\n")
	}
	if !a.pages.Load().Built() {
		b.WriteString("\n  Les pages de l'application ne sont pas dans ce programme : lancez « make build ».\n" +
			"  The pages of the application are not in this program: run “make build”.\n")
	}
	b.WriteString("\n  Ctrl+C arrête l'appliance. / Ctrl+C stops the appliance.\n\n")
	return b.String()
}

const (
	labelWidth      = 36
	fingerprintLine = 16 * 3 // 16 octets, written "AB:"
)
