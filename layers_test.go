package main

import (
	"encoding/json"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A rule is what one package may import besides the standard library. own: packages of this module, exactly, or a tree
// ("media/..."). outside: modules or trees of them. Tests of a package may import more: see testFloors.
type rule struct {
	floor   int
	own     []string
	outside []string
	tests   []string // modules that only test files may import
}

// layers is the house: a package imports downward or within its own tree. A package without a line here fails the test.
// Each heavy dependency stands in the line of its one owner; docs/dependencies.md gives the reason.
var layers = map[string]rule{
	"": {floor: 5, own: []string{"appliance", "appliance/command", "appliance/control", "appliance/operator", "appliance/sizing", "client/command"}, tests: []string{"github.com/rogpeppe/go-internal"}},

	"appliance": {floor: 4, own: []string{"accounts", "accounts/devices", "accounts/ldap", "accounts/oidc", "accounts/passkey", "appliance/...", "admin-ui", "audit", "client/...", "crypto/keylog", "crypto/mls", "crypto/passhash", "crypto/statement", "hardening", "hardening/bill", "media/...", "meeting-ui",
		"meetings/...", "store"}, tests: []string{"github.com/coder/websocket", "github.com/pion/webrtc/v4"}},
	"appliance/auditor":        {floor: 4, own: []string{"accounts/devices", "appliance/control", "audit", "crypto/keylog", "store"}},
	"appliance/certs":          {floor: 4, outside: []string{"software.sslmate.com/src/go-pkcs12"}},
	"appliance/appearance":     {floor: 4, own: []string{"audit", "store"}},
	"appliance/progress":       {floor: 4, own: []string{"store"}},
	"appliance/choices":        {floor: 4, own: []string{"appliance/config", "audit", "store"}},
	"appliance/command":        {floor: 4},
	"appliance/config":         {floor: 4, outside: []string{"github.com/pelletier/go-toml/v2"}},
	"appliance/console":        {floor: 4, own: []string{"appliance/control"}, outside: []string{"golang.org/x/sys"}},
	"appliance/control":        {floor: 4, own: []string{"appliance/config", "appliance/reach", "hardening"}},
	"appliance/metrics":        {floor: 4, own: []string{"audit", "store"}},
	"appliance/metrics/series": {floor: 4, own: []string{"store"}},
	"appliance/metrics/usage":  {floor: 4, own: []string{"store"}},

	"appliance/forwarding": {floor: 4, own: []string{"audit", "store"}},
	"appliance/logs":       {floor: 4},
	"appliance/outbox":     {floor: 4, own: []string{"audit", "store"}},
	"appliance/posture":    {floor: 4, own: []string{"hardening"}},
	"appliance/outward":    {floor: 4},
	"appliance/reach":      {floor: 4, own: []string{"hardening", "media/transport"}}, // of transport: which candidates browsers refuse
	"appliance/web": {floor: 4, own: []string{"accounts", "accounts/devices", "accounts/ldap", "accounts/oidc", "accounts/passkey", "accounts/scim", "appliance/appearance", "appliance/certs/...", "appliance/choices", "appliance/config", "appliance/logs", "appliance/metrics/...", "appliance/posture", "appliance/progress", "appliance/update", "appliance/webhook", "audit", "hardening", "meetings/...", "store"},
		outside: []string{"github.com/boombuler/barcode", "github.com/labstack/echo/v4"}, tests: []string{"github.com/coder/websocket", "github.com/santhosh-tekuri/jsonschema/v6"}},
	"appliance/webhook": {floor: 4, own: []string{"audit", "store"}},

	"appliance/backup":                 {floor: 4, outside: []string{"filippo.io/age", "golang.org/x/crypto", "golang.org/x/sys"}}, // of x/crypto: the form of OpenSSH's keys
	"appliance/backup/s3":              {floor: 4, own: []string{"appliance/backup"}, tests: []string{"github.com/aws/aws-sdk-go-v2"}},
	"appliance/backup/sftp/sftptest":   {floor: 4, outside: []string{"golang.org/x/crypto"}},
	"appliance/backup/sftp":            {floor: 4, own: []string{"appliance/backup"}, outside: []string{"github.com/pkg/sftp", "golang.org/x/crypto"}},
	"appliance/certs/order/pebbletest": {floor: 4, own: []string{"crypto/certtest"}},
	"appliance/certs/order":            {floor: 4, own: []string{"appliance/certs"}, outside: []string{"golang.org/x/crypto"}},

	"client": {floor: 4, own: []string{"client/...", "crypto/e2ee/session", "crypto/keylog", "crypto/mls", "crypto/sframe", "crypto/statement", "meetings/..."},
		outside: []string{"github.com/pion/ice/v4", "github.com/pion/interceptor", "github.com/pion/logging", "github.com/pion/rtcp", "github.com/pion/rtp",
			"github.com/pion/sdp/v3", "github.com/pion/webrtc/v4"}},
	"client/command": {floor: 4, own: []string{"client", "client/ivf", "client/ogg", "client/tape", "hardening"}},
	"client/frames":  {floor: 4, own: []string{"crypto/sframe"}},
	"client/group":   {floor: 4, own: []string{"crypto/e2ee/session", "crypto/keylog", "crypto/mls", "crypto/statement", "meetings"}},
	"client/ivf":     {floor: 4},
	"client/tape":    {floor: 4, own: []string{"client", "client/ivf", "client/ogg", "crypto/sframe"}},
	"client/wire":    {floor: 4, own: []string{"meetings", "meetings/signalling"}, outside: []string{"github.com/coder/websocket"}},
	"client/ogg":     {floor: 4},

	"appliance/factory":        {floor: 4, own: []string{"appliance/control", "audit", "meetings", "store"}},
	"appliance/operator":       {floor: 4, own: []string{"accounts", "appliance/command", "appliance/config", "appliance/control", "audit", "crypto/mls", "meetings"}},
	"appliance/sizing":         {floor: 4, own: []string{"appliance/command", "appliance/control", "crypto/passhash", "media/srtp"}},
	"appliance/update":         {floor: 4},
	"appliance/update/install": {floor: 4, own: []string{"appliance/update"}},

	"appliance/support": {floor: 4, own: []string{"appliance/config", "appliance/control", "hardening"}},

	"meetings": {floor: 3, own: []string{"accounts", "audit", "crypto/mls", "crypto/statement", "meetings/...", "store"}},
	"meetings/signalling": {floor: 3, own: []string{"accounts", "crypto/mls", "meetings"},
		outside: []string{"github.com/coder/websocket"}},

	"meetings/invite": {floor: 3, tests: []string{"github.com/emersion/go-ical", "github.com/teambition/rrule-go"}},

	"accounts/ldap": {floor: 2, own: []string{"accounts", "audit"}, outside: []string{"github.com/go-asn1-ber/asn1-ber", "github.com/go-ldap/ldap/v3"}},
	"accounts/scim": {floor: 2, own: []string{"accounts"}, tests: []string{"github.com/scim2/filter-parser/v2"}},
	"accounts/oidc": {floor: 2, own: []string{"accounts"}, outside: []string{"github.com/coreos/go-oidc/v3", "github.com/go-jose/go-jose/v4", "golang.org/x/oauth2"}},
	"accounts":      {floor: 2, own: []string{"audit", "crypto/passhash", "store"}, outside: []string{"github.com/pquerna/otp", "golang.org/x/text"}},

	"accounts/devices": {floor: 2, own: []string{"accounts", "audit", "crypto/keylog", "crypto/mls", "crypto/statement", "store"}},

	"accounts/passkey":             {floor: 2, outside: []string{"github.com/go-webauthn/webauthn"}},
	"accounts/passkey/passkeytest": {floor: 2},

	"audit":           {floor: 1, own: []string{"crypto/keylog", "store"}},
	"media":           {floor: 1, own: []string{"media/forward", "media/gate", "media/pace", "media/pace/line"}},
	"media/forward":   {floor: 1, own: []string{"media", "media/gate", "media/pace", "media/slab"}},
	"media/gate":      {floor: 1, own: []string{"crypto/sframe"}},
	"media/pace":      {floor: 1},
	"media/pace/line": {floor: 1, own: []string{"media/pace"}, tests: []string{"github.com/pion/interceptor", "github.com/pion/rtcp"}},
	"media/relay": {floor: 1, outside: []string{"github.com/pion/logging", "github.com/pion/stun/v4", "github.com/pion/turn/v5"},
		tests: []string{"github.com/pion/..."}},
	"media/slab": {floor: 1, outside: []string{"golang.org/x/sys"}},
	"media/srtp": {floor: 1, tests: []string{"github.com/pion/..."}},
	"media/transport": {floor: 1, own: []string{"media", "media/forward", "media/gate", "media/pace", "media/pace/line", "media/srtp", "media/transport/batch"},
		outside: []string{"github.com/pion/dtls/v3", "github.com/pion/logging", "github.com/pion/rtcp", "github.com/pion/transport/v5"},
		tests:   []string{"github.com/pion/...", "golang.org/x/sys"}},
	"media/transport/batch": {floor: 1, outside: []string{"golang.org/x/sys"}},

	"admin-ui":            {floor: 0},
	"crypto/e2ee/session": {floor: 0, own: []string{"crypto/keylog", "crypto/mls", "crypto/statement"}},
	"crypto/e2ee/wasm":    {floor: 0, own: []string{"crypto/e2ee/session", "crypto/keylog", "crypto/mls", "crypto/statement"}},
	"crypto/statement":    {floor: 0, own: []string{"crypto/keylog", "crypto/mls"}},

	"crypto/statement/statementtest": {floor: 0, own: []string{"crypto/keylog", "crypto/mls", "crypto/statement"}},
	"crypto/certtest":                {floor: 0},
	"crypto/keylog":                  {floor: 0, outside: []string{"golang.org/x/mod"}},
	"crypto/mls":                     {floor: 0, outside: []string{"golang.org/x/crypto"}},
	"crypto/passhash":                {floor: 0, outside: []string{"golang.org/x/crypto"}},
	"crypto/sframe":                  {floor: 0},
	"hardening":                      {floor: 0, outside: []string{"github.com/landlock-lsm/go-landlock", "golang.org/x/sys"}},
	"hardening/bill":                 {floor: 0},
	"meeting-ui":                     {floor: 0},
	"store":                          {floor: 0, outside: []string{"go.etcd.io/bbolt"}},
}

// programs are main packages beside the product (generators of vectors and papers, benchmarks): they ship nowhere, so only the
// bans of every package hold for them. One ships: packaging/updater is root's part of an update, a program of its own that may start others.
var programs = []string{"bench/", "hardening/asvs", "hardening/audits/", "hardening/papers", "hardening/sbom", "hardening/static", "packaging/bundle", "packaging/image/hostile", "packaging/updater", "crypto/testdata/", "crypto/e2ee/interop", "journeys/"}

// unsafeFiles are the batch I/O files of media/transport, the one place where unsafe is allowed; of media/transport/batch it is one.
var unsafeFiles = regexp.MustCompile(`^media/transport/((batch|mmsg|gso)[a-z0-9_]*|batch/mmsg)\.go$`)

type source struct {
	pkg, file string
	test      bool
	tree      *ast.File
	imports   []string
}

// sources parses every Go file of the module, whatever its build tags: what is not compiled today is held as well.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch base := d.Name(); {
			case name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")), base == "testdata", base == "node_modules",
				base == "dist", name == "var", name == "build", name == "bin":
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		name = filepath.ToSlash(name)
		tree, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		s := source{pkg: strings.TrimPrefix(path.Dir(name), "."), file: name, tree: tree}
		s.test = strings.HasSuffix(name, "_test.go") || forTests(s.pkg)
		for _, i := range tree.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, p)
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("%d Go files found; the walk is broken", len(out))
	}
	return out
}

func isProgram(pkg string) bool {
	return slices.ContainsFunc(programs, func(p string) bool { return strings.HasPrefix(pkg+"/", p) || strings.HasPrefix(pkg, p) })
}

// forTests reports whether a package is what tests of several packages share: its name ends in "test", and nothing but tests imports it.
// It may start programs, as tests may.
func forTests(pkg string) bool { return strings.HasSuffix(pkg, "test") }

func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".") && first != "huisclos"
}

// allowed reports whether name stands in list: as itself, below it, or, for "tree/...", anywhere in the tree.
func allowed(name string, list []string, below bool) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		if tree, ok := strings.CutSuffix(entry, "/..."); ok {
			return name == tree || strings.HasPrefix(name, tree+"/")
		}
		return name == entry || below && strings.HasPrefix(name, entry+"/")
	})
}

func TestLayers(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if isProgram(s.pkg) {
			continue
		}
		seen[s.pkg] = true
		r, ok := layers[s.pkg]
		if !ok {
			t.Errorf("%s: package %q has no line in the layer table", s.file, s.pkg)
			continue
		}
		for _, imported := range s.imports {
			if isStandard(imported) {
				continue
			}
			if own, ok := strings.CutPrefix(imported, "huisclos/"); ok {
				switch {
				case forTests(own) && !s.test:
					t.Errorf("%s: %q is for tests", s.file, own)
				case own == s.pkg: // an external test package imports what it tests
				case allowed(own, r.own, false):
				case s.test && layers[own].floor <= r.floor && known(own): // tests may set up what lies beside and below
				default:
					t.Errorf("%s: %q may not import %q", s.file, s.pkg, own)
				}
				continue
			}
			if allowed(imported, r.outside, true) || s.test && allowed(imported, r.tests, true) {
				continue
			}
			t.Errorf("%s: %q does not own %q", s.file, s.pkg, imported)
		}
	}
	for pkg := range layers {
		if !seen[pkg] {
			t.Errorf("the layer table has a line for %q, which does not exist", pkg)
		}
	}
}

func known(pkg string) bool { _, ok := layers[pkg]; return ok }

// TestFloors holds the table itself: no line allows an import from a higher floor.
func TestFloors(t *testing.T) {
	for pkg, r := range layers {
		for _, own := range r.own {
			tree, isTree := strings.CutSuffix(own, "/...")
			found := false
			for other, o := range layers {
				if other == own || isTree && (other == tree || strings.HasPrefix(other, tree+"/")) {
					found = true
					if o.floor > r.floor {
						t.Errorf("%q (floor %d) is allowed %q (floor %d)", pkg, r.floor, other, o.floor)
					}
				}
			}
			if !found {
				t.Errorf("%q is allowed %q, which has no line", pkg, own)
			}
		}
	}
}

// TestBans: the server starts no program, links no C and has no unsafe code outside the batch I/O files (CVE classes of
// the security reference: command injection, memory disclosure).
func TestBans(t *testing.T) {
	// ASVS 1.2.5, 1.4.1, 7.2.3, 11.5.1
	banned := map[string]string{
		"C": "cgo", "plugin": "loads code", "os/exec": "starts programs", "net/http/pprof": "registers a handler by itself",
		"expvar": "registers a handler by itself", "net/http/cgi": "starts programs", "html/template": "pages are files, not templates",
	}
	calls := map[string][]string{
		"os":                    {"StartProcess"},
		"syscall":               {"StartProcess", "ForkExec", "Exec", "Syscall", "Syscall6", "Syscall9", "RawSyscall", "RawSyscall6", "PtraceAttach"},
		"golang.org/x/sys/unix": {"Exec", "Syscall", "Syscall6", "RawSyscall", "RawSyscall6", "SyscallNoError", "RawSyscallNoError", "PtraceAttach"},
		"runtime/debug":         {"WriteHeapDump"},
	}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, imported := range s.imports {
			if why, ok := banned[imported]; ok && !(isProgram(s.pkg) && imported == "os/exec") {
				t.Errorf("%s imports %q: it %s", s.file, imported, why)
			}
			if imported == "unsafe" && !unsafeFiles.MatchString(s.file) {
				t.Errorf("%s imports unsafe", s.file)
			}
			if strings.HasPrefix(imported, "math/rand") && !isProgram(s.pkg) && !strings.HasPrefix(s.pkg, "media") {
				t.Errorf("%s imports %q where secrets are made", s.file, imported)
			}
		}
		if isProgram(s.pkg) {
			continue
		}
		// A name given at the import, or none at all, hides no call.
		named := map[string]string{}
		for i, imported := range s.imports {
			name := path.Base(imported)
			if given := s.tree.Imports[i].Name; given != nil {
				name = given.Name
			}
			if name == "." {
				t.Errorf("%s imports the names of %q as its own", s.file, imported)
			}
			named[name] = imported
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && slices.Contains(calls[named[x.Name]], n.Sel.Name) && !unsafeFiles.MatchString(s.file) {
					t.Errorf("%s uses %s.%s", s.file, named[x.Name], n.Sel.Name)
				}
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil {
					t.Errorf("%s has an init function: appliance composes with constructors", s.file)
				}
			}
			return true
		})
		for _, group := range s.tree.Comments {
			for _, c := range group.List {
				if strings.HasPrefix(c.Text, "//go:linkname") || strings.HasPrefix(c.Text, "//go:cgo_") {
					t.Errorf("%s: %s", s.file, c.Text)
				}
			}
		}
	}
}

// TestPackageComments: each package says what it decides.
func TestPackageComments(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		if !strings.HasSuffix(s.file, "_test.go") && !isProgram(s.pkg) {
			said[s.pkg] = said[s.pkg] || s.tree.Doc != nil && len(s.tree.Doc.Text()) > 40
		}
	}
	for pkg, ok := range said {
		if !ok {
			t.Errorf("package %q has no package comment that says what it decides", pkg)
		}
	}
}

// TestDependenciesAreExplained: what is imported, and what npm installs by name, has a line with owner and reason.
func TestDependenciesAreExplained(t *testing.T) {
	// ASVS 15.1.2
	text, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	modules, tools := goMod(t, "go.mod"), goMod(t, ".ci/tools/go.mod")
	explained := func(name, version string) {
		t.Helper()
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "| `"+name+"` | ") {
				if version != "" && !strings.Contains(line, "| "+version+" |") {
					t.Errorf("docs/dependencies.md gives another version of %s than %s", name, version)
				}
				return
			}
		}
		t.Errorf("docs/dependencies.md has no line for %s", name)
	}
	used := map[string]bool{}
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			if isStandard(imported) || strings.HasPrefix(imported, "huisclos/") {
				continue
			}
			best := ""
			for m := range modules {
				if (imported == m || strings.HasPrefix(imported, m+"/")) && len(m) > len(best) {
					best = m
				}
			}
			if best == "" {
				t.Errorf("%s imports %q, which go.mod does not have", s.file, imported)
			}
			used[best] = true
		}
	}
	for m, mod := range modules {
		if used[m] || !mod.indirect {
			explained(m, mod.version)
		}
	}
	for _, line := range regexp.MustCompile("(?m)^\\| `([a-z0-9.]+\\.[a-z]+/[^`]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		_, ours := modules[line[1]]
		if _, tool := tools[line[1]]; !ours && !tool {
			t.Errorf("docs/dependencies.md has a line for %s, which go.mod does not have", line[1])
		}
	}
	for _, m := range []string{"honnef.co/go/tools", "golang.org/x/vuln"} {
		if _, ok := modules[m]; ok {
			t.Errorf("%s is in the product's go.mod", m)
		}
		explained(m, tools[m].version)
	}

	manifests, err := filepath.Glob("*/package.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(manifests, "package.json", "crypto/e2ee/package.json") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var p struct{ Dependencies, DevDependencies map[string]string }
		if err := json.Unmarshal(data, &p); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, list := range []map[string]string{p.Dependencies, p.DevDependencies} {
			for name := range list {
				if !strings.HasPrefix(name, "@huisclos/") {
					explained(name, "")
				}
			}
		}
	}
}

type module struct {
	version  string
	indirect bool
}

func goMod(t *testing.T, file string) map[string]module {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]module{}
	for _, m := range regexp.MustCompile(`(?m)^(?:require )?\s*([a-z0-9.]+\.[a-z]+/\S+) (v\S+)( // indirect)?$`).FindAllStringSubmatch(string(data), -1) {
		out[m[1]] = module{m[2], m[3] != ""}
	}
	if len(out) < 5 {
		t.Fatalf("%s: %d modules read", file, len(out))
	}
	if regexp.MustCompile(`(?m)^\s*replace\b`).Match(data) {
		t.Errorf("%s replaces a module", file)
	}
	return out
}

// TestTransportVersions: the older majors of pion have published advisories without a fix (CVE-2026-26014, CVE-2026-54908,
// CVE-2026-54909), so none of them may be in the graph.
func TestTransportVersions(t *testing.T) {
	modules := goMod(t, "go.mod")
	if _, ok := modules["github.com/pion/dtls/v3"]; !ok {
		t.Error("github.com/pion/dtls/v3 is not in go.mod")
	}
	for name, least := range map[string][3]int{"github.com/pion/dtls/v3": {3, 1, 4}, "github.com/pion/stun/v3": {3, 1, 5}} {
		m, ok := modules[name]
		if !ok {
			continue // not in the graph at all, or a newer major in its place
		}
		var v [3]int
		for i, part := range strings.SplitN(strings.TrimPrefix(m.version, "v"), ".", 3) {
			n, err := strconv.Atoi(part)
			if err != nil {
				t.Fatalf("%s: version %s", name, m.version)
			}
			v[i] = n
		}
		if slices.Compare(v[:], least[:]) < 0 {
			t.Errorf("%s %s is older than %v", name, m.version, least)
		}
	}
	old := regexp.MustCompile(`^github\.com/pion/(webrtc(/v[23])?|dtls(/v2)?|stun(/v2)?|srtp(/v2)?|ice(/v[23])?)$`)
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sum)) {
		name, _, _ := strings.Cut(line, " ")
		if old.MatchString(name) {
			t.Errorf("go.sum holds %s", name)
		}
	}
}

// TestNoCgo: the toolchain sees no file that needs C for the platform that ships.
func TestNoCgo(t *testing.T) {
	for pkg := range layers {
		p, err := build.ImportDir("./"+pkg, 0)
		if err != nil {
			if _, none := err.(*build.NoGoError); none || pkg == "crypto/e2ee/wasm" {
				continue
			}
			t.Errorf("%s: %v", pkg, err)
			continue
		}
		if len(p.CgoFiles)+len(p.CFiles)+len(p.SFiles) > 0 {
			t.Errorf("%s: C or assembly files %v %v %v", pkg, p.CgoFiles, p.CFiles, p.SFiles)
		}
	}
}
