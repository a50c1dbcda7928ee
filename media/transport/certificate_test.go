package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// The key of the DTLS certificate is made anew, lives in the process alone and ends: nothing here can read or write a file.
func TestDTLSKeyIsOfTheProcess(t *testing.T) {
	// ASVS 17.2.1
	now := time.Now()
	one, first, err := newCertificate(now)
	if err != nil {
		t.Fatal(err)
	}
	two, second, err := newCertificate(now)
	if err != nil {
		t.Fatal(err)
	}
	key, ok := one.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		t.Fatalf("the key is a %T", one.PrivateKey)
	}
	if first == second || key.Equal(two.PrivateKey) {
		t.Error("two certificates have one key")
	}
	read := 0
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") || e.Name() == "hook_testhook.go" { // the hook is not in the product
			continue
		}
		read++
		tree, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range tree.Imports {
			if slices.Contains([]string{`"os"`, `"io/ioutil"`, `"io/fs"`, `"encoding/pem"`}, i.Path.Value) {
				t.Errorf("%s imports %s", e.Name(), i.Path.Value)
			}
		}
	}
	if read < 10 {
		t.Fatalf("%d files were read", read)
	}
}
