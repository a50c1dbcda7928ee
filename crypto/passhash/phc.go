package passhash

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// encoded is a hash in the PHC string format (github.com/P-H-C/phc-string-format):
// $argon2id$v=19$m=65536,t=3,p=4[,keyid=…]$salt$hash, numbers in shortest decimal, the rest in base64 without padding.
type encoded struct {
	Params
	pepper string // id of the pepper, "" without
	salt   []byte
	hash   []byte
}

const (
	phcPrefix = "$argon2id$v=19$"
	maxPHC    = 192
)

func (e encoded) String() string {
	keyid := ""
	if e.pepper != "" {
		keyid = ",keyid=" + e.pepper
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("%sm=%d,t=%d,p=%d%s$%s$%s", phcPrefix, e.Memory, e.Time, e.Threads, keyid,
		b64.EncodeToString(e.salt), b64.EncodeToString(e.hash))
}

// parse accepts exactly what String writes, within the bounds of Params.
func parse(phc string) (encoded, error) {
	var e encoded
	rest, ok := strings.CutPrefix(phc, phcPrefix)
	if !ok || len(phc) > maxPHC {
		return e, ErrFormat
	}
	fields := strings.Split(rest, "$")
	if len(fields) != 3 {
		return e, ErrFormat
	}
	params := strings.Split(fields[0], ",")
	if len(params) != 3 && len(params) != 4 {
		return e, ErrFormat
	}
	m, okM := number(params[0], "m=", 32)
	t, okT := number(params[1], "t=", 32)
	p, okP := number(params[2], "p=", 8)
	if !okM || !okT || !okP {
		return e, ErrFormat
	}
	e.Params = Params{Memory: uint32(m), Time: uint32(t), Threads: uint8(p)}
	if err := e.valid(); err != nil {
		return e, fmt.Errorf("%w: %v", ErrFormat, err)
	}
	if len(params) == 4 {
		if e.pepper, ok = strings.CutPrefix(params[3], "keyid="); !ok {
			return e, ErrFormat
		}
		if _, ok := decode(e.pepper, pepperIDLength); !ok {
			return e, ErrFormat
		}
	}
	if e.salt, ok = decode(fields[1], saltLength); !ok {
		return e, ErrFormat
	}
	if e.hash, ok = decode(fields[2], hashLength); !ok {
		return e, ErrFormat
	}
	return e, nil
}

// number reads a decimal number that has one spelling: no sign, no leading zero.
func number(s, name string, bits int) (uint64, bool) {
	digits, ok := strings.CutPrefix(s, name)
	if !ok || digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, bits)
	return n, err == nil
}

func decode(s string, length int) ([]byte, bool) {
	// The decoder skips line ends, which would give one hash several spellings.
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	return b, err == nil && len(b) == length
}
