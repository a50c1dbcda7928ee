package main

import (
	"math"
	"regexp"
	"testing"
	"time"

	"huisclos/bench/sfu/load"
)

func TestScenarios(t *testing.T) {
	for _, short := range []bool{false, true} {
		seen := map[string]bool{}
		costed := false
		for _, row := range scenarios(options{short: short, scenarios: regexp.MustCompile(""), window: time.Second}) {
			if seen[row.Name] || row.Forwarded() <= 0 {
				t.Errorf("scenario %q: %g packets a second, seen before: %v", row.Name, row.Forwarded(), seen[row.Name])
			}
			seen[row.Name] = true
			costed = costed || row.Name == "10×10 burst"
			if row.half && !costed {
				t.Error("half load comes before the cost is known")
			}
		}
	}
	if rows := scenarios(options{scenarios: regexp.MustCompile("^1→100 ")}); len(rows) != 3 {
		t.Errorf("%d scenarios of 100 receivers", len(rows))
	}
}

func TestSized(t *testing.T) {
	s := load.Scenario{Meetings: 1, Mesh: 10, Rate: 1}
	for _, wanted := range []float64{5_000, 100_000, 333_333} {
		if n := sized(s, wanted).Forwarded(); math.Abs(n-wanted) > 1e-6*wanted {
			t.Errorf("%g packets a second in place of %g", n, wanted)
		}
	}
	if h := sized(s, 100_000); h.Meetings != 6 || h.Rate > 1.5 || h.Rate < 0.6 {
		t.Errorf("%d meetings at %g of the rate", h.Meetings, h.Rate)
	}
}

func TestMedian(t *testing.T) {
	var b bench
	for _, cost := range []float64{9, 1, 5} {
		b.outcomes = append(b.outcomes, outcome{Server: "plane", Row: "r", Result: load.Result{PerPacket: cost}})
	}
	b.outcomes = append(b.outcomes, outcome{Server: "plane", Row: "r", Failed: "it did"}, outcome{Server: "floor", Row: "r", Result: load.Result{PerPacket: 2}})
	if o, ok := b.median("r", "plane"); !ok || o.PerPacket != 5 {
		t.Errorf("%v, %v", o.PerPacket, ok)
	}
	if _, ok := b.median("r", "livekit"); ok {
		t.Error("a median of nothing")
	}
	if r := ratio(3, 2); r != "1.50" {
		t.Error(r)
	}
}

// TestPerFurther: what the first ten share is not counted, and both rows are there to be compared.
func TestPerFurther(t *testing.T) {
	of := func(memory float64, receivers int) outcome {
		return outcome{Result: load.Result{Memory: memory, Receivers: receivers}}
	}
	if got := perFurther(of(500, 10), of(200, 50)); got != 125 {
		t.Errorf("%g octets for each further peer, want 125", got)
	}
	if rows := scenarios(options{scenarios: regexp.MustCompile("^(" + meeting + "|" + meetings + ")$")}); len(rows) != 2 || rows[1].Meetings*rows[1].Mesh != 50 {
		t.Errorf("%d rows to compare", len(rows))
	}
}
