package meetings

import (
	"bytes"
	"testing"

	"huisclos/crypto/mls"
)

func TestHeaders(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	g := all[1].group
	sealed, err := g.Seal([]byte("text"), []byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	group, epoch, err := privateHeader(sealed)
	if err != nil || !bytes.Equal(group, g.ID()) || epoch != g.Epoch() {
		t.Fatalf("%x %d %v", group, epoch, err)
	}
	h, err := peekGroupInfo(info(all[1]))
	if err != nil || h.key() != headerOf(w.room.call.observer).key() {
		t.Fatalf("%+v %v", h, err)
	}
	p, err := g.Commit(mls.CommitOptions{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{
		"empty": nil, "a commit": p.Commit, "a key package": all[1].newPackage().KeyPackage.MarshalMessage(), "text": []byte("hello, everybody out there"),
	} {
		if _, _, err := privateHeader(raw); err == nil {
			t.Errorf("%s passes for a sealed message", name)
		}
		if _, err := peekGroupInfo(raw); err == nil {
			t.Errorf("%s passes for a GroupInfo", name)
		}
	}
	for n := range sealed {
		if _, _, err := privateHeader(sealed[:n]); err == nil {
			t.Fatalf("%d of %d bytes pass for a sealed message", n, len(sealed))
		}
	}
	if _, _, err := privateHeader(append(sealed, 0)); err == nil {
		t.Fatal("a sealed message with a tail")
	}
	proposal := bytes.Clone(sealed)
	proposal[4+1+16+8] = 2 // content type
	if _, _, err := privateHeader(proposal); err == nil {
		t.Fatal("a handshake passes for an application message")
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 1, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 7, 1, 8})
	f.Add([]byte{0, 1, 0, 4, 0, 1, 0, 2, 1, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, 7, 1, 8})
	f.Fuzz(func(t *testing.T, raw []byte) {
		group, epoch, err := privateHeader(raw)
		if err == nil && (len(raw) < 18 || !bytes.Contains(raw, group)) {
			t.Fatalf("%x %d from %x", group, epoch, raw)
		}
		h, err := peekGroupInfo(raw)
		if err == nil && !bytes.Contains(raw, h.transcript) {
			t.Fatalf("%+v from %x", h, raw)
		}
	})
}
