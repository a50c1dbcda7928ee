package contender

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"sync"

	"huisclos/bench/sfu/load"
)

// Plane is our media plane, as bench/sfu/plane serves it.
type Plane struct {
	process    *process // nil when it runs elsewhere
	signalling string
	media      netip.AddrPort
	client     *http.Client
	cancel     context.CancelFunc

	mu       sync.Mutex
	sessions map[string]*planeSession // by call and peer
	failed   error
}

// StartPlane runs the program with arguments.
func StartPlane(at Place, log io.Writer, program string, arguments ...string) (*Plane, error) {
	p, err := start(at, log, program, arguments...)
	if err != nil {
		return nil, err
	}
	var where struct{ Signalling, Media string }
	err = p.line(&where)
	var media netip.AddrPort
	if err == nil {
		media, err = netip.ParseAddrPort(where.Media)
	}
	if err != nil {
		_ = p.stop() // the first error says more
		return nil, err
	}
	plane := NewPlane(where.Signalling, media)
	plane.process = p
	return plane, nil
}

// NewPlane speaks to a plane that runs.
func NewPlane(signalling string, media netip.AddrPort) *Plane {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Plane{signalling: signalling, media: media, cancel: cancel, sessions: map[string]*planeSession{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}}
	go p.listen(ctx)
	return p
}

func (p *Plane) Media() netip.AddrPort { return p.media }

func (p *Plane) PIDs() []int {
	if p.process == nil {
		return nil
	}
	return []int{p.process.pid()}
}

func (p *Plane) Close() error {
	p.cancel()
	p.client.CloseIdleConnections()
	if p.process == nil {
		return nil
	}
	return p.process.stop()
}

type planeRequest struct {
	Call string `json:"call"`
	Peer string `json:"peer,omitempty"`
	Leaf uint32 `json:"leaf,omitempty"`
	SDP  string `json:"sdp,omitempty"`
}

func (p *Plane) post(ctx context.Context, path string, q planeRequest, into any) error {
	body, err := json.Marshal(q)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.signalling+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("contender: plane: %s: %s", path, bytes.TrimSpace(b))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(b, into)
}

func (p *Plane) Open(ctx context.Context, meeting string) error {
	return p.post(ctx, "/open", planeRequest{Call: meeting}, nil)
}

// Memory is what the plane's memory is used for, in octets.
func (p *Plane) Memory(ctx context.Context) (classes map[string]uint64, err error) {
	err = p.post(ctx, "/memory", planeRequest{}, &classes)
	return classes, err
}

// planeSession is one peer. Its offers are answered one after the other, in their order.
type planeSession struct {
	plane  *Plane
	call   string
	peer   string
	offers chan string
	once   sync.Once
}

func (p *Plane) Join(ctx context.Context, meeting string, peer load.Peer) (load.Session, error) {
	s := &planeSession{plane: p, call: meeting, peer: peer.Name, offers: make(chan string, 256)}
	p.mu.Lock()
	p.sessions[meeting+"/"+peer.Name] = s
	p.mu.Unlock()
	return s, p.post(ctx, "/admit", planeRequest{Call: meeting, Peer: peer.Name, Leaf: peer.Leaf}, nil)
}

func (s *planeSession) Publish(ctx context.Context, offer string) (answer string, err error) {
	err = s.plane.post(ctx, "/publish", planeRequest{Call: s.call, Peer: s.peer, SDP: offer}, &answer)
	return answer, err
}

func (s *planeSession) Subscribe(ctx context.Context, answer func(connection, offer string) (string, error)) error {
	go func() {
		for offer := range s.offers {
			text, err := answer("", offer)
			if err == nil {
				err = s.plane.post(ctx, "/answer", planeRequest{Call: s.call, Peer: s.peer, SDP: text}, nil)
			}
			if err != nil && ctx.Err() == nil {
				s.plane.fail(err)
			}
		}
	}()
	return s.plane.post(ctx, "/subscribe", planeRequest{Call: s.call, Peer: s.peer}, nil)
}

func (s *planeSession) Close() error {
	s.plane.mu.Lock()
	delete(s.plane.sessions, s.call+"/"+s.peer)
	s.once.Do(func() { close(s.offers) })
	s.plane.mu.Unlock()
	return nil
}

func (p *Plane) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = err
	}
}

// Err is the first thing that went wrong out of a caller's sight.
func (p *Plane) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// listen takes the plane's events.
func (p *Plane) listen(ctx context.Context) {
	for ctx.Err() == nil {
		var events []struct{ Kind, Call, Peer, Offer string }
		if err := p.post(ctx, "/events", planeRequest{}, &events); err != nil {
			if ctx.Err() == nil {
				p.fail(err)
			}
			return
		}
		for _, e := range events {
			p.mu.Lock()
			s := p.sessions[e.Call+"/"+e.Peer]
			if s != nil && e.Kind == "offer" {
				select {
				case s.offers <- e.Offer:
				default: // a server has one offer outstanding; this many is a defect
					p.failed = fmt.Errorf("contender: plane: %s has too many offers", e.Peer)
				}
			}
			if s != nil && (e.Kind == "failed" || e.Kind == "refused") && p.failed == nil {
				p.failed = fmt.Errorf("contender: plane: %s: connection or packets %s", e.Peer, e.Kind)
			}
			p.mu.Unlock()
		}
	}
}
