package main

import (
	"encoding/json"
	"os"
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
		"await": await, "attempt": attempt, "logkey": logKey, "unpack": unpack, "nosecret": noSecret, "signupdate": signUpdate,
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

// logKey sets LOGKEY to the public key of a running appliance's audit log, as "audit verify --json" says it: "logkey data".
func logKey(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) != 1 {
		ts.Fatalf("usage: logkey DATA")
	}
	ts.Check(ts.Exec("huisclos", "audit", "verify", "--json", "--data", args[0]))
	var said struct{ Keys []string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &said))
	if len(said.Keys) != 1 {
		ts.Fatalf("%d keys", len(said.Keys))
	}
	ts.Setenv("LOGKEY", said.Keys[0])
}
