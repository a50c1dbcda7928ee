package accounts

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// Buckets of groups. The three indexes are functions of the records and of the memberships.
const (
	groupsBucket   = "accounts.groups"    // id → storedGroup
	groupBucket    = "accounts.group"     // folded name, 0, id → nothing
	membersBucket  = "accounts.members"   // group, account → nothing
	memberOfBucket = "accounts.member-of" // account, group → nothing
)

const (
	// MaxGroups and MaxMembers bound what an organisation can keep: a hospital of ten thousand people fits into one group.
	MaxGroups  = 2000
	MaxMembers = 10000
	// maxChange bounds what one request adds or takes away.
	maxChange = 500
)

// GroupID names a group for ever.
type GroupID [16]byte

// String returns the id in base64url without padding (22 characters).
func (id GroupID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// MarshalText and UnmarshalText let an id stand in JSON in its text form.
func (id GroupID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *GroupID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseGroupID(string(text))
	return err
}

// ParseGroupID reads the one text form of an id. ErrNoGroup.
func ParseGroupID(s string) (GroupID, error) {
	id, err := ParseID(s)
	if err != nil {
		return GroupID{}, ErrNoGroup
	}
	return GroupID(id), nil
}

// Group is a named set of accounts.
type Group struct {
	ID      GroupID
	Name    string
	Source  Source // only Local groups are changed here
	Subject string // the source's own name of it, which never changes there; "": it has none
	Members int
	Created time.Time
	Changed time.Time // by its source; zero: not since
}

type storedGroup struct {
	Name    string    `json:"name"`
	Source  Source    `json:"source"`
	Subject string    `json:"subject,omitempty"`
	Members int       `json:"members"`
	Created time.Time `json:"created"`
	Changed time.Time `json:"changed,omitzero"`
}

// AddGroups is the migration that brings groups, contacts and the choice about presence.
func AddGroups(tx *store.Tx) error {
	for _, name := range []string{groupsBucket, groupBucket, membersBucket, memberOfBucket, contactsBucket, hiddenBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

func loadGroup(tx *store.Tx, id GroupID) (Group, error) {
	b := tx.Get(groupsBucket, id[:])
	if b == nil {
		return Group{}, ErrNoGroup
	}
	var s storedGroup
	if err := json.Unmarshal(b, &s); err != nil {
		return Group{}, fmt.Errorf("accounts: group %s: %w", id, err)
	}
	return Group{id, s.Name, s.Source, s.Subject, s.Members, s.Created, s.Changed}, nil
}

func groupKey(g Group) []byte { return []byte(fold(g.Name) + "\x00" + string(g.ID[:])) }

func saveGroup(tx *store.Tx, g Group) error {
	b, err := json.Marshal(storedGroup{g.Name, g.Source, g.Subject, g.Members, g.Created, g.Changed})
	if err != nil {
		return fmt.Errorf("accounts: group %s: %w", g.ID, err)
	}
	if err := tx.Put(groupBucket, groupKey(g), []byte{}); err != nil {
		return err
	}
	if g.Subject != "" {
		if err := tx.Put(groupSubjectBucket, []byte(subjectKey(g.Source, g.Subject)), g.ID[:]); err != nil {
			return err
		}
	}
	return tx.Put(groupsBucket, g.ID[:], b)
}

// nameTaken: two groups of one name could not be told apart in a picker.
func nameTaken(tx *store.Tx, name string, but GroupID) (taken bool) {
	tx.Scan(groupBucket, []byte(fold(name)+"\x00"), nil, 0, func(k, _ []byte) bool {
		taken = GroupID(k[len(k)-len(but):]) != but
		return !taken
	})
	return taken
}

// manage runs an administrator's act on groups.
func (a *Accounts) manage(actor Actor, object string, now time.Time, f func(*act) error) error {
	err := a.actBy(actor, now, func(t *act) error {
		if err := mayAdminister(t.tx, actor); err != nil {
			return err
		}
		return f(t)
	})
	return a.forbiddenOn(actor, object, now, err)
}

// local runs f on a group that may be changed here.
func (a *Accounts) local(actor Actor, id GroupID, now time.Time, f func(*act, *Group) error) (g Group, err error) {
	err = a.manage(actor, id.String(), now, func(t *act) error {
		if g, err = loadGroup(t.tx, id); err != nil {
			return err
		}
		if g.Source != Local {
			return ErrGroupSource
		}
		return f(t, &g)
	})
	return g, err
}

// CreateGroup makes an empty local group. ErrName, ErrGroupTaken, ErrTooManyGroups, ErrForbidden.
func (a *Accounts) CreateGroup(actor Actor, name string, now time.Time) (Group, error) {
	name, err := cleanName(name)
	if err != nil {
		return Group{}, err
	}
	var g Group
	err = a.manage(actor, "", now, func(t *act) error {
		g, err = t.newGroup(Group{Name: name, Source: Local})
		return err
	})
	return g, err
}

// newGroup draws an id for an empty group and stores it. ErrGroupTaken, ErrTooManyGroups.
func (t *act) newGroup(g Group) (Group, error) {
	n := 0
	t.tx.Scan(groupsBucket, nil, nil, MaxGroups, func(_, _ []byte) bool { n++; return true })
	if n >= MaxGroups {
		return Group{}, ErrTooManyGroups
	}
	raw, err := t.a.draw(len(GroupID{}))
	if err != nil {
		return Group{}, err
	}
	g.ID, g.Created = GroupID(raw), t.now.UTC().Truncate(time.Second)
	if nameTaken(t.tx, g.Name, g.ID) {
		return Group{}, ErrGroupTaken
	}
	if err := saveGroup(t.tx, g); err != nil {
		return Group{}, err
	}
	return g, t.record(audit.GroupCreated, g.ID.String(), "source", string(g.Source))
}

// RenameGroup gives a local group another name.
func (a *Accounts) RenameGroup(actor Actor, id GroupID, name string, now time.Time) (Group, error) {
	name, err := cleanName(name)
	if err != nil {
		return Group{}, err
	}
	return a.local(actor, id, now, func(t *act, g *Group) error {
		return t.renameGroup(g, name)
	})
}

func (t *act) renameGroup(g *Group, name string) error {
	if nameTaken(t.tx, name, g.ID) {
		return ErrGroupTaken
	}
	if err := t.tx.Delete(groupBucket, groupKey(*g)); err != nil {
		return err
	}
	g.Name = name
	if err := saveGroup(t.tx, *g); err != nil {
		return err
	}
	return t.record(audit.GroupRenamed, g.ID.String(), "source", string(g.Source))
}

// DeleteGroup removes a local group. Rules of rooms that name it name nobody by it from then on.
func (a *Accounts) DeleteGroup(actor Actor, id GroupID, now time.Time) error {
	_, err := a.local(actor, id, now, func(t *act, g *Group) error { return t.deleteGroup(*g) })
	return err
}

func (t *act) deleteGroup(g Group) error {
	for _, m := range membersOf(t.tx, g.ID) {
		if err := dropMember(t.tx, g.ID, m); err != nil {
			return err
		}
	}
	if err := t.tx.Delete(groupBucket, groupKey(g)); err != nil {
		return err
	}
	if g.Subject != "" {
		if err := t.tx.Delete(groupSubjectBucket, []byte(subjectKey(g.Source, g.Subject))); err != nil {
			return err
		}
	}
	if err := t.tx.Delete(groupsBucket, g.ID[:]); err != nil {
		return err
	}
	return t.record(audit.GroupDeleted, g.ID.String(), "source", string(g.Source))
}

func memberKey(g GroupID, account ID) []byte   { return slices.Concat(g[:], account[:]) }
func memberOfKey(account ID, g GroupID) []byte { return slices.Concat(account[:], g[:]) }

func dropMember(tx *store.Tx, g GroupID, account ID) error {
	if err := tx.Delete(membersBucket, memberKey(g, account)); err != nil {
		return err
	}
	return tx.Delete(memberOfBucket, memberOfKey(account, g))
}

// ChangeMembers adds accounts to a local group and takes others out, each with its audit entry. What is there already, or
// not there, changes nothing. ErrNotFound names an account that does not exist; then nothing is changed.
func (a *Accounts) ChangeMembers(actor Actor, id GroupID, add, take []ID, now time.Time) (Group, error) {
	if len(add)+len(take) > maxChange {
		return Group{}, ErrGroupFull
	}
	return a.local(actor, id, now, func(t *act, g *Group) error { return t.changeMembers(g, add, take) })
}

// leaveAll takes a deleted account out of every group, and its contacts and choices with it.
func (t *act) leaveAll(account ID) error {
	for _, g := range GroupsOf(t.tx, account) {
		if err := dropMember(t.tx, g, account); err != nil {
			return err
		}
		group, err := loadGroup(t.tx, g)
		if err != nil {
			return err
		}
		group.Members--
		if err := saveGroup(t.tx, group); err != nil {
			return err
		}
	}
	return forgetContacts(t.tx, account)
}

// GroupsOf lists the groups that an account belongs to, as the transaction sees it.
func GroupsOf(tx *store.Tx, account ID) (list []GroupID) {
	tx.Scan(memberOfBucket, account[:], nil, 0, func(k, _ []byte) bool {
		list = append(list, GroupID(k[len(account):]))
		return true
	})
	return list
}

// InGroups reports whether an account belongs to one of the groups, as the transaction sees it.
func InGroups(tx *store.Tx, account ID, groups []GroupID) bool {
	return slices.ContainsFunc(groups, func(g GroupID) bool { return tx.Get(membersBucket, memberKey(g, account)) != nil })
}

// GroupExists reports whether there is such a group, as the transaction sees it.
func GroupExists(tx *store.Tx, id GroupID) bool { return tx.Get(groupsBucket, id[:]) != nil }

// Exists reports whether there is such an account, as the transaction sees it.
func Exists(tx *store.Tx, id ID) bool { return tx.Get(recordsBucket, id[:]) != nil }

// GetGroup returns one group. ErrNoGroup.
func (a *Accounts) GetGroup(id GroupID) (g Group, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		g, err = loadGroup(tx, id)
		return err
	})
	return g, err
}

// Groups returns the groups that have, for each word of query, a word in their name that begins with it, by name; at most
// limit (0: MaxGroups).
func (a *Accounts) Groups(query string, limit int) (list []Group, err error) {
	if limit <= 0 {
		limit = MaxGroups
	}
	want := queryWords(query)
	err = a.db.View(func(tx *store.Tx) error {
		var failed error
		tx.Scan(groupBucket, nil, nil, 0, func(k, _ []byte) bool {
			name, _, _ := strings.Cut(string(k), "\x00")
			have := strings.Fields(name)
			for _, w := range want {
				if !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, w) }) {
					return true
				}
			}
			var g Group
			if g, failed = loadGroup(tx, GroupID(k[len(k)-len(GroupID{}):])); failed != nil {
				return false
			}
			list = append(list, g)
			return len(list) < limit
		})
		return failed
	})
	return list, err
}

// Members returns a page of a group's members in the order of their ids, and where the next page begins ("": there is none).
func (a *Accounts) Members(id GroupID, after string, limit int) (page []Account, next string, err error) {
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	var from []byte
	if after != "" {
		last, err := ParseID(after)
		if err != nil {
			return nil, "", ErrCursor
		}
		from = store.Successor(memberKey(id, last))
	}
	err = a.db.View(func(tx *store.Tx) error {
		if _, err := loadGroup(tx, id); err != nil {
			return err
		}
		var failed error
		tx.Scan(membersBucket, id[:], from, 0, func(k, _ []byte) bool {
			if len(page) == limit {
				next = page[limit-1].ID.String()
				return false
			}
			var r record
			if r, failed = load(tx, ID(k[len(id):])); failed != nil {
				return false
			}
			page = append(page, r.account())
			return true
		})
		return failed
	})
	return page, next, err
}
