package media

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"huisclos/media/forward"
	"huisclos/media/pace"
)

func TestLevel(t *testing.T) {
	for _, c := range []struct {
		demands []pace.Bitrate
		budget  pace.Bitrate
		want    pace.Bitrate
	}{
		{nil, 100, 0},
		{[]pace.Bitrate{40, 60}, 100, 0}, // all fits
		{[]pace.Bitrate{60, 60}, 100, 50},
		{[]pace.Bitrate{100, 10, 100}, 100, 45}, // what the second leaves is for the others
		{[]pace.Bitrate{90, 0, 30, 0}, 100, 70},
		{[]pace.Bitrate{500}, 100, 100},
		{[]pace.Bitrate{9, 9, 9}, 2, 1}, // never zero, which would be no bound
	} {
		got := level(slices.Clone(c.demands), c.budget)
		if got != c.want {
			t.Errorf("%v of %v: %v, want %v", c.demands, c.budget, got, c.want)
		}
	}
}

// play lets a camera of three sizes and a voice run for a while, answers requests for key frames, and says what the network
// carries to each receiver in the second half.
func (m *meeting) play(from PeerID, d time.Duration, receivers int) []pace.Bitrate {
	half, end := m.now.Add(d/2), m.now.Add(d)
	var at []int
	octets := func() (list []int) {
		for i := range receivers {
			n := 0
			for context := range 2 {
				for _, b := range m.outlets[fmt.Sprintf("r%d 1-%d", i, context)].sent {
					n += len(b) + around
				}
			}
			list = append(list, n)
		}
		return list
	}
	ticked := m.now
	for m.now.Before(end) {
		up := m.uplinks[from]
		for l, packets := range []int{1, 2, 6} { // of 30 frames a second: about 160, 460 and 1,390 kbit/s
			key := slices.Contains(up.asked, uint32(11+l)) || len(m.sources[from]["1"].layers[l].rates) > 0 && !m.sources[from]["1"].layers[l].known
			up.asked = slices.DeleteFunc(up.asked, func(ssrc uint32) bool { return ssrc == uint32(11+l) })
			for n := range packets {
				p := m.packet(1, 1, 1, uint32(11+l), key && n == 0)
				if extra := 600 + 300*min(l, 1) - len(p.Payload); extra > 0 {
					p.Payload = append(p.Payload, bytes.Repeat([]byte{1}, extra)...)
				}
				m.sources[from]["1"].Receive(forward.Layer(l), p, nil, m.now)
			}
		}
		m.sources[from]["0"].Receive(forward.Low, m.packet(1, 0, 1, 10, false), nil, m.now)
		m.now = m.now.Add(time.Second / 30)
		if m.now.Sub(ticked) >= TickEvery {
			m.router.Tick(m.now.Sub(ticked), m.now)
			ticked = m.now
		}
		if at == nil && !m.now.Before(half) {
			at = octets()
		}
	}
	var rates []pace.Bitrate
	for i, n := range octets() {
		rates = append(rates, pace.Bitrate(float64(n-at[i])*8/(d/2).Seconds()))
	}
	return rates
}

// TestABudgetBoundsACall: four people see one camera, three of them large. What the network carries to them stays within what the
// call and a person may be sent, nobody is left without a picture, who sees it small loses nothing to the others, and what is
// given back comes back.
func TestABudgetBoundsACall(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	for i, height := range []int{720, 720, 720, 160} {
		id := PeerID(fmt.Sprint("r", i))
		m.join(id, uint32(2+i))
		m.connect(id)
		if err := m.router.Wants(id, []Want{{Leaf: 1, Context: 1, Height: height}}, m.now); err != nil {
			t.Fatal(err)
		}
	}
	sum := func(rates []pace.Bitrate) (all pace.Bitrate) {
		for _, r := range rates {
			all += r
		}
		return all
	}
	free := m.play("a", 20*time.Second, 4)
	if free[0] < 1_400_000 || free[3] > 300_000 {
		t.Fatalf("without a budget: %v", free)
	}
	for _, c := range []struct {
		budget Budget
		layer  pace.Layer // of those who see it large
		least  pace.Bitrate
	}{
		{Budget{Call: 3_000_000}, pace.Middle, 1_600_000},
		{Budget{Person: 800_000}, pace.Middle, 1_600_000},
		{Budget{Call: 900_000}, pace.Low, 600_000},
		{Budget{Call: 3_000_000, Person: 300_000}, pace.Low, 600_000},
		{Budget{Call: 20_000_000, Person: 5_000_000}, pace.High, 4_500_000},
	} {
		m.router.SetBudget(c.budget)
		rates := m.play("a", 40*time.Second, 4)
		var all, most pace.Bitrate
		for _, p := range m.router.Stats().Peers {
			all, most = all+p.Sending, max(most, p.Sending)
		}
		if b := c.budget; b.Call > 0 && sum(rates) > b.Call || b.Person > 0 && slices.Max(rates) > b.Person || sum(rates) < c.least {
			t.Errorf("%+v: %v, together %d", c.budget, rates, sum(rates))
		}
		if got := m.downs["r0 1-1"].numbers.Current(); got != c.layer {
			t.Errorf("%+v: layer %d, want %d (%v)", c.budget, got, c.layer, rates)
		}
		if got := m.downs["r3 1-1"].numbers.Current(); got != pace.Low {
			t.Errorf("%+v: who sees it small gets layer %d", c.budget, got)
		}
		if off := float64(all)/float64(sum(rates)) - 1; off > 0.1 || off < -0.1 {
			t.Errorf("%+v: %d are said to be sent, %d are", c.budget, all, sum(rates))
		}
		if off := float64(most)/float64(slices.Max(rates)) - 1; off > 0.1 || off < -0.1 {
			t.Errorf("%+v: %d are said to be sent to one, %d are", c.budget, most, slices.Max(rates))
		}
		// The line is not searched for more than the budget lets go.
		if full := m.router.Limit("r0", 0, false, m.now); c.budget.Person > 0 && full > c.budget.Person {
			t.Errorf("%+v: the line is asked for %d", c.budget, full)
		}
	}

	// Sound goes on where nothing is left for it.
	m.router.SetBudget(Budget{Call: 1000})
	m.play("a", 10*time.Second, 4)
	heard, seen := m.count("r0 1-0"), m.count("r0 1-1")
	m.play("a", 2*time.Second, 4)
	if n := m.count("r0 1-0") - heard; n < 55 || m.count("r0 1-1") != seen {
		t.Errorf("%d packets of sound, %d of a picture", n, m.count("r0 1-1")-seen)
	}
	m.router.SetBudget(Budget{})
	if rates := m.play("a", 40*time.Second, 4); rates[0] < 1_400_000 {
		t.Errorf("with the budget taken away: %v", rates)
	}
}
