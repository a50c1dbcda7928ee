package control

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"huisclos/hardening"
)

// Check prints what is in order and what is not: the running appliance's own self-check, and what can be seen from
// outside. Exit codes: 0 all is in order, 1 something is not, 2 the command line was not understood. Advice about the
// machine changes nothing in it.
func Check(look Look) func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
		return printCheck(ctx, look, args, stdout, stderr)
	}
}

func printCheck(ctx context.Context, look Look, args []string, stdout, stderr io.Writer) int {
	p, err := locate("check", args, packaged)
	if err != nil {
		explain(stderr, "check", p, err)
		return 2
	}
	report := doctor{place: p, look: look, now: time.Now(), proc: "/proc"}.examine(ctx)
	ok := inOrder(report)
	if p.json {
		_ = json.NewEncoder(stdout).Encode(struct {
			OK    bool             `json:"ok"`
			Lines hardening.Report `json:"lines"`
		}{ok, report})
	} else {
		show(stdout, report)
	}
	if !ok {
		return 1
	}
	return 0
}

func inOrder(r hardening.Report) bool {
	for _, l := range r {
		if l.State == hardening.Missing && !l.Advice {
			return false
		}
	}
	return true
}

func show(w io.Writer, r hardening.Report) {
	counts := map[hardening.State]int{}
	for _, l := range r {
		counts[l.State]++
		fmt.Fprintf(w, "%-16s  %-34s %s\n%-52s %s\n", mark(l), l.Name, l.Detail.FR, "", l.Detail.EN)
		if l.State == hardening.Missing {
			for _, t := range []hardening.Text{l.Why, l.Do} {
				fmt.Fprintf(w, "%-18s→ %s\n%-18s  %s\n", "", t.FR, "", t.EN)
			}
		}
	}
	fmt.Fprintf(w, "\n%d en ordre, %d à corriger, %d non lisibles. / %d in order, %d to mend, %d not readable.\n", counts[hardening.OK], counts[hardening.Missing],
		counts[hardening.Unknown], counts[hardening.OK], counts[hardening.Missing], counts[hardening.Unknown])
}

func mark(l hardening.Line) string {
	switch {
	case l.State == hardening.Missing && l.Advice:
		return "conseil / advice"
	case l.State == hardening.Missing:
		return "NON / NO"
	case l.State == hardening.Unknown:
		return "?"
	}
	return "ok"
}

// merge takes the machine's lines from here: a confined unit does not see all of /proc/sys, this command does.
func merge(server, here hardening.Report) hardening.Report {
	better := map[string]hardening.Line{}
	for _, l := range here {
		better[l.Name] = l
	}
	out := make(hardening.Report, 0, len(server))
	for _, l := range server {
		if b, ok := better[l.Name]; ok && l.State == hardening.Unknown {
			l = b
		}
		out = append(out, l)
	}
	return out
}
