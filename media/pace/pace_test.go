package pace

import (
	"slices"
	"testing"
	"time"
)

func TestLayerFor(t *testing.T) {
	for height, want := range map[int]Layer{-5: None, 0: None, 1: Low, 180: Low, 225: Low, 226: Middle, 360: Middle, 450: Middle,
		451: High, 720: High, 4320: High} {
		if got := LayerFor(height); got != want {
			t.Errorf("%d lines: layer %d, want %d", height, got, want)
		}
	}
}

func TestAllocate(t *testing.T) {
	all := Whole([Layers]Bitrate{150_000, 500_000, 1_500_000})
	sound := Stream{Class: Sound, Rates: Whole([Layers]Bitrate{40_000})}
	for _, test := range []struct {
		name    string
		streams []Stream
		limit   Bitrate
		want    []Layer
	}{
		{"nobody", nil, 0, nil},
		{"each what it shows", []Stream{{Class: Thumbnail, Height: 180, Rates: all},
			{Class: Thumbnail, Height: 360, Rates: all}, {Class: Thumbnail, Height: 720, Rates: all}, {Class: Thumbnail, Rates: all}},
			0, []Layer{Low, Middle, High, None}},
		{"top layer is off", []Stream{{Class: Thumbnail, Height: 720, Rates: Whole([Layers]Bitrate{150_000, 500_000, 0})}}, 0, []Layer{Middle}},
		{"only the top is on", []Stream{{Class: Thumbnail, Height: 180, Rates: Whole([Layers]Bitrate{0, 0, 9})}}, 0, []Layer{High}},
		{"no simulcast", []Stream{{Class: Thumbnail, Height: 720, Rates: Whole([Layers]Bitrate{900_000})}}, 0, []Layer{Low}},
		{"nothing heard yet", []Stream{{Class: Thumbnail, Height: 360}}, 0, []Layer{Middle}},
		{"all fit", []Stream{{Class: Thumbnail, Height: 720, Rates: all}, sound}, 2_000_000, []Layer{High, Low}},
		{"one step down", []Stream{{Class: Thumbnail, Height: 720, Rates: all}, sound}, 1_000_000, []Layer{Middle, Low}},
		{"two steps down", []Stream{{Class: Thumbnail, Height: 720, Rates: all}, sound}, 300_000, []Layer{Low, Low}},
		{"sound alone", []Stream{{Class: Thumbnail, Height: 720, Rates: all}, sound}, 100_000, []Layer{None, Low}},
		{"sound stays when even it does not fit", []Stream{{Class: Thumbnail, Height: 720, Rates: all}, sound}, 10_000, []Layer{None, Low}},
		{"small tiles give way first", []Stream{{Class: Thumbnail, Height: 400, Rates: all},
			{Class: Thumbnail, Height: 720, Rates: all}}, 1_700_000, []Layer{Low, High}},
		{"then the large ones, before pictures go", []Stream{{Class: Thumbnail, Height: 400, Rates: all},
			{Class: Thumbnail, Height: 720, Rates: all}}, 700_000, []Layer{Low, Middle}},
		{"then the small pictures", []Stream{{Class: Thumbnail, Height: 400, Rates: all},
			{Class: Thumbnail, Height: 720, Rates: all}}, 200_000, []Layer{None, Low}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []Layer
			for _, c := range Allocate(test.streams, test.limit, time.Time{}).Choices {
				got = append(got, c.Layer)
			}
			if !slices.Equal(got, test.want) {
				t.Fatalf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestBudget(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var b Budget
	report := func(after time.Duration, lost float64, sent Bitrate) Bitrate {
		now = now.Add(after)
		b.Report(lost, sent, now)
		return b.Limit()
	}
	if got := report(time.Second, 0.05, 2_000_000); got != 0 {
		t.Fatalf("five in a hundred limit to %d", got)
	}
	if got := report(time.Second, 0.20, 2_000_000); got != 1_800_000 {
		t.Fatalf("a fifth lost limits to %d", got)
	}
	if got := report(100*time.Millisecond, 0.5, 2_000_000); got != 1_800_000 {
		t.Fatalf("cut twice for one event, to %d", got)
	}
	if got := report(time.Second, 0.05, 1_700_000); got != 1_800_000 {
		t.Fatalf("between the marks the limit moved to %d", got)
	}
	if got := report(time.Second, 0, 1_700_000); got != 1_944_000 {
		t.Fatalf("without loss it grew to %d", got)
	}
	for range 40 {
		report(time.Second, 1, 50_000)
	}
	if got := b.Limit(); got != leastLimit {
		t.Fatalf("it fell to %d", got)
	}
	for range 60 {
		report(time.Second, 0, 100_000)
	}
	if got := b.Limit(); got != 0 {
		t.Fatalf("a limit far above need is still %d", got)
	}
}
