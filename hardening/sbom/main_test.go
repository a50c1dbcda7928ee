package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
		if err := write(b, binary, "../../package-lock.json"); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two lists of one binary differ")
	}
	var got bom
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
	for name := range notBundled {
		if versionOf(got, name) != "" {
			t.Errorf("%s is listed", name)
		}
	}
}

func versionOf(b bom, name string) string {
	for _, c := range b.Components {
		if c.Name == name {
			return c.Version
		}
	}
	return ""
}
