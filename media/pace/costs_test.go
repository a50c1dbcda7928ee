package pace

import (
	"slices"
	"testing"
	"time"
)

// What costs next to nothing is neither taken away nor refused, a quarter above the limit at most, and never grows there.
func TestLittlePicturesStay(t *testing.T) {
	// As a starved machine had them: three voices and three cameras.
	starved := func() []Stream {
		return []Stream{{Class: Sound, Rates: Rates{{126_000}}},
			{Class: Thumbnail, Height: 360, Rates: Rates{{9_278, 18_222}}},
			{Class: Thumbnail, Height: 360, Rates: Rates{{6_753, 12_026, 22_300}}},
			{Class: Thumbnail, Height: 360, Rates: Rates{{8_291, 14_948}}}}
	}
	for _, test := range []struct {
		limit Bitrate
		want  []string
	}{{142_000, []string{"L0", "L1", "L0", "L0"}}, {127_000, []string{"L0", "L0", "L0", "L0"}}, {114_000, []string{"L0", "L0", "L0", "-"}}} {
		// At first, and again and again, with a limit that comes and goes.
		streams := starved()
		got := again(streams, test.limit, noon)
		for i := range 20 {
			again(streams, []Bitrate{0, test.limit}[i%2], noon.Add(time.Duration(i)*200*time.Millisecond))
			if i%2 == 1 && !slices.Equal(words(choicesOf(streams)), got) {
				t.Fatalf("at %d: %v, then %v", test.limit, got, words(choicesOf(streams)))
			}
		}
		if test.limit > 130_000 {
			got[1] = "L1" // of which only the lowest is sure
		}
		if want := test.want; !slices.Equal(got, want) {
			t.Errorf("at %d: %v, want %v", test.limit, got, want)
		}
	}
	// Around the mark: it isn't shown beyond it, and stays when it was.
	at := func(cost Bitrate) []Stream {
		return []Stream{camera(360), {Class: Thumbnail, Height: 180, Rates: Rates{{cost}}}}
	}
	streams := at(31_000)
	if got := again(streams, 70_000, noon); got[1] != "-" {
		t.Fatalf("a picture of 31 kbit/s beyond the limit: %v", got)
	}
	streams = at(29_000)
	for i, cost := range []Bitrate{29_000, 31_000, 44_000, 46_000, 31_000, 29_000} {
		streams[1].Rates = Rates{{cost}}
		limit := max(60_000, (60_000+cost)*9/10)
		got := again(streams, limit, noon.Add(time.Duration(i)*10*time.Second))
		if want := []string{"L0", "L0", "L0", "-", "-", "-"}[i]; got[1] != want {
			t.Fatalf("a picture of %d at %d: %v", cost, limit, got)
		}
	}
	// Back from nothing it waits as others do, and needs a margin.
	if got := again(streams, 85_000, noon.Add(70*time.Second)); got[1] != "L0" {
		t.Fatalf("later, with more: %v", got)
	}
}

// Two large cameras begin on a new line. What they cost is measured from nothing on, so at first both are chosen whole and
// then the second one does not fit; a probe finds more of the line in between. That it was not known what it costs is nothing
// that the line took: it does not wait.
func TestASecondLargePicture(t *testing.T) {
	streams := []Stream{sound(), {Class: Thumbnail, Height: 720}, {Class: Thumbnail, Height: 720}}
	full := [Layers]Bitrate{200_000, 700_000, 2_500_000}
	limit := Bitrate(5_000_000)
	var measured [Layers]Bitrate
	less, back := time.Duration(-1), time.Duration(-1)
	for at := time.Duration(0); at < 10*time.Second; at += 200 * time.Millisecond {
		if at >= 400*time.Millisecond {
			for l := range measured {
				measured[l] = max((3*measured[l]+full[l])/4, 1)
			}
			for i := range streams[1:] {
				streams[1+i].Rates = Whole(measured)
			}
		}
		a := Allocate(streams, limit, noon.Add(at))
		for i := range streams {
			streams[i].Was = a.Choices[i]
		}
		if a.Choices[1].Layer != High {
			t.Fatalf("the first gets %s at %v", word(a.Choices[1].Target), at)
		}
		if less >= 0 && at >= less+400*time.Millisecond {
			limit = 8_000_000
		}
		switch second := a.Choices[2].Layer; {
		case second != High && less < 0:
			less = at
		case second == High && less >= 0 && back < 0:
			back = at
		case second != High && back >= 0:
			t.Fatalf("it goes again at %v", at)
		}
	}
	if less < 0 || back < 0 || back-less > time.Second {
		t.Fatalf("the second one went at %v and came back at %v", less, back)
	}
}

// It is excused once: what goes up and down with its cost waits, and what the line takes is never excused.
func TestCostsThatChange(t *testing.T) {
	streams := []Stream{camera(720)}
	changes := 0
	var before []string
	for i := range 300 {
		streams[0].Rates = Whole([Layers]Bitrate{150_000, 500_000, []Bitrate{700_000, 1_200_000}[i/5%2]})
		got := again(streams, 1_000_000, noon.Add(time.Duration(i)*200*time.Millisecond))
		if !slices.Equal(got, before) {
			changes++
		}
		before = got
	}
	if changes > 2*60/3 {
		t.Fatalf("%d changes in a minute", changes)
	}
	streams = []Stream{camera(720)}
	again(streams, 2_000_000, noon)
	if got := again(streams, 600_000, noon.Add(time.Second)); got[0] != "M2" {
		t.Fatal(got)
	}
	if got := again(streams, 2_000_000, noon.Add(2*time.Second)); got[0] != "M2" {
		t.Fatalf("what the line took is back after a second: %v", got)
	}
}

func choicesOf(streams []Stream) (choices []Choice) {
	for _, s := range streams {
		choices = append(choices, s.Was)
	}
	return choices
}
