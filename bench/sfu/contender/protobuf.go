package contender

import (
	"encoding/binary"
	"errors"
)

// As much of protobuf's encoding (protobuf.dev/programming-guides/encoding) as LiveKit's signalling takes: varints, and octets with a
// length.

type message []byte

const (
	wireVarint = 0
	wireOctets = 2
)

func (m message) varint(field int, v uint64) message {
	return binary.AppendUvarint(binary.AppendUvarint(m, uint64(field)<<3|wireVarint), v)
}

func (m message) octets(field int, v []byte) message {
	m = binary.AppendUvarint(binary.AppendUvarint(m, uint64(field)<<3|wireOctets), uint64(len(v)))
	return append(m, v...)
}

func (m message) text(field int, v string) message { return m.octets(field, []byte(v)) }

var errProtobuf = errors.New("contender: malformed protobuf")

// fields calls each for every field, with the octets of those that have a length and the number of varints.
func (m message) fields(each func(field int, octets message, number uint64)) error {
	for len(m) > 0 {
		tag, n := binary.Uvarint(m)
		if n <= 0 {
			return errProtobuf
		}
		m = m[n:]
		field := int(tag >> 3)
		switch tag & 7 {
		case wireVarint:
			v, n := binary.Uvarint(m)
			if n <= 0 {
				return errProtobuf
			}
			m = m[n:]
			each(field, nil, v)
		case wireOctets:
			size, n := binary.Uvarint(m)
			if n <= 0 || size > uint64(len(m)-n) {
				return errProtobuf
			}
			each(field, m[n:n+int(size)], 0)
			m = m[n+int(size):]
		case 1, 5: // fixed numbers, of which there are none that we need
			size := 8
			if tag&7 == 5 {
				size = 4
			}
			if len(m) < size {
				return errProtobuf
			}
			m = m[size:]
		default:
			return errProtobuf
		}
	}
	return nil
}

// field finds the octets of the last field of this number.
func (m message) field(wanted int) (found message) {
	_ = m.fields(func(field int, octets message, _ uint64) {
		if field == wanted && octets != nil {
			found = octets
		}
	})
	return found
}
