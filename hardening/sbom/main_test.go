package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"huisclos/hardening/bill"
)

// Every module that has a package in the program stands in the list, and the list is the same each time.
func TestList(t *testing.T) {
	// ASVS 15.1.2
	binary := filepath.Join(t.TempDir(), "huisclos")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "huisclos")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if err := write(b, binary, "../../package-lock.json", ""); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two lists of one binary differ")
	}
	var got bill.Bill
	if err := json.Unmarshal(first.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Format != "CycloneDX" || got.SpecVersion != "1.5" {
		t.Errorf("format %q %q", got.Format, got.SpecVersion)
	}
	listed := map[string]bool{}
	for _, c := range got.Components {
		if listed[c.Ref] {
			t.Errorf("%s stands twice", c.Ref)
		}
		listed[c.Ref] = true
	}
	linked, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}pkg:golang/{{.Path}}@{{.Version}}{{end}}{{end}}", "huisclos").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(string(linked))
	if len(modules) == 0 {
		t.Fatal("go list names no module")
	}
	for _, m := range modules {
		if !listed[m] {
			t.Errorf("%s is linked and not listed", m)
		}
	}
	if !listed["pkg:npm/preact@"+versionOf(got, "preact")] {
		t.Error("preact is not listed")
	}
	if name := "@noble/hashes"; versionOf(got, name) != "" { // the clients take the word lists of @scure/bip39 alone
		t.Errorf("%s is listed", name)
	}
}

func versionOf(b bill.Bill, name string) string {
	for _, c := range b.Components {
		if c.Name == name {
			return c.Version
		}
	}
	return ""
}

// The image's packages are listed by what Debian calls them, but for our own; a line that is none is refused.
func TestDebian(t *testing.T) {
	got, err := debian("libc6 2.41-12 amd64\nhuisclos 0.2.0 amd64\nsystemd 257.13-1~deb13u1 amd64\nlibstdc++6 14.2.0-19 amd64\n")
	if err != nil {
		t.Fatal(err)
	}
	var refs []string
	for _, c := range got {
		refs = append(refs, c.PURL)
	}
	want := []string{"pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=trixie", "pkg:deb/debian/systemd@257.13-1~deb13u1?arch=amd64&distro=trixie",
		"pkg:deb/debian/libstdc++6@14.2.0-19?arch=amd64&distro=trixie"}
	if !slices.Equal(refs, want) {
		t.Errorf("%q, want %q", refs, want)
	}
	if _, err := debian("libc6 2.41-12\n"); err == nil {
		t.Error("a line without an architecture is taken")
	}
}
