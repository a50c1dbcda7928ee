package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/transport/v5/packetio"

	"huisclos/media/forward"
	"huisclos/media/srtp"
)

const (
	// maxDatagram is the largest packet that is read. Browsers stay below 1,300.
	maxDatagram = 1500
	// maxPaths bounds the authenticated addresses of a link: interfaces times
	// transports of one client, times the addresses of ours that it checks.
	maxPaths = 16
	// maxSSRCs bounds SRTP contexts: eight streams with three layers and their
	// repairs twice over, while encoders are being replaced.
	maxSSRCs = 96
	// connectWithin is how long a link may take until its first SRTP key.
	connectWithin = 30 * time.Second
	// aliveFor is how long a link lives without a connectivity check, which
	// browsers repeat every 4 to 6 s (RFC 7675 §5.1). It is the time that a
	// client has to come back from another network with an ICE restart.
	aliveFor = 30 * time.Second
)

// path is one way to the far end: a UDP address or a TCP connection.
type path interface {
	write(b []byte) error
	remote() netip.AddrPort
	network() string // "udp", "tcp", or "relay" for a UDP address behind TURN
	close()
}

// linkEvents is who a link works for. Packets come one at a time, in a turn whose
// memory they are; failed comes once, from wherever the link ended.
type linkEvents interface {
	connected(network string)
	rtp(b []byte, t *turn, now time.Time)
	rtcp(b []byte, t *turn, now time.Time)
	failed()
}

// link is one ICE-lite, DTLS and SRTP association. The far end connects; the
// link is DTLS server. It answers checks from its creation on, shakes hands
// once start has told it whom it expects, and ends by close.
type link struct {
	port   *port
	events linkEvents
	now    func() time.Time

	certificate tls.Certificate // until it has settled; the link's goroutine's
	fingerprint string

	handshake  *packetio.Buffer // DTLS records not yet read; nil once it has settled (guarded by mu then)
	shaken     atomic.Int64     // when the handshake ended, in Unix nanoseconds
	heardMedia atomic.Int64     // when the first SRTP packet was opened, likewise
	settling   atomic.Bool
	done       chan struct{}
	once       sync.Once

	mu          sync.Mutex
	credentials []credential // newest last; the one before a restart still answers
	paths       []*route     // authenticated, least recently used first
	selected    *route
	far         remote
	started     bool
	keyed       bool
	told        string // the network that connected was told
	born, heard time.Time
	dtls        *dtls.Conn // until it has settled
	parked      *parked

	// jobs are those of each turn, under its lock; nil between two flushes.
	jobs [][]job

	// Guarded by sendMu: RTP and RTCP share keys and so have one owner.
	sendMu sync.Mutex
	pacing *pacing // of a subscriber's link
	out    *srtp.Sealer
	ended  bool // there will be no other
	// compound is what leaves with the next sendReports.
	compound []byte

	inMu sync.Mutex // packets are taken one at a time
	in   *srtp.Opener
}

func newLink(p *port, events linkEvents, now func() time.Time) (*link, error) {
	certificate, fingerprint, err := newCertificate(now())
	if err != nil {
		return nil, fmt.Errorf("transport: DTLS certificate: %w", err)
	}
	l := &link{
		port: p, events: events, now: now,
		certificate: certificate, fingerprint: fingerprint,
		handshake: packetio.NewBuffer(),
		jobs:      make([][]job, len(p.turns)),
		done:      make(chan struct{}),
		born:      now(), heard: now(),
	}
	l.handshake.SetLimitCount(64)
	l.handshake.SetLimitSize(64 << 10)
	l.renew()
	return l, nil
}

// start tells the link who is expected at the far end. Later calls, from
// renegotiations, may change the ICE side only: the certificate is fixed.
func (l *link) start(far remote) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started {
		l.started, l.far = true, far.clone()
		go l.run()
		return nil
	}
	if !l.far.same(far) {
		return fmt.Errorf("%w: the fingerprint changed", errSDP)
	}
	far = far.clone()
	l.far.ufrag, l.far.password = far.ufrag, far.password
	return nil
}

// compare says how a new description of the far end relates to the present one:
// the same certificate or another, the same ICE credentials or a restart.
func (l *link) compare(far remote) (same, restart bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.started || l.far.same(far), l.started && (l.far.ufrag != far.ufrag || l.far.password != far.password)
}

// deliver takes a packet that came over an authenticated path, and whose memory
// is the turn's.
func (l *link) deliver(b []byte, t *turn) {
	switch {
	case len(b) == 0:
	case b[0] >= 20 && b[0] <= 63: // RFC 7983
		// Before the handshake ended, the rest is DTLS's to judge. A full buffer
		// drops.
		at := l.shaken.Load()
		if b = soundRecords(b, time.Duration(l.now().UnixNano()-at), at != 0); len(b) > 0 {
			l.records(b)
		}
	case b[0] >= 128 && b[0] <= 191:
		l.open(b, t)
	}
}

// records takes sound records.
func (l *link) records(b []byte) {
	l.mu.Lock()
	to, s := l.handshake, l.parked
	l.mu.Unlock()
	switch {
	case s == nil:
		_, _ = to.Write(b, nil)
	case s.ended(b):
		go func() { // the turn's locks are not for what follows
			defer l.port.guard("link")
			l.close(errGoodbye)
		}()
	}
}

func (l *link) run() {
	reason := errors.New("transport: worker ended")
	defer func() {
		if reason != nil {
			l.close(reason)
		}
	}()
	defer l.port.guard("link")
	over := &records{link: l, in: l.handshake}
	if err := l.shake(over); err != nil {
		reason = fmt.Errorf("transport: DTLS handshake: %w", err)
		return
	}
	l.shaken.Store(l.now().UnixNano())
	l.mu.Lock()
	l.keyed = true
	if l.selected != nil {
		l.told = l.selected.network()
	}
	network := l.told
	l.mu.Unlock()
	l.events.connected(network)
	reason = l.drain(over)
}

var (
	errSilent   = errors.New("transport: no connectivity check for too long")
	errNoAnswer = errors.New("transport: the offer was not answered")
	errGoodbye  = errors.New("transport: DTLS: the far end said goodbye")
)

var errFingerprint = errors.New("transport: certificate is not the one of the session description")

// drain reads what DTLS carries besides the handshake. There is no data
// channel, so it is nothing; its end is the far end's goodbye. Without error the
// association has settled, and needs nobody to read it.
func (l *link) drain(r *records) error {
	b, conn := make([]byte, maxDatagram), l.dtls
	for {
		_, err := conn.Read(b)
		switch {
		case err != nil && over(err):
			return fmt.Errorf("transport: DTLS: %w", err)
		case err != nil && l.settling.Load() && late(err):
			if err := l.park(r); err == nil {
				return nil
			}
			_ = conn.SetReadDeadline(time.Time{}) // for the rest of the link's life
		}
	}
}

// open opens a packet in place. What does not open is dropped and changes nothing
// (a flood of it ends no call).
func (l *link) open(b []byte, t *turn) {
	defer l.port.guard("packet")
	l.inMu.Lock()
	defer l.inMu.Unlock()
	if l.in == nil {
		return // before the handshake's end
	}
	now := l.now()
	if isRTCP(b) {
		if plain, err := l.in.OpenRTCP(b); err == nil {
			l.opened(now)
			l.events.rtcp(plain, t, now)
		}
		return
	}
	if plain, err := l.in.OpenRTP(b); err == nil {
		l.opened(now)
		t.heard.Add(1)
		t.heardOctets.Add(uint64(len(b)))
		l.events.rtp(plain, t, now)
	}
}

// opened notes the first packet of the far end that opened.
func (l *link) opened(now time.Time) {
	if l.heardMedia.Load() == 0 {
		l.heardMedia.Store(now.UnixNano())
	}
}

// sendRTCP seals and sends a compound packet at once. It is sealed where it stands, if there is room behind it.
func (l *link) sendRTCP(b []byte) {
	l.sendMu.Lock()
	defer l.sendMu.Unlock()
	l.sealRTCP(b)
}

// sealRTCP is sendRTCP for who holds sendMu.
func (l *link) sealRTCP(b []byte) {
	if l.out == nil || len(b) == 0 {
		return
	}
	if cap(b)-len(b) < srtp.RTCPOverhead {
		b = append(make([]byte, 0, len(b)+srtp.RTCPOverhead), b...)
	}
	if sealed, err := l.out.SealRTCP(b); err == nil {
		_ = l.write(sealed)
	}
}

// maxCompound is the most that a compound packet of reports holds, in octets: it fits all usual paths.
const maxCompound = 1100

// report adds a sender report to the compound packet that leaves with the next sendReports: reports of several streams may share
// one (RFC 3550 §6.1), and cost as much as one then.
func (l *link) report(ssrc uint32, r forward.SenderReport) {
	l.sendMu.Lock()
	defer l.sendMu.Unlock()
	if len(l.compound)+senderReportSize > maxCompound {
		l.sealRTCP(l.compound)
		l.compound = l.compound[:0]
	}
	l.compound = appendSenderReport(l.compound, ssrc, r)
}

// sendReports sends what report has gathered with the turn: those of all receivers are one call then. The caller holds t.mu.
func (l *link) sendReports(t *turn) {
	l.sendMu.Lock()
	defer l.sendMu.Unlock()
	to := l.way()
	if l.out == nil || to == nil || len(l.compound) == 0 {
		return
	}
	sealed, err := l.out.SealRTCP(append(t.single[:0], l.compound...))
	l.compound = l.compound[:0]
	if err == nil {
		t.queue(to, sealed)
	}
}

// way is where packets leave now, nil if there is none.
func (l *link) way() path {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.selected == nil { // as after quit
		return nil
	}
	return l.selected.path
}

func (l *link) write(b []byte) error {
	to := l.way()
	if to == nil {
		return net.ErrClosed
	}
	return to.write(b)
}

// network is how the far end is reached now, empty before it is.
func (l *link) network() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.keyed || l.selected == nil {
		return ""
	}
	return l.selected.network()
}

// moved says whether the far end is reached over another network than was told.
func (l *link) moved() (network string, moved bool) {
	network = l.network()
	l.mu.Lock()
	defer l.mu.Unlock()
	if network == "" || network == l.told {
		return network, false
	}
	l.told = network
	return network, true
}

// expired says whether the far end was silent for too long.
func (l *link) expired(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.keyed {
		return l.started && now.Sub(l.born) > connectWithin && now.Sub(l.heard) > connectWithin
	}
	return now.Sub(l.heard) > aliveFor
}

func (l *link) isDone() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// close ends the link and says so to its owner. When it returns, nothing more
// is written, and nothing that arrives is read.
func (l *link) close(reason error) {
	if l.end() {
		l.port.log.Debug("media: connection ended", "reason", reason)
		l.events.failed()
	}
}

// end is close without telling the owner.
func (l *link) end() (first bool) {
	l.once.Do(func() {
		first = true
		l.mu.Lock()
		conn := l.dtls
		var goodbye []byte
		if l.parked != nil {
			goodbye = l.parked.goodbye
		}
		l.mu.Unlock()
		l.sendMu.Lock()
		l.out, l.ended = nil, true // no packet after this
		l.sendMu.Unlock()
		if conn != nil {
			go func() {
				defer l.port.guard("link")
				conn.Close() // a close_notify, if the path still takes it
				l.quit()
			}()
			return
		}
		if len(goodbye) > 0 {
			_ = l.write(goodbye) // if the path still takes it
		}
		l.quit()
	})
	return first
}

func (l *link) quit() {
	l.mu.Lock()
	select {
	case <-l.done:
		l.mu.Unlock()
		return
	default:
	}
	close(l.done)
	paths, credentials, handshake := l.paths, l.credentials, l.handshake
	l.paths, l.selected = nil, nil
	l.mu.Unlock()
	if handshake != nil {
		handshake.Close()
	}
	for _, c := range credentials {
		l.port.unregister(c.ufrag, l)
	}
	for _, p := range paths {
		l.port.forget(p.path)
		p.close()
	}
}
