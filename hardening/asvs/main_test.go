package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func TestTable(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, table))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	claims, faults, err := scan(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(claims) < 50 {
		t.Fatalf("%d claims found; the scan is broken", len(claims))
	}
	for _, p := range append(faults, problems(root, lines, claims)...) {
		t.Error(p)
	}
	if !bytes.Equal(write(fill(lines, claims)), b) {
		t.Error("the table is stale: run go run ./hardening/asvs")
	}
}

func TestWanted(t *testing.T) {
	want := wanted()
	if len(want) != 299 {
		t.Errorf("%d requirements, want 299", len(want))
	}
	for id, level := range map[string]string{"1.1.1": "L2", "6.3.8": "L3", "17.2.8": "L3", "3.3.4": "L2", "5.4.3": "L2"} {
		if want[id] != level {
			t.Errorf("%s has level %q", id, want[id])
		}
	}
	for _, id := range []string{"10.2.3", "3.3.5", "14.2.5", "18.1.1"} {
		if want[id] != "" {
			t.Errorf("%s is wanted", id)
		}
	}
}

// What is not a test that runs gives nothing: the scan is held by sources made for it.
func TestClaims(t *testing.T) {
	golang := `package p
import "testing"
// ASVS 1.1.1
func TestOne(t *testing.T) {
	// ASVS 1.1.2, 1.2.1
	t.Log()
}
// ASVS 2.1.1
func helper(t *testing.T) { t.Log() }
func TestSkipped(t *testing.T) {
	t.Skip("never")
	// ASVS 2.1.2
}
func Testlower(t *testing.T) { t.Log()
	// ASVS 2.1.3
}
func TestEmpty(t *testing.T) {
	// ASVS 2.2.1
}
func FuzzIt(f *testing.F) {
	// ASVS 3.2.1
	f.Add(1)
	// ASVS 3.2.x
}
`
	c, f := inGo("a/b_test.go", []byte(golang))
	if want := []claim{{"1.1.1", "a/TestOne"}, {"1.1.2", "a/TestOne"}, {"1.2.1", "a/TestOne"}, {"3.2.1", "a/FuzzIt"}}; !slices.Equal(c, want) {
		t.Errorf("Go: %v", c)
	}
	if len(f) != 5 {
		t.Errorf("Go: %d faults: %q", len(f), f)
	}
	script := "test('shows it', async () => {\n  // ASVS 1.1.1\n  ok();\n});\n// ASVS 1.1.2\ntest.skip('never', () => {\n  // ASVS 1.1.3\n});\ntest('short', () => ok());\n// ASVS 1.2.1\n"
	c, f = inTS("j/a.test.ts", []byte(script))
	if !slices.Equal(c, []claim{{"1.1.1", "j: shows it"}}) || len(f) != 3 {
		t.Errorf("TypeScript: %v, faults %q", c, f)
	}
	c, f = inShell("packaging/test-x", []byte("# ASVS 1.1.1\ncheck\n# ASVS 1.1.2\n# more\n"))
	if !slices.Equal(c, []claim{{"1.1.1", "packaging/test-x"}}) || len(f) != 1 {
		t.Errorf("shell: %v, faults %q", c, f)
	}
}

// Each fault of a table is seen.
func TestFaultsAreSeen(t *testing.T) {
	lines := []line{
		{"1.1.1", "L2", "t", tested, "", ""},
		{"1.1.2", "L2", "t", argued, "", "r"},
		{"1.2.1", "L1", "t", argued, "no/such/file", "r"},
		{"1.2.2", "L1", "t", planned, "", ""},
		{"1.2.3", "L2", "t", planned, "", "r"},
		{"1.2.4", "L1", "", planned, "", "r"},
		{"1.2.4", "L1", "t", "done", "", "r"},
		{"10.2.3", "L3", "t", planned, "", "r"},
		{"1.2.5", "L1", "t", planned, "", "r"},
	}
	got := strings.Join(problems(root, lines, []claim{{"1.2.5", "a/TestX"}, {"99.1.1", "a/TestY"}}), "\n")
	for _, want := range []string{
		"1.1.1 is tested and no test", "1.1.2 is argued without a file", "1.2.1 names no/such/file", "1.2.2 is planned without a reason",
		"1.2.3 has level L1 in the standard, not L2", "1.2.4 has no title", "1.2.4 stands twice", `1.2.4 has the status "done"`, "10.2.3 is not wanted",
		"1.2.5 is claimed by a/TestX and is planned", "99.1.1 is claimed by a/TestY", "17.3.2 has no line",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("not seen: %s", want)
		}
	}
	if s := "x"; fill([]line{{"1.1.1", "L2", "t", tested, "old", ""}}, []claim{{"1.1.1", s}, {"1.1.1", s}})[0].evidence != s {
		t.Error("the evidence is not made anew")
	}
}
