package mls

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"testing"
	"time"
)

// now is the tests' clock.
var now = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

// person is an account with one device.
type person struct {
	device DeviceCredential
	id     Identity
}

func account(n int) (a AccountID) {
	binary.BigEndian.PutUint64(a[8:], uint64(n))
	return a
}

// newPerson makes the n-th account's device.
func newPerson(t testing.TB, suite CipherSuite, n int) *person {
	t.Helper()
	signer, err := GenerateSigner(suite, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{device: DeviceCredential{Account: account(n), Device: DeviceID{1, byte(n >> 8), byte(n)}, Statement: uint64(n)}}
	name, err := NameExtension(fmt.Sprintf("Person %d", n))
	if err != nil {
		t.Fatal(err)
	}
	p.id = Identity{Signer: signer, Credential: p.device.Credential(), Extensions: []Extension{name}}
	return p
}

func (p *person) bundle(t testing.TB, suite CipherSuite) *KeyPackageBundle {
	t.Helper()
	b, err := NewKeyPackage(suite, p.id, LifetimeFrom(now, time.Hour), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// call is a group with everybody's view of it, and the server's.
type call struct {
	t        testing.TB
	suite    CipherSuite
	policy   PolicyFunc
	people   map[LeafIndex]*person
	groups   map[LeafIndex]*Group
	observer *Observer
}

func newCall(t testing.TB, creator *person, room Room) *call {
	t.Helper()
	g, err := NewCallGroup(room, creator.id, Default, []byte("0123456789abcdef"), rand.Reader, Policy)
	if err != nil {
		t.Fatal(err)
	}
	return observed(t, g, creator, Policy)
}

// newPlain is a group without the product's rules.
func newPlain(t testing.TB, suite CipherSuite, creator *person) *call {
	t.Helper()
	g, err := NewGroup(GroupOptions{Suite: suite, GroupID: []byte("plain"), Identity: creator.id, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return observed(t, g, creator, nil)
}

func observed(t testing.TB, g *Group, creator *person, policy PolicyFunc) *call {
	t.Helper()
	info, err := g.GroupInfo(false)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewObserver(info, g.Tree())
	if err != nil {
		t.Fatal(err)
	}
	return &call{t: t, suite: g.Suite(), policy: policy, observer: o,
		people: map[LeafIndex]*person{g.Own(): creator}, groups: map[LeafIndex]*Group{g.Own(): g}}
}

// commit sends one commit to everybody, lets joiners join and checks that all
// agree.
func (c *call) commit(from LeafIndex, o CommitOptions, joiners ...*person) *CommitSummary {
	c.t.Helper()
	bundles := make([]*KeyPackageBundle, len(joiners))
	for i, p := range joiners {
		bundles[i] = p.bundle(c.t, c.suite)
		o.Adds = append(o.Adds, bundles[i].KeyPackage)
	}
	if o.Now.IsZero() {
		o.Now = now
	}
	pending, err := c.groups[from].Commit(o)
	if err != nil {
		c.t.Fatal(err)
	}
	summary := c.deliver(from, pending, o.Now)
	for i, b := range bundles {
		g, err := JoinWelcome(pending.Welcomes[i], b, JoinOptions{Tree: c.observer.Tree(), Rand: rand.Reader, Policy: c.policy, Now: now})
		if err != nil {
			c.t.Fatalf("joiner %d: %v", i, err)
		}
		if _, occupied := c.groups[g.Own()]; occupied {
			c.t.Fatalf("leaf %d is taken", g.Own())
		}
		c.groups[g.Own()], c.people[g.Own()] = g, joiners[i]
	}
	c.agree()
	return summary
}

// deliver has the observer and the members process a commit.
func (c *call) deliver(from LeafIndex, pending *Pending, at time.Time) *CommitSummary {
	c.t.Helper()
	next, summary, err := c.observer.Check(pending.Commit, c.policy, at)
	if err != nil {
		c.t.Fatalf("observer: %v", err)
	}
	m, err := parseMessage(pending.Commit)
	if err != nil {
		c.t.Fatal(err)
	}
	if len(summary.Added)+len(summary.Removed)+len(summary.Replaced) == 0 && m.public != nil {
		ciphertexts := 0
		for _, n := range m.public.content.commit.path.nodes {
			ciphertexts += len(n.secrets)
		}
		if want := c.observer.PathCiphertexts(from); ciphertexts != want {
			c.t.Fatalf("a path with %d ciphertexts, %d were foretold", ciphertexts, want)
		}
	}
	c.observer = next
	if !bytes.Equal(summary.Hash, pending.Summary.Hash) || summary.Epoch != pending.Summary.Epoch {
		c.t.Fatal("observer and committer describe different commits")
	}
	for l, g := range c.groups {
		if l == from {
			if _, _, err := g.Process(pending.Commit, at); !errors.Is(err, ErrOwnCommit) {
				c.t.Fatalf("own commit: %v", err)
			}
			c.groups[l] = pending.Next
			continue
		}
		n, s, err := g.Process(pending.Commit, at)
		if errors.Is(err, ErrRemoved) {
			if n != nil || s == nil {
				c.t.Fatal("removed, but with a group or without a summary")
			}
			delete(c.groups, l)
			delete(c.people, l)
			continue
		}
		if err != nil {
			c.t.Fatalf("leaf %d: %v", l, err)
		}
		if !bytes.Equal(s.Hash, summary.Hash) {
			c.t.Fatal("members describe different commits")
		}
		c.groups[l] = n
	}
	return summary
}

// agree checks that all members and the observer are in the same epoch.
func (c *call) agree() {
	c.t.Helper()
	var want []byte
	for l, g := range c.groups {
		if want == nil {
			want = g.EpochAuthenticator()
		}
		if !bytes.Equal(g.EpochAuthenticator(), want) || !bytes.Equal(g.TreeHash(), c.observer.TreeHash()) ||
			g.Epoch() != c.observer.Epoch() || !bytes.Equal(g.ConfirmedTranscriptHash(), c.observer.ConfirmedTranscriptHash()) ||
			!bytes.Equal(g.interim, c.observer.interim) {
			c.t.Fatalf("leaf %d disagrees", l)
		}
	}
	if len(c.observer.Members()) != len(c.groups) {
		c.t.Fatalf("%d members, %d groups", len(c.observer.Members()), len(c.groups))
	}
}

// talk has every member say something to every other.
func (c *call) talk() {
	c.t.Helper()
	for l, g := range c.groups {
		m, err := g.Seal([]byte(fmt.Sprint("hello from ", l)), []byte("ad"))
		if err != nil {
			c.t.Fatal(err)
		}
		for k, h := range c.groups {
			got, err := h.Open(m)
			if k == l {
				if !errors.Is(err, ErrOwnMessage) {
					c.t.Fatalf("own message: %v", err)
				}
				continue
			}
			if err != nil || string(got.Data) != fmt.Sprint("hello from ", l) || got.Sender != l || string(got.AuthenticatedData) != "ad" {
				c.t.Fatalf("leaf %d to %d: %v", l, k, err)
			}
			if _, err := h.Open(m); !errors.Is(err, ErrGeneration) {
				c.t.Fatalf("opened twice: %v", err)
			}
		}
	}
}

func TestGroup(t *testing.T) {
	for _, s := range suites {
		t.Run(s.name, func(t *testing.T) {
			ps := make([]*person, 6)
			for i := range ps {
				ps[i] = newPerson(t, s.id, i)
			}
			c := newPlain(t, s.id, ps[0])
			c.commit(0, CommitOptions{}, ps[1])
			c.commit(1, CommitOptions{}, ps[2], ps[3])
			c.talk()
			sum := c.commit(3, CommitOptions{Removes: []LeafIndex{1}})
			if len(sum.Removed) != 1 || sum.Removed[0].Leaf != 1 || sum.Committer != 3 {
				t.Fatalf("summary %+v", sum)
			}
			sum = c.commit(2, CommitOptions{}, ps[4], ps[5])
			if len(sum.Added) != 2 || sum.Added[0].Leaf != 1 || sum.Added[1].Leaf != 4 {
				t.Fatalf("summary %+v", sum)
			}
			c.commit(4, CommitOptions{Private: false, Removes: []LeafIndex{0, 2}})
			c.talk()
		})
	}
}

// TestRandomOperations: after any sequence of commits all members and the
// observer agree.
func TestRandomOperations(t *testing.T) {
	for seed, most := range map[uint64]int{0: 20, 1: 20, 2: 20, 3: 20, 4: 9, 5: 70} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := mrand.New(mrand.NewPCG(seed, 7))
			next := 1
			fresh := func() *person {
				next++
				return newPerson(t, P256AES128, next)
			}
			c := newPlain(t, P256AES128, fresh())
			if most > 20 {
				var many []*person
				for range most - 10 {
					many = append(many, fresh())
				}
				c.commit(0, CommitOptions{}, many...)
			}
			for range 40 {
				from := pick(r, c.groups)
				var o CommitOptions
				var joiners []*person
				for range r.IntN(4) {
					if len(c.groups)-len(o.Removes) > 2 && r.IntN(2) == 0 {
						if l := pick(r, c.groups); l != from && !contains(o.Removes, l) {
							o.Removes = append(o.Removes, l)
						}
					} else if len(c.groups)+len(joiners) < most {
						joiners = append(joiners, fresh())
					}
				}
				o.Private = false
				if r.IntN(5) == 0 {
					o.GroupContextExtensions = []Extension{callCapabilities().Extension()}
				}
				c.commit(from, o, joiners...)
				// Whoever joins now must accept the tree from scratch.
				if err := must(parseTree(c.observer.suite, c.observer.Tree()))(t).verify(&c.observer.context, nil); err != nil {
					t.Fatal(err)
				}
			}
			c.talk()
		})
	}
}

func pick(r *mrand.Rand, groups map[LeafIndex]*Group) LeafIndex {
	n := r.IntN(len(groups))
	for l := LeafIndex(0); ; l++ {
		if _, ok := groups[l]; ok {
			if n == 0 {
				return l
			}
			n--
		}
	}
}

func contains(list []LeafIndex, l LeafIndex) bool {
	for _, x := range list {
		if x == l {
			return true
		}
	}
	return false
}
