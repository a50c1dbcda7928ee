package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5/packetio"

	"huisclos/crypto/sframe"
	"huisclos/media"
	"huisclos/media/srtp"
)

// leg is the far end of one connection, smaller than a browser's: ICE checks, DTLS and SRTP, over UDP or TCP. What it keeps is
// little and goes with it, so that a server beside it can be measured for days.
type leg struct {
	to          netip.AddrPort
	tcp         bool
	certificate tls.Certificate
	media       func(plain []byte, rtcp bool)

	records *packetio.Buffer
	answers chan [12]byte // transactions that were answered

	mu     sync.Mutex
	conns  []net.Conn // the last is where it sends
	far    credential // the server's
	sealer *srtp.Sealer
	opener *srtp.Opener
	dtls   *dtls.Conn
	closed bool

	running sync.WaitGroup
}

func newLeg(to netip.AddrPort, tcp bool, certificate tls.Certificate, media func([]byte, bool)) *leg {
	return &leg{to: to, tcp: tcp, certificate: certificate, media: media, records: packetio.NewBuffer(), answers: make(chan [12]byte, 16)}
}

var errLeg = errors.New("the leg is closed")

// move begins to speak from another address.
func (l *leg) move() error {
	network := "udp"
	if l.tcp {
		network = "tcp"
	}
	conn, err := net.Dial(network, l.to.String())
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		conn.Close()
		return errLeg
	}
	l.conns = append(l.conns, conn)
	l.running.Go(func() { l.read(conn) })
	return nil
}

func (l *leg) read(conn net.Conn) {
	stream, b := bufio.NewReaderSize(conn, 2+maxDatagram), make([]byte, maxDatagram)
	for {
		packet := b
		var err error
		if l.tcp {
			packet, err = frame(stream)
		} else {
			var n int
			n, err = conn.Read(b)
			packet = b[:n]
		}
		switch {
		case errors.Is(err, net.ErrClosed) || err != nil && l.tcp:
			return
		case err != nil || len(packet) == 0: // an ICMP error, say
		case packet[0] <= 3 && len(packet) >= stunHeader:
			select {
			case l.answers <- [12]byte(packet[8:20]):
			default:
			}
		case packet[0] >= 20 && packet[0] <= 63:
			_, _ = l.records.Write(packet, nil)
		default:
			l.mu.Lock()
			opener := l.opener
			if opener != nil {
				open := opener.OpenRTP
				if isRTCP(packet) {
					open = opener.OpenRTCP
				}
				if plain, err := open(packet); err == nil {
					l.media(plain, isRTCP(packet))
				}
			}
			l.mu.Unlock()
		}
	}
}

func (l *leg) write(b []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.conns) == 0 {
		return errLeg
	}
	if l.tcp {
		b = append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(b)), uint16(len(b))), b...)
	}
	_, err := l.conns[len(l.conns)-1].Write(b)
	return err
}

// check sends a connectivity check with the server's present credentials, which nominates.
func (l *leg) check() ([12]byte, error) {
	l.mu.Lock()
	far := l.far
	l.mu.Unlock()
	m, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername(far.ufrag+":far"), attr{stun.AttrPriority, []byte{0x6e, 0, 1, 0xff}},
		attr{stun.AttrUseCandidate, nil}, stun.NewShortTermIntegrity(far.password), stun.Fingerprint)
	if err != nil {
		return [12]byte{}, err
	}
	return m.TransactionID, l.write(m.Raw)
}

// passes checks until the server answers.
func (l *leg) passes() error {
	for range 40 {
		asked, err := l.check()
		if err != nil {
			return err
		}
		for wait := time.After(250 * time.Millisecond); ; {
			select {
			case answered := <-l.answers:
				if answered == asked {
					return nil
				}
				continue
			case <-wait:
			}
			break
		}
	}
	return errors.New("no check is answered")
}

func (l *leg) credentials(far credential) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.far = far
}

// connect does all of it up to the keys.
func (l *leg) connect() error {
	if err := l.move(); err != nil {
		return err
	}
	if err := l.passes(); err != nil {
		return err
	}
	conn, err := dtls.ClientWithOptions(legRecords{l}, farEnd, dtls.WithCertificates(l.certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithSRTPProtectionProfiles(srtpProfiles[0]), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithCipherSuites(dtlsSuites...), dtls.WithLoggerFactory(quiet{}))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return errors.New("DTLS has no state")
	}
	profile := srtp.AEADAES256GCM
	material, err := state.ExportKeyingMaterial(srtp.ExporterLabel, nil, profile.ExporterLength())
	if err != nil {
		return err
	}
	client, server, err := profile.Split(material)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dtls = conn
	if l.sealer, err = srtp.NewSealer(profile, client.Key, client.Salt); err != nil {
		return err
	}
	l.opener, err = srtp.NewOpener(profile, server.Key, server.Salt, 4*MaxTracks)
	return err
}

// send seals a packet; RTCP says which kind.
func (l *leg) send(packet []byte, rtcp bool) {
	l.mu.Lock()
	sealer := l.sealer
	var err error
	if sealer != nil && rtcp {
		packet, err = sealer.SealRTCP(append(make([]byte, 0, len(packet)+srtp.RTCPOverhead), packet...))
	} else if sealer != nil {
		packet, err = sealer.SealRTP(append(make([]byte, 0, len(packet)+srtp.TagSize), packet...))
	}
	l.mu.Unlock()
	if sealer != nil && err == nil {
		_ = l.write(packet) // lost, as on any line
	}
}

// end says goodbye, or vanishes.
func (l *leg) end(goodbye bool) {
	l.mu.Lock()
	conn := l.dtls
	l.mu.Unlock()
	if goodbye && conn != nil {
		conn.Close()
	}
	l.mu.Lock()
	l.closed = true
	for _, c := range l.conns {
		c.Close()
	}
	l.mu.Unlock()
	l.records.Close()
	if conn != nil {
		conn.Close()
	}
	l.running.Wait()
}

type legRecords struct{ *leg }

func (r legRecords) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := r.records.Read(b, nil)
	return n, farEnd, err
}
func (r legRecords) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), r.write(b) }
func (r legRecords) Close() error                              { return nil }
func (r legRecords) LocalAddr() net.Addr                       { return farEnd }
func (r legRecords) SetDeadline(t time.Time) error             { return r.records.SetReadDeadline(t) }
func (r legRecords) SetReadDeadline(t time.Time) error         { return r.records.SetReadDeadline(t) }
func (r legRecords) SetWriteDeadline(time.Time) error          { return nil }

// soakPeer is a member with two legs.
type soakPeer struct {
	server      *Server
	to          netip.AddrPort
	id          media.PeerID
	leaf        uint32
	tcp         bool
	epoch       atomic.Uint64
	certificate tls.Certificate
	fingerprint string
	offers      chan string
	fail        func(error)

	version, ufrag int // of what it offers
	pub            *leg
	anew           int // legs to receive on that it closed itself

	mu       sync.Mutex
	sub      *leg
	session  string            // of the server's offers to sub
	tracks   map[uint32]string // "leaf-context" by SSRC
	heard    map[string]int    // packets by track, since they were last asked for
	last     map[uint32]uint16 // sequence numbers by SSRC
	repaired int
	ctr      uint64
	seq      [4]uint16
	stopped  chan struct{}
	running  sync.WaitGroup
}

func (p *soakPeer) sections(version, ufrag int, kinds []media.Kind, mids []string, setup string, direction func(i int) string, more func(i int) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE %s\r\n", version, strings.Join(mids, " "))
	for i, kind := range kinds {
		formats, maps := "111", "a=rtpmap:111 opus/48000/2\r\n"
		if kind == media.Video {
			formats, maps = "96 97", "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
		}
		fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=ice-ufrag:far%d\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:%s\r\na=setup:%s\r\na=%s\r\na=rtcp-mux\r\n%s%s",
			kind, formats, mids[i], ufrag, p.fingerprint, setup, direction(i), maps, more(i))
	}
	return b.String()
}

// offer is published anew; another ufrag makes it an ICE restart.
func (p *soakPeer) publish() error {
	p.version++
	text := p.sections(p.version, p.ufrag, []media.Kind{media.Audio, media.Video}, []string{"0", "1"}, "actpass", func(int) string { return "sendonly" }, func(i int) string {
		more := fmt.Sprintf("a=extmap:4 %s\r\n", uriMID)
		if i == 1 {
			more += fmt.Sprintf("a=extmap:10 %s\r\na=extmap:3 %s\r\na=rid:l send\r\na=rid:m send\r\na=rid:h send\r\na=simulcast:send l;m;h\r\n", uriRID, uriTWCC)
		}
		return more
	})
	answer, err := p.server.Publish(context.Background(), testCall, p.id, netip.Addr{}, text,
		[]media.Stream{{MID: "0", Kind: media.Audio}, {MID: "1", Kind: media.Video, Context: 1}})
	if err != nil {
		return err
	}
	far, err := farCredential(answer)
	if err == nil {
		p.pub.credentials(far)
	}
	return err
}

func farCredential(text string) (c credential, err error) {
	d, err := parseDescription(text)
	if err != nil {
		return c, err
	}
	c.ufrag, _ = d.attribute(d.sections[0], "ice-ufrag")
	c.password, _ = d.attribute(d.sections[0], "ice-pwd")
	return c, nil
}

// answer takes an offer of the server's. A first one of a session makes the leg.
func (p *soakPeer) answer(text string) error {
	d, err := parseDescription(text)
	if err != nil {
		return err
	}
	far, err := farCredential(text)
	if err != nil {
		return err
	}
	session := strings.Fields(text[strings.Index(text, "o="):])[1]
	p.mu.Lock()
	sub := p.sub
	// An offer of the leg before this one may still have been in hand, or on its way, when this one began.
	if now := p.server.subscriber(testCall, p.id); sub == nil || now == nil || session != strconv.FormatUint(now.session, 10) {
		p.mu.Unlock()
		return nil
	}
	first := p.session == ""
	p.session = session
	clear(p.tracks)
	var kinds []media.Kind
	var mids []string
	for _, s := range d.sections {
		kind := media.Audio
		if s.kind == "video" {
			kind = media.Video
		}
		kinds, mids = append(kinds, kind), append(mids, s.mid())
		if msid, ok := find(s.attributes, "msid"); ok && s.sends() {
			ssrcs, repairs := s.ssrcs()
			for _, ssrc := range ssrcs {
				if _, repair := repairs[ssrc]; !repair {
					p.tracks[ssrc] = strings.Fields(msid)[1]
				}
			}
		}
	}
	p.mu.Unlock()
	moved := sub.far.ufrag != far.ufrag
	sub.credentials(far)
	reply := p.sections(1, 0, kinds, mids, "active", func(i int) string {
		if d.sections[i].sends() {
			return "recvonly"
		}
		return "inactive"
	}, func(int) string { return fmt.Sprintf("a=extmap:%d %s\r\n", offeredMID, uriMID) })
	if err := p.server.Answer(testCall, p.id, reply); err != nil {
		return err
	}
	switch {
	case first:
		err = sub.connect()
	case moved:
		err = sub.passes()
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.closed {
		return errLeg
	}
	return err
}

// subscribe makes a leg to receive on, in place of the one before.
func (p *soakPeer) subscribe() {
	sub := newLeg(p.to, p.tcp, p.certificate, p.received)
	p.mu.Lock()
	defer p.mu.Unlock() // so that no offer is taken while one of the two has changed
	p.sub, p.session = sub, ""
	clear(p.tracks)
	clear(p.last)
	p.server.Subscribe(testCall, p.id, netip.Addr{}, false)
}

// received holds what arrives against what was offered: a track's packets are its leaf's.
func (p *soakPeer) received(plain []byte, rtcp bool) {
	if rtcp {
		return
	}
	r, err := parseRTP(plain, extensionIDs{mid: offeredMID})
	if err != nil {
		p.fail(err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.payloadType == offeredRTX {
		p.repaired++
		return
	}
	track, ok := p.tracks[r.SSRC]
	if !ok {
		return // of a track that is gone, still under way
	}
	var leaf uint32
	var context uint8
	if _, err := fmt.Sscanf(track, "%d-%d", &leaf, &context); err != nil {
		p.fail(err)
		return
	}
	body, codec := r.Payload, sframe.Opus
	if context == 1 {
		if len(body) < 7 {
			p.fail(fmt.Errorf("%s: a packet of %d octets", track, len(body)))
			return
		}
		body, codec = body[6:], sframe.VP8
	}
	if h, err := sframe.ParseFrameHeader(codec, body); err != nil || h.KID.Leaf() != leaf || uint8(h.KID.Context()) != context {
		p.fail(fmt.Errorf("%s carries %x: %v", track, r.Payload[:min(20, len(r.Payload))], err))
		return
	}
	p.heard[track]++
	p.last[r.SSRC] = r.Sequence
}

// frames sends a frame of one packet on each layer, and one of sound.
func (p *soakPeer) frames(key bool) {
	for i, rid := range append(layerRIDs[:], "") {
		context := uint8(1)
		if rid == "" {
			context = 0
		}
		kid, err := sframe.NewKID(sframe.Context(context), p.leaf, p.epoch.Load())
		if err != nil {
			p.fail(err)
			return
		}
		p.ctr++
		p.seq[i]++
		packet := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, PayloadType: 111, SSRC: p.leaf<<8 + uint32(i), SequenceNumber: p.seq[i], Timestamp: uint32(p.seq[i]) * 3600}}
		_ = packet.Header.SetExtension(4, []byte{'0' + context}) // one octet fits
		if context == 1 {
			packet.PayloadType = 96
			_ = packet.Header.SetExtension(10, []byte(rid))
			packet.Payload = append([]byte{0x90, 0xe0, 0x80 | byte(p.seq[i]>>8)&0x7f, byte(p.seq[i]), byte(p.seq[i]), 0x20}, sframe.Prefix(sframe.VP8, key)...)
		}
		packet.Payload = sframe.Header{KID: kid, CTR: p.ctr}.Append(packet.Payload)
		packet.Payload = append(packet.Payload, make([]byte, 80+300*i%900)...)
		if b, err := packet.Marshal(); err == nil {
			p.pub.send(b, false)
		}
	}
}

// live sends frames, answers offers and repeats checks until stop.
func (p *soakPeer) live() {
	p.running.Go(func() {
		for {
			select {
			case <-p.stopped:
				return
			case offer := <-p.offers:
				if err := p.answer(offer); err != nil && !errors.Is(err, errLeg) && !errors.Is(err, media.ErrUnknown) {
					p.fail(fmt.Errorf("%s answers: %w", p.id, err))
				}
			}
		}
	})
	p.running.Go(func() {
		ticker := time.NewTicker(40 * time.Millisecond)
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-p.stopped:
				return
			case <-ticker.C:
			}
			p.frames(i%25 == 0)
			if i%100 == 99 {
				_, _ = p.pub.check() // the legs may be ending
				p.mu.Lock()
				sub := p.sub
				p.mu.Unlock()
				_, _ = sub.check()
			}
		}
	})
}
