package contender

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"huisclos/bench/sfu/load"
)

// LiveKit is livekit-server with its UDP mux, as ICE-lite agent, on loopback. Its signalling is protobuf over a WebSocket
// (livekit_rtc.proto), a participant with one connection to publish on and one to receive on.
type LiveKit struct {
	process *process
	address string
	media   netip.AddrPort

	mu     sync.Mutex
	failed error
}

const (
	liveKitKey    = "bench"
	liveKitSecret = "a secret of this run that guards nothing at all"
)

// StartLiveKit runs the program in the run's network namespace. Its ports are fixed.
func StartLiveKit(at Place, log io.Writer, program string) (*LiveKit, error) {
	const config = `
port: 7880
bind_addresses: ["127.0.0.1"]
keys: {` + liveKitKey + `: "` + liveKitSecret + `"}
logging: {level: error}
rtc:
  udp_port: 7882
  tcp_port: 0
  node_ip: 127.0.0.1
  use_external_ip: false
  use_ice_lite: true
  enable_loopback_candidate: true
`
	p, err := start(at, log, program, "--config-body", config)
	if err != nil {
		return nil, err
	}
	p.discard()
	l := &LiveKit{process: p, address: "127.0.0.1:7880", media: netip.MustParseAddrPort("127.0.0.1:7882")}
	if err := answers("http://" + l.address); err != nil {
		_ = p.stop() // the first error says more
		return nil, err
	}
	return l, nil
}

// answers waits until a server speaks HTTP.
func answers(address string) error {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		response, err := http.Get(address)
		if err == nil {
			return response.Body.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

func (l *LiveKit) Media() netip.AddrPort              { return l.media }
func (l *LiveKit) PIDs() []int                        { return []int{l.process.pid()} }
func (l *LiveKit) Close() error                       { return l.process.stop() }
func (l *LiveKit) Open(context.Context, string) error { return nil } // the first who joins opens it

func (l *LiveKit) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

func (l *LiveKit) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = err
	}
}

// token is a JSON Web Token (RFC 7519) with LiveKit's grants.
func token(room string, peer load.Peer) (string, error) {
	claims, err := json.Marshal(map[string]any{"iss": liveKitKey, "sub": peer.Name, "exp": time.Now().Add(time.Hour).Unix(),
		"video": map[string]any{"room": room, "roomJoin": true, "canPublish": peer.Publishes, "canSubscribe": peer.Receives}})
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	mac := hmac.New(sha256.New, []byte(liveKitSecret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// Fields of SignalRequest and SignalResponse.
const (
	requestOffer    = 1
	requestAnswer   = 2
	requestAddTrack = 4
	requestPing     = 14

	responseJoin      = 1
	responseAnswer    = 2
	responseOffer     = 3
	responsePublished = 6
	responseLeave     = 8
)

type liveKitSession struct {
	server    *LiveKit
	peer      load.Peer
	socket    *websocket.Conn
	cancel    context.CancelFunc
	joined    chan struct{}
	published chan struct{}
	answers   chan string
	offers    chan message
}

func (l *LiveKit) Join(ctx context.Context, meeting string, peer load.Peer) (load.Session, error) {
	jwt, err := token(meeting, peer)
	if err != nil {
		return nil, err
	}
	socket, _, err := websocket.Dial(ctx, "ws://"+l.address+"/rtc?"+url.Values{"access_token": {jwt}, "protocol": {"9"}, "auto_subscribe": {"1"},
		"sdk": {"go"}}.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("contender: livekit: %w", err)
	}
	socket.SetReadLimit(16 << 20)
	s := &liveKitSession{server: l, peer: peer, socket: socket, joined: make(chan struct{}), published: make(chan struct{}, 2),
		answers: make(chan string, 4), offers: make(chan message, 256)}
	var running context.Context
	running, s.cancel = context.WithCancel(ctx)
	go s.listen(running)
	go s.keepAlive(running)
	return s, wait(ctx, s.joined, "join")
}

const answerWithin = 20 * time.Second

func wait[T any](ctx context.Context, from <-chan T, what string) error {
	select {
	case <-from:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(answerWithin):
		return fmt.Errorf("contender: no answer to %s", what)
	}
}

func (s *liveKitSession) send(ctx context.Context, m message) error {
	return s.socket.Write(ctx, websocket.MessageBinary, m)
}

// keepAlive pings as clients do; without it the server closes.
func (s *liveKitSession) keepAlive(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-time.After(5 * time.Second):
			_ = s.send(ctx, message(nil).varint(requestPing, uint64(now.UnixMilli()))) // listen finds out
		}
	}
}

func (s *liveKitSession) listen(ctx context.Context) {
	for {
		_, b, err := s.socket.Read(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				s.server.fail(fmt.Errorf("contender: livekit: %s: %w", s.peer.Name, err))
			}
			return
		}
		err = message(b).fields(func(field int, octets message, _ uint64) {
			switch field {
			case responseJoin:
				close(s.joined)
			case responseAnswer:
				s.answers <- string(octets.field(2))
			case responseOffer:
				s.offers <- octets
			case responsePublished:
				s.published <- struct{}{}
			case responseLeave:
				if ctx.Err() == nil {
					s.server.fail(fmt.Errorf("contender: livekit: %s was told to leave", s.peer.Name))
				}
			}
		})
		if err != nil {
			s.server.fail(err)
			return
		}
	}
}

func (s *liveKitSession) Publish(ctx context.Context, offer string) (string, error) {
	const (
		cid, kind, width, height, source, layers, noRED, encryption = 1, 3, 4, 5, 8, 9, 13, 14
		video, camera, microphone, sealed, high                     = 1, 1, 2, 1, 2
	)
	ids := trackIDs(offer)
	if len(ids) != 2 {
		return "", fmt.Errorf("contender: livekit: %d tracks in the offer", len(ids))
	}
	layer := message(nil).varint(1, high).varint(2, 1280).varint(3, 720).varint(4, 1_500_000)
	for _, track := range []message{
		message(nil).text(cid, ids[0]).varint(source, microphone).varint(noRED, 1).varint(encryption, sealed),
		message(nil).text(cid, ids[1]).varint(kind, video).varint(width, 1280).varint(height, 720).varint(source, camera).octets(layers, layer).
			varint(encryption, sealed),
	} {
		if err := s.send(ctx, message(nil).octets(requestAddTrack, track)); err != nil {
			return "", err
		}
		if err := wait(ctx, s.published, "a track"); err != nil {
			return "", err
		}
	}
	if err := s.send(ctx, message(nil).octets(requestOffer, message(nil).text(1, "offer").text(2, offer).varint(3, 1))); err != nil {
		return "", err
	}
	select {
	case answer := <-s.answers:
		return answer, nil
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(answerWithin):
		return "", errors.New("contender: livekit: no answer to the offer")
	}
}

// trackIDs are what the msid lines of an offer name (RFC 8830), in the sections' order.
func trackIDs(offer string) (ids []string) {
	for line := range strings.Lines(offer) {
		if rest, ok := strings.CutPrefix(line, "a=msid:"); ok {
			if fields := strings.Fields(rest); len(fields) == 2 {
				ids = append(ids, fields[1])
			}
		}
	}
	return ids
}

func (s *liveKitSession) Subscribe(ctx context.Context, answer func(connection, offer string) (string, error)) error {
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case offer := <-s.offers:
				var id uint64
				_ = offer.fields(func(field int, _ message, number uint64) { // it was read once already
					if field == 3 {
						id = number
					}
				})
				text, err := answer("", string(offer.field(2)))
				if err == nil {
					err = s.send(ctx, message(nil).octets(requestAnswer, message(nil).text(1, "answer").text(2, text).varint(3, id)))
				}
				if err != nil && ctx.Err() == nil {
					s.server.fail(err)
				}
			}
		}
	}()
	return nil
}

func (s *liveKitSession) Close() error {
	s.cancel()
	return s.socket.CloseNow()
}
