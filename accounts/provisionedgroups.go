package accounts

import (
	"errors"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// ProvisionedGroup is a group as the identity system sees it that provides it.
type ProvisionedGroup struct {
	Group
	IDs []ID // its members, in the order of their ids
}

// ProvisionGroup makes a group that an identity system brings. Only provisioned accounts are members. ErrName, ErrGroupTaken, ErrSubject,
// ErrSubjectTaken, ErrGroupMember, ErrGroupFull, ErrTooManyGroups, ErrProvisioner.
func (a *Accounts) ProvisionGroup(p Provisioner, g SourcedGroup, now time.Time) (made ProvisionedGroup, err error) {
	err = a.provision(p, now, func(t *act) error {
		if g, err = t.cleanGroup(g, GroupID{}); err != nil {
			return err
		}
		made.Group, err = t.newGroup(Group{Name: g.Name, Source: Provisioned, Subject: g.Subject, Changed: now.UTC().Truncate(time.Millisecond)})
		if err != nil {
			return err
		}
		return t.fill(&made, g.Members)
	})
	return made, err
}

// cleanGroup brings what a source says into the form that is kept.
func (t *act) cleanGroup(g SourcedGroup, but GroupID) (_ SourcedGroup, err error) {
	if g.Name, err = cleanName(g.Name); err != nil {
		return g, err
	}
	if !sourced(g.Subject) {
		return g, ErrSubject
	}
	if there, err := loadGroupBySubject(t.tx, Provisioned, g.Subject); g.Subject != "" && err == nil && there.ID != but {
		return g, ErrSubjectTaken
	}
	return g, nil
}

// fill gives a group its members, all of them.
func (t *act) fill(g *ProvisionedGroup, members []ID) error {
	add, take := difference(g.IDs, members)
	for _, id := range add {
		r, err := load(t.tx, id)
		if errors.Is(err, ErrNotFound) || err == nil && r.Source != Provisioned {
			return ErrGroupMember
		}
		if err != nil {
			return err
		}
	}
	if err := t.changeMembers(&g.Group, add, take); err != nil {
		return err
	}
	g.IDs = membersOf(t.tx, g.ID)
	return nil
}

// ReprovisionGroup changes a provisioned group to what change makes of it, which sees it as it is at that moment: an error of change is
// the answer, and nothing changes. Errors as of ProvisionGroup, and ErrNoGroup.
func (a *Accounts) ReprovisionGroup(p Provisioner, id GroupID, change func(ProvisionedGroup) (SourcedGroup, error), now time.Time) (after ProvisionedGroup, err error) {
	err = a.provision(p, now, func(t *act) error {
		is, err := loadProvisionedGroup(t.tx, id)
		if err != nil {
			return err
		}
		want, err := change(is)
		if err != nil {
			return err
		}
		if want, err = t.cleanGroup(want, id); err != nil {
			return err
		}
		after = is
		add, take := difference(is.IDs, want.Members)
		if want.Name == is.Name && want.Subject == is.Subject && len(add)+len(take) == 0 {
			return nil
		}
		after.Changed = now.UTC().Truncate(time.Millisecond)
		if !after.Changed.After(is.Changed) {
			after.Changed = is.Changed.Add(time.Millisecond) // no two states of a group have one time
		}
		if want.Subject != is.Subject {
			if is.Subject != "" {
				if err := t.tx.Delete(groupSubjectBucket, []byte(subjectKey(Provisioned, is.Subject))); err != nil {
					return err
				}
			}
			after.Subject = want.Subject
			if err := t.record(audit.GroupNamed, id.String(), "source", string(Provisioned)); err != nil {
				return err
			}
		}
		if want.Name != is.Name {
			if err := t.renameGroup(&after.Group, want.Name); err != nil {
				return err
			}
		}
		return t.fill(&after, want.Members)
	})
	return after, err
}

// DeprovisionGroup deletes a provisioned group. check sees it as it is at that moment, and its error is the answer. ErrNoGroup,
// ErrProvisioner.
func (a *Accounts) DeprovisionGroup(p Provisioner, id GroupID, check func(ProvisionedGroup) error, now time.Time) error {
	return a.provision(p, now, func(t *act) error {
		is, err := loadProvisionedGroup(t.tx, id)
		if err != nil {
			return err
		}
		if err := check(is); err != nil {
			return err
		}
		return t.deleteGroup(is.Group)
	})
}

func loadProvisionedGroup(tx *store.Tx, id GroupID) (ProvisionedGroup, error) {
	g, err := loadGroup(tx, id)
	if err != nil {
		return ProvisionedGroup{}, err
	}
	if g.Source != Provisioned {
		return ProvisionedGroup{}, ErrNoGroup // to an identity system there are no other groups
	}
	return ProvisionedGroup{g, membersOf(tx, id)}, nil
}

// ProvisionedGroupByID returns a provisioned group. ErrNoGroup, also for groups of other sources.
func (a *Accounts) ProvisionedGroupByID(id GroupID) (g ProvisionedGroup, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		g, err = loadProvisionedGroup(tx, id)
		return err
	})
	return g, err
}

// ProvisionedGroups lists the provisioned groups, by name, and gives keep the members of each, when it is asked for: those that keep is
// true of are in the list.
func (a *Accounts) ProvisionedGroups(keep func(g Group, members func() []ID) bool) (list []Group, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		var failed error
		tx.Scan(groupBucket, nil, nil, 0, func(k, _ []byte) bool {
			var g Group
			if g, failed = loadGroup(tx, GroupID(k[len(k)-len(GroupID{}):])); failed != nil {
				return false
			}
			if g.Source == Provisioned && keep(g, func() []ID { return membersOf(tx, g.ID) }) {
				list = append(list, g)
			}
			return true
		})
		return failed
	})
	return list, err
}
