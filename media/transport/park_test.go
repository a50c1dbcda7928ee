package transport

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
)

// settledCall is a link whose handshake has settled, with the client's end of it.
func settledCall(t *testing.T, suite dtls.CipherSuiteID) (*port, *link, *listened, *dtls.Conn) {
	t.Helper()
	certificate := testCertificate(t)
	p, l, e, c := newCall(t, certificate.Certificate[0])
	conn, err := dtls.ClientWithOptions(c, c.RemoteAddr(), dtls.WithCertificates(certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithSRTPProtectionProfiles(srtpProfiles...), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithCipherSuites(suite), dtls.WithLoggerFactory(quiet{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		t.Fatal(err)
	}
	until(t, "connection", func() bool { n, _ := e.state(); return n == 1 })
	goroutines := runtime.NumGoroutine()
	now := time.Now()
	if l.settle(now); l.settling.Load() {
		t.Fatal("it settles before the client has sent anything")
	}
	l.heardMedia.Store(now.UnixNano())
	if l.settle(now.Add(settleAfter - 1)); l.settling.Load() {
		t.Fatal("it settles at once")
	}
	l.settle(now.Add(settleAfter))
	until(t, "DTLS is put away", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.handshake == nil && l.dtls == nil && l.parked != nil && len(l.parked.goodbye) > 0
	})
	until(t, "its goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines-2 })
	if _, n := e.state(); n != 0 {
		t.Fatal("with DTLS the link ended")
	}
	return p, l, e, conn
}

// TestSettledGoodbye: once DTLS is put away, either end's goodbye still ends the link as before, under both cipher suites.
func TestSettledGoodbye(t *testing.T) {
	for _, suite := range dtlsSuites {
		t.Run(suite.String()+", the client's", func(t *testing.T) {
			_, l, e, conn := settledCall(t, suite)
			if _, err := conn.Write([]byte("nothing reads this")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
			if l.isDone() {
				t.Fatal("application data ended it")
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			until(t, "the link's end", func() bool { _, n := e.state(); return n == 1 && l.isDone() })
		})
		t.Run(suite.String()+", ours", func(t *testing.T) {
			_, l, e, conn := settledCall(t, suite)
			l.end()
			if _, err := conn.Read(make([]byte, 100)); !errors.Is(err, io.EOF) {
				t.Fatalf("the client reads %v, and no goodbye", err)
			}
			if _, n := e.state(); n != 0 {
				t.Fatal("the owner is told what it did itself")
			}
		})
	}
}

// sealedAlert is a record as the client seals it.
func sealedAlert(t testing.TB, s *parked, kind byte, epoch uint16, sequence uint64, plain ...byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(s.key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	b := []byte{kind, 0xfe, 0xfd}
	b = binary.BigEndian.AppendUint64(b, uint64(epoch)<<48|sequence)
	explicit := binary.BigEndian.AppendUint64(nil, sequence^0x5555)
	data := binary.BigEndian.AppendUint16(append(slices.Clone(b[3:11]), b[:3]...), uint16(len(plain)))
	body := aead.Seal(slices.Clone(explicit), append(slices.Clone(s.iv[:]), explicit...), plain, data)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
}

// TestSettledTakesNoOther: only an alert that the client sealed ends a settled link, and of those only an end.
func TestSettledTakesNoOther(t *testing.T) {
	p, l, e, _ := settledCall(t, dtlsSuites[0])
	in := p.turns[0]
	deliver := func(b []byte) {
		in.mu.Lock()
		defer in.mu.Unlock()
		l.deliver(slices.Clone(b), in)
	}
	end := sealedAlert(t, l.parked, alertRecord, 1, 7, warningAlert, closeNotify)
	for i := range end {
		forged := slices.Clone(end)
		forged[i] ^= 1
		deliver(forged)
		deliver(end[:i])
	}
	deliver(sealedAlert(t, l.parked, alertRecord, 0, 7, warningAlert, closeNotify))
	deliver(sealedAlert(t, l.parked, alertRecord, 1, 8, warningAlert, 90)) // user_canceled
	deliver(sealedAlert(t, l.parked, alertRecord, 1, 9, warningAlert))
	deliver(sealedAlert(t, l.parked, applicationData, 1, 10, warningAlert, closeNotify))
	deliver(sealedAlert(t, l.parked, handshakeRecord, 1, 11, warningAlert, closeNotify))
	other := *l.parked
	other.key = slices.Clone(other.key)
	other.key[0] ^= 1
	deliver(sealedAlert(t, &other, alertRecord, 1, 12, warningAlert, closeNotify))
	time.Sleep(100 * time.Millisecond)
	if _, n := e.state(); n != 0 || l.isDone() {
		t.Fatal("something else ended it")
	}
	// Behind another record in its datagram, and fatal.
	deliver(append(sealedAlert(t, l.parked, alertRecord, 1, 13, warningAlert, 90), sealedAlert(t, l.parked, alertRecord, 1, 14, 2, 80)...))
	until(t, "the link's end", func() bool { _, n := e.state(); return n == 1 })
}

// FuzzSettled: no octets but the client's end a settled link, or harm it.
func FuzzSettled(f *testing.F) {
	s := &parked{key: make([]byte, 32), iv: [gcmImplicit]byte{1, 2, 3, 4}}
	f.Add(sealedAlert(f, s, alertRecord, 1, 1, warningAlert, 90))
	f.Add(record(alertRecord, 1, gcmExplicit+2+gcmTag))
	other := &parked{key: append(make([]byte, 31), 1)}
	f.Fuzz(func(t *testing.T, b []byte) {
		if sound := soundRecords(b, time.Hour, true); other.ended(sound) || other.ended(b) {
			t.Fatalf("%x ended it", b)
		}
	})
}
