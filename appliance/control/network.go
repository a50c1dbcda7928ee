package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"huisclos/appliance/reach"
	"huisclos/hardening"
)

// CheckNetwork prints whether clients can come, and what keeps them out. Exit codes: 0 nothing that was seen keeps clients out,
// 1 something does, or the appliance does not answer, 2 the command line or the settings were not understood.
func CheckNetwork(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	const name = "check network"
	p, err := locate(name, args, packaged)
	if err == nil {
		err = p.err
	}
	if err != nil {
		explain(stderr, name, p, err)
		return 2
	}
	a, err := ask(p.ControlPath(), actNetwork)
	if err == nil && a.Network == nil {
		err = errors.New("control: the answer says nothing of the network")
	}
	if err != nil {
		explain(stderr, name, p, err)
		return 1
	}
	findings := reach.Judge(reach.Look(ctx, *a.Network, "/proc"))
	out := reach.KeepsOut(findings)
	if p.json {
		_ = json.NewEncoder(stdout).Encode(struct {
			OK       bool            `json:"ok"`
			Findings []reach.Finding `json:"findings"`
		}{!out, findings})
	} else {
		showNetwork(stdout, findings, out)
	}
	if out {
		return 1
	}
	return 0
}

func showNetwork(w io.Writer, findings []reach.Finding, out bool) {
	for _, f := range findings {
		fmt.Fprintf(w, "%-16s  %s\n%-16s  %s\n", mark(f.Line), f.Detail.FR, "", f.Detail.EN)
		if f.State != hardening.OK {
			for _, t := range []hardening.Text{f.Why, f.Do} {
				fmt.Fprintf(w, "%-18s→ %s\n%-18s  %s\n", "", t.FR, "", t.EN)
			}
		}
	}
	if out {
		fmt.Fprint(w, "\nQuelque chose tient des clients dehors. / Something keeps clients out.\n")
		return
	}
	fmt.Fprint(w, "\nRien de ce qui se voit d'ici ne tient les clients dehors. / Nothing that is seen from here keeps clients out.\n")
}
