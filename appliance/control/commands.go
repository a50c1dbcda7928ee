package control

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"huisclos/appliance/config"
	"huisclos/hardening"
)

// packaged is the settings file of the installed package: what is meant when no place is named.
const packaged = "/etc/huisclos/huisclos.toml"

var errUsage = errors.New("command line")

// place is where the appliance is that a command talks to.
type place struct {
	config.Settings
	json bool
	err  error // of the settings: the paths may be known nevertheless
}

// locate reads a command line without operands.
func locate(name string, args []string, fallback string) (place, error) {
	p, operands, err := locateWith(name, args, fallback, nil)
	if err == nil && len(operands) > 0 {
		err = fmt.Errorf("%w: unexpected %q", errUsage, operands[0])
	}
	return p, err
}

// locateWith has more options than those of a place, and operands before, between and behind them.
func locateWith(name string, args []string, fallback string, more func(*flag.FlagSet)) (p place, operands []string, err error) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	given := config.AddPlaceFlags(f)
	f.BoolVar(&p.json, "json", false, "answer in JSON")
	ofPlace := map[string]bool{}
	f.VisitAll(func(f *flag.Flag) { ofPlace[f.Name] = f.Name != "json" })
	if more != nil {
		more(f)
	}
	for rest := args; ; {
		if err := f.Parse(rest); err != nil {
			return p, nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		if f.NArg() == 0 {
			break
		}
		if n := len(rest) - f.NArg(); n > 0 && rest[n-1] == "--" { // it ends the options
			operands = append(operands, f.Args()...)
			break
		}
		operands, rest = append(operands, f.Arg(0)), f.Args()[1:]
	}
	named := given.File() != ""
	f.Visit(func(f *flag.Flag) { named = named || ofPlace[f.Name] })
	if !named {
		if _, err := os.Stat(fallback); err == nil {
			p.Settings, p.err = config.Load(fallback)
			return p, operands, nil
		}
	}
	p.Settings, p.err = given.Settings()
	return p, operands, nil
}

// talk runs a command that is one question to the appliance. Exit codes: 0 done, 1 it failed, 2 it was not understood.
func talk(name, act string, args []string, stdout, stderr io.Writer, show func(answer)) int {
	p, err := locate(name, args, packaged)
	return talkTo(p, err, name, question{Act: act}, stdout, stderr, show)
}

// talkTo is talk with a place that was read, or the error of that, and a question.
func talkTo(p place, err error, name string, q question, stdout, stderr io.Writer, show func(answer)) int {
	if err == nil {
		err = p.err
	}
	if err != nil {
		explain(stderr, name, p, err)
		return 2
	}
	a, err := put(p.ControlPath(), q)
	if err != nil {
		explain(stderr, name, p, err)
		return 1
	}
	if a.Status != nil {
		a.Status.Addresses = append(listed(p.Settings, *a.Status), a.Status.Addresses...)
	}
	if p.json {
		_ = json.NewEncoder(stdout).Encode(a)
		return 0
	}
	show(a)
	return 0
}

// listed are the machine's addresses as people type them, where the appliance itself can list none.
func listed(c config.Settings, s Status) (out []string) {
	if !s.Unlisted {
		return nil
	}
	for _, a := range c.Reachable() {
		out = append(out, config.URL(a.String(), s.Port))
	}
	return out
}

// explain says in both languages what to do, and the cause.
func explain(w io.Writer, name string, p place, err error) {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		fmt.Fprintf(w, "huisclos : %s\nhuisclos: %s\n", refusal.FR, refusal.EN)
		return
	}
	fr, en := sentences(name, p, err)
	fmt.Fprintf(w, "huisclos : %s\nhuisclos: %s\n  (%v)\n", fr, en, err)
}

func sentences(name string, p place, err error) (fr, en string) {
	switch path := p.ControlPath(); {
	case errors.Is(err, errUsage):
		return fmt.Sprintf("la ligne de commande n'est pas comprise ; voyez « huisclos %s --help ».", name),
			fmt.Sprintf("the command line is not understood; see “huisclos %s --help”.", name)
	case errors.Is(err, ErrNoReset):
		return "aucun administrateur ni officier de sécurité actif n'a cette adresse ; rien n'a changé.",
			"no active administrator or security officer has this address; nothing was changed."
	case errors.Is(err, ErrNoExport):
		return "aucun compte n'a cette adresse ; rien n'a été écrit.", "no account has this address; nothing was written."
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("seuls l'utilisateur de l'appliance et root peuvent lui parler ; essayez « sudo huisclos %s ».", name),
			fmt.Sprintf("only the appliance's own user and root may talk to it; try “sudo huisclos %s”.", name)
	case errors.Is(err, config.ErrSettings):
		return "les réglages ne conviennent pas ; corrigez ce qui est dit ci-dessous.", "the settings do not do; mend what is said below."
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return fmt.Sprintf("aucune appliance ne répond sur %s ; démarrez-la (systemctl start huisclos), ou dites où elle est avec --config ou --data.", path),
			fmt.Sprintf("no appliance answers at %s; start it (systemctl start huisclos), or say where it is with --config or --data.", path)
	}
	return "l'appliance n'a pas répondu comme attendu ; la cause est ci-dessous.", "the appliance did not answer as expected; the cause is below."
}

// rows writes a label in both languages and a value, in two columns.
func rows(w io.Writer, list ...[3]string) {
	for _, r := range list {
		label := strings.Trim(r[0]+" / "+r[1], " /")
		fmt.Fprintf(w, "  %s%s  %s\n", label, strings.Repeat(" ", max(0, 36-len([]rune(label)))), r[2])
	}
}

// PrintSetupCode makes a set-up code and prints it with where to give it. Each call voids the code before, as each start
// does: so the appliance keeps none, and one that somebody else has read in a terminal's history is worth nothing.
func PrintSetupCode(_ context.Context, args []string, stdout, stderr io.Writer) int {
	return talk("setup-code", actSetupCode, args, stdout, stderr, func(a answer) {
		if a.Status == nil || !a.Status.SetupNeeded {
			fmt.Fprint(stdout, "Il y a déjà un administrateur : il n'y a plus de code d'installation.\n"+
				"There is an administrator already: there is no set-up code any more.\n")
			return
		}
		var list [][3]string
		for i, address := range a.Status.Addresses {
			if i == 0 {
				list = append(list, [3]string{"Installation", "Set-up", address + "console/setup"})
			}
		}
		list = append(list, fingerprint(a.Status.Fingerprint)...)
		rows(stdout, append(list, [3]string{"Code d'installation", "Set-up code", a.Code})...)
		fmt.Fprint(stdout, "\n  Ouvrez l'adresse, vérifiez l'empreinte du certificat, puis entrez ce code : il fait de vous l'administrateur. Il annule le précédent.\n"+
			"  Open the address, check the certificate's fingerprint, then enter this code: it makes you the administrator. It voids the one before.\n")
	})
}

// fingerprint takes two lines: 32 octets written "AB:" are too long for one.
func fingerprint(text string) [][3]string {
	const half = 16 * 3
	if len(text) <= half {
		return [][3]string{{"Empreinte SHA-256", "Fingerprint", text}}
	}
	return [][3]string{{"Empreinte SHA-256", "Fingerprint", strings.TrimSuffix(text[:half], ":")}, {"", "", text[half:]}}
}

// Status makes the command that prints what the appliance does now, what needs somebody first, and, where none answers, what the database
// says of it.
func PrintStatus(look Look) func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return func(_ context.Context, args []string, stdout, stderr io.Writer) int {
		code := printStatus(args, stdout, stderr)
		if code != 1 {
			return code
		}
		if p, err := locate("status", args, packaged); err == nil && p.err == nil {
			if _, err := ask(p.ControlPath(), actStatus); Absent(err) {
				if l := look.line(p.Data); l.State == hardening.Missing {
					fmt.Fprintf(stderr, "  %s\n  %s\n  → %s\n    %s\n", l.Detail.FR, l.Detail.EN, l.Do.FR, l.Do.EN)
				}
			}
		}
		return code
	}
}

func printStatus(args []string, stdout, stderr io.Writer) int {
	return talk("status", actStatus, args, stdout, stderr, func(a answer) {
		s := a.Status
		if s == nil {
			return
		}
		now := time.Now()
		for _, n := range s.Needs {
			mark := "à regarder / to look after"
			if n.Grave {
				mark = "GRAVE / URGENT"
			}
			fmt.Fprintf(stdout, "  [%s]\n    %s\n    %s\n", mark, n.Text.FR, n.Text.EN)
			if n.Do.FR != "" {
				fmt.Fprintf(stdout, "    → %s\n      %s\n", n.Do.FR, n.Do.EN)
			}
			fmt.Fprintln(stdout)
		}
		list := [][3]string{
			{"Version", "", s.Version},
			{"En marche depuis", "Running since", s.Since.Local().Format("2006-01-02 15:04:05 -0700")},
			{"Appels", "Calls", fmt.Sprint(s.Calls)},
			{"Personnes", "People", fmt.Sprint(s.People)},
		}
		for i, address := range s.Addresses {
			row := [3]string{"", "", address}
			if i == 0 {
				row[0], row[1] = "Adresse", "Address"
			}
			list = append(list, row)
		}
		list = append(list, fingerprint(s.Fingerprint)...)
		list = append(list, mailRows(s.Mail)...)
		list = append(list, forwardingRows(s.Forwarding)...)
		rows(stdout, append(list, [3]string{"Certificat, jours restants", "Certificate, days left", fmt.Sprint(days(s.Expires, now))})...)
		if s.SetupNeeded {
			fmt.Fprint(stdout, "\n  Il n'y a pas encore d'administrateur : « huisclos setup-code » donne le code d'installation.\n"+
				"  There is no administrator yet: “huisclos setup-code” gives the set-up code.\n")
		}
		if s.Draining {
			fmt.Fprint(stdout, "\n  Plus aucun appel ne commence ; ceux en cours continuent. « huisclos resume », ou un redémarrage, y met fin.\n"+
				"  No further call begins; those in progress go on. “huisclos resume”, or a restart, ends this.\n")
		}
		if len(s.NeedsRestart) > 0 {
			names := strings.Join(s.NeedsRestart, ", ")
			fmt.Fprintf(stdout, "\n  Changés depuis le démarrage, à appliquer par un redémarrage : %s\n  Changed since the start, applied by a restart: %s\n", names, names)
		}
	})
}

func days(until, now time.Time) int { return int(until.Sub(now) / (24 * time.Hour)) }
