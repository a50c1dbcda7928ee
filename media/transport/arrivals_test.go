package transport

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"

	"huisclos/media/srtp"
)

// arrival is a packet of a table: its number, and when it came, in µs after the first.
type arrival struct {
	number uint16
	at     int64
}

// run gives as many packets, every so many µs.
func run(first uint16, n int, at, every int64) (all []arrival) {
	for i := range n {
		all = append(all, arrival{first + uint16(i), at + int64(i)*every})
	}
	return all
}

func together(runs ...[]arrival) (all []arrival) {
	for _, r := range runs {
		all = append(all, r...)
	}
	return all
}

// rounds are packets between which feedback is written.
var arrivalRounds = map[string][][]arrival{
	"one":                    {{{7, 0}}},
	"seven":                  {run(1, 7, 0, 1000)},
	"a run":                  {run(65530, 300, 0, 900)},
	"large deltas":           {run(1, 20, 0, 70_000)},
	"small and large":        {{{1, 0}, {2, 64_000}, {3, 64_001}, {4, 64_500}, {5, 200_000}, {6, 200_000}, {7, 200_100}, {8, 200_200}}},
	"every second is lost":   {{{1, 0}, {3, 500}, {5, 900}, {7, 1300}, {9, 2000}, {11, 2500}, {13, 2900}, {15, 3000}, {17, 3100}}},
	"a hole":                 {together(run(1, 10, 0, 1000), run(500, 10, 20_000, 1000))},
	"a hole between":         {run(1, 10, 0, 1000), run(900, 3, 20_000, 1000)},
	"reordered":              {{{1, 0}, {2, 100}, {4, 300}, {3, 400}, {6, 10_000}, {5, 10_000}, {7, 10_100}}},
	"negative":               {{{1, 0}, {3, 90_000}, {2, 150_000}, {4, 150_000}}},
	"late by a round":        {together(run(1, 5, 0, 1000), run(7, 5, 8000, 1000)), {{6, 30_000}, {12, 31_000}}, run(13, 2, 40_000, 10)},
	"late by too much":       {run(1, 5, 0, 1000), run(7, 5, 700_000, 1000), run(12, 5, 1_500_000, 1000), {{6, 1_600_000}}},
	"before the first":       {run(100, 5, 0, 1000), {{98, 10_000}}, {{105, 11_000}}},
	"eight seconds of pause": {{{1, 0}, {2, 8_100_000}, {3, 8_200_000}}, {{4, 20_000_000}}},
	"long":                   {run(1, 60, 0, 1000), nil, run(61, 60, 100_000, 1000), run(121, 60, 900_000, 1000), run(181, 900, 1_000_000, 100)},
	"a vector of fourteen":   {together(run(1, 3, 0, 10), run(5, 3, 50, 10), run(10, 8, 200, 10))},
	"fourteen and a large":   {together(run(1, 3, 0, 10), run(5, 9, 50, 10), run(15, 1, 90_000, 10))},
}

// recordBoth gives packets to us and to pion's recorder, whose microseconds are ours but for whole turns of the reference time.
func recordBoth(a *arrivals, r *twcc.Recorder, base time.Time, packets []arrival) {
	const turn = referenceUnit << 24
	a.start = base
	for _, p := range packets {
		a.record(9, p.number, base.Add(time.Duration(p.at)*time.Microsecond))
		r.Record(9, p.number, turn+p.at+1)
	}
}

// compareFeedback says where our messages and pion's differ. A message of ours that ends early because it is full is checked by what it says.
func compareFeedback(t *testing.T, a *arrivals, r *twcc.Recorder) {
	t.Helper()
	var ours [][]byte
	for b := a.feedback(1); b != nil; b = a.feedback(1) {
		if cap(b)-len(b) < srtp.RTCPOverhead || len(b) > maxFeedback+3 {
			t.Fatalf("%d octets of %d", len(b), cap(b))
		}
		ours = append(ours, bytes.Clone(b))
	}
	theirs := r.BuildFeedbackPacket()
	small := len(ours) == len(theirs)
	for i := 0; small && i < len(ours); i++ {
		b, err := theirs[i].Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours[i], b) {
			t.Fatalf("message %d of %d:\n%s\nbut pion\n%s", i, len(ours), hex.EncodeToString(ours[i]), hex.EncodeToString(b))
		}
	}
	if small {
		return
	}
	// Pion's have no bound.
	var all []rtcp.Packet
	for _, b := range ours {
		var m rtcp.TransportLayerCC
		if err := m.Unmarshal(b); err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		all = append(all, &m)
	}
	if got, want := statusesOf(t, all), statusesOf(t, theirs); got != want {
		t.Fatalf("they say\n%.2000s\nbut pion's\n%.2000s", got, want)
	}
}

// statusesOf is what messages say, a packet a word.
func statusesOf(t *testing.T, packets []rtcp.Packet) string {
	t.Helper()
	var says []string
	for _, p := range packets {
		m := p.(*rtcp.TransportLayerCC)
		var symbols []uint16
		for _, c := range m.PacketChunks {
			switch c := c.(type) {
			case *rtcp.RunLengthChunk:
				for range c.RunLength {
					symbols = append(symbols, c.PacketStatusSymbol)
				}
			case *rtcp.StatusVectorChunk:
				symbols = append(symbols, c.SymbolList...)
			}
		}
		at, deltas := int64(m.ReferenceTime&0xffffff)*referenceUnit, m.RecvDeltas
		for i := range m.PacketStatusCount {
			if symbols[i] == rtcp.TypeTCCPacketNotReceived {
				says = append(says, fmt.Sprint(m.BaseSequenceNumber+i, " lost"))
				continue
			}
			at += deltas[0].Delta
			deltas = deltas[1:]
			says = append(says, fmt.Sprint(m.BaseSequenceNumber+i, " ", at))
		}
	}
	return strings.Join(says, ", ")
}

// What we say of arrivals is what pion's recorder says, octet by octet.
func TestArrivals(t *testing.T) {
	for name, rounds := range arrivalRounds {
		t.Run(name, func(t *testing.T) {
			var a arrivals
			r, base := twcc.NewRecorder(1), time.Now()
			for _, packets := range rounds {
				recordBoth(&a, r, base, packets)
				compareFeedback(t, &a, r)
			}
		})
	}
}

// The same of what happens on lines: packets that are lost, that overtake each other, and pauses.
func TestArrivalsAtRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var a arrivals
		r, base := twcc.NewRecorder(1), time.Now()
		number, at := 1000+uint16(random.IntN(1<<16-1000)), int64(0)
		loss, reorder, pace := random.Float64()/3, random.Float64()/5, 1+random.Int64N(4000)
		for range 30 {
			var packets []arrival
			for range random.IntN(60) {
				number++
				at += random.Int64N(pace)
				if random.Float64() < 0.01 {
					at += random.Int64N(12_000_000)
				}
				if random.Float64() >= loss {
					packets = append(packets, arrival{number, at})
				}
				if n := len(packets); n > 1 && random.Float64() < reorder {
					packets[n-1].number, packets[n-2].number = packets[n-2].number, packets[n-1].number
				}
			}
			recordBoth(&a, r, base, packets)
			compareFeedback(t, &a, r)
		}
	}
}

// A message ends where a path would, and the next goes on from there.
func TestFeedbackFitsPaths(t *testing.T) {
	var a arrivals
	r, base := twcc.NewRecorder(1), time.Now()
	recordBoth(&a, r, base, run(1, 2500, 0, 50))
	compareFeedback(t, &a, r)
	for i := range 2000 { // every second is missing, and comes late by so much that its delta is large
		recordBoth(&a, r, base, []arrival{{uint16(3000 + 2*i), 200_000 + int64(i)*66_000}})
	}
	n := 0
	for b := a.feedback(1); b != nil; b = a.feedback(1) {
		if n++; len(b) > maxFeedback+3 {
			t.Fatalf("%d octets", len(b))
		}
	}
	if n < 3 {
		t.Fatalf("%d messages", n)
	}
}

// What a publisher's numbers do to our memory is bounded, and over once they are as usual.
func TestArrivalsAreBounded(t *testing.T) {
	var a arrivals
	base, at := time.Now(), time.Duration(0)
	for i := range 100_000 {
		at += 300 * time.Microsecond
		a.record(9, uint16(i*i*7919), base.Add(at))
		if i%300 == 0 {
			for a.feedback(1) != nil {
			}
		}
		if len(a.times) > maxArrivals || a.end-a.begin > maxArrivals || cap(a.message) > 2*maxFeedback || cap(a.deltas) > 2*maxFeedback {
			t.Fatalf("%d numbers, %d octets", len(a.times), cap(a.message))
		}
	}
	for i := range 10_000 {
		at += 5 * time.Millisecond
		a.record(9, uint16(i), base.Add(at))
		if i%20 == 0 {
			for a.feedback(1) != nil {
			}
		}
	}
	if len(a.times) > 4*firstArrivals {
		t.Errorf("room for %d numbers is kept for 100", len(a.times))
	}
}

// Times are counted in 32 bits of microseconds, 71 minutes: what is told is right before and after each turn, and after a silence.
func TestArrivalsForHours(t *testing.T) {
	var a arrivals
	r, base := twcc.NewRecorder(1), time.Now()
	for turn := range int64(3) {
		at := (turn+1)<<32 - 100_000
		a.record(9, 1, base) // starts the clock
		if turn == 0 {
			r.Record(9, 1, referenceUnit<<24+1)
			compareFeedback(t, &a, r)
		}
		var fresh arrivals
		fresh.start, fresh.last = base, at-1
		reference := twcc.NewRecorder(1)
		for i := range 10 {
			recordBoth(&fresh, reference, base, run(uint16(i*50), 50, at+int64(i)*20_000, 400))
			compareFeedback(t, &fresh, reference)
		}
	}
	a.record(9, 200, base.Add(3*time.Hour)) // nothing is said of the 199 between: they were never sent, or long ago
	var m rtcp.TransportLayerCC
	if err := m.Unmarshal(a.feedback(1)); err != nil || m.PacketStatusCount != 1 || m.BaseSequenceNumber != 200 {
		t.Errorf("%+v, %v", m, err)
	}
}

// A publisher whose rate stays costs no memory for its feedback.
func TestFeedbackAllocatesNothing(t *testing.T) {
	var a arrivals
	now, number := time.Now(), uint16(0)
	round := func() {
		for range 40 {
			now = now.Add(2500 * time.Microsecond)
			number++
			if number%17 != 0 {
				a.record(9, number, now)
			}
		}
		if a.feedback(1) == nil || a.feedback(1) != nil {
			t.Fatal("not one message")
		}
	}
	for range 20 {
		round()
	}
	if n := testing.AllocsPerRun(200, round); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzArrivals: whatever numbers come, whenever: messages are sound, say of each number that came since the last that it did, and
// are pion's as long as numbers don't jump farther than we remember.
func FuzzArrivals(f *testing.F) {
	f.Add([]byte{1, 0, 10, 0, 2, 0, 20, 1})
	f.Add([]byte{255, 255, 1, 0, 0, 0, 1, 0, 3, 0, 255, 1, 2, 0, 9, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var a arrivals
		r, base, at := twcc.NewRecorder(1), time.Now(), int64(0)
		near, last, seen := true, uint16(0), make(map[uint16]bool)
		since := make(map[uint16]bool)
		for i := 0; len(b) >= 4; i, b = i+1, b[4:] {
			number := uint16(b[0]) | uint16(b[1])<<8
			at += int64(b[2]) * int64(b[2]) * 20
			if jump := int16(number - last); i > 0 && (jump > 500 || jump < -500) {
				near = false
			}
			last = max(last, number)
			if i == 0 {
				last = number
				near = number >= 1000 // pion goes back to no number before zero
			}
			near = near && !seen[number] // a second copy: SRTP takes none
			seen[number], since[number] = true, true
			recordBoth(&a, r, base, []arrival{{number, at}})
			if b[3]&1 == 0 {
				continue
			}
			if near && len(seen) < 1000 {
				compareFeedback(t, &a, r)
			} else {
				for m := a.feedback(1); m != nil; m = a.feedback(1) {
					var read rtcp.TransportLayerCC
					if err := read.Unmarshal(m); err != nil {
						t.Fatalf("%x: %v", m, err)
					}
				}
			}
			clear(since)
		}
	})
}
