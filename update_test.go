package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"huisclos/appliance/update"
)

// signUpdate makes an update, and the public key that checks it: "signupdate KEYS FILE VERSION DATABASE".
func signUpdate(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) != 4 {
		ts.Fatalf("usage: signupdate KEYS FILE VERSION DATABASE")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ts.Check(err)
	spki, err := x509.MarshalPKIXPublicKey(public)
	ts.Check(err)
	keys := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(keys, 0o755))
	ts.Check(os.WriteFile(keys+"/"+args[2]+".pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}), 0o644))
	number, err := strconv.Atoi(args[3])
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	defer f.Close()
	h := update.Header{Version: args[2], Architecture: runtime.GOARCH, Database: number, FromDatabase: 1, Made: time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC), French: "Corrections.\x1b[31m", English: "Fixes."}
	ts.Check(update.Write(f, h, strings.NewReader("a package"), private))
}
