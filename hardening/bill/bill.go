// Package bill lists what is built into the program: the Go modules that the linker recorded, and the npm packages of the clients that it
// embeds, as CycloneDX 1.5 (ECMA-424). It decides what belongs into the list; what it writes depends on what it is given only.
package bill

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
)

// License is the licence of a component.
type License struct {
	Expression string `json:"expression"`
}

// Hash is the digest of a component.
type Hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

// Component is one thing that is built in.
type Component struct {
	Type     string    `json:"type"`
	Ref      string    `json:"bom-ref"`
	Name     string    `json:"name"`
	Version  string    `json:"version,omitempty"`
	Hashes   []Hash    `json:"hashes,omitempty"`
	Licenses []License `json:"licenses,omitempty"`
	PURL     string    `json:"purl,omitempty"`
}

// Metadata says what the list is of.
type Metadata struct {
	Component Component `json:"component"`
}

// Bill is a list of components (CycloneDX 1.5).
type Bill struct {
	Format      string      `json:"bomFormat"`
	SpecVersion string      `json:"specVersion"`
	Version     int         `json:"version"`
	Metadata    Metadata    `json:"metadata"`
	Components  []Component `json:"components"`
}

// notBundled are packages of the lockfile that production packages name and the clients do not contain.
var notBundled = map[string]string{
	"@noble/hashes": "only the functions of @scure/bip39 need it; the clients take its word lists alone",
}

// Modules are the Go modules that the linker has recorded in a program, the standard library first.
func Modules(info *debug.BuildInfo) []Component {
	std := "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go")
	out := []Component{{Type: "library", Ref: std, Name: "std", Version: info.GoVersion, PURL: std}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		purl := "pkg:golang/" + m.Path + "@" + m.Version
		out = append(out, Component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl})
	}
	return out
}

// Packages are the npm packages of a lockfile that the clients hold.
func Packages(lock []byte) ([]Component, error) {
	var l struct {
		Packages map[string]struct {
			Version, License, Integrity string
			Dev, Link                   bool
		}
	}
	if err := json.Unmarshal(lock, &l); err != nil {
		return nil, fmt.Errorf("lockfile: %w", err)
	}
	var out []Component
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
		c := Component{Type: "library", Ref: purl, Name: name, Version: p.Version, PURL: purl}
		if p.License != "" {
			c.Licenses = []License{{p.License}}
		}
		if sum, ok := strings.CutPrefix(p.Integrity, "sha512-"); ok {
			b, err := base64.StdEncoding.DecodeString(sum)
			if err != nil {
				return nil, fmt.Errorf("lockfile: integrity of %s: %w", name, err)
			}
			c.Hashes = []Hash{{"SHA-512", hex.EncodeToString(b)}}
		}
		out = append(out, c)
	}
	return out, nil
}

// Write writes the list of what a thing of that kind is made of ("application", "operating-system"), ordered by reference.
func Write(w io.Writer, kind string, all []Component) error {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Component) int { return cmp.Compare(a.Ref, b.Ref) })
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(Bill{"CycloneDX", "1.5", 1, Metadata{Component{Type: kind, Ref: "huisclos", Name: "huisclos"}}, all})
}
