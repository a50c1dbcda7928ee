package keylog

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Sentinels of Open.
var (
	// ErrNote: the text is no checkpoint.
	ErrNote = errors.New("keylog: not a checkpoint")
	// ErrUnsigned: the log's key has not signed it.
	ErrUnsigned = errors.New("keylog: the checkpoint is not signed by the log's key")
	// ErrSignature: a signature of a key that is known is wrong.
	ErrSignature = errors.New("keylog: a signature of the checkpoint is wrong")
)

const (
	maxNote  = 16 << 10 // bytes of a checkpoint with all its signatures
	maxExtra = 8
)

// A Checkpoint says what a log holds: the root of the tree of its first Size records (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin string // the log's name, which is that of its key
	Size   uint64
	Root   Hash
	Extra  []string // lines of the log's own, signed with the rest
}

// Text is what is signed.
func (c Checkpoint) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
	for _, line := range c.Extra {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// parseText reads what Text wrote.
func parseText(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || len(lines) > 4+maxExtra || lines[len(lines)-1] != "" {
		return Checkpoint{}, ErrNote
	}
	lines = lines[:len(lines)-1]
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil || size > maxSize || strconv.FormatUint(size, 10) != lines[1] || !validName(lines[0]) {
		return Checkpoint{}, ErrNote
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, ErrNote
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	for _, line := range lines[3:] {
		if line == "" {
			return Checkpoint{}, ErrNote
		}
		c.Extra = append(c.Extra, line)
	}
	return c, nil
}

func parseHash(s string) (Hash, error) {
	h, err := tlog.ParseHash(s)
	if err == nil && h.String() != s { // the lax decoder takes what it would not write
		err = errors.New("keylog: malformed hash")
	}
	return h, err
}

// Sign returns the checkpoint as a note of the log whose key this is.
func (k *Key) Sign(c Checkpoint) ([]byte, error) {
	if k.public.use != Log || c.Origin != k.public.name {
		return nil, fmt.Errorf("keylog: %s signs no checkpoint of %s", k, c.Origin)
	}
	if again, err := parseText(c.Text()); err != nil || !slices.Equal(again.Extra, c.Extra) {
		return nil, ErrNote
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signer{k, time.Time{}})
	if err != nil {
		return nil, fmt.Errorf("keylog: %w", err)
	}
	return signed, nil
}

// A Cosignature is a witness's, with the time that it states.
type Cosignature struct {
	Witness PublicKey
	Time    time.Time
}

// Signed is a checkpoint whose signatures were checked.
type Signed struct {
	Checkpoint
	Log PublicKey // that signed it
	// Witnesses are those of the known ones that cosigned it.
	Witnesses []Cosignature
}

// Open reads a note and checks its signatures: one of logs must have signed it. Those of the witnesses count where they are right;
// ErrSignature where one of a known key is wrong. Signatures of unknown keys are passed over.
func Open(text []byte, logs, witnesses []PublicKey) (Signed, error) {
	n, err := open(text, append(slices.Clone(logs), witnesses...))
	if err != nil {
		return Signed{}, err
	}
	c, err := parseText(n.Text)
	if err != nil {
		return Signed{}, err
	}
	s := Signed{Checkpoint: c}
	for _, sig := range n.Sigs {
		is := func(k PublicKey) bool { return k.name == sig.Name && k.id == sig.Hash }
		if i := slices.IndexFunc(logs, is); i >= 0 && logs[i].use == Log && logs[i].name == c.Origin {
			s.Log = logs[i]
			continue
		}
		if i := slices.IndexFunc(witnesses, is); i >= 0 && witnesses[i].use == Witness {
			s.Witnesses = append(s.Witnesses, Cosignature{witnesses[i], stated(sig)})
		}
	}
	if s.Log.IsZero() {
		return Signed{}, ErrUnsigned
	}
	return s, nil
}

// Peek reads a note without checking any signature: for who shows it, or looks for the key that it needs.
func Peek(text []byte) (Checkpoint, error) {
	n, err := open(text, nil)
	if n == nil {
		return Checkpoint{}, err
	}
	return parseText(n.Text)
}

// open returns the note also when nobody known has signed it: with ErrUnsigned.
func open(text []byte, keys []PublicKey) (*note.Note, error) {
	if len(text) > maxNote {
		return nil, ErrNote
	}
	list := make([]note.Verifier, 0, len(keys))
	for _, k := range keys {
		list = append(list, verifier{k})
	}
	n, err := note.Open(text, note.VerifierList(list...))
	var unverified *note.UnverifiedNoteError
	var wrong *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified):
		return unverified.Note, ErrUnsigned
	case errors.As(err, &wrong):
		return nil, fmt.Errorf("%w: that of %s", ErrSignature, wrong.Name)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNote, err)
	}
	return n, nil
}

// Cosign returns the line with which a witness signs the checkpoint in a note, stating the time. It does not check anything: the
// caller has opened the note, and has seen that the log only grew.
func (k *Key) Cosign(text []byte, now time.Time) (line string, err error) {
	if k.public.use != Witness {
		return "", fmt.Errorf("keylog: %s is no witness's key", k)
	}
	n, err := open(text, nil)
	if n == nil {
		return "", err
	}
	signed, err := note.Sign(&note.Note{Text: n.Text}, signer{k, now})
	if err != nil {
		return "", fmt.Errorf("keylog: %w", err)
	}
	return string(signed[len(n.Text)+1:]), nil
}

// Join returns the note with the lines of signatures after its own, those that it has already left out. What they say is not checked.
func Join(text []byte, lines ...string) ([]byte, error) {
	n, err := open(text, nil)
	if n == nil {
		return nil, err
	}
	for _, line := range lines {
		more, err := open([]byte(n.Text+"\n"+line), nil)
		if more == nil {
			return nil, err
		}
		for _, sig := range more.UnverifiedSigs {
			if !slices.Contains(n.UnverifiedSigs, sig) {
				n.UnverifiedSigs = append(n.UnverifiedSigs, sig)
			}
		}
	}
	joined, err := note.Sign(n)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNote, err)
	}
	return joined, nil
}

// signer and verifier are our keys as package note asks for them.
type signer struct {
	k   *Key
	now time.Time // that a witness states
}

func (s signer) Name() string    { return s.k.public.name }
func (s signer) KeyHash() uint32 { return s.k.public.id }
func (s signer) Sign(text []byte) ([]byte, error) {
	if s.k.public.use == Log {
		return s.k.sign(text)
	}
	seconds := max(s.now.Unix(), 0)
	sig, err := s.k.sign(cosigned(uint64(seconds), text))
	return append(binary.BigEndian.AppendUint64(nil, uint64(seconds)), sig...), err
}

type verifier struct{ k PublicKey }

func (v verifier) Name() string    { return v.k.name }
func (v verifier) KeyHash() uint32 { return v.k.id }
func (v verifier) Verify(text, sig []byte) bool {
	if v.k.use == Log {
		return v.k.verify(text, sig)
	}
	return len(sig) > 8 && v.k.verify(cosigned(binary.BigEndian.Uint64(sig), text), sig[8:])
}

// cosigned is what a witness signs (C2SP tlog-cosignature, "cosignature/v1", which has it for Ed25519).
func cosigned(seconds uint64, text []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", seconds), text...)
}

// stated is the time in a witness's signature, which was checked: after the key's id of four bytes.
func stated(sig note.Signature) time.Time {
	raw, err := base64.StdEncoding.DecodeString(sig.Base64)
	if err != nil || len(raw) < 12 {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(raw[4:])&(1<<40-1)), 0).UTC()
}

// SignedBy reports whether a key has signed a note, whatever log it is of.
func SignedBy(text []byte, k PublicKey) bool {
	_, err := open(text, []PublicKey{k})
	return err == nil
}
