package control

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"huisclos/appliance/reach"
)

func checkNetwork(a []string, o, e io.Writer) int {
	return CheckNetwork(context.Background(), a, o, e)
}

func TestCheckNetworkCommand(t *testing.T) {
	data := t.TempDir()
	f := &fake{port: closedPort(t)}
	f.serve(t, filepath.Join(data, "control.sock"))
	code, out, errs := command(checkNetwork, "--data", data)
	if code != 1 || errs != "" || !strings.Contains(out, "rien n'écoute en TCP sur 127.0.0.1:") || !strings.Contains(out, "huisclos.socket") || !strings.Contains(out, "Something keeps clients out") {
		t.Errorf("nothing listens: %d\n%s%s", code, out, errs)
	}
	code, out, _ = command(checkNetwork, "--data", data, "--json")
	var said struct {
		OK       bool
		Findings []reach.Finding
	}
	must(t, json.Unmarshal([]byte(out), &said))
	if code != 1 || said.OK || len(said.Findings) != 2 || said.Findings[0].Name != "socket-missing" || said.Findings[0].At != "127.0.0.1" || strings.Contains(out, "assword") {
		t.Errorf("as JSON: %d %s", code, out)
	}
	if code, _, errs := command(checkNetwork, "--data", t.TempDir()); code != 1 || !strings.Contains(errs, "no appliance answers") {
		t.Errorf("no appliance: %d %s", code, errs)
	}
	if code, _, errs := command(checkNetwork, "more"); code != 2 || !strings.Contains(errs, "huisclos check network --help") {
		t.Errorf("usage: %d %s", code, errs)
	}
}
