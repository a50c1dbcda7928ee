package keylog

import (
	"fmt"
	"strconv"
	"strings"
)

// maxProof bounds the hashes of a proof: two for each level of the tree.
const maxProof = 128

// Growth is what a witness is given: a checkpoint, and the proof that its tree begins with the one of Old records that the witness has
// seen last (C2SP tlog-witness, the body of add-checkpoint).
type Growth struct {
	Old   uint64
	Proof []Hash
	Note  []byte
}

// Text writes it as a file.
func (g Growth) Text() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "old %d\n", g.Old)
	for _, h := range g.Proof {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n")
	b.Write(g.Note)
	return []byte(b.String())
}

// ParseGrowth reads what Text wrote. It checks neither proof nor signatures.
func ParseGrowth(text []byte) (Growth, error) {
	var g Growth
	if len(text) > maxNote+maxProof*64 {
		return g, ErrNote
	}
	head, rest, ok := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	number, isOld := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseUint(number, 10, 64)
	if !ok || !isOld || err != nil || strconv.FormatUint(old, 10) != number || len(lines) > 1+maxProof {
		return g, ErrNote
	}
	g.Old, g.Note = old, []byte(rest)
	for _, line := range lines[1:] {
		h, err := parseHash(line)
		if err != nil {
			return Growth{}, ErrNote
		}
		g.Proof = append(g.Proof, h)
	}
	if _, err := Peek(g.Note); err != nil {
		return Growth{}, err
	}
	return g, nil
}

// Check opens the note and returns its checkpoint when the tree only grew since the one before, that of Old records; before is the
// zero Checkpoint for who has seen none. ErrProof otherwise, and Open's errors.
func (g Growth) Check(before Checkpoint, log PublicKey) (Signed, error) {
	s, err := Open(g.Note, []PublicKey{log}, nil)
	if err != nil {
		return Signed{}, err
	}
	if before.Size == 0 {
		before.Root = (&Frontier{}).Root()
	} else if before.Origin != s.Origin {
		return Signed{}, ErrProof
	}
	if g.Old != before.Size {
		return Signed{}, fmt.Errorf("%w: it is about %d records, not about %d", ErrProof, g.Old, before.Size)
	}
	return s, CheckConsistency(g.Proof, s.Size, s.Root, before.Size, before.Root)
}
