package load

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"golang.org/x/sys/unix"

	"huisclos/media/srtp"
)

const (
	maxDatagram = 2048
	// socketBuffer holds more than a second of what one receiver of 24 flows gets.
	socketBuffer = 4 << 20
	// consentEvery is RFC 7675 §5.1's interval.
	consentEvery = 5 * time.Second
	// connectWithin is long because hundreds of handshakes share a core.
	connectWithin = 30 * time.Second
)

// identity is the certificate that all clients of a run share: making one for each would only cost the generator time.
type identity struct {
	certificate tls.Certificate
	fingerprint string
}

func newIdentity() (identity, error) {
	certificate, err := selfsign.GenerateSelfSigned()
	if err != nil {
		return identity{}, fmt.Errorf("load: certificate: %w", err)
	}
	sum := sha256.Sum256(certificate.Certificate[0])
	octets := make([]string, len(sum))
	for i, b := range sum {
		octets[i] = fmt.Sprintf("%02X", b)
	}
	return identity{certificate, strings.Join(octets, ":")}, nil
}

// leg is one connection of a client: socket, ICE, DTLS and SRTP. Its reader goroutine owns opener.
type leg struct {
	conn    *net.UDPConn
	local   netip.AddrPort
	server  netip.AddrPort
	near    near
	id      identity
	tie     uint64
	version int

	mu  sync.Mutex
	far far

	checked   chan struct{} // closed by the first successful check
	checkOnce sync.Once
	records   *records
	dtls      *dtls.Conn
	profile   srtp.Profile

	sealMu sync.Mutex // the pump sends media, the reader feedback
	sealer *srtp.Sealer
	opener atomic.Pointer[srtp.Opener] // set before onMedia is called

	// onRTP and onRTCP are called by the reader, from the moment keys are there.
	onRTP    func(packet []byte, arrived arrival)
	onRTCP   func(packet []byte)
	badOpens atomic.Uint64
	unusable atomic.Uint64 // media before keys, or no media at all
	unsealed atomic.Uint64 // what could not be sent
}

// arrival is when the kernel took a packet in, read only when asked for.
type arrival struct{ control []byte }

// time reads SCM_TIMESTAMPNS (socket(7), SO_TIMESTAMPNS) and gives nanoseconds of the wall clock; zero when there is none.
func (a arrival) time() int64 {
	b := a.control
	if len(b) < 32 || binary.NativeEndian.Uint32(b[8:]) != unix.SOL_SOCKET || binary.NativeEndian.Uint32(b[12:]) != unix.SCM_TIMESTAMPNS {
		return 0
	}
	return int64(binary.NativeEndian.Uint64(b[16:]))*1e9 + int64(binary.NativeEndian.Uint64(b[24:]))
}

func newLeg(id identity) *leg {
	l := &leg{id: id, tie: rand.Uint64(), near: near{ufrag: iceText(6), password: iceText(24), fingerprint: id.fingerprint},
		checked: make(chan struct{})}
	l.records = newRecords(func(b []byte) (int, error) { return l.conn.Write(b) })
	return l
}

// dial makes the socket.
func (l *leg) dial(server netip.AddrPort) error {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return fmt.Errorf("load: socket: %w", err)
	}
	_ = conn.SetReadBuffer(socketBuffer) // as much as the kernel grants
	raw, err := conn.SyscallConn()
	if err == nil {
		var failed error
		err = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) // root may have all of it
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		})
		err = errors.Join(err, failed)
	}
	if err != nil {
		conn.Close()
		return fmt.Errorf("load: socket: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn, l.server, l.local = conn, server, conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return nil
}

// connect runs checks and the handshake towards a server that described itself. at is where it is, or nothing: then the description
// says it.
func (l *leg) connect(ctx context.Context, at netip.AddrPort, f far) error {
	if !at.IsValid() {
		at = f.candidate
	}
	if err := l.dial(at); err != nil {
		return err
	}
	l.mu.Lock()
	l.far = f
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	go l.read()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		if err := l.consent(); err != nil {
			return err
		}
		select {
		case <-l.checked:
		case <-time.After(wait):
			continue
		case <-ctx.Done():
			return errors.New("load: ICE: no check was answered")
		}
		break
	}
	return l.shake(ctx)
}

// consent sends a check.
func (l *leg) consent() error {
	l.mu.Lock()
	f := l.far
	l.mu.Unlock()
	b, err := check(l.near, f, l.tie)
	if err != nil {
		return err
	}
	_, _ = l.conn.Write(b) // a lost check is repeated
	return nil
}

var profiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AEAD_AES_128_GCM}

func (l *leg) shake(ctx context.Context) error {
	conn, err := dtls.ClientWithOptions(l.records, farEnd,
		dtls.WithCertificates(l.id.certificate),
		dtls.WithCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
		dtls.WithSRTPProtectionProfiles(profiles...),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithInsecureSkipVerify(true), // the fingerprint says who it is (RFC 8122)
		dtls.WithVerifyPeerCertificate(func(certificates [][]byte, _ [][]*x509.Certificate) error {
			if len(certificates) == 0 || sha256.Sum256(certificates[0]) != [32]byte(l.far.fingerprint) {
				return errors.New("load: another certificate than the description names")
			}
			return nil
		}),
		dtls.WithFlightInterval(time.Second),
	)
	if err != nil {
		return fmt.Errorf("load: DTLS: %w", err)
	}
	l.mu.Lock()
	l.dtls = conn
	l.mu.Unlock()
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("load: DTLS handshake: %w", err)
	}
	chosen, ok := conn.SelectedSRTPProtectionProfile()
	state, there := conn.ConnectionState()
	if !ok || !there {
		return errors.New("load: DTLS chose no SRTP profile")
	}
	profile := srtp.Profile(chosen)
	material, err := state.ExportKeyingMaterial(srtp.ExporterLabel, nil, profile.ExporterLength())
	if err != nil {
		return fmt.Errorf("load: DTLS exporter: %w", err)
	}
	client, server, err := profile.Split(material)
	if err != nil {
		return err
	}
	return l.key(profile, client, server)
}

// key sets the keys of both directions.
func (l *leg) key(profile srtp.Profile, out, in srtp.Master) error {
	sealer, err := srtp.NewSealer(profile, out.Key, out.Salt)
	if err != nil {
		return err
	}
	opener, err := srtp.NewOpener(profile, in.Key, in.Salt, 4096)
	if err != nil {
		return err
	}
	l.profile = profile
	l.sealMu.Lock()
	l.sealer = sealer
	l.sealMu.Unlock()
	l.opener.Store(opener)
	return nil
}

// sendRTP seals a packet where it stands and sends it. The slice has room for the tag.
func (l *leg) sendRTP(packet []byte) {
	l.sealMu.Lock()
	sealed, err := l.sealer.SealRTP(packet)
	l.sealMu.Unlock()
	if err == nil {
		_, err = l.conn.Write(sealed)
	}
	if err != nil {
		l.unsealed.Add(1)
	}
}

func (l *leg) sendRTCP(packet []byte) {
	l.sealMu.Lock()
	sealed, err := l.sealer.SealRTCP(append(make([]byte, 0, len(packet)+srtp.RTCPOverhead), packet...))
	l.sealMu.Unlock()
	if err == nil {
		_, err = l.conn.Write(sealed)
	}
	if err != nil {
		l.unsealed.Add(1)
	}
}

// read sorts what arrives (RFC 7983) until the socket is closed.
func (l *leg) read() {
	defer l.records.Close()
	b := make([]byte, maxDatagram)
	control := make([]byte, 64)
	for {
		n, c, _, _, err := l.conn.ReadMsgUDPAddrPort(b, control)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n == 0 {
			continue // an ICMP error of a server that is gone
		}
		switch packet := b[:n]; {
		case packet[0] <= 3:
			l.stun(packet)
		case packet[0] >= 20 && packet[0] <= 63:
			l.records.deliver(packet)
		case packet[0] < 128 || packet[0] > 191 || n < 12 || l.opener.Load() == nil:
			l.unusable.Add(1)
		case packet[1] >= 192 && packet[1] <= 223:
			plain, err := l.opener.Load().OpenRTCP(packet)
			if err != nil {
				l.badOpens.Add(1)
			} else if l.onRTCP != nil {
				l.onRTCP(plain)
			}
		case l.onRTP != nil:
			l.onRTP(packet, arrival{control[:c]})
		}
	}
}

func (l *leg) stun(b []byte) {
	l.mu.Lock()
	f := l.far
	l.mu.Unlock()
	ok, answer := onSTUN(b, l.near, f, l.server)
	if answer != nil {
		_, _ = l.conn.Write(answer) // it asks again
	}
	if ok {
		l.checkOnce.Do(func() { close(l.checked) })
	}
}

func (l *leg) close() {
	l.mu.Lock()
	conn, dtls := l.conn, l.dtls
	l.mu.Unlock()
	if dtls != nil {
		_ = dtls.Close() // says goodbye if it still can
	}
	if conn != nil {
		_ = conn.Close()
	}
	l.records.Close()
}
