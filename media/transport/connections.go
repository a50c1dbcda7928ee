package transport

import (
	"context"
	"net/netip"
	"sync"

	"huisclos/media"
)

// Publish answers a peer's offer: the first, a later one, an ICE restart, or
// the first of a new connection that replaces the peer's old one. via is the
// address at which the peer's signalling arrived; see Config.Addresses.
func (s *Server) Publish(ctx context.Context, id media.CallID, peer media.PeerID, via netip.Addr, offer string, streams []media.Stream) (answer string, err error) {
	if len(offer) > maxOffer {
		return "", ErrTooLarge
	}
	s.mu.Lock()
	c := s.calls[id]
	if c == nil {
		s.mu.Unlock()
		return "", media.ErrUnknown
	}
	turn := c.publishing[peer]
	if turn == nil {
		if len(c.publishing) >= media.MaxPeers {
			s.mu.Unlock()
			return "", media.ErrFull
		}
		turn = new(sync.Mutex)
		c.publishing[peer] = turn
	}
	s.mu.Unlock()
	turn.Lock()
	defer turn.Unlock()
	if err := ctx.Err(); err != nil {
		return "", err
	}

	s.mu.Lock()
	old := c.publishers[peer]
	s.mu.Unlock()
	p := old
	var far remote
	restart := false
	answer, sections, err := answerOffer(offer, streams, func(r remote) (ours, error) {
		far = r
		if p != nil {
			same, restarts := p.link.compare(r)
			restart = restarts
			if !same {
				p = nil
			}
		}
		if p == nil {
			var err error
			if p, err = newPublisher(s, c, peer); err != nil {
				return ours{}, err
			}
		} else if restart {
			p.link.renew()
		}
		p.version++
		return s.ours(p.link, via, p.session, p.version), nil
	})
	if err == nil {
		err = s.publish(c, turn, p, old, sections, streams)
	}
	if err == nil {
		err = p.link.start(far)
	}
	if err != nil {
		if p != nil && p != old {
			p.link.end()
		}
		return "", err
	}
	s.refresh(c)
	return answer, nil
}

// publish puts a publisher in its place, if its call and peer still stand. The
// one before may have said goodbye meanwhile: a new one takes the empty place.
func (s *Server) publish(c *call, turn *sync.Mutex, p, old *publisher, sections []accepted, streams []media.Stream) error {
	receiving := make([]media.Stream, len(sections))
	for i, a := range sections {
		receiving[i] = a.stream
	}
	s.mu.Lock()
	now := c.publishers[p.peer]
	if s.calls[c.id] != c || c.publishing[p.peer] != turn || now != old && (now != nil || p == old) {
		s.mu.Unlock()
		return media.ErrUnknown
	}
	sources, err := c.router.Publish(p.peer, p, receiving)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	c.publishers[p.peer] = p
	p.accept(sections, sources)
	s.mu.Unlock()
	if old != nil && old != p {
		old.link.end()
	}
	return nil
}

// Subscribe makes a peer's subscriber connection, or makes it anew. Offers come
// through Events once there is something to receive. via is as in Publish; vp9
// says that the client takes VP9 in spatial layers.
func (s *Server) Subscribe(id media.CallID, peer media.PeerID, via netip.Addr, vp9 bool) {
	c := s.call(id)
	if c == nil {
		return
	}
	sub, err := newSubscriber(s, c, peer, via, vp9)
	if err != nil {
		s.cfg.Log.Warn("media: no subscriber connection", "error", err)
		return
	}
	s.mu.Lock()
	if s.calls[id] != c || c.router.Receives(peer, vp9, s.cfg.Now()) != nil {
		s.mu.Unlock()
		sub.link.end()
		return
	}
	old := c.subscribers[peer]
	c.subscribers[peer] = sub
	s.mu.Unlock()
	if old != nil {
		old.end()
		old.link.end()
	}
	sub.update()
}

func (s *Server) subscriber(id media.CallID, peer media.PeerID) *subscriber {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.calls[id]; c != nil {
		return c.subscribers[peer]
	}
	return nil
}

// Answer takes a peer's answer to its outstanding offer.
func (s *Server) Answer(id media.CallID, peer media.PeerID, answer string) error {
	sub := s.subscriber(id, peer)
	if sub == nil {
		return media.ErrUnknown
	}
	return sub.answered(answer)
}

// RestartSubscriber restarts ICE on a peer's subscriber connection.
func (s *Server) RestartSubscriber(id media.CallID, peer media.PeerID) {
	if sub := s.subscriber(id, peer); sub != nil {
		sub.restart()
	}
}

func (s *Server) isPublisher(p *publisher) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[p.call.id] == p.call && p.call.publishers[p.peer] == p
}

// publisherFailed ends a publisher whose link ended by itself.
func (s *Server) publisherFailed(p *publisher) {
	s.mu.Lock()
	c := p.call
	if s.calls[c.id] != c || c.publishers[p.peer] != p {
		s.mu.Unlock()
		return
	}
	delete(c.publishers, p.peer)
	_, err := c.router.Publish(p.peer, nil, nil)
	s.mu.Unlock()
	if err == nil {
		s.refresh(c)
	}
	s.events.add(func(e media.Events) { e.Failed(c.id, p.peer, true) })
}

func (s *Server) subscriberFailed(sub *subscriber) {
	s.mu.Lock()
	c := sub.call
	current := s.calls[c.id] == c && c.subscribers[sub.peer] == sub
	if current {
		delete(c.subscribers, sub.peer)
	}
	s.mu.Unlock()
	sub.end()
	if current {
		s.events.add(func(e media.Events) { e.Failed(c.id, sub.peer, false) })
	}
}
