package statement

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
)

// signed is a checkpoint of a log of one record, and its key.
func signed(t testing.TB, name string) (*keylog.Key, []byte) {
	t.Helper()
	key, err := keylog.NewKey(name, keylog.Log, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	note, err := key.Sign(keylog.Checkpoint{Origin: name, Size: 1, Root: keylog.LeafHash([]byte("record"))})
	if err != nil {
		t.Fatal(err)
	}
	return key, note
}

func TestEvidence(t *testing.T) {
	_, note := signed(t, "log")
	full := Evidence{Time: 7, Note: note, Proof: []keylog.Hash{{1}, {2}}}
	for _, e := range []Evidence{full, {Note: note}, {Time: 1<<64 - 1}} {
		got, err := EvidenceOf([]mls.Extension{{Type: mls.ExtensionName}, e.Extension()})
		if err != nil || got.Time != e.Time || !bytes.Equal(got.Note, e.Note) || len(got.Proof) != len(e.Proof) {
			t.Errorf("%+v read as %+v, %v", e, got, err)
		}
	}
	data := full.Extension().Data
	for cut := range len(data) {
		if _, err := parseEvidence(data[:cut]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut to %d bytes: %v", cut, err)
		}
	}
	other := bytes.Clone(data)
	other[0]++
	for name, b := range map[string][]byte{
		"one byte more": append(bytes.Clone(data), 0), "another version": other,
		"a long note":  Evidence{Note: make([]byte, maxNote+1)}.Extension().Data,
		"a long proof": Evidence{Proof: make([]keylog.Hash, maxProof+1)}.Extension().Data,
	} {
		if _, err := parseEvidence(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := EvidenceOf(nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("a leaf without one: %v", err)
	}
}

func TestView(t *testing.T) {
	key, note := signed(t, "log")
	v := View{Log: key.Public(), Note: note}
	got, at, err := ParseView(v.Marshal())
	if err != nil || !got.Log.Equal(v.Log) || !bytes.Equal(got.Note, note) || at.Size != 1 {
		t.Fatalf("%+v, %+v, %v", got, at, err)
	}
	_, foreign := signed(t, "log")
	witness, err := keylog.NewKey("log", keylog.Witness, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "no note": []byte(v.Log.String()), "no key": note,
		"a space before the key":   append([]byte(" "), v.Marshal()...),
		"signed by another":        View{Log: v.Log, Note: foreign}.Marshal(),
		"a witness's key":          View{Log: witness.Public(), Note: note}.Marshal(),
		"a note that is too long":  append(v.Marshal(), strings.Repeat("x", maxNote)...),
		"a note that is cut":       v.Marshal()[:len(v.Marshal())-3],
		"a key that is not copied": v.Marshal()[1:],
	} {
		if _, _, err := ParseView(b); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestOrder(t *testing.T) {
	a, b, c := Mark{1, keylog.Hash{1}}, Mark{5, keylog.Hash{2}}, Mark{9, keylog.Hash{3}}
	list, err := Order([]Mark{c, a, b, a})
	if err != nil || len(list) != 3 || list[0] != a || list[1] != b || list[2] != c {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := Order([]Mark{b, a, {5, keylog.Hash{7}}}); !errors.Is(err, ErrForked) {
		t.Errorf("two of one size: %v", err)
	}
	for n, proofs := range [][][]keylog.Hash{nil, {nil}, {nil, nil, nil}} {
		if err := Chain(list, proofs); !errors.Is(err, ErrForked) {
			t.Errorf("%d proofs for 3 states: %v", n, err)
		}
	}
	if err := Chain([]Mark{a}, nil); err != nil {
		t.Errorf("one state: %v", err)
	}
}

// FuzzEvidence: what is read is what would be written, and a leaf of a stranger's takes nobody down.
func FuzzEvidence(f *testing.F) {
	key, note := signed(f, "log")
	checker := NewChecker(key.Public())
	identity := mls.DeviceCredential{}.Marshal()
	f.Add(Evidence{Time: 3, Note: note, Proof: []keylog.Hash{{1}}}.Extension().Data)
	f.Add(Evidence{}.Extension().Data)
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEvidence(b)
		if err == nil && !bytes.Equal(e.Extension().Data, b) {
			t.Errorf("%x is read and written as another", b)
		}
		_, err = checker.Leaf(identity, make([]byte, KeySize), []mls.Extension{{Type: mls.ExtensionStatement, Data: b}})
		if err == nil {
			t.Error("a statement that nobody made is in the log")
		}
	})
}

// FuzzView: what is read is what would be written.
func FuzzView(f *testing.F) {
	key, note := signed(f, "log")
	f.Add(View{Log: key.Public(), Note: note}.Marshal())
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, _, err := ParseView(b)
		if err == nil && !bytes.Equal(v.Marshal(), b) {
			t.Errorf("%q is read and written as another", b)
		}
	})
}
