package group

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"huisclos/crypto/e2ee/session"
	"huisclos/meetings"
)

// admitAtOnce is how many admissions follow one list of the server's.
const admitAtOnce = 5

// Admit answers the list of those who wait. A host lets everybody in where all
// is set; otherwise only those who were in the group that this device's new one
// replaces, known there by their keys. What is read and signed is the
// KeyPackage, never the server's word about it. Nobody is admitted twice, and few
// at once: the list comes again, five times a second at most, while somebody
// waits, and a client that says more than 30 things a second is cut off.
func (m *Member) Admit(list *meetings.Lobby, all bool, now time.Time) (out []Effect) {
	if m.view == nil || m.ended || !slices.Contains(m.view.Room.Hosts, m.account) {
		return nil
	}
	waiting := make(map[string]bool, len(list.Knocks))
	for _, k := range list.Knocks {
		waiting[k.ID] = true
		sum := sha256.Sum256(k.KeyPackage)
		if m.admitted[k.ID] == sum || len(out) == admitAtOnce {
			continue
		}
		who, err := m.core.Inspect(k.KeyPackage, now)
		if err != nil || !all && !(k.Rejoin && m.returns(who)) {
			continue
		}
		a, err := m.core.Admit(k.KeyPackage, now.Add(admission))
		if err != nil {
			continue
		}
		m.admitted[k.ID] = sum
		out = append(out, Send{&meetings.Admit{Knock: k.ID, Admission: a}})
	}
	maps.DeleteFunc(m.admitted, func(id string, _ [sha256.Size]byte) bool { return !waiting[id] })
	return out
}

// returns says whether a knocker was in the group that this one replaces.
func (m *Member) returns(who session.Knocker) bool {
	return m.replaced != nil && slices.ContainsFunc(m.replaced.from.Members, func(o session.Member) bool {
		return bytes.Equal(o.SignatureKey, who.SignatureKey) && o.Account == who.Account && o.Device == who.Device && !slices.Contains(m.replaced.without, o.Leaf)
	})
}
