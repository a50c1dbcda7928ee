package statement

import (
	"encoding/binary"
	"fmt"
	"strings"

	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
)

const (
	evidenceVersion = 1
	maxNote         = 2048 // bytes of a checkpoint: about 250, and 200 for each witness
	maxProof        = 63   // hashes: one for each level of a tree
)

// Evidence shows that a device's statement is in the log: it stands in the device's leaf, beside the credential, which names the
// statement by its number. Account, device and key are the leaf's.
type Evidence struct {
	Time  uint64 // of the statement, seconds since 1970, by the server's clock
	Note  []byte // a checkpoint of the log (keylog.Checkpoint), signed
	Proof []keylog.Hash
}

// Extension is the leaf extension that holds it.
func (e Evidence) Extension() mls.Extension {
	b := []byte{evidenceVersion}
	b = binary.BigEndian.AppendUint64(b, e.Time)
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.Note)))
	b = append(b, e.Note...)
	b = append(b, byte(len(e.Proof)))
	for _, h := range e.Proof {
		b = append(b, h[:]...)
	}
	return mls.Extension{Type: mls.ExtensionStatement, Data: b}
}

// EvidenceOf finds it among a leaf's extensions; ErrMalformed where there is none.
func EvidenceOf(extensions []mls.Extension) (Evidence, error) {
	for _, x := range extensions {
		if x.Type == mls.ExtensionStatement {
			return parseEvidence(x.Data)
		}
	}
	return Evidence{}, fmt.Errorf("%w: a leaf without a statement", ErrMalformed)
}

func parseEvidence(b []byte) (Evidence, error) {
	var e Evidence
	if len(b) < 1+8+2 || b[0] != evidenceVersion {
		return e, ErrMalformed
	}
	e.Time = binary.BigEndian.Uint64(b[1:])
	n := int(binary.BigEndian.Uint16(b[9:]))
	b = b[11:]
	if n > maxNote || len(b) < n+1 {
		return Evidence{}, ErrMalformed
	}
	e.Note, b = b[:n:n], b[n:]
	count := int(b[0])
	b = b[1:]
	if count > maxProof || len(b) != count*keylog.HashSize {
		return Evidence{}, ErrMalformed
	}
	for ; len(b) > 0; b = b[keylog.HashSize:] {
		e.Proof = append(e.Proof, keylog.Hash(b[:keylog.HashSize]))
	}
	return e, nil
}

// A View is a log as somebody saw it: its key, and a checkpoint that the key has signed. It stands in a group's room extension, put
// there by the creator, and a device keeps the last one that it saw.
type View struct {
	Log  keylog.PublicKey
	Note []byte
}

// Marshal writes it: the key's text, a line feed, the note.
func (v View) Marshal() []byte { return append([]byte(v.Log.String()+"\n"), v.Note...) }

// ParseView reads what Marshal wrote, and checks the signature. ErrMalformed, and keylog's errors.
func ParseView(b []byte) (View, keylog.Checkpoint, error) {
	text, note, ok := strings.Cut(string(b), "\n")
	if !ok || len(note) > maxNote {
		return View{}, keylog.Checkpoint{}, ErrMalformed
	}
	key, err := keylog.ParsePublicKey(text)
	if err != nil || key.Use() != keylog.Log || key.String() != text {
		return View{}, keylog.Checkpoint{}, ErrMalformed
	}
	v := View{Log: key, Note: []byte(note)}
	signed, err := keylog.Open(v.Note, []keylog.PublicKey{key}, nil)
	if err != nil {
		return View{}, keylog.Checkpoint{}, err
	}
	return v, signed.Checkpoint, nil
}
