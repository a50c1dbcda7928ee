package appliance

import (
	"context"
	"net/netip"
	"time"

	"huisclos/crypto/mls"
	"huisclos/media"
	"huisclos/media/relay"
	"huisclos/media/transport"
	"huisclos/meetings"
)

// plane lets rooms use the media plane: it satisfies meetings.Media and meetings.Plane with a transport.Server. It
// converts types and decides nothing.
type plane struct{ server *transport.Server }

var (
	_ meetings.Media = plane{}
	_ meetings.Plane = plane{}
)

func (p plane) Open(call meetings.CallID, epoch uint64) { p.server.Open(media.CallID(call), epoch) }

func (p plane) SetEpoch(call meetings.CallID, epoch uint64, now time.Time) {
	p.server.SetEpoch(media.CallID(call), epoch, now)
}

func (p plane) CloseCall(call meetings.CallID) { p.server.CloseCall(media.CallID(call)) }

func (p plane) Admit(call meetings.CallID, peer meetings.PeerID, leaf mls.LeafIndex) {
	p.server.Admit(media.CallID(call), media.PeerID(peer), uint32(leaf))
}

func (p plane) Cut(call meetings.CallID, peer meetings.PeerID) {
	p.server.Cut(media.CallID(call), media.PeerID(peer))
}

func (p plane) Busy() bool { return p.server.Busy() }

func (p plane) Stats(call meetings.CallID) meetings.MediaStats {
	s := p.server.Stats(media.CallID(call))
	out := meetings.MediaStats{Forwarded: s.Forwarded, Refused: counts(s.Refused)}
	for _, peer := range s.Peers {
		out.Peers = append(out.Peers, meetings.PeerStats{Peer: meetings.PeerID(peer.Peer), Transport: peer.Transport,
			Forwarded: peer.Forwarded, Received: peer.Received, Sending: int(peer.Sending), Refused: counts(peer.Refused)})
	}
	return out
}

func counts(by map[media.RefusedReason]uint64) map[string]uint64 {
	out := make(map[string]uint64, len(by))
	for reason, n := range by {
		out[string(reason)] = n
	}
	return out
}

// lastWay lets rooms open the relay to their members: it satisfies meetings.Credentials.
type lastWay struct{ relay *relay.Relay }

var _ meetings.Credentials = lastWay{}

func (l lastWay) Credential(account mls.AccountID, session string, now time.Time) (username, password string, expires time.Time) {
	return l.relay.Credential(account.String(), session, now)
}

func (l lastWay) Revoke(account mls.AccountID, now time.Time, sessions ...string) {
	l.relay.Revoke(account.String(), now, sessions...)
}

// kinds of streams have a word towards clients and a number in media.
func kindOf(word string) media.Kind {
	if word == "audio" {
		return media.Audio
	}
	return media.Video
}

func (p plane) Publish(ctx context.Context, call meetings.CallID, peer meetings.PeerID, via netip.Addr, offer string, streams []meetings.Stream) (string, error) {
	list := make([]media.Stream, 0, len(streams))
	for _, s := range streams {
		list = append(list, media.Stream{MID: s.MID, Kind: kindOf(s.Kind), Context: s.Context})
	}
	return p.server.Publish(ctx, media.CallID(call), media.PeerID(peer), via, offer, list)
}

func (p plane) Subscribe(call meetings.CallID, peer meetings.PeerID, via netip.Addr, vp9 bool) error {
	p.server.Subscribe(media.CallID(call), media.PeerID(peer), via, vp9)
	return nil
}

func (p plane) Answer(call meetings.CallID, peer meetings.PeerID, answer string) error {
	return p.server.Answer(media.CallID(call), media.PeerID(peer), answer)
}

func (p plane) Wants(call meetings.CallID, peer meetings.PeerID, wants []meetings.Want) error {
	list := make([]media.Want, 0, len(wants))
	for _, w := range wants {
		list = append(list, media.Want{Leaf: uint32(w.Leaf), Context: w.Context, Height: w.Height})
	}
	p.server.Wants(media.CallID(call), media.PeerID(peer), list)
	return nil
}

func (p plane) RestartSubscriber(call meetings.CallID, peer meetings.PeerID) error {
	p.server.RestartSubscriber(media.CallID(call), media.PeerID(peer))
	return nil
}

// reports carries what the media plane says to the hall. The plane is made before the hall: until there is one, nothing
// can be reported, because only the hall opens calls.
type reports struct {
	there chan struct{}
	hall  *meetings.Hall // set once, before there is closed
	seen  *observer
	now   func() time.Time
}

func newReports(seen *observer, now func() time.Time) *reports {
	return &reports{there: make(chan struct{}), seen: seen, now: now}
}

func (r *reports) to(h *meetings.Hall) {
	r.hall = h
	close(r.there)
}

func (r *reports) Offer(call media.CallID, peer media.PeerID, offer string, tracks []media.Track) {
	<-r.there
	list := make([]meetings.Track, 0, len(tracks))
	for _, t := range tracks {
		list = append(list, meetings.Track{MID: t.MID, Leaf: mls.LeafIndex(t.Leaf), Context: t.Context, Kind: t.Kind.String()})
	}
	r.hall.MediaOffer(meetings.CallID(call), meetings.PeerID(peer), offer, list)
}

func (r *reports) Connected(call media.CallID, peer media.PeerID, publishing bool, transport string) {
	<-r.there
	r.seen.connected(call, peer, r.now())
	r.hall.MediaConnected(meetings.CallID(call), meetings.PeerID(peer), publishing, transport)
}

func (r *reports) Failed(call media.CallID, peer media.PeerID, publishing bool) {
	<-r.there
	r.hall.MediaFailed(meetings.CallID(call), meetings.PeerID(peer), publishing)
}

func (r *reports) Layers(call media.CallID, peer media.PeerID, streams []media.StreamLayers) {
	<-r.there
	list := make([]meetings.StreamLayers, 0, len(streams))
	for _, s := range streams {
		names := []string{} // not nil: it is written as JSON
		for _, l := range s.Layers {
			names = append(names, transport.LayerName(l))
		}
		list = append(list, meetings.StreamLayers{Context: s.Context, Layers: names, VP9: s.VP9})
	}
	r.hall.MediaLayers(meetings.CallID(call), meetings.PeerID(peer), list)
}

func (r *reports) Refused(call media.CallID, peer media.PeerID, by map[media.RefusedReason]uint64) {
	<-r.there
	r.hall.MediaRefused(meetings.CallID(call), meetings.PeerID(peer), counts(by))
}
