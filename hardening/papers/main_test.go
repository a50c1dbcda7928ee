package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// exists says whether "directory/TestName", "journeys/title" or "script/what it checks" stands in the test files of that directory.
func exists(name string) bool {
	dir, test, glob := filepath.Dir(name), filepath.Base(name), "*_test.go"
	want := "func " + test + "("
	if title, ok := strings.CutPrefix(name, "journeys/"); ok {
		dir, glob, want = "journeys", "*.test.ts", "'"+title
	}
	for _, script := range []string{"packaging/image/test-image", "packaging/test-update"} {
		if title, ok := strings.CutPrefix(name, script+"/"); ok {
			dir, glob, want = filepath.Dir(script), filepath.Base(script), `check "`+title+`"`
		}
	}
	files, _ := filepath.Glob(filepath.Join(root, dir, glob))
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), want) {
			return true
		}
	}
	return false
}

func problems(t target) (out []string) {
	built := map[string]bool{}
	for _, f := range t.Functions {
		if _, twice := built[f.ID]; twice {
			out = append(out, f.ID+" stands twice")
		}
		built[f.ID] = f.Status == "built"
		if f.Status != "built" && f.Status != "planned" {
			out = append(out, f.ID+" has no state")
		}
		if f.Status == "built" && len(f.Tests) == 0 {
			out = append(out, f.ID+" is built and names no test")
		}
		for _, n := range f.Tests {
			if !exists(n) {
				out = append(out, f.ID+" names a test that is not there: "+n)
			}
		}
		if f.EN == "" || f.FR == "" {
			out = append(out, f.ID+" lacks a language")
		}
	}
	for _, x := range t.Threats {
		some := false
		for _, f := range x.Functions {
			is, known := built[f]
			if !known {
				out = append(out, x.ID+" names an unknown function: "+f)
			}
			some = some || is
		}
		if !some && x.Residual == nil {
			out = append(out, x.ID+" has no built function and no residual risk")
		}
		if x.EN == "" || x.FR == "" || x.Residual != nil && (x.Residual.EN == "" || x.Residual.FR == "") {
			out = append(out, x.ID+" lacks a language")
		}
	}
	return out
}

func TestTarget(t *testing.T) {
	all, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Threats) == 0 {
		t.Fatal("no threats")
	}
	for _, p := range problems(all) {
		t.Error(p)
	}
}

func faultProblems(faults []fault, there func(path string) bool) (out []string) {
	seen := map[string]bool{}
	for _, x := range faults {
		name := strings.Join(x.IDs, ", ")
		if len(x.IDs) == 0 {
			out = append(out, "a fault has no name")
		}
		for _, id := range x.IDs {
			if seen[id] {
				out = append(out, id+" stands twice")
			}
			seen[id] = true
		}
		if x.EN == "" || x.FR == "" || x.Without != nil && (x.Without.EN == "" || x.Without.FR == "") {
			out = append(out, name+" lacks a language")
		}
		if (len(x.Tests) == 0) == (x.Without == nil) {
			out = append(out, name+" needs tests, or a reason why it can't be here")
		}
		if x.Without != nil && (x.Without.Path == "" || there(x.Without.Path)) {
			out = append(out, name+" can be here, since there is "+x.Without.Path)
		}
		for _, n := range x.Tests {
			if !exists(n) {
				out = append(out, name+" names a test that is not there: "+n)
			}
		}
	}
	return out
}

// Each fault that others published and that concerns media has its tests, or cannot be here.
func TestKnownFaults(t *testing.T) {
	faults, err := loadFaults(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(faults) < 15 {
		t.Fatalf("%d faults", len(faults))
	}
	for _, p := range faultProblems(faults, func(path string) bool { _, err := os.Stat(filepath.Join(root, path)); return err == nil }) {
		t.Error(p)
	}
}

func TestFaultsOfTheFaultsAreSeen(t *testing.T) {
	var bad []fault
	if err := json.Unmarshal([]byte(`[{"en":"a","fr":"b","tests":["TestBans"]}, {"ids":["1"],"en":"a","tests":["TestBans"]},
		{"ids":["1"],"en":"a","fr":"b","tests":["media/TestNo"]}, {"ids":["2"],"en":"a","fr":"b"},
		{"ids":["3"],"en":"a","fr":"b","without":{"path":"media","en":"a","fr":"b"}},
		{"ids":["4"],"en":"a","fr":"b","tests":["TestBans"],"without":{"path":"no","en":"a","fr":"b"}}]`), &bad); err != nil {
		t.Fatal(err)
	}
	if got := faultProblems(bad, func(path string) bool { return path == "media" }); len(got) != 7 {
		t.Errorf("want 7 problems, got %q", got)
	}
}

// The check itself is held: each fault is seen.
func TestTargetFaultsAreSeen(t *testing.T) {
	w := text{"a", "b"}
	bad := target{
		Functions: []function{{ID: "F1", Status: "built", text: w}, {ID: "F2", Status: "built", text: w, Tests: []string{"audit/TestNo"}}},
		Threats:   []threat{{ID: "T1", text: w}, {ID: "T2", text: w, Functions: []string{"F9"}, Residual: &w}},
	}
	if got := problems(bad); len(got) != 4 {
		t.Errorf("want 4 problems, got %q", got)
	}
}

var id = regexp.MustCompile(`\b(?:SF|T|A|D)\.[A-Z0-9_]+\b|\bA(?:1[0-5]|[1-9])\b`)

func ids(page string) []string {
	found := id.FindAllString(page, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestPapers(t *testing.T) {
	files, _ := filepath.Glob(root + "/hardening/docs/*.md")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all, err := tables(root, language(f))
		if err != nil {
			t.Fatal(err)
		}
		if fill(string(b), all) != string(b) {
			t.Errorf("%s is stale: run go run ./hardening/papers", f)
		}
		if language(f) == "fr" || strings.HasSuffix(f, "e2ee-protocol.md") {
			continue
		}
		french, err := os.ReadFile(strings.TrimSuffix(f, ".md") + ".fr.md")
		if err != nil {
			t.Errorf("%s has no French version", f)
			continue
		}
		if a, b := ids(string(b)), ids(string(french)); !slices.Equal(a, b) {
			t.Errorf("%s: English ids %q, French ids %q", f, a, b)
		}
	}
}
