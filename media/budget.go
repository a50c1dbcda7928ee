package media

import (
	"cmp"
	"slices"
	"time"

	"huisclos/media/pace"
)

// Budget is the most that a call may be sent, as the network carries it: with
// all headers and what is sent again. Zero is no bound. Sound is never left out
// for it, so a large call may be above it with sound alone.
type Budget struct {
	Call   pace.Bitrate // all who are in it, together
	Person pace.Bitrate // each of them
}

const (
	// around is what stands around a payload on the network, in octets: IPv4 20,
	// UDP 8, RTP with its extensions 20 (RFC 3550 §5.1, RFC 8285), the tag of
	// AES-GCM 16 (RFC 7714).
	around = 64
	// What is sent is more than its payload by a part that is measured, between
	// these: of a voice it is two thirds of the payload, of a picture a tenth.
	usualOver, mostOver = 1.1, 2.0
	// tellsOver is from what rate on the measure says something; it is believed
	// slowly, since for a moment after each change more or less is on its way
	// than was chosen.
	tellsOver = pace.Bitrate(100_000)
	overSlow  = 32 // ticks
)

// SetBudget changes what the call may be sent. It holds from the next tick on.
func (r *Router) SetBudget(b Budget) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.budget = b
}

// share is the payload that one receiver may be sent now; zero is no bound.
func (r *Router) share() pace.Bitrate { return pace.Bitrate(r.shares.Load()) }

// count measures what each receiver was sent since the last tick. Callers hold
// mu, for reading at least.
func (r *Router) count(interval time.Duration) {
	for _, p := range r.leaves {
		var octets uint64
		for _, d := range p.downs {
			d.source.mu.Lock()
			octets, d.octets = octets+d.octets, 0
			d.source.mu.Unlock()
		}
		fresh := pace.Bitrate(float64(octets) * 8 / interval.Seconds())
		p.choosing.Lock()
		p.sending = (7*p.sending + fresh) / 8
		p.meant = (7*p.meant + p.chosen) / 8
		p.choosing.Unlock()
	}
}

// divide gives everybody the same share of the budget, but nobody more than they
// could use: what they leave is for the others (max-min fairness). Callers hold
// mu, for reading at least.
func (r *Router) divide() {
	if r.budget == (Budget{}) {
		r.shares.Store(0)
		return
	}
	demands := make([]pace.Bitrate, 0, len(r.leaves))
	var sending, meant pace.Bitrate
	for _, p := range r.leaves {
		p.choosing.Lock()
		demands = append(demands, p.full)
		sending, meant = sending+p.sending, meant+p.meant
		p.choosing.Unlock()
	}
	r.sharing.Lock()
	defer r.sharing.Unlock()
	if meant >= tellsOver {
		r.over += (min(max(float64(sending)/float64(meant), 1), mostOver) - r.over) / overSlow
	}
	payload := func(b pace.Bitrate) pace.Bitrate { return pace.Bitrate(float64(b) / r.over) }
	share := payload(r.budget.Person)
	if r.budget.Call > 0 {
		share = lesser(share, level(demands, payload(r.budget.Call)))
	}
	r.shares.Store(int64(share))
}

// level is up to where each demand is met when all that are above it get the
// same; zero when everything is. It sorts the demands.
func level(demands []pace.Bitrate, budget pace.Bitrate) pace.Bitrate {
	slices.SortFunc(demands, func(a, b pace.Bitrate) int { return cmp.Compare(a, b) })
	for i, d := range demands {
		if each := budget / pace.Bitrate(len(demands)-i); d > each {
			return max(each, 1) // nothing is left: sound alone
		}
		budget -= d
	}
	return 0
}

// lesser is the smaller of two bounds, of which zero is none.
func lesser(a, b pace.Bitrate) pace.Bitrate {
	if a <= 0 || b > 0 && b < a {
		return b
	}
	return a
}
