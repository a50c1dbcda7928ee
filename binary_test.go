package main

import (
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unsafePackages are the packages of others in the program that use unsafe, each looked at: a new one is looked at first.
var unsafePackages = []string{
	"github.com/landlock-lsm/go-landlock/landlock/syscall",     // arguments of system calls
	"github.com/philhofer/fwd", "github.com/tinylib/msgp/msgp", // text without a copy, for MessagePack forms of go-webauthn's sessions, which are not used
	"github.com/pion/rtcp",                                                                       // fields of its own packets, by reflection
	"github.com/pion/srtp/v3",                                                                    // whether buffers overlap
	"github.com/valyala/fasttemplate",                                                            // text without a copy; its templates are echo's logger's, which is not used
	"go.etcd.io/bbolt", "go.etcd.io/bbolt/internal/common", "go.etcd.io/bbolt/internal/freelist", // pages of the mapped file
	"golang.org/x/crypto/internal/alias",                                                 // whether buffers overlap
	"golang.org/x/net/internal/socket", "golang.org/x/net/ipv4", "golang.org/x/net/ipv6", // options of sockets, for pion's multicast DNS, which the native participant has off
	"golang.org/x/sys/cpu", "golang.org/x/sys/unix", // auxiliary vector, arguments of system calls
}

// release is how the program that ships is built, whatever the environment of the test.
func release(t *testing.T, architecture string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture, "GOFLAGS=-buildvcs=false")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out
}

// TestProgramDependencies: nothing that starts programs, loads code, needs C or listens by itself is in the program, not
// even through somebody else's package.
func TestProgramDependencies(t *testing.T) {
	// ASVS 1.2.5, 1.3.7, 1.4.1, 13.4.2, 15.2.3
	banned := []string{"os/exec", "plugin", "runtime/cgo", "C", "expvar", "net/http/pprof", "net/http/cgi", "net/rpc", "html/template", "testing",
		"kernel.org/pub/linux/libs/security/libcap/cap"}
	for _, architecture := range []string{"amd64", "arm64"} {
		list := json.NewDecoder(strings.NewReader(string(release(t, architecture, "list", "-deps", "-json=ImportPath,Imports,Standard,CgoFiles", "."))))
		var seen []string
		for {
			var p struct {
				ImportPath        string
				Imports, CgoFiles []string
				Standard          bool
			}
			if err := list.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, p.ImportPath)
			if slices.Contains(banned, p.ImportPath) {
				t.Errorf("%s: the program has %s", architecture, p.ImportPath)
			}
			if len(p.CgoFiles) > 0 {
				t.Errorf("%s: %s needs C: %v", architecture, p.ImportPath, p.CgoFiles)
			}
			if !p.Standard && slices.Contains(p.Imports, "unsafe") && !slices.Contains(unsafePackages, p.ImportPath) && !strings.HasPrefix(p.ImportPath, "huisclos/") {
				t.Errorf("%s: %s uses unsafe and was not looked at", architecture, p.ImportPath)
			}
		}
		if !slices.Contains(seen, "huisclos/hardening") || len(seen) < 100 {
			t.Fatalf("%s: %d packages; the list is broken", architecture, len(seen))
		}
	}
}

// TestProgramSymbols: the linker has left out every function of the standard library that starts a program, and nothing is
// loaded beside it. (Raw system calls are in every Go program: against those stand Landlock and the unit's filter.)
func TestProgramSymbols(t *testing.T) {
	// ASVS 1.2.5, 13.4.2, 15.2.3
	if testing.Short() {
		t.Skip("builds the program")
	}
	file := filepath.Join(t.TempDir(), "huisclos")
	release(t, "amd64", "build", "-trimpath", "-o", file, ".")
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for key, want := range map[string]string{"CGO_ENABLED": "0", "-trimpath": "true", "-buildmode": "exe", "-compiler": "gc"} {
		if settings[key] != want {
			t.Errorf("built with %s=%q, want %q", key, settings[key], want)
		}
	}
	if settings["-tags"] != "" {
		t.Errorf("built with the tags %q", settings["-tags"])
	}
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("it loads %v, %v", libraries, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it has a loader")
		}
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_W != 0 && p.Flags&elf.PF_X != 0 {
			t.Error("a part of it is writable and executable")
		}
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	functions := 0
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) != elf.STT_FUNC {
			continue
		}
		functions++
		for _, prefix := range []string{"os/exec.", "plugin.", "x_cgo_", "_cgo_", "os.StartProcess", "os.startProcess", "syscall.StartProcess", "syscall.forkExec",
			"syscall.ForkExec", "syscall.forkAndExecInChild", "syscall.Exec", "syscall.PtraceAttach", "golang.org/x/sys/unix.Exec",
			"golang.org/x/sys/unix.Ptrace", "net/http/pprof."} {
			if strings.HasPrefix(s.Name, prefix) {
				t.Errorf("the program has %s", s.Name)
			}
		}
	}
	if functions < 5000 {
		t.Fatalf("%d functions; the symbols are broken", functions)
	}
}
