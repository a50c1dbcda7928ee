package accounts

import (
	"huisclos/audit"
	"huisclos/store"
)

// membersOf lists all members of a group, in the order of their ids.
func membersOf(tx *store.Tx, g GroupID) (members []ID) {
	tx.Scan(membersBucket, g[:], nil, 0, func(k, _ []byte) bool {
		members = append(members, ID(k[len(g):]))
		return true
	})
	return members
}

// changeMembers is ChangeMembers for a group of any source.
func (t *act) changeMembers(g *Group, add, take []ID) error {
	id, source := g.ID, string(g.Source)
	for _, m := range take {
		if t.tx.Get(membersBucket, memberKey(id, m)) == nil {
			continue
		}
		if err := dropMember(t.tx, id, m); err != nil {
			return err
		}
		g.Members--
		if err := t.record(audit.GroupMemberTaken, id.String(), "account", m.String(), "source", source); err != nil {
			return err
		}
	}
	for _, m := range add {
		if _, err := load(t.tx, m); err != nil {
			return err
		}
		if t.tx.Get(membersBucket, memberKey(id, m)) != nil {
			continue
		}
		if g.Members++; g.Members > MaxMembers {
			return ErrGroupFull
		}
		if err := t.tx.Put(membersBucket, memberKey(id, m), []byte{}); err != nil {
			return err
		}
		if err := t.tx.Put(memberOfBucket, memberOfKey(m, id), []byte{}); err != nil {
			return err
		}
		if err := t.record(audit.GroupMemberAdded, id.String(), "account", m.String(), "source", source); err != nil {
			return err
		}
	}
	return saveGroup(t.tx, *g)
}
