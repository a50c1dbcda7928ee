package mls

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// seedVectors adds the named fields of the first cases of every vector file.
func seedVectors(f *testing.F, fields ...string) {
	f.Helper()
	files, err := filepath.Glob("testdata/rfc9420/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no vectors")
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var cases []map[string]any
		if err := json.Unmarshal(b, &cases); err != nil {
			f.Fatal(err)
		}
		for _, c := range cases[:min(3, len(cases))] {
			for _, field := range fields {
				if s, ok := c[field].(string); ok {
					if v, err := hex.DecodeString(s); err == nil {
						f.Add(v)
					}
				}
			}
		}
	}
}

// FuzzMessage: what parses encodes to the same bytes.
func FuzzMessage(f *testing.F) {
	seedVectors(f, "mls_welcome", "mls_group_info", "mls_key_package", "public_message_application",
		"public_message_proposal", "public_message_commit", "private_message", "welcome", "commit_pub")
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if err != nil {
			return
		}
		if !bytes.Equal(encoded(m.encode), b) {
			t.Fatal("another encoding of the same message")
		}
	})
}

func FuzzKeyPackage(f *testing.F) {
	seedVectors(f, "mls_key_package", "key_package")
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParseKeyPackage(b)
		if err != nil {
			return
		}
		if !bytes.Equal(k.Marshal(), b) && !bytes.Equal(k.MarshalMessage(), b) {
			t.Fatal("another encoding of the same key package")
		}
		_ = k.Verify(now)
		k.Ref()
	})
}

func FuzzWelcome(f *testing.F) {
	seedVectors(f, "mls_welcome", "welcome")
	b := newPerson(f, P256AES128, 1).bundle(f, P256AES128)
	f.Fuzz(func(t *testing.T, w []byte) {
		if _, err := JoinWelcome(w, b, JoinOptions{Rand: rand.Reader}); err == nil {
			t.Fatal("joined with a stranger's welcome")
		}
	})
}

func FuzzGroupSecrets(f *testing.F) {
	seedVectors(f, "group_secrets")
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &groupSecrets{}
		if decodeAll(b, s.decode) == nil && !bytes.Equal(encoded(s.encode), b) {
			t.Fatal("another encoding of the same secrets")
		}
	})
}

// fuzzCall is a small call that fuzz targets feed.
func fuzzCall(f *testing.F) (host *Group, observer *Observer) {
	f.Helper()
	room := Room{Version: RoomVersion, Profile: Standard(), Hosts: []AccountID{account(0)}, Admits: []AccountID{account(1)}}
	c := newCall(f, newPerson(f, Default, 0), room)
	c.commit(0, CommitOptions{}, newPerson(f, Default, 1))
	return c.groups[0], c.observer
}

func FuzzGroupInfo(f *testing.F) {
	seedVectors(f, "mls_group_info")
	host, _ := fuzzCall(f)
	info, err := host.GroupInfo(false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(info)
	tree := host.Tree()
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, err := NewObserver(b, tree); err == nil && o.Epoch() != 1 {
			t.Fatal("a forged group info was accepted")
		}
	})
}

// FuzzRatchetTree also walks what parsed, as validation would.
func FuzzRatchetTree(f *testing.F) {
	seedVectors(f, "ratchet_tree", "tree", "tree_before", "tree_after")
	s, err := suiteOf(P256AES128)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := parseTree(s, b)
		if err != nil {
			return
		}
		if !bytes.Equal(x.bytes(), b) {
			t.Fatal("another encoding of the same tree")
		}
		x.rootHash()
		_ = x.verifyShape()
		_ = x.verifyUnmerged()
		_ = x.verifyUnique()
		_ = x.verifyParentHashes()
		for l := range min(x.leaves(), 8) {
			x.filteredPath(LeafIndex(l))
		}
	})
}

// FuzzCommit sends a commit to an observer and, past the signature, its
// content to the same rules.
func FuzzCommit(f *testing.F) {
	seedVectors(f, "commit", "public_message_commit", "commit_pub")
	host, observer := fuzzCall(f)
	p, err := host.Commit(CommitOptions{Now: now})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.Commit)
	m, err := parseMessage(p.Commit)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded(m.public.content.commit.encode))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, s, err := observer.Check(b, Policy, now); err == nil && !bytes.Equal(s.Hash, p.Summary.Hash) {
			// ECDSA signatures can be rewritten and tags are not seen, so only
			// the content must be the host's.
			got, want := m.public.content.raw, must(parseMessage(b))(t).public.content.raw
			if !bytes.Equal(got, want) {
				t.Fatal("a forged commit was accepted")
			}
		}
		c := &commit{}
		if decodeAll(b, c.decode) != nil {
			return
		}
		if !bytes.Equal(encoded(c.encode), b) {
			t.Fatal("another encoding of the same commit")
		}
		for _, policy := range []PolicyFunc{nil, Policy} {
			a := &authenticatedContent{wireFormat: wirePublicMessage, content: host.content(contentCommit, nil)}
			a.content.commit = c
			_, _ = observer.stage(a, func([]byte) (SentProposal, bool) { return SentProposal{}, false }, policy, now)
		}
	})
}

func FuzzPrivateMessage(f *testing.F) {
	seedVectors(f, "private_message", "application_priv")
	host, _ := fuzzCall(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := host.Open(b); err == nil {
			t.Fatal("a forged message opened")
		}
		_ = host.ReceiveProposal(b)
	})
}

func FuzzRoom(f *testing.F) {
	f.Add(Room{Version: RoomVersion, Profile: Standard(), Hosts: []AccountID{{1}}, Admits: []AccountID{{2}, {3}}, Checkpoint: []byte("c"), Locked: true}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRoom(b)
		if err == nil && !bytes.Equal(r.Marshal(), b) {
			t.Fatal("another encoding of the same room")
		}
	})
}

func FuzzAdmissions(f *testing.F) {
	f.Add(MarshalAdmissions([]Admission{{GroupID: []byte("g"), KeyPackageRef: []byte("r"), Expiry: 7, Host: 2, Signature: []byte("s")}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseAdmissions(b)
		if err == nil && len(list) > MaxAdds {
			t.Fatal("unbounded")
		}
		if err == nil && !bytes.Equal(MarshalAdmissions(list), b) {
			t.Fatal("another encoding of the same admissions")
		}
	})
}

func FuzzDeviceCredential(f *testing.F) {
	f.Add(DeviceCredential{AccountID{1}, DeviceID{2}, 3}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseDeviceCredential(b); err == nil && !bytes.Equal(c.Marshal(), b) {
			t.Fatal("another encoding of the same credential")
		}
		if a, err := ParseAccountID(string(b)); err == nil && a.String() != string(b) {
			t.Fatal("another text of the same id")
		}
	})
}

func FuzzSignature(f *testing.F) {
	signer := newPerson(f, P256AES128, 0).id.Signer
	der, err := signer.Sign([]byte("m"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Add(bytes.Repeat([]byte{0x80}, 64))
	f.Add([]byte(strings.Repeat("\x00", 63) + "\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, size := range []int{32, 48, 66} {
			raw, err := SignatureToRaw(b, size)
			if err != nil {
				continue
			}
			back, err := SignatureFromRaw(raw)
			if err == nil && !bytes.Equal(back, b) {
				t.Fatal("two encodings of one signature")
			}
		}
		der, err := SignatureFromRaw(b)
		if err != nil {
			return
		}
		raw, err := SignatureToRaw(der, len(b)/2)
		if err != nil || !bytes.Equal(raw, b) {
			t.Fatalf("r and s do not come back: %v", err)
		}
	})
}

func FuzzGroupState(f *testing.F) {
	g := newPlain(f, P256AES128, newPerson(f, P256AES128, 0)).groups[0]
	b, err := g.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := UnmarshalGroup(b, nil, nil)
		if err != nil {
			return
		}
		if _, err := g.Seal(nil, nil); err == nil {
			t.Fatal("a restored group sends")
		}
	})
}
