package accounts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// groupSubjectBucket is an index of the groups of other sources: source, 0, its name of the group → id.
const groupSubjectBucket = "accounts.group-subjects"

// SourcedGroup is a group as its source has it.
type SourcedGroup struct {
	Subject string // the source's name of the group, which never changes and goes to no other
	Name    string
	Members []ID // accounts; those that are no longer there are left out
}

// GroupRoll is which groups a source has, all of them: one that isn't in it is gone from the source.
type GroupRoll struct {
	Source Source
	Groups []SourcedGroup
	By     *Actor // who asks for it; nil: the appliance itself
	Dry    bool   // nothing changes; the answer says what would
	// Anyway: also when more than half of the groups are gone, which is more often a mistake in a filter than the truth: rules of
	// rooms that name them would name nobody.
	Anyway bool
}

// FollowedGroups is what came of it.
type FollowedGroups struct {
	Created, Renamed, Deleted int
	Added, Taken              int  // memberships
	Missing                   int  // of Groups, those that the source no longer has
	Groups                    int  // of that source before
	Held                      bool // Missing is more than half of Groups: none of those was deleted
	// Problems are the first listedMost groups that could not be brought in, or not wholly; Troubled is how many there are.
	Problems []GroupProblem
	Troubled int
}

// GroupProblem names a group and the code of an [Error]: ErrName, ErrGroupTaken, ErrGroupFull, ErrTooManyGroups.
type GroupProblem struct{ Code, Name string }

// FollowGroups brings the groups of a source to what it says: made, renamed, given members, deleted. Done twice it changes nothing
// the second time, and writes nothing. Groups meet by the source's own name, never by what they are called: one that has the name of
// another group here is reported and left as it was. ErrForbidden, and ErrProofNeeded with Anyway.
func (a *Accounts) FollowGroups(i GroupRoll, now time.Time) (FollowedGroups, error) {
	var by Actor
	name := audit.ActorSystem
	if i.By != nil {
		by, name = *i.By, i.By.name()
	}
	var plan groupPlan
	err := a.db.View(func(tx *store.Tx) (err error) {
		if i.By != nil {
			if err := mayAdminister(tx, by); err != nil {
				return err
			}
			if i.Anyway && !i.Dry {
				if err := by.proved(now); err != nil {
					return err
				}
			}
		}
		plan, err = i.plan(tx)
		return err
	})
	if err != nil {
		return FollowedGroups{}, a.forbidden(by, ID{}, now, err)
	}
	done := &plan.done
	if i.Dry {
		err := a.act(name, by.Client, now, func(t *act) error {
			return errors.Join(plan.run(func(f func(*act) error) error { return f(t) }), errDry)
		})
		if errors.Is(err, errDry) {
			err = nil
		}
		return *done, err
	}
	return *done, plan.run(func(f func(*act) error) error { return a.act(name, by.Client, now, f) })
}

// groupPlan is what there is to do.
type groupPlan struct {
	source Source
	gone   []GroupID
	named  []SourcedGroup // to be made or renamed
	filled []filling
	done   FollowedGroups
}

// filling is a part of what changes in one group's members, at most maxChange of them.
type filling struct {
	SourcedGroup
	add, take []ID
}

// plan compares the roll to what is stored.
func (i GroupRoll) plan(tx *store.Tx) (groupPlan, error) {
	p := groupPlan{source: i.Source}
	has := make(map[string]bool, len(i.Groups))
	for _, g := range i.Groups {
		if i.Source == Local || g.Subject == "" || has[g.Subject] {
			return p, fmt.Errorf("accounts: groups of source %q: subject %q is empty or stands there twice", i.Source, g.Subject)
		}
		has[g.Subject] = true
	}
	prefix := subjectKey(i.Source, "")
	tx.Scan(groupSubjectBucket, []byte(prefix), nil, 0, func(k, v []byte) bool {
		p.done.Groups++
		if !has[strings.TrimPrefix(string(k), prefix)] {
			p.gone = append(p.gone, GroupID(v))
		}
		return true
	})
	p.done.Missing = len(p.gone)
	if p.done.Held = 2*p.done.Missing > p.done.Groups && !i.Anyway; p.done.Held {
		p.gone = nil
	}
	for _, g := range i.Groups {
		name, err := cleanName(g.Name)
		if err == nil && len(g.Members) > MaxMembers {
			err = ErrGroupFull
		}
		if err != nil {
			p.done.problem(g, err)
			continue
		}
		g.Name = name
		there, err := loadGroupBySubject(tx, i.Source, g.Subject)
		switch {
		case errors.Is(err, ErrNoGroup) || err == nil && there.Name != g.Name:
			p.named = append(p.named, g)
		case err != nil:
			return p, err
		}
		add, take := difference(membersOf(tx, there.ID), g.Members)
		add = slices.DeleteFunc(add, func(id ID) bool { return !Exists(tx, id) })
		for part := range slices.Chunk(take, maxChange) {
			p.filled = append(p.filled, filling{g, nil, part})
		}
		for part := range slices.Chunk(add, maxChange) {
			p.filled = append(p.filled, filling{g, part, nil})
		}
	}
	return p, nil
}

// difference is what makes a set of members another one.
func difference(have, want []ID) (add, take []ID) {
	left := make(map[ID]bool, len(have))
	for _, id := range have {
		left[id] = true
	}
	for _, id := range want {
		if there, seen := left[id]; !seen {
			add = append(add, id)
			left[id] = false
		} else if there {
			left[id] = false
		}
	}
	for _, id := range have {
		if left[id] {
			take = append(take, id)
		}
	}
	return add, take
}

// run does what is planned; each part that it gives to do is done wholly or not at all.
func (p *groupPlan) run(do func(func(*act) error) error) error {
	// First away: a group that was made anew at the source has another subject and the same name.
	for _, id := range p.gone {
		err := do(func(t *act) error {
			g, err := loadGroup(t.tx, id)
			if err != nil {
				return err
			}
			return t.deleteGroup(g)
		})
		switch {
		case errors.Is(err, ErrNoGroup): // deleted meanwhile
		case err != nil:
			return err
		default:
			p.done.Deleted++
		}
	}
	// Twice: a name may be another group's until that one is renamed.
	var again []SourcedGroup
	for _, g := range p.named {
		if err := p.name(g, do); errors.Is(err, ErrGroupTaken) {
			again = append(again, g)
		} else if err := p.done.problem(g, err); err != nil {
			return err
		}
	}
	for _, g := range again {
		if err := p.done.problem(g, p.name(g, do)); err != nil {
			return err
		}
	}
	for _, f := range p.filled {
		err := do(func(t *act) error {
			g, err := loadGroupBySubject(t.tx, p.source, f.Subject)
			if err != nil {
				return err
			}
			had := g.Members
			add := slices.DeleteFunc(slices.Clone(f.add), func(id ID) bool { return !Exists(t.tx, id) })
			if err := t.changeMembers(&g, add, f.take); err != nil {
				return err
			}
			p.done.Added += max(0, g.Members-had)
			p.done.Taken += max(0, had-g.Members)
			return nil
		})
		if errors.Is(err, ErrNoGroup) {
			continue // could not be made, which is among the problems
		}
		if err := p.done.problem(f.SourcedGroup, err); err != nil {
			return err
		}
	}
	return nil
}

// name makes a group or gives it its name.
func (p *groupPlan) name(g SourcedGroup, do func(func(*act) error) error) error {
	created := false
	err := do(func(t *act) error {
		there, err := loadGroupBySubject(t.tx, p.source, g.Subject)
		if created = errors.Is(err, ErrNoGroup); created {
			_, err = t.newGroup(Group{Name: g.Name, Source: p.source, Subject: g.Subject})
			return err
		}
		if err != nil {
			return err
		}
		return t.renameGroup(&there, g.Name)
	})
	switch {
	case err != nil:
	case created:
		p.done.Created++
	default:
		p.done.Renamed++
	}
	return err
}

// problem notes a refusal that is about this one group; other errors pass.
func (done *FollowedGroups) problem(g SourcedGroup, err error) error {
	code := Code(err)
	if code == "" {
		return err
	}
	if done.Troubled++; len(done.Problems) < listedMost {
		done.Problems = append(slices.Clip(done.Problems), GroupProblem{code, g.Name})
	}
	return nil
}

// loadGroupBySubject returns the group that a source calls subject. ErrNoGroup.
func loadGroupBySubject(tx *store.Tx, source Source, subject string) (Group, error) {
	id := tx.Get(groupSubjectBucket, []byte(subjectKey(source, subject)))
	if len(id) != len(GroupID{}) {
		return Group{}, ErrNoGroup
	}
	return loadGroup(tx, GroupID(id))
}

// AddProvisioning is the migration that lets groups come from elsewhere, and accounts be provisioned.
func AddProvisioning(tx *store.Tx) error {
	for _, name := range []string{groupSubjectBucket, provisionersBucket, userNameBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

const (
	provisionersBucket = "accounts.provisioners" // SHA-256 of the token → provisioner
	userNameBucket     = "accounts.user-names"   // folded user name of a provisioned account → id
)
