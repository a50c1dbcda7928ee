package forward

import "time"

// Sequences drops repeated sequence numbers of one SSRC. Browsers probe for
// bandwidth with copies of packets that arrived long ago: more copies than
// packets on a quiet layer.
type Sequences struct {
	seen   [sequenceWindow / 64]uint64
	newest uint16
	any    bool
}

const sequenceWindow = 1024

// Fresh records a sequence number and says whether it is the first time. What
// is behind the window counts as repeated.
func (s *Sequences) Fresh(sequence uint16) bool {
	switch ahead := int16(sequence - s.newest); {
	case !s.any:
		s.any, s.newest = true, sequence
	case ahead >= sequenceWindow:
		clear(s.seen[:])
		s.newest = sequence
	case ahead > 0:
		for n := s.newest + 1; n != sequence; n++ {
			s.seen[n/64%uint16(len(s.seen))] &^= 1 << (n % 64)
		}
		s.newest = sequence
	case ahead <= -sequenceWindow, s.seen[sequence/64%uint16(len(s.seen))]&(1<<(sequence%64)) != 0:
		return false
	}
	s.seen[sequence/64%uint16(len(s.seen))] |= 1 << (sequence % 64)
	return true
}

// Missing decides what to ask a publisher to send again (RFC 4585 §6.2.1).
type Missing struct {
	newest uint16
	any    bool
	lost   []lost

	// Hurry is for sound: it is played 20 to 60 ms after it was said, so that a
	// packet is asked for as soon as one behind it is here.
	Hurry bool
}

type lost struct {
	sequence uint16
	since    time.Time
	asked    time.Time
	times    int
}

const (
	maxMissing   = 128
	firstAsk     = 15 * time.Millisecond // reordering is not loss
	askAgain     = 60 * time.Millisecond
	maxAsks      = 8
	missingAfter = time.Second
)

// Received notes a sequence number, and those that it skipped.
func (m *Missing) Received(sequence uint16, now time.Time) {
	if !m.any {
		m.any, m.newest = true, sequence
		return
	}
	ahead := int16(sequence - m.newest)
	if ahead <= 0 {
		for i := range m.lost {
			if m.lost[i].sequence == sequence {
				m.lost = append(m.lost[:i], m.lost[i+1:]...)
				break
			}
		}
		return
	}
	if ahead > maxMissing {
		// So much is gone that only a key frame helps.
		m.lost = m.lost[:0]
	} else {
		for n := m.newest + 1; n != sequence; n++ {
			if len(m.lost) == maxMissing {
				m.lost = append(m.lost[:0], m.lost[1:]...)
			}
			m.lost = append(m.lost, lost{sequence: n, since: now})
		}
	}
	m.newest = sequence
}

// Due gives the sequence numbers to ask for now.
func (m *Missing) Due(now time.Time) []uint16 {
	if len(m.lost) == 0 {
		return nil
	}
	var due []uint16
	kept := m.lost[:0]
	for _, l := range m.lost {
		if l.times >= maxAsks || now.Sub(l.since) > missingAfter {
			continue
		}
		if (m.Hurry || now.Sub(l.since) >= firstAsk) && (l.times == 0 || now.Sub(l.asked) >= askAgain) {
			due = append(due, l.sequence)
			l.asked, l.times = now, l.times+1
		}
		kept = append(kept, l)
	}
	if m.lost = kept; len(kept) == 0 {
		m.lost = nil // most of the time nothing is missing
	}
	return due
}
