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

func TestHalve(t *testing.T) {
	s := load.Scenario{Meetings: 1, Mesh: 10, Rate: 1}
	for _, cost := range []float64{1, 5, 12, 60} {
		if busy := halve(s, cost).Forwarded() * cost / 1e6; math.Abs(busy-0.5) > 1e-9 {
			t.Errorf("%g µs: %g busy", cost, busy)
		}
	}
	if h := halve(s, 5); h.Meetings != 6 || h.Rate > 1.5 || h.Rate < 0.6 {
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
