// Program sbom writes a CycloneDX 1.5 list of what is in a built binary: the Go modules that the linker recorded, and the
// npm packages of the clients it embeds; and, for the VM image, the Debian packages beside it. Its output depends on its inputs
// only. Usage: sbom BINARY PACKAGE-LOCK [PACKAGES], where PACKAGES has a line "name version architecture" for each one.
package main

import (
	"debug/buildinfo"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"huisclos/hardening/bill"
)

// debian reads the list of an image's packages; the product's own package is the binary that is listed already.
func debian(list string) ([]bill.Component, error) {
	var out []bill.Component
	for i, line := range strings.Split(strings.TrimSpace(list), "\n") {
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("packages, line %d: %q is not a name, a version and an architecture", i+1, line)
		}
		if f[0] == "huisclos" {
			continue
		}
		purl := "pkg:deb/debian/" + url.PathEscape(f[0]) + "@" + url.PathEscape(f[1]) + "?arch=" + f[2] + "&distro=trixie"
		out = append(out, bill.Component{Type: "library", Ref: purl, Name: f[0], Version: f[1], PURL: purl})
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
	clients, err := bill.Packages(lock)
	if err != nil {
		return err
	}
	all, kind := append(bill.Modules(info), clients...), "application"
	if list != "" {
		text, err := os.ReadFile(list)
		if err != nil {
			return err
		}
		system, err := debian(string(text))
		if err != nil {
			return err
		}
		all, kind = append(all, system...), "operating-system"
	}
	return bill.Write(w, kind, all)
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
