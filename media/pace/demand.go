package pace

import "time"

// Demand is which layers of one source anybody receives. Its zero value is a
// source that sends all its layers, as publishers do until they are told.
//
// A publisher stops a layer by making its encoding inactive; when it is made
// active again the caller also asks for a key frame, until one came, because
// receivers can begin with nothing else. While it comes, they keep what they
// have: as long as anybody wants a picture, its lowest layer goes on.
type Demand struct {
	off     [Layers]bool
	wanted  [Layers]time.Time // when it was wanted last
	since   [Layers]time.Time // resumed, and not heard yet
	resumed [Layers]time.Time // heard again
	failed  [Layers]time.Time // resumed in vain
	known   [Layers][Temporals]Bitrate
	begun   bool
}

const (
	// stopAfter is how long nobody wants a layer before it is stopped.
	stopAfter = 6 * time.Second
	// A layer that does not come within resumeWithin of being resumed is not
	// there (the publisher's uplink does not carry it, or its camera is small);
	// receivers choose others until retryAfter.
	resumeWithin = 3 * time.Second
	retryAfter   = 30 * time.Second
	// measuredAfter is how long it takes to measure a layer that was resumed.
	measuredAfter = 2 * time.Second
)

// usual rates stand in for layers that were never heard: cameras of 180, 360 and
// 720 lines.
var usual = [Layers]Bitrate{150_000, 500_000, 1_700_000}

// Needed takes the layers that receivers are to be sent (any of their targets'
// layers, in any order, None among them) and gives those the publisher is to
// send, and whether that differs from before. Layers that were resumed need a
// key frame.
func (d *Demand) Needed(targets []Layer, now time.Time) (active [Layers]bool, changed bool) {
	if !d.begun {
		d.begun = true
		for l := range d.wanted {
			d.wanted[l] = now
		}
	}
	for _, l := range targets {
		if l >= Low && l < Layers {
			d.wanted[l], d.wanted[Low] = now, now
		}
	}
	for l := range d.off {
		off := now.Sub(d.wanted[l]) >= stopAfter
		if off != d.off[l] {
			d.off[l], changed = off, true
			d.since[l] = time.Time{}
			if !off {
				d.since[l] = now
			}
		}
		active[l] = !off
	}
	return active, changed
}

// Rates fills in what stopped layers would cost, so that they can be chosen:
// what they cost last, else what is usual. What is measured of a layer that was
// stopped, or resumed just now, is the end or the beginning of what it costs, so
// it counts for no less than before. Measured are the rates now; never
// published layers of a source without simulcast must not be asked for, so
// layers says how many it has.
func (d *Demand) Rates(measured Rates, layers int, now time.Time) Rates {
	for l := range measured {
		switch {
		case l >= layers:
			continue
		case measured.published(Layer(l)):
			if !d.since[l].IsZero() {
				d.since[l], d.resumed[l] = time.Time{}, now
			}
			d.failed[l] = time.Time{}
			if d.off[l] || now.Sub(d.resumed[l]) < measuredAfter {
				for t, rate := range d.known[l] {
					measured[l][t] = max(measured[l][t], rate)
				}
			}
			d.known[l] = measured[l]
			continue
		case !d.off[l] && d.since[l].IsZero():
			continue // it is the publisher that does not send it
		case !d.off[l] && now.Sub(d.since[l]) > resumeWithin:
			d.failed[l] = now
			d.since[l] = time.Time{}
			continue
		case !d.failed[l].IsZero() && now.Sub(d.failed[l]) < retryAfter:
			continue
		}
		measured[l] = d.known[l]
		if !measured.published(Layer(l)) {
			measured[l] = Split(usual[l], 1)
		}
	}
	return measured
}
