package sframe

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

// The vectors of crypto/testdata/frames are read by this package's tests and by
// those of the browser's frame worker. They are written by this package:
// go test ./crypto/sframe -run TestFrameVectors -update
var update = flag.Bool("update", false, "write crypto/testdata/frames anew")

type headerVector struct {
	Context Context     `json:"context"`
	Leaf    uint32      `json:"leaf"`
	Epoch   uint64      `json:"epoch"`
	KID     KID         `json:"kid"`
	CTR     uint64      `json:"ctr"`
	Encoded octetString `json:"encoded"`
}

type badHeaderVector struct {
	Note   string      `json:"note"`
	Bytes  octetString `json:"bytes"`
	Reason string      `json:"reason"`
}

type sealVector struct {
	Note    string      `json:"note"`
	Base    octetString `json:"base_key"`
	Codec   string      `json:"codec"`
	Context Context     `json:"context"`
	Leaf    uint32      `json:"leaf"`
	Epoch   uint64      `json:"epoch"`
	CTR     uint64      `json:"ctr"`
	Key     bool        `json:"key"`
	Padding int         `json:"padding"`
	Frame   octetString `json:"frame"`
	Sealed  octetString `json:"sealed"`
}

// receiveVector is what one receiver, bound to one leaf and context, makes of
// frames that arrive in this order. Reason is "ok" or the frame worker's word.
type receiveVector struct {
	Note    string      `json:"note"`
	Base    octetString `json:"base_key"`
	Codec   string      `json:"codec"`
	Context Context     `json:"context"`
	Leaf    uint32      `json:"leaf"`
	Own     uint32      `json:"own"`
	Epoch   uint64      `json:"epoch"`
	Frames  []received  `json:"frames"`
}

type received struct {
	Note   string      `json:"note"`
	Sealed octetString `json:"sealed"`
	Reason string      `json:"reason"`
	Frame  octetString `json:"frame,omitempty"`
}

type frameVectors struct {
	Headers    []headerVector    `json:"headers,omitempty"`
	BadHeaders []badHeaderVector `json:"bad_headers,omitempty"`
	Seal       []sealVector      `json:"seal,omitempty"`
	Receive    []receiveVector   `json:"receive,omitempty"`
}

var codecs = map[string]Codec{"opus": Opus, "vp8": VP8, "vp9": VP9}

func baseKey(name string) []byte {
	sum := sha256.Sum256([]byte("huisclos frame vectors: " + name))
	return sum[:]
}

// sealAt seals with a chosen counter, which only a test may choose.
func sealAt(t *testing.T, v sealVector) []byte {
	t.Helper()
	kid, err := NewKID(v.Context, v.Leaf, v.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSealer(AES256GCM, v.Base, kid)
	if err != nil {
		t.Fatal(err)
	}
	s.next = v.CTR
	sealed, err := s.Seal(nil, codecs[v.Codec], v.Key, v.Padding, v.Frame)
	if err != nil {
		t.Fatalf("%s: %v", v.Note, err)
	}
	return sealed
}

func TestFrameVectors(t *testing.T) {
	// ASVS 11.3.2
	if *update {
		for name, v := range map[string]any{"headers.json": makeHeaders(), "seal.json": makeSeals(t), "receive.json": makeReceives(t)} {
			b, err := json.MarshalIndent(v, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join("..", "testdata", "frames", name), append(b, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	var v frameVectors
	for _, name := range []string{"headers.json", "seal.json", "receive.json"} {
		readVectors(t, filepath.Join("frames", name), &v)
	}
	if len(v.Headers) == 0 || len(v.BadHeaders) == 0 || len(v.Seal) == 0 || len(v.Receive) == 0 {
		t.Fatal("a section is empty")
	}
	for _, c := range v.Headers {
		kid, err := NewKID(c.Context, c.Leaf, c.Epoch)
		if err != nil || kid != c.KID {
			t.Errorf("KID of %d/%d/%d is %d, %v", c.Context, c.Leaf, c.Epoch, kid, err)
		}
		if kid.Context() != c.Context || kid.Leaf() != c.Leaf || kid.EpochByte() != uint8(c.Epoch) {
			t.Errorf("KID %d unpacks to %v", kid, kid)
		}
		f, err := ParseFrameHeader(Opus, c.Encoded)
		if err != nil || f.KID != kid || f.CTR != c.CTR || f.Size != len(c.Encoded) {
			t.Errorf("%x parses to %+v, %v", c.Encoded, f, err)
		}
	}
	for _, c := range v.BadHeaders {
		if _, err := ParseFrameHeader(Opus, c.Bytes); reason(err) != c.Reason {
			t.Errorf("%s: %v, want %s", c.Note, err, c.Reason)
		}
	}
	for _, c := range v.Seal {
		if got := sealAt(t, c); !bytes.Equal(got, c.Sealed) {
			t.Errorf("%s: sealed as %x", c.Note, got)
		}
		f, err := ParseFrameHeader(codecs[c.Codec], c.Sealed)
		if err != nil || f.CTR != c.CTR || f.Key != (c.Key && c.Codec == "vp8") || !f.Fits(len(c.Sealed)) {
			t.Errorf("%s: header %+v, %v", c.Note, f, err)
		}
		o, err := NewOpener(AES256GCM, c.Base, f.KID)
		if err != nil {
			t.Fatal(err)
		}
		frame, key, err := o.Open(nil, codecs[c.Codec], c.Sealed)
		if err != nil || key != c.Key || !bytes.Equal(frame, c.Frame) {
			t.Errorf("%s: opens to %x, %v, %v", c.Note, frame, key, err)
		}
		for i := range c.Sealed {
			forged := bytes.Clone(c.Sealed)
			forged[i] ^= 1
			if o, _ = NewOpener(AES256GCM, c.Base, f.KID); o == nil {
				t.Fatal("no opener")
			}
			if _, _, err := o.Open(nil, codecs[c.Codec], forged); err == nil {
				t.Fatalf("%s: opens with bit 0 of byte %d changed", c.Note, i)
			}
		}
	}
	for _, c := range v.Receive {
		kid, _ := NewKID(c.Context, c.Leaf, c.Epoch)
		o, err := NewOpener(AES256GCM, c.Base, kid)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range c.Frames {
			frame, _, err := o.Open(nil, codecs[c.Codec], f.Sealed)
			want := f.Reason
			switch want { // an Opener has one KID; which other one it is, is for who has several
			case "own-kid", "old-epoch", "future-epoch":
				want = "wrong-kid"
			}
			if got := reason(err); got != want || err == nil && !bytes.Equal(frame, f.Frame) {
				t.Errorf("%s, %s: %s (%v) %x", c.Note, f.Note, got, err, frame)
			}
		}
	}
}

func reason(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrNoHeader):
		return "no-header"
	case errors.Is(err, ErrBadHeader):
		return "bad-header"
	case errors.Is(err, ErrBadPrefix):
		return "bad-prefix"
	case errors.Is(err, ErrBadKID), errors.Is(err, ErrOtherKey):
		return "wrong-kid"
	case errors.Is(err, ErrTooShort):
		return "no-room-for-tag"
	case errors.Is(err, ErrReplayed):
		return "replayed"
	case errors.Is(err, ErrOpen):
		return "bad-tag"
	case errors.Is(err, ErrBadInner):
		return "bad-inner"
	}
	return err.Error()
}
