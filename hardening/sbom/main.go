// Program sbom writes a CycloneDX 1.5 list of what is in a built binary: the Go modules that the linker recorded, and the
// npm packages of the clients it embeds; and, for the VM image, the Debian packages beside it. Its output depends on its inputs
// only. Usage: sbom BINARY PACKAGE-LOCK [PACKAGES], where PACKAGES has a line "name version architecture" for each one.
package main

import (
	"cmp"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
)

type license struct {
	Expression string `json:"expression"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type component struct {
	Type     string    `json:"type"`
	Ref      string    `json:"bom-ref"`
	Name     string    `json:"name"`
	Version  string    `json:"version,omitempty"`
	Hashes   []hash    `json:"hashes,omitempty"`
	Licenses []license `json:"licenses,omitempty"`
	PURL     string    `json:"purl,omitempty"`
}

type metadata struct {
	Component component `json:"component"`
}

type bom struct {
	Format      string      `json:"bomFormat"`
	SpecVersion string      `json:"specVersion"`
	Version     int         `json:"version"`
	Metadata    metadata    `json:"metadata"`
	Components  []component `json:"components"`
}

// notBundled are packages of the lockfile that production packages name and the clients do not contain.
var notBundled = map[string]string{
	"@noble/hashes": "only the functions of @scure/bip39 need it; the clients take its word lists alone",
}

func modules(info *buildinfo.BuildInfo) []component {
	std := "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go")
	out := []component{{Type: "library", Ref: std, Name: "std", Version: info.GoVersion, PURL: std}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		purl := "pkg:golang/" + m.Path + "@" + m.Version
		out = append(out, component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl})
	}
	return out
}

func packages(lock []byte) ([]component, error) {
	var l struct {
		Packages map[string]struct {
			Version, License, Integrity string
			Dev, Link                   bool
		}
	}
	if err := json.Unmarshal(lock, &l); err != nil {
		return nil, fmt.Errorf("lockfile: %w", err)
	}
	var out []component
	for path, p := range l.Packages {
		at := strings.LastIndex(path, "node_modules/")
		if at < 0 || p.Dev || p.Link {
			continue
		}
		name := path[at+len("node_modules/"):]
		if notBundled[name] != "" {
			continue
		}
		purl := "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + p.Version
		c := component{Type: "library", Ref: purl, Name: name, Version: p.Version, PURL: purl}
		if p.License != "" {
			c.Licenses = []license{{p.License}}
		}
		if sum, ok := strings.CutPrefix(p.Integrity, "sha512-"); ok {
			b, err := base64.StdEncoding.DecodeString(sum)
			if err != nil {
				return nil, fmt.Errorf("lockfile: integrity of %s: %w", name, err)
			}
			c.Hashes = []hash{{"SHA-512", hex.EncodeToString(b)}}
		}
		out = append(out, c)
	}
	return out, nil
}

// debian reads the list of an image's packages; the product's own package is the binary that is listed already.
func debian(list string) ([]component, error) {
	var out []component
	for i, line := range strings.Split(strings.TrimSpace(list), "\n") {
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("packages, line %d: %q is not a name, a version and an architecture", i+1, line)
		}
		if f[0] == "huisclos" {
			continue
		}
		purl := "pkg:deb/debian/" + url.PathEscape(f[0]) + "@" + url.PathEscape(f[1]) + "?arch=" + f[2] + "&distro=trixie"
		out = append(out, component{Type: "library", Ref: purl, Name: f[0], Version: f[1], PURL: purl})
	}
	return out, nil
}

func write(w io.Writer, binary, lockfile, list string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	lock, err := os.ReadFile(lockfile)
	if err != nil {
		return err
	}
	clients, err := packages(lock)
	if err != nil {
		return err
	}
	all, what := append(modules(info), clients...), component{Type: "application", Ref: "huisclos", Name: "huisclos"}
	if list != "" {
		text, err := os.ReadFile(list)
		if err != nil {
			return err
		}
		system, err := debian(string(text))
		if err != nil {
			return err
		}
		all, what.Type = append(all, system...), "operating-system"
	}
	slices.SortFunc(all, func(a, b component) int { return cmp.Compare(a.Ref, b.Ref) })
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(bom{"CycloneDX", "1.5", 1, metadata{what}, all})
}

func main() {
	if len(os.Args) != 3 && len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sbom BINARY PACKAGE-LOCK [PACKAGES]")
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Args[1], os.Args[2], strings.Join(os.Args[3:], "")); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}
