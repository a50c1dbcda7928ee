package transport

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
)

// settleAfter is how long after the far end's first SRTP packet a handshake counts as settled. Who sends SRTP has our Finished
// (RFC 5764 §4.1), so that our last flight will not be asked for again.
const settleAfter = time.Second

const (
	warningAlert = 1
	closeNotify  = 0
	// gcmExplicit is the part of a record's nonce that it carries, gcmImplicit that of the keys (RFC 5288 §3).
	gcmExplicit, gcmImplicit = 8, 4
	gcmTag                   = 16
)

// parked is what remains of a DTLS association whose handshake is long over and that carries nothing else: our goodbye, which is
// sealed already, and the key of the far end's alerts. The rest, goroutines and buffers, is several times what a receiver
// takes otherwise.
type parked struct {
	goodbye []byte // a record of close_notify, empty if there is none
	key     []byte
	iv      [gcmImplicit]byte
}

// exported is what is needed of the state that DTLS exports; names and types are those of its encoding.
type exported struct {
	LocalRandom, RemoteRandom [32]byte
	CipherSuiteID             uint16
	MasterSecret              []byte
	LocalConnectionID         []byte
	RemoteEpoch               uint16
	IsClient                  bool
}

// farKey finds what the far end, the client, seals records with (RFC 5246 §6.3; RFC 5288 §3).
func farKey(state *dtls.State) (*parked, error) {
	encoded, err := state.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("transport: DTLS state: %w", err)
	}
	defer clear(encoded)
	var e exported
	if err := gob.NewDecoder(bytes.NewReader(encoded)).Decode(&e); err != nil {
		return nil, fmt.Errorf("transport: DTLS state: %w", err)
	}
	defer clear(e.MasterSecret)
	size, hash := 32, prf.HashFunc(sha512.New384)
	switch dtls.CipherSuiteID(e.CipherSuiteID) {
	case dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:
	case dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:
		size, hash = 16, sha256.New
	default:
		return nil, fmt.Errorf("transport: DTLS cipher suite %#x is not one of ours", e.CipherSuiteID)
	}
	if e.IsClient || e.RemoteEpoch != 1 || len(e.LocalConnectionID) > 0 || len(e.MasterSecret) == 0 {
		return nil, fmt.Errorf("transport: DTLS state is not one of ours")
	}
	keys, err := prf.GenerateEncryptionKeys(e.MasterSecret, e.RemoteRandom[:], e.LocalRandom[:], 0, size, gcmImplicit, hash)
	if err != nil {
		return nil, fmt.Errorf("transport: DTLS keys: %w", err)
	}
	defer clear(keys.ServerWriteKey)
	return &parked{key: bytes.Clone(keys.ClientWriteKey), iv: [gcmImplicit]byte(keys.ClientWriteIV)}, nil
}

// ended says whether records of the far end hold an alert that ends the association: a goodbye, or a fatal one (RFC 5246 §7.2).
// Records were found sound before. Nothing is remembered of them: none that repeats one of before can be an end.
func (s *parked) ended(records []byte) bool {
	for len(records) >= recordHeader {
		size := int(binary.BigEndian.Uint16(records[11:]))
		if size > len(records)-recordHeader {
			return false
		}
		if alert, ok := s.open(records[:recordHeader+size]); ok && (alert[0] != warningAlert || alert[1] == closeNotify) {
			return true
		}
		records = records[recordHeader+size:]
	}
	return false
}

// open opens a record that is an alert (RFC 6347 §4.1; RFC 5288 §3), in memory of its own.
func (s *parked) open(record []byte) (alert [2]byte, ok bool) {
	body := record[recordHeader:]
	if record[0] != alertRecord || binary.BigEndian.Uint16(record[3:]) != 1 || len(body) != gcmExplicit+len(alert)+gcmTag {
		return alert, false
	}
	block, err := aes.NewCipher(s.key)
	if err != nil {
		return alert, false
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return alert, false
	}
	nonce := append(s.iv[:len(s.iv):len(s.iv)], body[:gcmExplicit]...)
	// Epoch and number, type, version, length of the plaintext (RFC 5246 §6.2.3.3).
	data := append(append(make([]byte, 0, recordHeader), record[3:11]...), record[:3]...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(alert)))
	plain, err := aead.Open(nil, nonce, body[gcmExplicit:], data)
	if err != nil {
		return alert, false
	}
	return [2]byte(plain), true
}

// settle replaces what DTLS has by what will be needed of it, once the far end is known to be through with the handshake. It is
// called again and again; the work is done by the link's goroutine.
func (l *link) settle(now time.Time) {
	heard := l.heardMedia.Load()
	if heard == 0 || now.UnixNano()-heard < int64(settleAfter) || l.settling.Load() {
		return
	}
	l.mu.Lock()
	conn, keyed := l.dtls, l.keyed
	l.mu.Unlock()
	if conn != nil && keyed && l.settling.CompareAndSwap(false, true) {
		_ = conn.SetReadDeadline(time.Unix(1, 0)) // it never fails; drain wakes up
	}
}

// park is the work of settle. Without success everything stays as it was.
func (l *link) park(r *records) error {
	state, ok := l.dtls.ConnectionState()
	if !ok {
		return fmt.Errorf("transport: DTLS has no state")
	}
	s, err := farKey(&state)
	if err != nil {
		return err
	}
	r.hold()
	l.mu.Lock()
	conn := l.dtls
	l.parked, l.dtls = s, nil // what arrives from now on is for it
	l.mu.Unlock()
	conn.Close()
	r.in.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	s.goodbye, l.handshake = r.held(), nil
	l.certificate = tls.Certificate{} // there is one handshake; descriptions have its fingerprint
	return nil
}

// heldBack is what DTLS wrote while it was held back: its last record.
type heldBack struct {
	mu      sync.Mutex
	holding bool
	last    []byte
}

// hold keeps what DTLS writes from now on, instead of sending it.
func (r *records) hold() {
	r.back.mu.Lock()
	defer r.back.mu.Unlock()
	r.back.holding = true
}

func (r *records) held() []byte {
	r.back.mu.Lock()
	defer r.back.mu.Unlock()
	return r.back.last
}

// holdsBack says whether a record was kept.
func (r *records) holdsBack(b []byte) bool {
	r.back.mu.Lock()
	defer r.back.mu.Unlock()
	if r.back.holding {
		r.back.last = bytes.Clone(b)
	}
	return r.back.holding
}
