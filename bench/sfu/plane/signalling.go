package main

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"huisclos/media"
	"huisclos/media/transport"
)

// signalling lets the load generator use the media plane over HTTP. It converts and decides nothing; who asks is not checked, so it
// listens on loopback only.
type signalling struct {
	server  *transport.Server
	profile string // file of the heap profile, empty for none

	mu     sync.Mutex
	events []event
	more   chan struct{} // closed when events grew
}

// event is what media.Events says, in JSON.
type event struct {
	Kind  string `json:"kind"` // offer, connected, failed, refused
	Call  string `json:"call"`
	Peer  string `json:"peer"`
	Offer string `json:"offer,omitempty"`
}

func newSignalling() *signalling { return &signalling{more: make(chan struct{})} }

func (s *signalling) add(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	close(s.more)
	s.more = make(chan struct{})
}

func (s *signalling) Offer(call media.CallID, peer media.PeerID, offer string, _ []media.Track) {
	s.add(event{Kind: "offer", Call: string(call), Peer: string(peer), Offer: offer})
}

func (s *signalling) Connected(call media.CallID, peer media.PeerID, _ bool, _ string) {
	s.add(event{Kind: "connected", Call: string(call), Peer: string(peer)})
}

func (s *signalling) Failed(call media.CallID, peer media.PeerID, _ bool) {
	s.add(event{Kind: "failed", Call: string(call), Peer: string(peer)})
}

func (s *signalling) Layers(media.CallID, media.PeerID, []media.StreamLayers) {}
func (s *signalling) Refused(call media.CallID, peer media.PeerID, _ map[media.RefusedReason]uint64) {
	s.add(event{Kind: "refused", Call: string(call), Peer: string(peer)})
}

// request is the body of every POST.
type request struct {
	Call string `json:"call"`
	Peer string `json:"peer"`
	Leaf uint32 `json:"leaf"`
	SDP  string `json:"sdp"`
}

// streams are what every publisher declares: the microphone in section 0, the camera in section 1.
var streams = []media.Stream{{MID: "0", Kind: media.Audio, Context: 0}, {MID: "1", Kind: media.Video, Context: 1}}

const epoch = 1

func (s *signalling) handler() http.Handler {
	mux := http.NewServeMux()
	post := func(path string, do func(r *http.Request, q request) (any, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			var q request
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<20)).Decode(&q); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			answer, err := do(r, q)
			if err != nil {
				http.Error(w, err.Error(), http.StatusUnprocessableEntity)
				return
			}
			reply(w, answer)
		})
	}
	post("/open", func(_ *http.Request, q request) (any, error) {
		s.server.Open(media.CallID(q.Call), epoch)
		return nil, nil
	})
	post("/admit", func(_ *http.Request, q request) (any, error) {
		s.server.Admit(media.CallID(q.Call), media.PeerID(q.Peer), q.Leaf)
		return nil, nil
	})
	post("/publish", func(r *http.Request, q request) (any, error) {
		return s.server.Publish(r.Context(), media.CallID(q.Call), media.PeerID(q.Peer), netip.Addr{}, q.SDP, streams)
	})
	post("/subscribe", func(_ *http.Request, q request) (any, error) {
		s.server.Subscribe(media.CallID(q.Call), media.PeerID(q.Peer), netip.Addr{}, false)
		return nil, nil
	})
	post("/answer", func(_ *http.Request, q request) (any, error) {
		return nil, s.server.Answer(media.CallID(q.Call), media.PeerID(q.Peer), q.SDP)
	})
	post("/stats", func(_ *http.Request, q request) (any, error) { return s.server.Stats(media.CallID(q.Call)), nil })
	post("/memory", func(*http.Request, request) (any, error) { return memory(s.profile) })
	// What was said since the caller last asked; it waits up to ten seconds for something.
	mux.HandleFunc("POST /events", func(w http.ResponseWriter, r *http.Request) { reply(w, s.take(r)) })
	return mux
}

func (s *signalling) take(r *http.Request) []event {
	s.mu.Lock()
	more := s.more
	none := len(s.events) == 0
	s.mu.Unlock()
	if none {
		select {
		case <-more:
		case <-time.After(10 * time.Second):
		case <-r.Context().Done():
			return nil // nobody reads it: the events stay
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.events
	s.events = nil
	return events
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the caller is gone then
}
