// Command static holds what is known of the npm packages without asking anybody: package-lock.json names each by version and
// SHA-512, from no other place than the registry that is configured, without scripts that run when it is installed, and the
// whole is the committed list, which changes on purpose only.
//
//	go run ./hardening/static        writes hardening/npm-integrity.txt anew; look at what changed
//	go run ./hardening/static check  fails when something differs, node_modules included if they are there
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	lockFile  = "package-lock.json"
	listFile  = "hardening/npm-integrity.txt"
	installed = "node_modules/.package-lock.json"
)

// scripts are the packages that may run something when they are installed, each with its reason.
var scripts = map[string]string{
	"node_modules/esbuild": "puts the program for this platform, itself a package of the list, into its place",
}

type entry struct {
	Version          string `json:"version"`
	Resolved         string `json:"resolved"`
	Integrity        string `json:"integrity"`
	Link             bool   `json:"link"`
	HasInstallScript bool   `json:"hasInstallScript"`
}

type lock struct {
	Version  int              `json:"lockfileVersion"`
	Packages map[string]entry `json:"packages"`
}

func parse(b []byte) (l lock, err error) {
	if err = json.Unmarshal(b, &l); err == nil && l.Version != 3 {
		err = fmt.Errorf("a lockfile of version %d", l.Version)
	}
	return l, err
}

// problems says what is wrong with a lockfile by itself.
func problems(l lock) (out []string) {
	for name, e := range l.Packages {
		bad := func(format string, args ...any) { out = append(out, name+": "+fmt.Sprintf(format, args...)) }
		if e.HasInstallScript && scripts[name] == "" {
			bad("runs a script when it is installed")
		}
		if !strings.Contains("/"+name, "/node_modules/") { // our own
			if e.Resolved != "" || e.Integrity != "" {
				bad("is ours and comes from elsewhere")
			}
			continue
		}
		if e.Link {
			own, ok := l.Packages[e.Resolved]
			if !ok || strings.Contains(e.Resolved, "node_modules") || own.Resolved != "" {
				bad("leads to %q, which is not ours", e.Resolved)
			}
			continue
		}
		if e.Resolved != "" {
			bad("comes from %q; a registry is for the one who installs to name", e.Resolved)
		}
		if e.Version == "" {
			bad("has no version")
		}
		sum, ok := strings.CutPrefix(e.Integrity, "sha512-")
		if octets, err := base64.StdEncoding.DecodeString(sum); !ok || err != nil || len(octets) != 64 {
			bad("has the integrity %q", e.Integrity)
		}
	}
	for name := range scripts {
		if e, ok := l.Packages[name]; !ok || !e.HasInstallScript {
			out = append(out, name+": may run a script and has none")
		}
	}
	slices.Sort(out)
	return out
}

// list is the committed form: one line for each package, wherever it lies.
func list(l lock) []byte {
	var lines []string
	for name, e := range l.Packages {
		if at := strings.LastIndex("/"+name, "/node_modules/"); at >= 0 && !e.Link {
			lines = append(lines, fmt.Sprintf("%s@%s %s\n", name[at+len("node_modules/"):], e.Version, e.Integrity))
		}
	}
	slices.Sort(lines)
	return []byte(strings.Join(slices.Compact(lines), ""))
}

// differs says what of an installed tree is not what the lockfile says.
func differs(want, have lock) (out []string) {
	for name, e := range have.Packages {
		if w, ok := want.Packages[name]; !ok {
			out = append(out, name+": is installed and not in the lockfile")
		} else if w.Version != e.Version || w.Integrity != e.Integrity {
			out = append(out, name+": another one is installed than the lockfile says")
		}
	}
	slices.Sort(out)
	return out
}

// versions compares what lies in node_modules itself with the lockfile. Platform packages that were left out are no fault.
func versions(root string, want lock) (seen int, out []string) {
	for name, e := range want.Packages {
		if !strings.Contains("/"+name, "/node_modules/") || e.Link {
			continue
		}
		b, err := os.ReadFile(filepath.Join(root, name, "package.json"))
		if err != nil {
			continue
		}
		seen++
		var p struct {
			Version string `json:"version"`
		}
		if err := json.Unmarshal(b, &p); err != nil || p.Version != e.Version {
			out = append(out, fmt.Sprintf("%s: version %q lies there, not %s", name, p.Version, e.Version))
		}
	}
	slices.Sort(out)
	return seen, out
}

func run(check bool) ([]string, error) {
	b, err := os.ReadFile(lockFile)
	if err != nil {
		return nil, err
	}
	l, err := parse(b)
	if err != nil {
		return nil, err
	}
	out := problems(l)
	if !check {
		return out, os.WriteFile(listFile, list(l), 0o644)
	}
	committed, err := os.ReadFile(listFile)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(committed, list(l)) {
		out = append(out, listFile+" is not what the lockfile says: if the change is meant, go run ./hardening/static")
	}
	b, err = os.ReadFile(installed)
	if err != nil {
		fmt.Println("npm: node_modules not checked: nothing is installed here")
		return out, nil
	}
	have, err := parse(b)
	if err != nil {
		return nil, err
	}
	seen, wrong := versions(".", l)
	out = append(append(out, differs(l, have)...), wrong...)
	fmt.Printf("npm: %d packages in the list, %d installed\n", bytes.Count(committed, []byte("\n")), seen)
	return out, nil
}

func main() {
	out, err := run(len(os.Args) > 1 && os.Args[1] == "check")
	for _, o := range out {
		fmt.Fprintln(os.Stderr, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "static:", err)
	}
	if err != nil || len(out) > 0 {
		os.Exit(1)
	}
}
