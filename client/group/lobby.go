package group

import (
	"bytes"
	"slices"
	"time"

	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/mls"
	"huisclos/meetings"
)

// Admit answers the list of those who wait. A host lets everybody in where all
// is set; otherwise only those who were in the group that this device's new one
// replaces, known there by their keys. What is read and signed is the
// KeyPackage, never the server's word about it.
func (m *Member) Admit(list *meetings.Lobby, all bool, now time.Time) (out []Effect) {
	if m.view == nil || m.ended || !slices.Contains(m.view.Room.Hosts, m.account) {
		return nil
	}
	for _, k := range list.Knocks {
		who, err := session.Inspect(k.KeyPackage, now)
		if err != nil || !all && !(k.Rejoin && m.returns(who)) {
			continue
		}
		a, err := m.core.Admit(k.KeyPackage, now.Add(admission))
		if err != nil {
			continue
		}
		out = append(out, Send{&meetings.Admit{Knock: k.ID, Admission: a}})
	}
	return out
}

// returns says whether a knocker was in the group that this one replaces.
func (m *Member) returns(who session.Knocker) bool {
	return m.replaced != nil && slices.ContainsFunc(m.replaced.from.Members, func(o session.Member) bool {
		return bytes.Equal(o.SignatureKey, who.SignatureKey) && o.Account == who.Account && o.Device == who.Device && !slices.Contains(m.replaced.without, o.Leaf)
	})
}

// restartRefusal says what is wrong with the new group of a restart: it must be
// led by a host of the old one and hold nobody who was not in it.
func restartRefusal(v, from session.View, without []mls.LeafIndex) string {
	// Who makes a group has its first leaf, and a committer can't remove itself
	// (RFC 9420 §12.2).
	leader := slices.IndexFunc(v.Members, func(o session.Member) bool { return o.Leaf == 0 })
	if leader < 0 || !slices.Contains(from.Room.Hosts, v.Members[leader].Account) {
		return "the new group was not made by a host"
	}
	for _, n := range v.Members {
		known := slices.ContainsFunc(from.Members, func(o session.Member) bool {
			return bytes.Equal(o.SignatureKey, n.SignatureKey) && o.Account == n.Account && o.Device == n.Device && !slices.Contains(without, o.Leaf)
		})
		if !known {
			return "somebody is in the new group who was not in the old one"
		}
	}
	same := len(v.Room.Hosts) == len(from.Room.Hosts) && v.Room.Profile == from.Room.Profile
	for _, h := range v.Room.Hosts {
		same = same && slices.Contains(from.Room.Hosts, h)
	}
	if !same {
		return "the new group has other rules"
	}
	return ""
}
