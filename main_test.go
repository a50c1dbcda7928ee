package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"huisclos": func() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestCommands runs one script per command.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"await": await, "attempt": attempt, "unpack": unpack, "nosecret": noSecret,
	}})
}

// await waits until a file is there: "await data/control.sock" until a server answers.
func await(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Lstat(ts.MkAbs(args[0])); err == nil {
			return
		}
	}
	ts.Fatalf("%s does not come", args[0])
}

// attempt runs a program whose exit code depends on the machine: "attempt huisclos check".
func attempt(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) == 0 {
		ts.Fatalf("usage: attempt PROGRAM [ARGUMENT …]")
	}
	_ = ts.Exec(args[0], args[1:]...) // what it says is looked at
}

// unpack opens a support bundle: "unpack FILE FOLDER"; FOLDER/all is everything that is in it.
func unpack(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) != 2 {
		ts.Fatalf("usage: unpack FILE FOLDER")
	}
	folder := ts.MkAbs(args[1])
	ts.Check(os.Mkdir(folder, 0o700))
	z, err := gzip.NewReader(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	var all strings.Builder
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		ts.Check(err)
		text, err := io.ReadAll(r)
		ts.Check(err)
		all.WriteString(h.Name + "\n")
		all.Write(text)
		ts.Check(os.WriteFile(filepath.Join(folder, filepath.Base(h.Name)), text, 0o600))
	}
	ts.Check(os.WriteFile(filepath.Join(folder, "all"), []byte(all.String()), 0o600))
}

// noSecret looks for what is in files, or in the files of folders, in another: "nosecret FILE SECRET…": any 16 characters of base64 or
// hexadecimal digits in a row of them are a secret.
func noSecret(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) < 2 {
		ts.Fatalf("usage: nosecret FILE SECRET …")
	}
	text, looked := ts.ReadFile(args[0]), 0
	for _, from := range args[1:] {
		ts.Check(filepath.WalkDir(ts.MkAbs(from), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.Contains(name, "cert") {
				return err
			}
			b, err := os.ReadFile(name)
			for _, run := range regexp.MustCompile(`[A-Za-z0-9+/_-]{24,}`).FindAllString(string(b), -1) {
				for i := 0; i+16 <= len(run); i += 8 {
					if looked++; strings.Contains(text, run[i:i+16]) {
						ts.Fatalf("a secret of %s stands in %s", name, args[0])
					}
				}
			}
			return err
		}))
	}
	if looked < 10 {
		ts.Fatalf("%d secrets looked for; the search is broken", looked)
	}
}
