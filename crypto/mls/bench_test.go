package mls

import (
	"crypto/rand"
	"fmt"
	"testing"
)

var benchSizes = []int{2, 50, 200, 1000}

// crowd is a call that one host builds.
type crowd struct {
	host    *Group
	bundles []*KeyPackageBundle
	welcome []byte // of the last joiner
	joined  int
}

func benchBundles(b *testing.B, n int) []*KeyPackageBundle {
	b.Helper()
	out := make([]*KeyPackageBundle, n)
	for i := range out {
		out[i] = newPerson(b, Default, i+1).bundle(b, Default)
	}
	return out
}

func benchRoom(n int) Room {
	r := Room{Version: RoomVersion, Profile: Standard(), Hosts: []AccountID{account(0)}, Owner: account(0)}
	for i := range n {
		r.Admits = append(r.Admits, account(i+1))
	}
	return r
}

// benchGroup is a group of n in a room for most, grown in batches of 50 by its host.
func benchGroup(b *testing.B, n, most int, bundles []*KeyPackageBundle) *crowd {
	b.Helper()
	g, err := NewCallGroup(benchRoom(most), newPerson(b, Default, 0).id, Default, []byte("bench"), rand.Reader, Policy)
	if err != nil {
		b.Fatal(err)
	}
	c := &crowd{host: g, bundles: bundles}
	c.grow(b, n-1)
	return c
}

func (c *crowd) grow(b *testing.B, n int) (bytes int) {
	for c.joined < n {
		var o CommitOptions
		o.Now = now
		for _, k := range c.bundles[c.joined:min(c.joined+MaxAdds, n)] {
			o.Adds = append(o.Adds, k.KeyPackage)
		}
		p, err := c.host.Commit(o)
		if err != nil {
			b.Fatal(err)
		}
		c.host, c.joined = p.Next, c.joined+len(o.Adds)
		c.welcome = p.Welcomes[len(p.Welcomes)-1]
		bytes += len(p.Commit)
	}
	return bytes
}

// BenchmarkAdd grows a group from one member to N in batches of 50.
func BenchmarkAdd(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			bundles := benchBundles(b, n-1)
			size := 0
			for b.Loop() {
				b.StopTimer()
				c := benchGroup(b, 1, n, bundles)
				b.StartTimer()
				size = c.grow(b, n-1)
			}
			b.ReportMetric(float64(size), "commit-bytes")
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/float64((n+MaxAdds-2)/MaxAdds), "ms/batch")
		})
	}
}

// follow has the last joiner join.
func (c *crowd) follow(b *testing.B) *Group {
	b.Helper()
	g, err := JoinWelcome(c.welcome, c.bundles[c.joined-1], JoinOptions{Tree: c.host.Tree(), Rand: rand.Reader, Policy: Policy})
	if err != nil {
		b.Fatal(err)
	}
	return g
}

// BenchmarkWelcome joins a group of N that one committer has built.
func BenchmarkWelcome(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := benchGroup(b, n, n, benchBundles(b, n-1))
			tree := c.host.Tree()
			for b.Loop() {
				if _, err := JoinWelcome(c.welcome, c.bundles[n-2], JoinOptions{Tree: tree, Rand: rand.Reader, Policy: Policy}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(tree)), "tree-bytes")
			b.ReportMetric(float64(len(c.welcome)), "welcome-bytes")
		})
	}
}

// pair is a group of N that its host has built, and the last joiner's view:
// the host's path alone is filled, so commits are as large as they get.
func pair(b *testing.B, n int) (host, guest *Group) {
	b.Helper()
	c := benchGroup(b, n, n, benchBundles(b, n-1))
	return c.host, c.follow(b)
}

// BenchmarkProcess has a member, and an observer, check an empty commit in a
// group of N.
func BenchmarkProcess(b *testing.B) {
	for _, n := range benchSizes {
		host, guest := pair(b, n)
		p, err := host.Commit(CommitOptions{Now: now})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("member/%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, _, err := guest.Process(p.Commit, now); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(p.Commit)), "commit-bytes")
		})
		b.Run(fmt.Sprintf("observer/%d", n), func(b *testing.B) {
			info, err := host.GroupInfo(false)
			if err != nil {
				b.Fatal(err)
			}
			o, err := NewObserver(info, host.Tree())
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, _, err := o.Check(p.Commit, Policy, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRemove commits the removal of one member from a group of N.
func BenchmarkRemove(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := benchGroup(b, n, n, benchBundles(b, n-1))
			size := 0
			for b.Loop() {
				p, err := c.host.Commit(CommitOptions{Removes: []LeafIndex{1}, Now: now})
				if err != nil {
					b.Fatal(err)
				}
				size = len(p.Commit)
			}
			b.ReportMetric(float64(size), "commit-bytes")
		})
	}
}

// BenchmarkApplication seals and opens one message in a group of N.
func BenchmarkApplication(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			host, guest := pair(b, n)
			for b.Loop() {
				m, err := host.Seal(make([]byte, 200), nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := guest.Open(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
