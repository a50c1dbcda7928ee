// Program bundle makes and signs updates: bundle key FILE, bundle sign … and bundle show FILE. It runs where releases are made, never on an
// appliance.
package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"huisclos/appliance/update"
)

const usage = `bundle key FILE                  writes FILE (private, mode 0600) and FILE.pub.pem
bundle sign --key FILE --package huisclos_VERSION_ARCH.deb --version VERSION --architecture ARCH --database N [--from-database N]
            [--made SECONDS] [--notes-fr FILE] [--notes-en FILE] --out FILE
bundle show --key PUBLIC FILE    checks the signature, and says what stands in the update
`

var errUsage = errors.New("not understood; this is how it is called")

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		if errors.Is(err, errUsage) {
			fmt.Fprint(os.Stderr, usage)
		}
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "key":
		return makeKey(args[1:], out)
	case "sign":
		return sign(args[1:], out)
	case "show":
		return show(args[1:], out)
	}
	return errUsage
}

func makeKey(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errUsage
	}
	public, private, err := update.MakeKey(rand.Reader)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(private)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.WriteFile(args[0]+".pub.pem", public, 0o644); err != nil {
		return err
	}
	key, err := update.ParseKey(public)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s, %s.pub.pem: key %s\n", args[0], args[0], update.Key{Public: key}.ID())
	return err
}

func sign(args []string, out io.Writer) (err error) {
	f := flag.NewFlagSet("sign", flag.ContinueOnError)
	var h update.Header
	key, pkg, to := f.String("key", "", ""), f.String("package", "", ""), f.String("out", "", "")
	f.StringVar(&h.Version, "version", "", "")
	f.StringVar(&h.Architecture, "architecture", "", "")
	f.IntVar(&h.Database, "database", 0, "")
	f.IntVar(&h.FromDatabase, "from-database", 0, "")
	made := f.Int64("made", 0, "seconds since 1970")
	french, english := f.String("notes-fr", "", ""), f.String("notes-en", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *key == "" || *pkg == "" || *to == "" || f.NArg() > 0 {
		return errUsage
	}
	h.Made = time.Now().UTC().Truncate(time.Second)
	if *made > 0 {
		h.Made = time.Unix(*made, 0).UTC()
	}
	for file, into := range map[string]*string{*french: &h.French, *english: &h.English} {
		if file == "" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		*into = strings.TrimSpace(string(text))
	}
	text, err := os.ReadFile(*key)
	if err != nil {
		return err
	}
	private, err := update.ParsePrivateKey(text)
	if err != nil {
		return err
	}
	payload, err := os.Open(*pkg)
	if err != nil {
		return err
	}
	defer payload.Close()
	tmp, err := os.CreateTemp(filepath.Dir(*to), ".bundle-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if err := errors.Join(update.Write(tmp, h, payload, private), tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), *to); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: version %s for %s, database %d (from %d)\n", *to, h.Version, h.Architecture, h.Database, h.FromDatabase)
	return err
}

func show(args []string, out io.Writer) error {
	f := flag.NewFlagSet("show", flag.ContinueOnError)
	key := f.String("key", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *key == "" || f.NArg() != 1 {
		return errUsage
	}
	text, err := os.ReadFile(*key)
	if err != nil {
		return err
	}
	public, err := update.ParseKey(text)
	if err != nil {
		return err
	}
	file, err := os.Open(f.Arg(0))
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	b, err := update.Open(file, info.Size(), []update.Key{{Name: *key, Public: public}})
	if err != nil {
		return err
	}
	h := b.Header
	_, err = fmt.Fprintf(out, "version %s\narchitecture %s\ndatabase %d, from %d\nmade %s\npayload %d octets, SHA-256 %s\nsigned by %s\n", h.Version, h.Architecture, h.Database, h.FromDatabase, h.Made.Format(time.RFC3339), h.Size, h.SHA256, b.Key.ID())
	return err
}
