package group

import (
	"bytes"
	"slices"
	"time"

	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/mls"
	"huisclos/meetings"
)

// restart: the call goes on in another group, without some leaves of this one.
type restart struct {
	of      meetings.Position
	from    session.View
	without []mls.LeafIndex
}

func (m *Member) onRestart(q *meetings.Restart, now time.Time) (out []Effect) {
	from := m.view
	if from == nil {
		from = m.wedgedFrom
	}
	if from == nil || !bytes.Equal(from.Group, q.Group.Group) {
		return nil
	}
	// Only who was a host may lead the others into another group.
	if q.Role == "create" && !slices.Contains(from.Room.Hosts, m.account) {
		return nil
	}
	m.restart = &restart{q.Group, *from, q.Without}
	m.wedgedFrom, m.pending = nil, nil
	if m.view != nil {
		m.view = nil
		out = append(out, Left{})
	}
	if q.Role == "create" {
		return append(out, m.create(m.restart)...)
	}
	return append(out, m.knock(now)...)
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
