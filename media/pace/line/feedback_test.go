package line

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// arrivals are what a message says came, runs of what did not left out.
func (f feedback) arrivals(reference int64) (came []arrival, gone int) {
	for s := f.walk(reference); ; {
		first, n, arrived, micros, ok := s.next()
		switch {
		case !ok:
			return came, gone
		case arrived:
			came = append(came, arrival{first, time.Duration(micros) * time.Microsecond})
		default:
			gone += n
		}
	}
}

// The draft's chunks, written by hand (§3.1.2 to §3.1.5).
func TestParseFeedback(t *testing.T) {
	head := func(base, count uint16, rest ...byte) []byte {
		b := binary.BigEndian.AppendUint16(nil, base)
		b = binary.BigEndian.AppendUint16(b, count)
		return append(append(b, 0, 0, 2, 7), rest...) // reference 128 ms
	}
	const ms = time.Millisecond
	for _, test := range []struct {
		name string
		b    []byte
		came []arrival
		gone int
	}{
		{"run of small deltas", head(10, 3, 0x20, 0x03, 4, 8, 0), []arrival{{10, 129 * ms}, {11, 131 * ms}, {12, 131 * ms}}, 0},
		{"the same, padded", head(10, 3, 0x20, 0x03, 4, 8, 0, 0, 0, 0), []arrival{{10, 129 * ms}, {11, 131 * ms}, {12, 131 * ms}}, 0},
		{"run of large deltas", head(10, 2, 0x40, 0x02, 0x01, 0x00, 0xff, 0xfc), []arrival{{10, 192 * ms}, {11, 191 * ms}}, 0},
		{"none came", head(65535, 5, 0x00, 0x05), nil, 5},
		{"a vector of one bit", head(65535, 14, 0xa0, 0x01, 4, 4), []arrival{{65535, 129 * ms}, {12, 130 * ms}}, 12},
		{"a vector of two bits", head(0, 7, 0xd8, 0x00, 4, 0, 8), []arrival{{0, 129 * ms}, {1, 131 * ms}}, 5},
		{"the last chunk says more", head(0, 1, 0x20, 0x09, 4), []arrival{{0, 129 * ms}}, 0},
		{"two chunks", head(5, 8193, 0x1f, 0xff, 0xa0, 0x00, 12), nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, err := parseFeedback(test.b)
			if test.name == "two chunks" {
				// 8,191 that did not come, then one that did, then one that did not.
				test.came, test.gone = []arrival{{5 + 8191, 131 * ms}}, 8192
			}
			if err != nil {
				t.Fatal(err)
			}
			if came, gone := f.arrivals(int64(f.reference) * referenceUnit); !slices.Equal(came, test.came) || gone != test.gone {
				t.Fatalf("%v and %d not, want %v and %d", came, gone, test.came, test.gone)
			}
		})
	}
	for name, b := range map[string][]byte{
		"empty":                     {},
		"cut in its head":           head(1, 1)[:7],
		"no status":                 head(1, 0),
		"no status, with a chunk":   head(1, 0, 0x20, 0x01, 4),
		"no chunk":                  head(1, 1),
		"half a chunk":              head(1, 1, 0x20),
		"a run of nothing":          head(1, 1, 0x20, 0x00, 4, 4),
		"too few chunks":            head(1, 9, 0x20, 0x08, 1, 1, 1, 1, 1, 1, 1, 1),
		"too few deltas":            head(1, 3, 0x20, 0x03, 4, 8),
		"half a large delta":        head(1, 1, 0x40, 0x01, 4),
		"too much behind":           head(1, 1, 0x20, 0x01, 4, 0, 0, 0, 0),
		"a reserved run":            head(1, 1, 0x60, 0x01, 4, 4, 4),
		"a reserved vector element": head(1, 7, 0xf0, 0x00, 4, 4, 4),
	} {
		if _, err := parseFeedback(b); !errors.Is(err, ErrFeedback) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What another implementation writes is read as that one reads it.
func TestFeedbackOfAnotherHand(t *testing.T) {
	r := twcc.NewRecorder(1)
	at := int64(5_000_000)
	want := map[uint16]int64{}
	for i := range 600 {
		sequence := uint16(65_300 + i)
		at += int64(i%7) * 900
		if i%11 == 3 || i > 200 && i < 260 {
			continue
		}
		if i == 400 {
			at += 300_000
		}
		r.Record(2, sequence, at)
		want[sequence] = at
	}
	n := 0
	for _, p := range r.BuildFeedbackPacket() {
		b, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		f, err := parseFeedback(b[12:]) // behind header and SSRCs, padding and all
		if err != nil {
			t.Fatal(err)
		}
		came, _ := f.arrivals(int64(f.reference) * referenceUnit)
		for _, a := range came {
			off := int64(a.at/time.Microsecond) - want[a.sequence]
			if off > deltaUnit || off < -deltaUnit {
				t.Fatalf("packet %d is %d µs off", a.sequence, off)
			}
			n++
		}
	}
	if n != len(want) {
		t.Fatalf("%d of %d arrivals were read", n, len(want))
	}
}

// What the simulated receiver writes, the other implementation reads.
func TestRecorder(t *testing.T) {
	var r recorder
	for i := range uint16(300) {
		if i%9 != 4 && (i < 100 || i > 150) {
			r.arrived(65_400+i, time.Second+time.Duration(i)*3*time.Millisecond)
		}
	}
	for _, body := range r.report() {
		b := binary.BigEndian.AppendUint16([]byte{0x8f, 205}, uint16((len(body)+8)/4))
		b = append(append(b, 0, 0, 0, 1, 0, 0, 0, 2), body...)
		var p rtcp.TransportLayerCC
		if err := p.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		f, err := parseFeedback(body)
		if err != nil {
			t.Fatal(err)
		}
		came, _ := f.arrivals(0)
		if len(p.RecvDeltas) != len(came) || p.PacketStatusCount != uint16(f.count) || p.BaseSequenceNumber != f.base || p.ReferenceTime != f.reference {
			t.Fatalf("read as %d arrivals of %d, want %d of %d", len(p.RecvDeltas), p.PacketStatusCount, len(came), f.count)
		}
	}
}

// fingerprint is everything that feedback may change, but for the ring.
func fingerprint(l *Line) string {
	f := *l
	f.ring, f.Told = nil, nil
	return fmt.Sprintf("%+v", f)
}

func TestMalformedChangesNothing(t *testing.T) {
	w := newWorld(t, 1e6)
	w.run(3*time.Second, nil)
	l := &w.line
	before, ring := fingerprint(l), slices.Clone(l.ring)
	good := writeFeedback(l.next-9, []arrival{{l.next - 9, time.Second}, {l.next - 2, time.Second}}, 1)
	for n := range len(good) - 3 {
		if err := l.Feedback(good[:n], w.now()); !errors.Is(err, ErrFeedback) {
			t.Fatalf("%d octets: %v", n, err)
		}
	}
	if fingerprint(l) != before || !slices.Equal(l.ring, ring) {
		t.Fatal("a malformed message changed the line")
	}
}

// A receiver can't raise its limit with packets that it repeats, or that were
// never sent.
func TestForgedFeedback(t *testing.T) {
	w := newWorld(t, 300_000)
	w.run(10*time.Second, nil)
	l := &w.line
	limit := l.Limit()
	var all []arrival
	for i := range uint16(1000) {
		all = append(all, arrival{l.next + 1 + i, time.Hour + time.Duration(i)*time.Microsecond})
	}
	for range 100 {
		w.at += 10 * time.Millisecond
		if err := l.Feedback(writeFeedback(all[0].sequence, all, 1), w.now()); err != nil {
			t.Fatal(err)
		}
	}
	var again []arrival
	for i := range uint16(100) {
		again = append(again, arrival{l.next - 300 + i, time.Hour + time.Duration(i)*time.Microsecond})
	}
	for range 100 {
		if err := l.Feedback(writeFeedback(again[0].sequence, again, 1), w.now()); err != nil {
			t.Fatal(err)
		}
	}
	// A message that begins far ahead, again and again.
	for range 100 {
		if err := l.Feedback([]byte{byte((l.next - 1) >> 8), byte(l.next - 1), 0xff, 0xff, 9, 9, 9, 0, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff,
			0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0, 7}, w.now()); err != nil {
			t.Fatal(err)
		}
	}
	if rate := l.arrivals.rate(); rate > 2*300_000 {
		t.Fatalf("%v is said to have arrived", rate)
	}
	if l.Limit() > limit {
		t.Fatalf("the limit rose from %d to %d", limit, l.Limit())
	}
}

// told collects what the line says is missing.
type told []uint16

func (t *told) Lost(sequence uint16) { *t = append(*t, sequence) }

// What feedback leaves out, and what lost feedback would have spoken of, is told once each.
func TestTellsWhatIsMissing(t *testing.T) {
	var l Line
	var missing told
	l.Told = &missing
	now := time.Unix(1_700_000_000, 0)
	for range 20 {
		l.Sent(1000, now)
		now = now.Add(5 * time.Millisecond)
	}
	heard := func(came []arrival, count uint8, want ...uint16) {
		t.Helper()
		missing = nil
		if err := l.Feedback(writeFeedback(came[0].sequence, came, count), now); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(missing, want) {
			t.Fatalf("missing %v, want %v", missing, want)
		}
	}
	heard([]arrival{{0, time.Second}, {1, time.Second}, {4, time.Second}}, 0, 2, 3)
	heard([]arrival{{0, time.Second}, {1, time.Second}, {4, time.Second}}, 1)
	heard([]arrival{{10, 2 * time.Second}, {12, 2 * time.Second}}, 3, 5, 6, 7, 8, 9, 11)
	heard([]arrival{{13, 2 * time.Second}, {19, 2 * time.Second}}, 4, 14, 15, 16, 17, 18)
}
