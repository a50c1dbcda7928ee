// Command asvs keeps hardening/docs/asvs-5.0.csv, where each requirement of the OWASP ASVS 5.0 that the product wants has
// one line with its state. Everything but the evidence of tested lines is kept by hand; the evidence is collected from the
// comments of the tests themselves ("// ASVS 17.2.6" inside the test, "# ASVS 17.2.6" in a script of packaging/).
//
//	go run ./hardening/asvs
package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const table = "hardening/docs/asvs-5.0.csv"

var header = []string{"id", "level", "title", "status", "evidence", "reason"}

// The states of a line.
const (
	tested        = "tested"         // a test shows it
	argued        = "argued"         // no test, but the reason and the file named as evidence
	planned       = "planned"        // missing; the reason says what
	notApplicable = "not-applicable" // what it speaks of does not exist here
)

type line struct{ id, level, title, status, evidence, reason string }

func read(b []byte) ([]line, error) {
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || !slices.Equal(rows[0], header) {
		return nil, fmt.Errorf("the first line must be %s", strings.Join(header, ","))
	}
	var out []line
	for _, r := range rows[1:] {
		out = append(out, line{r[0], r[1], r[2], r[3], r[4], r[5]})
	}
	return out, nil
}

func write(lines []line) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(header) // into memory: nothing can fail
	for _, l := range lines {
		_ = w.Write([]string{l.id, l.level, l.title, l.status, l.evidence, l.reason})
	}
	w.Flush()
	return b.Bytes()
}

// A claim is what one comment says: this test shows that requirement. A fault is a comment that claims nothing properly.
type claim struct{ id, test string }

var (
	ids      = regexp.MustCompile(`^ASVS (\d+\.\d+\.\d+(?:, \d+\.\d+\.\d+)*)$`)
	opensTS  = regexp.MustCompile("^( *)(?:await )?(?:test|it)\\((['\"`])(.*?)['\"`],")
	skipsTS  = regexp.MustCompile(`\b(?:test|it)\.(?:skip|todo)\(|skip: true`)
	markedTS = regexp.MustCompile(`^\s*(?://|#) (ASVS .*)$`)
)

// scan collects the claims of every test file below root.
func scan(root string) (claims []claim, faults []string, err error) {
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			switch base := d.Name(); {
			case rel != "." && strings.HasPrefix(base, "."), base == "testdata", base == "node_modules", base == "dist", rel == "var", rel == "build", rel == "bin":
				return fs.SkipDir
			}
			return nil
		}
		var find func(string, []byte) ([]claim, []string)
		switch {
		case strings.HasSuffix(rel, "_test.go"):
			find = inGo
		case strings.HasSuffix(rel, ".test.ts"):
			find = inTS
		case strings.HasPrefix(rel, "packaging/test-"):
			find = inShell
		default:
			return nil
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		c, f := find(rel, b)
		claims, faults = append(claims, c...), append(faults, f...)
		return nil
	})
	return claims, faults, err
}

func split(file, test, text string) ([]claim, []string) {
	m := ids.FindStringSubmatch(text)
	if m == nil {
		return nil, []string{fmt.Sprintf("%s: %q is not like ASVS 1.2.3, 4.5.6", file, text)}
	}
	if test == "" {
		return nil, []string{fmt.Sprintf("%s: %q stands in no test that runs", file, text)}
	}
	var out []claim
	for id := range strings.SplitSeq(m[1], ", ") {
		out = append(out, claim{id, test})
	}
	return out, nil
}

// inGo: a comment counts inside, or in the comment above, a function that go test runs and that does not skip itself first.
func inGo(file string, b []byte) (claims []claim, faults []string) {
	tree, err := parser.ParseFile(token.NewFileSet(), file, b, parser.ParseComments)
	if err != nil {
		return nil, []string{err.Error()}
	}
	for _, group := range tree.Comments {
		for _, c := range group.List {
			text, ok := strings.CutPrefix(c.Text, "// ")
			if !ok || !strings.HasPrefix(text, "ASVS ") {
				continue
			}
			test := ""
			for _, d := range tree.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || !runs(f) {
					continue
				}
				from := f.Pos()
				if f.Doc != nil {
					from = f.Doc.Pos()
				}
				if from <= c.Pos() && c.Pos() < f.End() {
					test = strings.TrimPrefix(path.Dir(file)+"/", "./") + f.Name.Name
				}
			}
			cs, fs := split(file, test, text)
			claims, faults = append(claims, cs...), append(faults, fs...)
		}
	}
	return claims, faults
}

func runs(f *ast.FuncDecl) bool {
	rest, kind := "", ""
	for prefix, t := range map[string]string{"Test": "T", "Fuzz": "F"} {
		if r, ok := strings.CutPrefix(f.Name.Name, prefix); ok {
			rest, kind = r, t
		}
	}
	if first, _ := utf8.DecodeRuneInString(rest); kind == "" || unicode.IsLower(first) || f.Recv != nil || f.Body == nil || len(f.Body.List) == 0 || len(f.Type.Params.List) != 1 {
		return false
	}
	star, ok := f.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	if s, ok := star.X.(*ast.SelectorExpr); !ok || s.Sel.Name != kind {
		return false
	}
	if e, ok := f.Body.List[0].(*ast.ExprStmt); ok {
		if call, ok := e.X.(*ast.CallExpr); ok {
			if s, ok := call.Fun.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "Skip") {
				return false
			}
		}
	}
	return true
}

// inTS: a comment counts between the line that opens a call of test or it, and the line that closes it at the same depth.
func inTS(file string, b []byte) (claims []claim, faults []string) {
	title, indent, in := "", "", false
	for l := range strings.Lines(string(b)) {
		l = strings.TrimRight(l, "\n")
		switch m := opensTS.FindStringSubmatch(l); {
		case m != nil && !skipsTS.MatchString(l) && !strings.HasSuffix(l, ");"):
			title, indent, in = m[3], m[1], true
		case in && (strings.HasPrefix(l, indent+"}") || strings.HasPrefix(l, indent+")")):
			in = false
		}
		if m := markedTS.FindStringSubmatch(l); m != nil {
			test := ""
			if in {
				test = path.Dir(file) + ": " + title
			}
			cs, fs := split(file, test, m[1])
			claims, faults = append(claims, cs...), append(faults, fs...)
		}
	}
	return claims, faults
}

// inShell: a comment counts directly above a line of the script.
func inShell(file string, b []byte) (claims []claim, faults []string) {
	lines := strings.Split(string(b), "\n")
	for i, l := range lines {
		m := markedTS.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		test := ""
		if i+1 < len(lines) {
			if next := strings.TrimSpace(lines[i+1]); next != "" && !strings.HasPrefix(next, "#") {
				test = file
			}
		}
		cs, fs := split(file, test, m[1])
		claims, faults = append(claims, cs...), append(faults, fs...)
	}
	return claims, faults
}

// fill puts the names of the tests into the lines that are tested.
func fill(lines []line, claims []claim) []line {
	out := slices.Clone(lines)
	for i := range out {
		var names []string
		for _, c := range claims {
			if c.id == out[i].id {
				names = append(names, c.test)
			}
		}
		slices.Sort(names)
		if out[i].status == tested {
			out[i].evidence = strings.Join(slices.Compact(names), "; ")
		}
	}
	return out
}

// problems says what is wrong with the table itself and with what the tests claim.
func problems(root string, lines []line, claims []claim) (out []string) {
	bad := func(id, format string, args ...any) { out = append(out, id+" "+fmt.Sprintf(format, args...)) }
	byID, claimed := map[string]line{}, map[string]bool{}
	for _, c := range claims {
		claimed[c.id] = true
	}
	want := wanted()
	for _, l := range lines {
		if _, twice := byID[l.id]; twice {
			bad(l.id, "stands twice")
		}
		byID[l.id] = l
		if level, ok := want[l.id]; !ok {
			bad(l.id, "is not wanted")
		} else if l.level != level {
			bad(l.id, "has level %s in the standard, not %s", level, l.level)
		}
		if l.title == "" {
			bad(l.id, "has no title")
		}
		switch l.status {
		case tested:
			if !claimed[l.id] {
				bad(l.id, "is tested and no test says so")
			}
		case argued:
			if l.evidence == "" {
				bad(l.id, "is argued without a file")
			}
			for name := range strings.SplitSeq(l.evidence, "; ") {
				if _, err := os.Stat(filepath.Join(root, name)); err != nil {
					bad(l.id, "names %s, which is not there", name)
				}
			}
		case planned, notApplicable:
			if l.evidence != "" {
				bad(l.id, "is %s and has evidence", l.status)
			}
		default:
			bad(l.id, "has the status %q", l.status)
		}
		if l.status != tested && l.reason == "" {
			bad(l.id, "is %s without a reason", l.status)
		}
	}
	for id := range want {
		if _, ok := byID[id]; !ok {
			bad(id, "has no line")
		}
	}
	for _, c := range claims {
		if l, ok := byID[c.id]; !ok {
			bad(c.id, "is claimed by %s and has no line", c.test)
		} else if l.status != tested {
			bad(c.id, "is claimed by %s and is %s", c.test, l.status)
		}
	}
	slices.Sort(out)
	return out
}

func main() {
	b, err := os.ReadFile(table)
	if err != nil {
		fail(err)
	}
	lines, err := read(b)
	if err != nil {
		fail(err)
	}
	claims, faults, err := scan(".")
	if err != nil {
		fail(err)
	}
	lines = fill(lines, claims)
	if err := os.WriteFile(table, write(lines), 0o644); err != nil {
		fail(err)
	}
	faults = append(faults, problems(".", lines, claims)...)
	for _, f := range faults {
		fmt.Fprintln(os.Stderr, f)
	}
	count := map[string]int{}
	for _, l := range lines {
		count[l.status]++
	}
	fmt.Printf("%d requirements: %d tested, %d argued, %d planned, %d not applicable\n",
		len(lines), count[tested], count[argued], count[planned], count[notApplicable])
	if len(faults) > 0 {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "asvs:", err)
	os.Exit(1)
}
