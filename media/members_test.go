package media

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/media/forward"
)

// Who receives media is an admitted member other than its sender, whatever happened before and in whatever order: people join,
// are admitted, take another's leaf, publish anew, subscribe, are removed and come back (CVE-2022-28758 and its like: somebody
// takes part unseen). The test holds its own list of members, and every packet that leaves is compared with it.
func TestReceiversAreMembers(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := newMeeting(t)
		members := map[PeerID]uint32{} // as the group's tree has them
		ids := []PeerID{"a", "b", "c", "d", "e", "f"}
		delivered := 0
		for step := range 400 {
			id := ids[r.IntN(len(ids))]
			m.now = m.now.Add(time.Duration(r.IntN(50)) * time.Millisecond)
			switch r.IntN(8) {
			case 0: // a member, perhaps with the leaf of another one, who is none from then on
				leaf := uint32(r.IntN(8))
				if err := m.router.Admit(id, leaf, m.now); err != nil {
					t.Fatal(err)
				}
				maps.DeleteFunc(members, func(other PeerID, at uint32) bool { return at == leaf && other != id })
				members[id] = leaf
			case 1:
				m.router.Remove(id)
				delete(members, id)
			case 2:
				if err := m.router.Join(id); err != nil {
					t.Fatal(err)
				}
			case 3, 4:
				m.publish(id, both)
			case 5: // asks for everything, that which it was not offered included
				for leaf := range uint32(8) {
					o := &outlet{}
					d := m.router.Attach(id, leaf, 0, o, m.now)
					name := fmt.Sprintf("%s %d-0 %d", id, leaf, step)
					if d != nil {
						m.outlets[name], m.downs[name] = o, d
					}
					if _, member := members[id]; d != nil && !member {
						t.Fatalf("seed %d, step %d: %s is attached and no member", seed, step, id)
					}
				}
			case 6:
				m.connect(id)
			case 7:
				m.router.Tick(TickEvery, m.now)
			}
			if tracks := m.router.Tracks(id); len(tracks) > 0 {
				own, member := members[id]
				if !member || slices.ContainsFunc(tracks, func(t Track) bool {
					return t.Leaf == own || !slices.Contains(slices.Collect(maps.Values(members)), t.Leaf)
				}) {
					t.Fatalf("seed %d, step %d: %s (member %v) is offered %v of %v", seed, step, id, member, tracks, members)
				}
			}
			// Everybody speaks, as the leaf that it has, or as one that it has not.
			for _, from := range ids {
				sources := m.sources[from]
				if sources == nil {
					continue
				}
				leaf, member := members[from]
				if !member || r.IntN(10) == 0 {
					member, leaf = false, leaf+1
				}
				before := map[string]int{}
				for name, o := range m.outlets {
					before[name] = len(o.sent)
				}
				sources["0"].Receive(forward.Low, m.packet(leaf, 0, 1, 100+leaf, false), nil, m.now)
				for name, o := range m.outlets {
					if len(o.sent) == before[name] {
						continue
					}
					to, _, _ := strings.Cut(name, " ")
					if _, is := members[PeerID(to)]; !member || !is || PeerID(to) == from {
						t.Fatalf("seed %d, step %d: %s (member %v) is heard at %q (member %v)", seed, step, from, member, name, is)
					}
					delivered++
				}
			}
		}
		if delivered == 0 {
			t.Fatalf("seed %d: nobody heard anything", seed)
		}
	}
}
