package pace

import (
	"testing"
	"time"
)

func TestDemand(t *testing.T) {
	var d Demand
	now := noon
	all, lowest := [Layers]bool{true, true, true}, [Layers]bool{true}
	for _, step := range []struct {
		name    string
		after   time.Duration
		targets []Layer
		want    [Layers]bool
		changed bool
	}{
		{"at first all", 0, nil, all, false},
		{"the largest alone", time.Second, []Layer{High, None}, all, false},
		{"what nobody wants goes on for a while", 4900 * time.Millisecond, []Layer{High, High}, all, false},
		{"and stops, but not the lowest", 200 * time.Millisecond, []Layer{High}, [Layers]bool{true, false, true}, true},
		{"once", time.Second, []Layer{High}, [Layers]bool{true, false, true}, false},
		{"it is back at once", time.Second, []Layer{Middle, High}, all, true},
		{"a short look elsewhere", 3 * time.Second, []Layer{Low}, all, false},
		{"and back", 2 * time.Second, []Layer{Middle, High}, all, false},
		{"thumbnails only", 7 * time.Second, []Layer{Low, Low, None}, lowest, true},
		{"nobody", 5 * time.Second, []Layer{None}, lowest, false},
		{"for long", 2 * time.Second, nil, [Layers]bool{}, true},
		{"somebody", time.Hour, []Layer{Middle}, [Layers]bool{true, true, false}, true},
		{"no such layer", time.Second, []Layer{Layer(7), Layer(-4), Middle}, [Layers]bool{true, true, false}, false},
	} {
		now = now.Add(step.after)
		if got, changed := d.Needed(step.targets, now); got != step.want || changed != step.changed {
			t.Fatalf("%s: %v, changed %v; want %v, %v", step.name, got, changed, step.want, step.changed)
		}
	}
}

// A layer that was stopped can be chosen again; one that does not come when it
// was asked for can't, for some time.
func TestDemandRates(t *testing.T) {
	var d Demand
	now := noon
	measured := Rates{Split(100_000, 3), Split(400_000, 3), Split(1_200_000, 3)}
	full := measured
	d.Needed([]Layer{High}, now)
	if got := d.Rates(measured, Layers, now); got != full {
		t.Fatalf("measured %v becomes %v", measured, got)
	}
	now = now.Add(7 * time.Second)
	d.Needed([]Layer{Low}, now)
	measured[Middle], measured[High] = [Temporals]Bitrate{}, [Temporals]Bitrate{}
	if got := d.Rates(measured, Layers, now); got != full {
		t.Fatalf("stopped layers cost %v", got)
	}
	if got := d.Rates(measured, 1, now); got.published(Middle) {
		t.Fatal("a layer that does not exist has a cost")
	}
	d.Needed([]Layer{Middle}, now)
	now = now.Add(2900 * time.Millisecond)
	d.Needed([]Layer{Middle}, now)
	if got := d.Rates(measured, Layers, now); got != full {
		t.Fatalf("a layer on its way costs %v", got)
	}
	now = now.Add(200 * time.Millisecond)
	d.Needed([]Layer{Middle}, now)
	if got := d.Rates(measured, Layers, now); got.published(Middle) || !got.published(High) {
		t.Fatalf("a layer that does not come costs %v", got)
	}
	// It is stopped meanwhile, and still not offered.
	now = now.Add(10 * time.Second)
	d.Needed([]Layer{Low}, now)
	if got := d.Rates(measured, Layers, now); got.published(Middle) {
		t.Fatalf("ten seconds later it costs %v", got)
	}
	now = now.Add(20 * time.Second)
	d.Needed([]Layer{Low}, now)
	if got := d.Rates(measured, Layers, now); got != full {
		t.Fatalf("half a minute later it costs %v", got)
	}
	// One that the publisher leaves out by itself is not offered.
	var e Demand
	e.Needed([]Layer{High}, now)
	if got := e.Rates(measured, Layers, now); got != measured {
		t.Fatalf("a layer that the publisher does not send costs %v", got)
	}
	// One that was never heard has a usual cost once it was stopped.
	e.Needed([]Layer{Low}, now.Add(time.Minute))
	if got := e.Rates(measured, Layers, now.Add(time.Minute)); got[High][0] != usual[High] {
		t.Fatalf("a layer that was never heard costs %v", got)
	}
}

// While a layer stops, and while it comes again, less of it is measured than it costs.
func TestDemandKnowsWhatALayerCosts(t *testing.T) {
	var d Demand
	now := noon
	full := Rates{Split(100_000, 3), Split(400_000, 3), Split(1_200_000, 3)}
	d.Needed([]Layer{High}, now)
	d.Rates(full, Layers, now)
	now = now.Add(7 * time.Second)
	d.Needed([]Layer{High}, now)
	measured := full
	for _, rate := range []Bitrate{200_000, 60_000, 20_000, 0} {
		now = now.Add(400 * time.Millisecond)
		measured[Middle] = Split(rate, 3)
		if got := d.Rates(measured, Layers, now); got != full {
			t.Fatalf("a layer that stops, of which %d are measured, costs %v", rate, got)
		}
	}
	now = now.Add(time.Hour)
	d.Needed([]Layer{Middle}, now)
	for _, rate := range []Bitrate{1, 20_000, 250_000} {
		now = now.Add(400 * time.Millisecond)
		measured[Middle] = Split(rate, 3)
		measured[Middle][0] = max(measured[Middle][0], 1)
		if got := d.Rates(measured, Layers, now); got != full {
			t.Fatalf("a layer that comes again, of which %d are measured, costs %v", rate, got)
		}
	}
	now = now.Add(measuredAfter)
	if got := d.Rates(measured, Layers, now); got != measured {
		t.Fatalf("then it costs %v", got)
	}
}
