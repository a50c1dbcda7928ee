package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/certs"
	"huisclos/appliance/certs/order"
	"huisclos/appliance/choices"
	"huisclos/appliance/command"
	"huisclos/appliance/config"
	"huisclos/appliance/control"
	"huisclos/appliance/web"
)

// The acts of the certificate by their names on the control socket.
const (
	actCertStatus = "cert-status"
	actCertCSR    = "cert-csr"
	actCertImport = "cert-import"
	actCertRenew  = "cert-renew"
	actCertServe  = "cert-serve"
)

// certAnswer is what the appliance says of its certificate to the commands.
type certAnswer struct {
	Mode     certs.Mode   `json:"mode"`
	Serves   certs.Facts  `json:"serves"`
	Stored   *certs.Facts `json:"stored,omitempty"`
	Requests []certAsked  `json:"requests"`
	RenewAt  time.Time    `json:"renewAt,omitzero"`
	Next     time.Time    `json:"next,omitzero"`
	Failure  *certFailure `json:"failure,omitempty"`
}

type certAsked struct {
	ID    string    `json:"id"`
	Made  time.Time `json:"made"`
	Names []string  `json:"names"`
	Key   string    `json:"key"`
	PEM   string    `json:"pem"`
}

type certFailure struct {
	Kind   string `json:"kind"`
	FR     string `json:"fr"`
	EN     string `json:"en"`
	Detail string `json:"detail,omitempty"`
}

// certGiven is what is imported.
type certGiven struct {
	Files      [][]byte `json:"files"`
	Passphrase string   `json:"passphrase,omitempty"`
	Try        bool     `json:"try,omitempty"`
}

type certImported struct {
	Certificate certs.Facts `json:"certificate"`
	Reordered   bool        `json:"reordered"`
	Dropped     int         `json:"dropped"`
	Served      bool        `json:"served"`
	Mode        certs.Mode  `json:"mode"`
}

func answerOf(s web.CertificateState) certAnswer {
	a := certAnswer{Mode: s.Mode, Serves: s.Serves, Stored: s.Stored, Requests: []certAsked{}, RenewAt: s.RenewAt}
	for _, r := range s.Requests {
		a.Requests = append(a.Requests, askedOf(r))
	}
	if f := s.ACME.Failure; f != nil {
		a.Failure, a.Next = &certFailure{Kind: string(f.Kind), Detail: f.Detail}, s.ACME.Next
		a.Failure.FR, a.Failure.EN = f.Sentence()
	}
	return a
}

func askedOf(r certs.Request) certAsked {
	return certAsked{r.ID, r.Made, r.Names, r.Curve, string(r.PEM)}
}

// certRefusal turns what does not do into an answer.
func certRefusal(err error) error {
	var refused *certs.Refusal
	var failed *order.Failure
	switch {
	case errors.As(err, &refused):
		fr, en := refused.Sentence()
		return &control.Refusal{Code: string(refused.Reason), FR: fr, EN: en}
	case errors.As(err, &failed):
		fr, en := failed.Sentence()
		if failed.Detail != "" {
			fr, en = fr+" ("+failed.Detail+")", en+" ("+failed.Detail+")"
		}
		return &control.Refusal{Code: string(failed.Kind), FR: fr, EN: en}
	}
	return err
}

// certActs are what the commands may ask.
func (a *Appliance) certActs() map[string]control.Act {
	by := accounts.Operator()
	state := func() (any, error) {
		s, err := a.tls.State(a.settings.now())
		return answerOf(s), err
	}
	return map[string]control.Act{
		actCertStatus: func(json.RawMessage) (any, error) { return state() },
		actCertCSR: func(body json.RawMessage) (any, error) {
			var w certs.Wish
			if err := json.Unmarshal(body, &w); err != nil {
				return nil, err
			}
			r, err := a.tls.Request(by, w, a.settings.now())
			return askedOf(r), certRefusal(err)
		},
		actCertImport: func(body json.RawMessage) (any, error) {
			var g certGiven
			if err := json.Unmarshal(body, &g); err != nil {
				return nil, err
			}
			return a.importFrom(by, g)
		},
		actCertServe: func(body json.RawMessage) (any, error) {
			var mode string
			if err := json.Unmarshal(body, &mode); err != nil {
				return nil, err
			}
			if err := a.serveFrom(mode); err != nil {
				return nil, err
			}
			return state()
		},
		actCertRenew: func(json.RawMessage) (any, error) {
			if err := a.tls.OrderNow(by, a.settings.now()); err != nil {
				return nil, certRefusal(err)
			}
			return state()
		},
	}
}

func (a *Appliance) importFrom(by accounts.Actor, g certGiven) (any, error) {
	now := a.settings.now()
	m, err := certs.Read(g.Passphrase, g.Files...)
	if err != nil {
		return nil, certRefusal(err)
	}
	p, facts, err := a.tls.Examine(m, now)
	if err != nil {
		return nil, certRefusal(err)
	}
	if !g.Try {
		if err := a.tls.Import(by, p, now); err != nil {
			return nil, certRefusal(err)
		}
	}
	return certImported{facts, p.Reordered, p.Dropped, a.keeper.Fingerprint() == facts.Fingerprint, a.keeper.Mode()}, nil
}

// serveFrom chooses the mode as the console does. A file that names another one wins, and is said.
func (a *Appliance) serveFrom(mode string) error {
	if from := a.choices.InForce().From["tls.mode"]; from != "" && from != config.Console {
		return &control.Refusal{Code: "fixed", FR: "tls.mode est fixé par " + from + " : changez-le là, puis lancez « systemctl reload huisclos ».", EN: "tls.mode is fixed by " + from + ": change it there, then run “systemctl reload huisclos”."}
	}
	err := a.choices.Change(choices.By{}, map[string]any{"tls.mode": mode}, a.settings.now())
	var wrong config.Wrong
	if errors.As(err, &wrong) {
		return &control.Refusal{Code: "setting", FR: wrong.FR, EN: wrong.EN}
	}
	return err
}

// CertCommands are the section of the table about the certificate.
func CertCommands() []command.Section {
	option := func(name, value, fr, en string) command.Option {
		return command.Option{Name: name, Value: value, Does: command.Text{FR: fr, EN: en}}
	}
	return []command.Section{{
		Title: command.Text{FR: "Certificat", EN: "Certificate"},
		Commands: []command.Command{
			{
				Path: "cert status", Asks: true, Run: certStatus,
				Does: command.Text{FR: "dit quel certificat est servi, pour qui et jusqu'à quand", EN: "say which certificate is served, for whom and until when"},
				More: command.Text{FR: "Avec les demandes qui attendent leur réponse et, par ACME, le prochain renouvellement ou ce qui l'empêche.", EN: "With the requests that wait for their answer and, by ACME, the next renewal or what stands in its way."},
			},
			{
				Path: "cert csr", Asks: true, Run: certCSR,
				Does: command.Text{FR: "fait une demande de certificat (PEM) pour une autorité interne", EN: "make a certificate request (PEM) for an internal authority"},
				More: command.Text{
					FR: "La clé est faite ici et n'en sort pas. La demande porte les noms et adresses des réglages ; donnez-la à votre autorité, puis importez sa réponse avec « huisclos cert import ».\n\n  sudo huisclos cert csr > visio.csr",
					EN: "The key is made here and does not leave. The request carries the names and addresses of the settings; give it to your authority, then import its answer with “huisclos cert import”.\n\n  sudo huisclos cert csr > visio.csr",
				},
				Options: []command.Option{option("organisation", "NAME", "organisation à écrire dans la demande", "organisation to write into the request"), option("country", "NAME", "pays, en deux lettres, comme FR", "country, in two letters, such as FR"),
					option("p384", "", "clé P-384 au lieu de P-256", "a P-384 key instead of P-256")},
			},
			{
				Path: "cert import", Asks: true, Operands: []command.Operand{{Name: "FILE", Many: true}}, Run: certImport,
				Does: command.Text{FR: "importe un certificat : PEM avec sa clé, PKCS#12, ou la réponse à une demande", EN: "import a certificate: PEM with its key, PKCS#12, or the answer to a request"},
				More: command.Text{
					FR: "La chaîne est remise en ordre. Avec --serve, le certificat est servi aussitôt ; sinon, dès que tls.mode vaut \"stored\".",
					EN: "The chain is put in order. With --serve the certificate is served at once; otherwise as soon as tls.mode is \"stored\".",
				},
				Options: []command.Option{option("passphrase-file", "FILE", "fichier avec la phrase de passe du PKCS#12 ; « - » : entrée standard", "file with the passphrase of the PKCS#12; “-”: standard input"),
					option("serve", "", "le sert aussitôt (tls.mode = \"stored\")", "serve it at once (tls.mode = \"stored\")"),
					option("try", "", "dit ce qui serait servi, sans rien changer", "say what would be served, and change nothing")},
			},
			{
				Path: "cert renew", Asks: true, Run: certRenew,
				Does: command.Text{FR: "commande tout de suite un certificat à l'autorité ACME", EN: "order a certificate from the ACME authority at once"},
				More: command.Text{FR: "Les renouvellements se font seuls ; ceci est pour essayer. Celui d'avant reste en service tant qu'il n'y en a pas d'autre.", EN: "Renewals happen by themselves; this is for trying. The one before stays in use until there is another."},
			},
			{
				Path: "cert self-signed", Asks: true, Run: certSelfSigned,
				Does: command.Text{FR: "revient au certificat auto-signé", EN: "go back to the self-signed certificate"},
				More: command.Text{FR: "Pour rentrer quand le certificat servi ne convient pas. Le certificat importé reste là. Les navigateurs avertissent ; ceux qui sont venus avec un certificat reconnu peuvent refuser la page pendant un an.",
					EN: "To get in again when the certificate that is served does not do. The imported one stays where it is. Browsers warn; those that came with a trusted certificate may refuse the page for a year."},
			},
		},
	}}
}

func certStatus(_ context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("cert status", args, stderr, 0, 0, nil)
	if l == nil {
		return code
	}
	return showStatus(l, l.Ask, actCertStatus, stdout)
}

func certRenew(_ context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("cert renew", args, stderr, 0, 0, nil)
	if l == nil {
		return code
	}
	return showStatus(l, func(act string, body, into any) error { return l.AskFor(act, body, into, orderWithin, 1<<20) }, actCertRenew, stdout)
}

func certSelfSigned(_ context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("cert self-signed", args, stderr, 0, 0, nil)
	if l == nil {
		return code
	}
	return showStatus(l, func(act string, _, into any) error { return l.AskFor(act, config.SelfSigned, into, storeWithin, 1<<20) }, actCertServe, stdout)
}

func showStatus(l *control.Line, ask func(act string, body, into any) error, act string, stdout io.Writer) int {
	var a certAnswer
	if err := ask(act, nil, &a); err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		_ = json.NewEncoder(stdout).Encode(a)
		return 0
	}
	mode := map[certs.Mode]string{certs.ModeSelfSigned: "auto-signé / self-signed", certs.FromFiles: "fichiers / files", certs.ModeStored: "importé / imported", certs.ModeACME: "ACME"}[a.Mode]
	control.Rows(stdout, [3]string{"Mode", "Mode", mode})
	showFacts(stdout, a.Serves)
	if a.Mode != certs.ModeStored && a.Stored != nil {
		control.Rows(stdout, [3]string{"Importé, non servi", "Imported, not served", short(a.Stored.Fingerprint)})
	}
	for _, r := range a.Requests {
		control.Rows(stdout, [3]string{"Demande en attente", "Request waiting", fmt.Sprintf("%s (%s, %s)", strings.Join(r.Names, " "), r.Key, r.Made.Local().Format(time.DateOnly))})
	}
	if !a.RenewAt.IsZero() {
		control.Rows(stdout, [3]string{"Renouvellement", "Renewal", a.RenewAt.Local().Format(time.DateTime)})
	}
	if f := a.Failure; f != nil {
		control.Rows(stdout, [3]string{"Dernier échec", "Last failure", f.FR}, [3]string{"", "", f.EN}, [3]string{"", "", f.Detail})
		if !a.Next.IsZero() {
			control.Rows(stdout, [3]string{"Prochain essai", "Next attempt", a.Next.Local().Format(time.DateTime)})
		}
	}
	return 0
}

func showFacts(w io.Writer, f certs.Facts) {
	issuer := f.Issuer
	if f.SelfSigned {
		issuer = "cette appliance / this appliance"
	}
	control.Rows(w, [3]string{"Noms", "Names", strings.Join(f.Names, " ")}, [3]string{"Signé par", "Signed by", issuer}, [3]string{"Clé", "Key", f.Key},
		[3]string{"Valable jusqu'au", "Valid until", f.Ends.Local().Format(time.DateTime)}, [3]string{"Empreinte SHA-256", "Fingerprint", f.Fingerprint})
	for _, r := range f.Remarks {
		control.Rows(w, [3]string{"À voir", "To look at", r.FR}, [3]string{"", "", r.EN})
	}
}

func certCSR(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var w certs.Wish
	l, code := control.Read("cert csr", args, stderr, 0, 0, func(f *flag.FlagSet) {
		f.StringVar(&w.Organisation, "organisation", "", "")
		f.StringVar(&w.Country, "country", "", "")
		f.BoolVar(&w.P384, "p384", false, "")
	})
	if l == nil {
		return code
	}
	if w.Country != "" && len(w.Country) != 2 {
		return l.Fail(control.Usage("--country takes two letters"))
	}
	var r certAsked
	if err := l.Ask(actCertCSR, w, &r); err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		_ = json.NewEncoder(stdout).Encode(r)
	} else {
		fmt.Fprint(stdout, r.PEM)
	}
	return 0
}

// storeWithin is how long a slow disk may take over a certificate and its entries.
const storeWithin = time.Minute

// maxCertFiles is what the control socket takes, in base64.
const maxCertFiles = 40 << 10

func certImport(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var g certGiven
	passphrase, serve := "", false
	l, code := control.Read("cert import", args, stderr, 1, 8, func(f *flag.FlagSet) {
		f.StringVar(&passphrase, "passphrase-file", "", "")
		f.BoolVar(&g.Try, "try", false, "")
		f.BoolVar(&serve, "serve", false, "")
	})
	if l == nil {
		return code
	}
	total := 0
	for _, name := range l.Operands {
		text, err := os.ReadFile(name)
		if err != nil {
			return l.Fail(&control.Refusal{Code: "no-file", FR: "Ce fichier ne se lit pas : " + name + ".", EN: "This file cannot be read: " + name + ".", Exit: control.ExitUnknown})
		}
		if total += len(text); total > maxCertFiles {
			return l.Fail(certRefusal(&certs.Refusal{Reason: certs.TooLarge}))
		}
		g.Files = append(g.Files, text)
	}
	if passphrase != "" {
		text, err := readPassphrase(passphrase)
		if err != nil {
			return l.Fail(&control.Refusal{Code: "no-file", FR: "La phrase de passe ne se lit pas.", EN: "The passphrase cannot be read.", Exit: control.ExitUnknown})
		}
		g.Passphrase = text
	}
	var done certImported
	if err := l.AskFor(actCertImport, g, &done, storeWithin, 1<<20); err != nil {
		return l.Fail(err)
	}
	if serve && !g.Try {
		if err := l.AskFor(actCertServe, config.Stored, nil, storeWithin, 1<<20); err != nil {
			return l.Fail(err)
		}
		done.Served, done.Mode = true, certs.ModeStored
	}
	if l.JSON {
		_ = json.NewEncoder(stdout).Encode(done)
		return 0
	}
	showFacts(stdout, done.Certificate)
	switch {
	case g.Try:
		fmt.Fprint(stdout, "\n  Rien n'a été changé. / Nothing was changed.\n")
	case done.Served:
		fmt.Fprint(stdout, "\n  Importé, et servi dès maintenant. / Imported, and served from now on.\n")
	default:
		fmt.Fprint(stdout, "\n  Importé. Pour qu'il soit servi : la même commande avec --serve, ou la page Certificat de la console.\n"+
			"  Imported. To have it served: the same command with --serve, or the console's page Certificate.\n")
	}
	return 0
}

func readPassphrase(name string) (string, error) {
	in := os.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, 4096))
	return strings.TrimRight(string(text), "\r\n"), err
}
