package support

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"time"

	"huisclos/appliance/control"
	"huisclos/hardening"
)

// Command is "huisclos support-bundle": it lists what the file will hold, asks, and writes it. An appliance that does not answer is no
// reason to refuse: then what it alone knows is left out.
func Command(version string, look control.Look) func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
		return run(ctx, version, look, args, os.Stdin, stdout, stderr, time.Now)
	}
}

func run(ctx context.Context, version string, look control.Look, args []string, stdin io.Reader, stdout, stderr io.Writer, now func() time.Time) int {
	var yes bool
	var path string
	l, code := control.ReadAnyway("support-bundle", args, stderr, 0, 0, func(f *flag.FlagSet) {
		f.BoolVar(&yes, "yes", false, "")
		f.StringVar(&path, "output", "", "")
	})
	if l == nil {
		return code
	}
	if path == "" {
		path = "huisclos-support-" + now().UTC().Format("20060102-150405") + ".tar.gz"
	}
	found := Found{Version: version, Settings: l.Settings(), Report: l.Examine(ctx, look), Now: now(), Read: os.ReadFile}
	if l.Broken != nil {
		broken(found.Report, l.Broken)
		fmt.Fprint(stderr, "Les réglages ne conviennent pas (« huisclos config check » dit pourquoi) ; le dossier dit où, sans citer de valeur.\n"+
			"The settings do not do (“huisclos config check” says why); the bundle says where, and quotes no value.\n\n")
	}
	if status, err := l.Status(); err == nil {
		found.Status = status
		r := new(Running)
		if err := l.AskFor(Act, struct{}{}, r, time.Minute, 4<<20); err != nil {
			return l.Fail(err)
		}
		found.Running = r
	}
	list, err := gather(found)
	if err != nil {
		return l.Fail(err)
	}
	said := stderr // standard output is the answer's
	for _, f := range list {
		fmt.Fprintf(said, "  %-15s %8d  %s\n  %-25s %s\n", f.name, len(f.text), f.what.FR, "", f.what.EN)
	}
	if found.Running == nil {
		fmt.Fprint(said, "\nL'appliance ne répond pas : ni ses compteurs ni son journal n'y sont.\nThe appliance does not answer: neither its counters nor its log are in it.\n")
	}
	if !yes && !control.Confirm(stdin, said, "\nLe fichier "+path+" contiendra cela, et rien d'autre. Rien n'est envoyé.", "The file "+path+" will hold this, and nothing else. Nothing is sent.", "ok") {
		return l.Fail(control.NotConfirmed())
	}
	if err := save(path, list, found.Now); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return l.Fail(&control.Refusal{Code: "exists", FR: "ce fichier existe déjà ; nommez-en un autre avec --output.", EN: "this file exists already; name another with --output."})
		}
		return l.Fail(&control.Refusal{Code: "write", FR: "le fichier ne peut pas être écrit : " + cause(err) + ".", EN: "the file can't be written: " + cause(err) + "."})
	}
	if l.JSON {
		names := make([]string, 0, len(list))
		for _, f := range list {
			names = append(names, f.name)
		}
		_ = json.NewEncoder(stdout).Encode(struct {
			File    string   `json:"file"`
			Content []string `json:"content"`
		}{path, names})
		return 0
	}
	fmt.Fprintf(stdout, "%[1]s est écrit ; regardez-le avant de le donner : tar -xzOf %[1]s | less\n%[1]s is written; look at it before you give it away: tar -xzOf %[1]s | less\n", path)
	return 0
}

// place is a line of a settings file in an error's text.
var place = regexp.MustCompile(`[^\s:"]+\.toml:\d+`)

// broken puts into the report where the settings are wrong, in place of the error: that may quote a value.
func broken(r hardening.Report, err error) {
	where := strings.Join(place.FindAllString(err.Error(), -1), ", ")
	if where == "" {
		where = "?"
	}
	for i := range r {
		if r[i].Name == "settings" {
			r[i].Detail = hardening.Text{FR: "les réglages ne conviennent pas (" + where + ").", EN: "the settings do not do (" + where + ")."}
		}
	}
}

// cause is an error's text without the name of this package.
func cause(err error) string { return strings.TrimPrefix(err.Error(), "support: ") }
