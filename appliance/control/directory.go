package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"huisclos/hardening"
)

// CheckDirectory has the running appliance ask the organisation's directory, and prints what is in order and what is not. It changes
// nothing. Exit codes: 0 all is in order, 1 something is not, 2 the command line or the settings were not understood.
func CheckDirectory(_ context.Context, args []string, stdout, stderr io.Writer) int {
	return checkOne("check directory", actDirectory, args, stdout, stderr)
}

// CheckProvider is CheckDirectory of the provider of sign-in.
func CheckProvider(_ context.Context, args []string, stdout, stderr io.Writer) int {
	return checkOne("check oidc", actProvider, args, stdout, stderr)
}

// checkOne has the running appliance look at one thing, and prints the report.
func checkOne(name, act string, args []string, stdout, stderr io.Writer) int {
	p, err := locate(name, args, packaged)
	if err == nil {
		err = p.err
	}
	if err != nil {
		explain(stderr, name, p, err)
		return 2
	}
	a, err := ask(p.ControlPath(), act)
	if err == nil && len(a.Report) == 0 {
		err = errors.New("control: the answer says nothing")
	}
	if err != nil {
		explain(stderr, name, p, err)
		return 1
	}
	ok := inOrder(a.Report)
	if p.json {
		_ = json.NewEncoder(stdout).Encode(struct {
			OK    bool             `json:"ok"`
			Lines hardening.Report `json:"lines"`
		}{ok, a.Report})
	} else {
		show(stdout, a.Report)
	}
	if !ok {
		return 1
	}
	return 0
}
