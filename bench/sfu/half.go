package main

import (
	"context"
	"fmt"
	"time"

	"huisclos/bench/sfu/load"
)

// capacity is how many packets a second fill a server's processor in a scenario.
type capacity struct {
	Rate      float64
	Busy      float64 // part of its processor that the server used in the probe that Rate was taken from
	Generator float64 // and the generator of its own
}

const (
	// probeBusy is what a probe aims at: near to the end, because servers that batch get cheaper on the way there, and not over it.
	probeBusy = 0.85
	// probeEnough is from where on what is left is extrapolated.
	probeEnough  = 0.7
	probes       = 3
	probeWarmup  = 3 * time.Second
	probeWindow  = 2 * time.Second
	generatorMax = 0.9
	firstCost    = 10 // microseconds, when nothing was measured before
)

// capacity plays the scenario nearly at the server's limit: rate ÷ busy there is the rate that fills its processor. The floor plays what
// the plane plays, so that its delay then is the machine's share.
func (b *bench) capacity(ctx context.Context, s row, name string) (capacity, error) {
	if rate := b.full[s.Name]; name == "floor" && rate > 0 {
		return capacity{Rate: rate}, nil
	}
	cost := b.costs[name]
	if cost == 0 {
		cost = firstCost
	}
	var found capacity
	for range probes {
		scenario := sized(s.Scenario, probeBusy*1e6/cost)
		scenario.Warmup, scenario.Window = probeWarmup, probeWindow
		r, err := b.once(ctx, scenario, s.Name+" probe", name)
		if err != nil {
			return capacity{}, fmt.Errorf("looking for its limit: %w", err)
		}
		arrived := float64(r.Media+r.Repairs) / r.Window.Seconds()
		found = capacity{Rate: arrived / r.Busy, Busy: r.Busy, Generator: r.GeneratorBusy}
		if r.Busy >= probeEnough || r.GeneratorBusy > generatorMax {
			break
		}
		cost = 1e6 / found.Rate
	}
	if name == "plane" {
		b.full[s.Name] = found.Rate
	}
	return found, nil
}

// sized chooses meetings and rate so that a server has so many packets a second to send.
func sized(s load.Scenario, wanted float64) load.Scenario {
	one := s.Forwarded()
	s.Meetings = max(1, int(wanted/one+0.5))
	s.Rate = wanted / (one * float64(s.Meetings))
	return s
}
