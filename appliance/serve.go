package appliance

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// PrintVersion prints the program's version.
func PrintVersion(_ context.Context, _ []string, stdout, _ io.Writer) int {
	fmt.Fprintln(stdout, "huisclos", Version)
	return 0
}

// Serve runs the appliance until ctx ends. It prints what an operator needs to open the first page, and sentences when
// it cannot start.
func Serve(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := readSettings(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		explain(stderr, err, s)
		return 2
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: s.LogLevel}))
	a, err := Start(s, log)
	if err != nil {
		explain(stderr, err, s)
		return 1
	}
	defer a.Stop()
	code, needed, err := a.accounts.SetupCode(s.now())
	if err != nil {
		explain(stderr, err, s)
		return 1
	}
	secret := ""
	if needed {
		secret = code.Reveal()
	}
	fmt.Fprint(stdout, a.banner(secret))
	if err := a.Wait(ctx); err != nil {
		explain(stderr, err, s)
		return 1
	}
	fmt.Fprintln(stdout, "Arrêt en cours. / Stopping.")
	return 0
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
	if !a.pages.Built() {
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
