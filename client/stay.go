package client

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"huisclos/crypto/mls"
	"huisclos/meetings"
)

const (
	firstRebuild, longestRebuild = 400 * time.Millisecond, 8 * time.Second
	// wishAfter gathers what is wanted of the others' pictures.
	wishAfter     = 80 * time.Millisecond
	defaultHeight = 360
)

// stay is the media side of one stay in the call: both connections. They are
// built anew when this device's leaf or its line changes, and when they can't
// be saved.
type stay struct {
	up     *publisher // nil where nothing is played
	down   *subscriber
	wishes string // what was last said
	wish   bool   // about to be said
}

// openMedia builds both connections; those that stood before are closed. anew
// says that this device has another place at the server: what was asked of the
// old one gets no answer any more.
func (c *Call) openMedia(anew bool) {
	c.closeMedia()
	if anew {
		c.offers, c.answers = 0, 0
	}
	s := &stay{}
	c.media = s
	var err error
	if s.up, err = c.newPublisher(s); err == nil {
		s.down, err = c.newSubscriber(s)
	}
	if err == nil && s.up != nil {
		err = s.up.negotiate(false)
	}
	if err != nil {
		c.rebuild(err.Error())
		return
	}
	c.send(&meetings.Subscribe{})
}

func (c *Call) closeMedia() {
	s := c.media
	c.media = nil
	if s == nil {
		return
	}
	if s.up != nil {
		s.up.close()
	}
	if s.down != nil {
		s.down.close()
	}
}

// rebuild builds both connections anew after a pause that grows.
func (c *Call) rebuild(why string) {
	s := c.media
	if s == nil || c.over {
		return
	}
	c.log.Info("media is built anew", "why", why)
	c.closeMedia()
	wait := min(longestRebuild, firstRebuild<<min(c.rebuilds, 10))
	c.rebuilds++
	c.later(wait, func() {
		// Without a line there is nobody to offer to; it opens media when it is back.
		if _, in := c.member.View(); in && c.media == nil && c.line != nil {
			c.openMedia(false)
		}
	})
}

func (c *Call) published(answer string) {
	c.answers++
	// An answer to the offer of a connection that is closed by now is not for its successor.
	if c.media == nil || c.media.up == nil || c.answers != c.offers {
		return
	}
	if err := c.media.up.answered(answer); err != nil {
		c.rebuild(err.Error())
	}
}

func (c *Call) offered(o *meetings.Offer) {
	if c.media == nil || c.media.down == nil {
		return
	}
	select {
	case c.media.down.offers <- o:
	default:
		c.rebuild("more offers than can be answered")
	}
}

func (c *Call) requestFailed(m *meetings.Failure) {
	switch m.Request {
	case "publish":
		c.answers++
	case "subscribe", "answer", "restartIce":
	default:
		return
	}
	c.rebuild(m.Request + ": " + m.Code)
}

func (c *Call) linked(m *meetings.MediaLink) {
	c.mu.Lock()
	c.transport[m.Direction] = m.Transport
	c.mu.Unlock()
	if m.Transport != "" {
		c.rebuilds = 0
	}
	c.tell(Event{Kind: Connected, Detail: strings.TrimSpace(m.Direction + " " + m.Transport)})
}

func (c *Call) gateRefused(m *meetings.MediaRefused) {
	var list []string
	for _, reason := range slices.Sorted(maps.Keys(m.Counts)) {
		list = append(list, fmt.Sprintf("%s %d", reason, m.Counts[reason]))
	}
	c.tell(Event{Kind: Refused, Detail: strings.Join(list, ", ")})
}

// wish says how high the others' pictures are wanted; soon, and when it changed.
func (c *Call) wish(s *stay) {
	if s.wish {
		return
	}
	s.wish = true
	c.later(wishAfter, func() {
		s.wish = false
		if c.media != s {
			return
		}
		height := defaultHeight
		if c.cfg.Height != nil {
			height = *c.cfg.Height
		}
		q := &meetings.Wants{}
		c.mu.Lock()
		for _, t := range s.down.targets {
			if !t.Context.Audio() {
				q.Wants = append(q.Wants, meetings.Want{Leaf: mls.LeafIndex(t.Leaf), Context: uint8(t.Context), Height: height})
			}
		}
		c.mu.Unlock()
		slices.SortFunc(q.Wants, func(a, b meetings.Want) int { return int(a.Leaf)<<8 + int(a.Context) - int(b.Leaf)<<8 - int(b.Context) })
		if text := fmt.Sprint(q.Wants); text != s.wishes && c.send(q) {
			s.wishes = text
		}
	})
}
