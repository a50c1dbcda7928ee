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

	"github.com/rogpeppe/go-internal/testscript"
)

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
