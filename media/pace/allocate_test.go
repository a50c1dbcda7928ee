package pace

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var noon = time.Unix(1_700_000_000, 0)

// camera has three layers of three temporal layers: 60, 90, 150; 200, 300, 500;
// 600, 900, 1,500 kbit/s.
func camera(height int) Stream {
	return Stream{Class: Thumbnail, Height: height, Rates: Rates{Split(150_000, 3), Split(500_000, 3), Split(1_500_000, 3)}}
}

func screen(height int) Stream {
	s := camera(height)
	s.Class = Screen
	return s
}

func sound() Stream { return Stream{Class: Sound, Rates: Whole([Layers]Bitrate{40_000})} }

// word writes targets as people speak of them: off, L0 … H2.
func word(t Target) string {
	if t.Layer == None {
		return "-"
	}
	return fmt.Sprintf("%c%d", "LMH"[t.Layer], t.Temporal)
}

func words(choices []Choice) (all []string) {
	for _, c := range choices {
		all = append(all, word(c.Target))
	}
	return all
}

// The ways down, step by step.
func TestRounds(t *testing.T) {
	small := Stream{Class: Thumbnail, Height: 360, Rates: Whole([Layers]Bitrate{100_000, 300_000})}
	for _, test := range []struct {
		name    string
		streams []Stream
		limit   Bitrate
		want    []string
		sum     Bitrate
	}{
		{"one camera, all", []Stream{camera(720), sound()}, 1_540_000, []string{"H2", "L0"}, 1_540_000},
		{"half its frames", []Stream{camera(720), sound()}, 1_539_999, []string{"H1", "L0"}, 940_000},
		{"its size", []Stream{camera(720), sound()}, 939_999, []string{"M2", "L0"}, 540_000},
		{"its frames again", []Stream{camera(720), sound()}, 539_999, []string{"M1", "L0"}, 340_000},
		{"the lowest, all frames", []Stream{camera(720), sound()}, 300_000, []string{"L2", "L0"}, 190_000},
		{"the lowest, half", []Stream{camera(720), sound()}, 150_000, []string{"L1", "L0"}, 130_000},
		{"the lowest, a quarter", []Stream{camera(720), sound()}, 120_000, []string{"L0", "L0"}, 100_000},
		{"sound alone", []Stream{camera(720), sound()}, 99_999, []string{"-", "L0"}, 40_000},
		{"more sound than fits", []Stream{sound(), sound(), camera(720)}, 50_000, []string{"L0", "L0", "-"}, 80_000},

		{"a screen is legible before it moves", []Stream{screen(1080), sound()}, 1_000_000, []string{"H1", "L0"}, 940_000},
		{"and before that moves less", []Stream{screen(1080), sound()}, 640_000, []string{"H0", "L0"}, 640_000},
		{"then it is small", []Stream{screen(1080), sound()}, 639_999, []string{"M0", "L0"}, 240_000},
		{"the screen before the speaker", []Stream{camera(720), screen(720)}, 700_000, []string{"L1", "H0"}, 690_000},
		{"the speaker before the thumbnails", []Stream{camera(180), camera(720), camera(180)}, 250_000, []string{"L1", "L2", "-"}, 240_000},
		{"a screen's size does not cost the speaker's picture", []Stream{screen(720), camera(720)}, 620_000, []string{"M0", "M1"}, 500_000},
		{"thumbnails before the speaker's size", []Stream{camera(180), camera(720), camera(180)}, 400_000, []string{"L2", "L2", "L1"}, 390_000},
		{"thumbnails lose frames first", []Stream{camera(180), camera(720), camera(180)}, 1_790_000, []string{"L2", "H2", "L1"}, 1_740_000},
		{"of equal tiles the last one", []Stream{camera(180), camera(180)}, 119_999, []string{"L1", "-"}, 90_000},
		{"of others the smallest", []Stream{camera(170), camera(180)}, 119_999, []string{"-", "L1"}, 90_000},
		{"frames before size", []Stream{camera(360), camera(360)}, 620_000, []string{"M1", "M1"}, 600_000},
		{"a size that fits has all its frames", []Stream{camera(360), camera(360)}, 310_000, []string{"L2", "L2"}, 300_000},
		{"size before pictures", []Stream{camera(360), camera(360)}, 200_000, []string{"L1", "L1"}, 180_000},
		{"equal tiles have no speaker", []Stream{camera(720), camera(720)}, 899_999, []string{"M2", "M1"}, 800_000},
		{"tiles that are hardly larger neither", []Stream{camera(720), camera(500)}, 1_300_000, []string{"H1", "M1"}, 1_200_000},
		{"no temporal layers", []Stream{small, small}, 450_000, []string{"M0", "L0"}, 400_000},
		{"not shown", []Stream{camera(0), screen(0), camera(-3), sound()}, 0, []string{"-", "-", "-", "L0"}, 40_000},
		{"nothing", nil, 1, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := Allocate(test.streams, test.limit, noon)
			if got := words(a.Choices); !slices.Equal(got, test.want) || a.Sum != test.sum {
				t.Fatalf("%v at %d, want %v at %d", got, a.Sum, test.want, test.sum)
			}
		})
	}
}

func TestSpeaker(t *testing.T) {
	a := Allocate([]Stream{camera(180), sound(), camera(720), screen(1080), camera(180)}, 0, noon)
	for i, want := range []Class{Thumbnail, Sound, Speaker, Screen, Thumbnail} {
		if a.Choices[i].Class != want {
			t.Errorf("stream %d is of class %d, want %d", i, a.Choices[i].Class, want)
		}
	}
}

// again allocates with what was chosen before.
func again(streams []Stream, limit Bitrate, now time.Time) []string {
	a := Allocate(streams, limit, now)
	for i := range streams {
		streams[i].Was = a.Choices[i]
	}
	return words(a.Choices)
}

func TestHysteresis(t *testing.T) {
	streams := []Stream{camera(720), sound()}
	now := noon
	for _, step := range []struct {
		after time.Duration
		limit Bitrate
		want  string
	}{
		{0, 600_000, "M2"},
		{time.Second, 540_000, "M2"},                // it stays while it fits
		{time.Second, 1_000_000, "M2"},              // more wants a margin: 940 × 1.15 is more
		{time.Second, 1_100_000, "H1"},              // and waits for nothing at the beginning
		{time.Second, 940_000, "H1"},                // it stays again
		{time.Second, 900_000, "M2"},                // down at once
		{time.Second, 5_000_000, "M2"},              //
		{4 * time.Second, 5_000_000, "M2"},          // it was up for two seconds only: six, not three
		{1100 * time.Millisecond, 5_000_000, "H2"},  //
		{time.Minute, 100_000, "L0"},                // all the way down in one step
		{2900 * time.Millisecond, 5_000_000, "L0"},  //
		{200 * time.Millisecond, 5_000_000, "H2"},   // and up
		{time.Millisecond, 50_000, "-"},             //
		{2900 * time.Millisecond, 5_000_000, "-"},   //
		{3000 * time.Millisecond, 5_000_000, "L0"},  // a picture waits for three seconds, more of it for longer
		{time.Millisecond, 0, "H2"},                 // without a limit nothing waits
		{time.Minute, 5_000_000, "H2"},              //
		{100 * time.Millisecond, 100_000, "L0"},     // cuts that follow each other are one
		{100 * time.Millisecond, 60_000, "-"},       //
		{2900 * time.Millisecond, 5_000_000, "-"},   //
		{200 * time.Millisecond, 5_000_000, "H2"},   //
		{100 * time.Millisecond, 100_000_000, "H2"}, //
	} {
		now = now.Add(step.after)
		if got := again(streams, step.limit, now); got[0] != step.want {
			t.Fatalf("%v on, at %d: %s, want %s", now.Sub(noon), step.limit, got[0], step.want)
		}
	}
	// What the receiver asks for, and does not come from the line, waits for nothing.
	streams[0].Height = 180
	if got := again(streams, 5_000_000, now); got[0] != "L2" {
		t.Fatalf("a small tile gets %s", got[0])
	}
	streams[0].Height = 720
	if got := again(streams, 5_000_000, now); got[0] != "H2" {
		t.Fatalf("a large one gets %s", got[0])
	}
}

// A limit that trembles does not change what is sent.
func TestNoFlapping(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	streams := []Stream{camera(720), camera(180), camera(180), sound()}
	changes := 0
	var before []string
	for i := range 3000 {
		limit := Bitrate(950_000 + random.IntN(100_000))
		got := again(streams, limit, noon.Add(time.Duration(i)*200*time.Millisecond))
		if i > 0 && !slices.Equal(got, before) {
			changes++
		}
		before = got
	}
	if changes > 3 {
		t.Fatalf("%d changes in ten minutes", changes)
	}
}

// In a large room the largest tiles are sent, and who is sent stays.
func TestMaxPictures(t *testing.T) {
	var streams []Stream
	for i := range 60 {
		streams = append(streams, camera(180), sound())
		if i == 40 {
			streams = append(streams, screen(360))
		}
	}
	on := func() (on []int) {
		for i, s := range streams {
			if s.Class != Sound && s.Was.Layer != None {
				on = append(on, i)
			}
		}
		return on
	}
	again(streams, 0, noon)
	first := on()
	if len(first) != MaxPictures || !slices.Contains(first, 82) {
		t.Fatalf("%v are sent", first)
	}
	if a := Allocate(streams, 0, noon); a.Full != 60*40_000+500_000+24*150_000 {
		t.Fatalf("all would cost %d", a.Full)
	}
	// The last one speaks: its tile grows, and one other goes.
	streams[len(streams)-2].Height = 720
	again(streams, 0, noon)
	if now := on(); len(now) != MaxPictures || !slices.Contains(now, len(streams)-2) || streams[len(streams)-2].Was.Layer != High {
		t.Fatalf("%v are sent", now)
	}
	// It is silent again: whoever is sent already stays.
	streams[len(streams)-2].Height = 180
	again(streams, 0, noon)
	if now := on(); len(now) != MaxPictures || !slices.Contains(now, len(streams)-2) {
		t.Fatalf("%v are sent", now)
	}
	for i, s := range streams {
		if s.Class == Sound && s.Was.Layer != Low {
			t.Fatalf("sound %d is off", i)
		}
	}
}

// room makes up what a receiver could get.
func room(random *rand.Rand) []Stream {
	streams := make([]Stream, random.IntN(40))
	for i := range streams {
		s := &streams[i]
		s.Class = []Class{Sound, Screen, Thumbnail, Thumbnail, Thumbnail}[random.IntN(5)]
		s.Height = []int{0, 90, 180, 300, 360, 500, 720, 1080}[random.IntN(8)]
		for l := range s.Rates {
			if random.IntN(4) > 0 {
				s.Rates[l] = Split(Bitrate(random.IntN(400_000)<<l), 1+random.IntN(3))
			}
		}
		if random.IntN(2) == 0 {
			s.Was = Choice{Target: Target{Layer(random.IntN(4) - 1), 0}, made: true, hold: time.Duration(random.IntN(9)) * time.Second}
			if s.Was.Layer != None {
				s.Was.Temporal = int8(random.IntN(3))
			}
			if random.IntN(2) == 0 {
				s.Was.Cut = noon.Add(-time.Duration(random.IntN(10)) * time.Second)
			}
		}
	}
	return streams
}

// The last picture stays on a limit that is a little too small for it, in its lowest layer; one that was not shown does not begin.
func TestTheLastPictureStays(t *testing.T) {
	rates := Rates{{150_000}, {500_000}, {1_700_000}}
	streams := []Stream{{Class: Thumbnail, Height: 720, Rates: rates}, {Class: Thumbnail, Height: 180, Rates: rates}}
	for i, step := range []struct {
		limit       Bitrate
		first, next Layer
	}{{0, High, Low}, {700_000, Middle, Low}, {160_000, Low, None}, {120_000, Low, None}, {90_000, None, None}, {120_000, None, None}} {
		a := Allocate(streams, step.limit, noon.Add(time.Duration(i)*time.Minute))
		for n := range streams {
			streams[n].Was = a.Choices[n]
		}
		if a.Choices[0].Layer != step.first || a.Choices[1].Layer != step.next {
			t.Fatalf("at %d: layers %d and %d", step.limit, a.Choices[0].Layer, a.Choices[1].Layer)
		}
	}
}

func TestProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	over := 0
	for range 20_000 {
		streams := room(random)
		limit := Bitrate(1 + random.IntN(6_000_000))
		a, b := Allocate(streams, limit, noon), Allocate(slices.Clone(streams), limit, noon)
		if !slices.Equal(a.Choices, b.Choices) || a.Sum != b.Sum {
			t.Fatal("twice the same gives two results")
		}
		var sum, heard, little Bitrate
		pictures, few := 0, 0 // few cost next to nothing
		for i, c := range a.Choices {
			s := &streams[i]
			cost := s.Rates.at(c.Target)
			sum += cost
			switch {
			case s.Class == Sound:
				heard += cost
				if c.Layer != Low {
					t.Fatal("sound is off")
				}
			case c.Layer == None:
			case s.Height <= 0:
				t.Fatal("a tile that is not shown is sent")
			default:
				pictures++
				want := s.nearest(LayerFor(s.Height))
				if c.Layer > want {
					t.Fatalf("a tile of %d gets layer %d", s.Height, c.Layer)
				}
				first := Low
				for first < want && !s.Rates.published(first) {
					first++
				}
				if c.Target == (Target{first, 0}) && cost <= nothingShown && (cost <= nextToNothing || s.Was.made && s.Was.Layer != None) {
					little += cost
					few++
				}
			}
		}
		switch {
		case sum != a.Sum:
			t.Fatalf("the sum is %d, not %d", sum, a.Sum)
		case sum <= limit || sum == heard:
		case pictures == 1 && float64(sum) <= float64(limit)*lastOver: // the last one
		case float64(sum) <= float64(limit)*littleOver && (sum-little <= max(limit, heard) || pictures-few == 1):
			over++
		default:
			t.Fatalf("%d is spent of %d, with %d pictures, %d of them for %d", sum, limit, pictures, few, little)
		}
		switch {
		case pictures > MaxPictures:
			t.Fatalf("%d pictures", pictures)
		}
		if all := Allocate(streams, 0, noon); all.Sum != all.Full || all.Full != a.Full {
			t.Fatalf("without a limit %d of %d are spent", all.Sum, all.Full)
		}
		wider(t, streams, a, Allocate(streams, limit+Bitrate(random.IntN(2_000_000)), noon))
	}
	if over < 100 {
		t.Fatalf("only %d of 20,000 rooms had pictures that cost next to nothing, above the limit", over)
	}
}

// wider checks that a larger limit never takes a step from a stream unless a more
// important step was gained.
func wider(t *testing.T, streams []Stream, less, more Allocation) {
	t.Helper()
	order := rank(nil, streams)
	speaker := speakerOf(streams, order)
	type rung struct {
		round int8
		gains int
	}
	var differ []rung
	pictures := 0
	for _, i := range order {
		s := &streams[i]
		class := Thumbnail
		switch {
		case i == speaker:
			class = Speaker
		case s.Class == Screen:
			class = Screen
		}
		d := s.climb(class, pictures < MaxPictures)
		if d.n > 0 {
			pictures++
		}
		has := func(a Allocation, step int) bool { return !d.steps[step].above(a.Choices[i].Target) }
		for step := range d.n {
			if x, y := has(less, step), has(more, step); x != y {
				gain := 1
				if x {
					gain = -1
				}
				differ = append(differ, rung{d.steps[step].round, gain})
			}
		}
		// All frames of a size that is not the wanted one stand in no ladder.
		if x, y := less.Choices[i].Target, more.Choices[i].Target; class == Thumbnail && d.n > 0 && x.Layer == y.Layer &&
			x.Layer < d.steps[d.top].Layer && x.Temporal > 0 && y.Temporal > 0 && x != y {
			differ = append(differ, rung{thumbnailRate, int(y.Temporal - x.Temporal)})
		}
	}
	slices.SortStableFunc(differ, func(a, b rung) int { return cmp.Compare(a.round, b.round) })
	if len(differ) > 0 && differ[0].gains < 0 {
		t.Fatalf("a larger limit took a step of round %d", differ[0].round)
	}
}

func TestSplit(t *testing.T) {
	for temporals, want := range map[int][Temporals]Bitrate{-1: {1000}, 0: {1000}, 1: {1000}, 2: {600, 1000}, 3: {400, 600, 1000}, 9: {400, 600, 1000}} {
		if got := Split(1000, temporals); got != want {
			t.Errorf("%d temporal layers: %v", temporals, got)
		}
	}
	if got := Split(-5, 3); got != [Temporals]Bitrate{} {
		t.Errorf("a negative rate gives %v", got)
	}
}

func BenchmarkAllocate(b *testing.B) {
	var streams []Stream
	for i := range 50 {
		streams = append(streams, camera(180+i), sound())
	}
	b.ReportAllocs()
	for b.Loop() {
		Allocate(streams, 3_000_000, noon)
	}
}

// A room that is used again allocates nothing, and gives what a new one gives.
func TestRoomAgain(t *testing.T) {
	rates := Rates{}
	for l := range rates {
		for i := range rates[l] {
			rates[l][i] = Bitrate(100_000 * (int(l)*3 + i + 1))
		}
	}
	var streams []Stream
	for i := range 9 {
		streams = append(streams, Stream{Class: Sound, Rates: Rates{{40_000, 40_000, 40_000}}}, Stream{Class: Thumbnail, Height: 180 * (1 + i%4), Rates: rates})
	}
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	var room Room
	room.Allocate(streams, 0, now)
	for _, limit := range []Bitrate{0, 300_000, 2_000_000, 20_000_000} {
		got, want := room.Allocate(streams[:10], limit, now), Allocate(streams[:10], limit, now)
		if got.Sum != want.Sum || got.Full != want.Full || !slices.Equal(got.Choices, want.Choices) {
			t.Errorf("%d: %+v, a new one gives %+v", limit, got, want)
		}
		if n := testing.AllocsPerRun(100, func() { room.Allocate(streams, limit, now) }); n > 0 {
			t.Errorf("%d: %v allocations", limit, n)
		}
	}
}
