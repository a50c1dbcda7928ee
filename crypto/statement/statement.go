// Package statement is what the key log of devices says, one record at a time: which signature key an account has said to be that of
// one of its devices, and that the log's database was restored from a backup. It decides the bytes of a record, which are hashed into
// the log's tree (crypto/keylog); it never sees the log, nor whose browser the device is.
package statement

import (
	"bytes"
	"crypto/ecdh"
	"encoding/binary"
	"errors"
	"fmt"

	"huisclos/crypto/mls"
)

// Kind is what a statement says.
type Kind uint8

// The kinds.
const (
	Device   Kind = 1 // an account's device has a key
	Restored Kind = 2 // what follows was written after a backup came back: records that the log had before may be missing
)

const (
	version   = 1
	fixedSize = 1 + 1 + 16 + 16 + 2 + 8
	// KeySize is the length of a device's key in bytes: an uncompressed P-256 point (SEC 1 §2.3.3).
	KeySize = 65
)

// ErrMalformed says that bytes are no statement.
var ErrMalformed = errors.New("statement: malformed")

// A Statement is a record of the log.
type Statement struct {
	Kind Kind
	// Account and Device are zero, and Key is empty, in what is no Device.
	Account mls.AccountID
	Device  mls.DeviceID
	Key     []byte // the signature key of the device's leaves, KeySize bytes
	Time    uint64 // when the server wrote it, in seconds since 1970 (UTC)
}

// Marshal writes the record: version, kind, account, device, the key with its length in two bytes, time; big endian. What Check
// refuses makes a record that Parse refuses.
func (s Statement) Marshal() []byte {
	b := make([]byte, 0, fixedSize+len(s.Key))
	b = append(b, version, byte(s.Kind))
	b = append(b, s.Account[:]...)
	b = append(b, s.Device[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.Key)))
	b = append(b, s.Key...)
	return binary.BigEndian.AppendUint64(b, s.Time)
}

// Parse reads what Marshal wrote, and nothing else: one statement has one encoding. The key shares no memory with b.
func Parse(b []byte) (Statement, error) {
	if len(b) < fixedSize || len(b) > fixedSize+KeySize || b[0] != version {
		return Statement{}, ErrMalformed
	}
	s := Statement{Kind: Kind(b[1]), Account: mls.AccountID(b[2:18]), Device: mls.DeviceID(b[18:34])}
	length := int(binary.BigEndian.Uint16(b[34:36]))
	if len(b) != fixedSize+length {
		return Statement{}, ErrMalformed
	}
	s.Key = bytes.Clone(b[36 : 36+length])
	s.Time = binary.BigEndian.Uint64(b[36+length:])
	return s, s.Check()
}

// Check returns ErrMalformed for a statement that no log may hold.
func (s Statement) Check() error {
	switch s.Kind {
	case Device:
		if len(s.Key) != KeySize {
			return fmt.Errorf("%w: a key of %d bytes", ErrMalformed, len(s.Key))
		}
		if _, err := ecdh.P256().NewPublicKey(s.Key); err != nil {
			return fmt.Errorf("%w: the key is no point of P-256", ErrMalformed)
		}
		return nil
	case Restored:
		if s.Account != (mls.AccountID{}) || s.Device != (mls.DeviceID{}) || len(s.Key) != 0 {
			return fmt.Errorf("%w: a restore is nobody's", ErrMalformed)
		}
		return nil
	}
	return fmt.Errorf("%w: kind %d", ErrMalformed, s.Kind)
}
