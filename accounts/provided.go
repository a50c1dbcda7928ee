package accounts

import (
	"errors"
	"slices"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// providedBucket finds the sessions here that belong to one of the provider's: hash of issuer and sid, account, session → hash of
// the token.
const providedBucket = "accounts.provided"

// AddProvider is the migration that lets the provider of sign-in end what was begun by it.
func AddProvider(tx *store.Tx) error { return tx.CreateBucket(providedBucket) }

// provided is what a session that a provider's word began knows of it.
type provided struct {
	Issuer string `json:"issuer"`
	SID    string `json:"sid,omitempty"`
	Factor bool   `json:"factor,omitempty"` // a second factor was shown there
}

// providedLabel keeps the hashes of the provider's sessions apart from others.
const providedLabel = "huisclos provided 1\x00"

func providedKey(issuer, sid string) []byte { return hashSecret(providedLabel, issuer+"\x00"+sid) }

// key is the place of a session in the index; nil: it has none.
func (p *provided) key(s session) []byte {
	if p == nil || p.SID == "" {
		return nil
	}
	return slices.Concat(providedKey(p.Issuer, p.SID), s.Account[:], s.ID[:])
}

// EndProvided ends what the provider says has ended there: the sessions here that were begun in its session sid, or, without one, all
// of the person's (OpenID Connect Back-Channel Logout §2.7). With both, the sessions of sid must be that person's. It returns how many
// sessions ended. What the provider calls by a name that isn't known here is no error.
func (a *Accounts) EndProvided(issuer, subject, sid string, now time.Time) (n int, err error) {
	v := Vouched{Issuer: issuer, Subject: subject}
	err = a.act(audit.ActorSystem, Client{}.Address, now, func(t *act) error {
		n = 0
		var owner record
		if subject != "" {
			if owner, err = loadBySubject(t.tx, Provider, v.subject()); errors.Is(err, ErrNotFound) {
				return nil
			} else if err != nil {
				return err
			}
		}
		switch {
		case sid != "":
			list, err := sessionsBy(t.tx, providedKey(issuer, sid))
			if err != nil {
				return err
			}
			for _, s := range list {
				if subject != "" && s.Account != owner.ID {
					continue
				}
				if err := t.end(s, EndedAtProvider); err != nil {
					return err
				}
				n++
			}
		case subject != "":
			list, err := sessionsOf(t.tx, owner.ID)
			if err != nil {
				return err
			}
			n = len(list)
			return t.endAll(owner.ID, EndedAtProvider)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// sessionsBy returns the sessions under a prefix of the index.
func sessionsBy(tx *store.Tx, prefix []byte) (list []stored, err error) {
	tx.Scan(providedBucket, prefix, nil, 0, func(_, hash []byte) bool {
		var s session
		if s, err = loadSession(tx, hash); err != nil {
			return false
		}
		list = append(list, stored{s, slices.Clone(hash)})
		return true
	})
	return list, err
}

// followGroups brings the memberships of one person in the provider's groups to what it says: groups are made as people bring them
// along, and stay when the last one leaves, because rules of rooms may name them. nil: the settings follow none. A group that can't
// be made here, because another has its name or there are too many, is left out.
func (t *act) followGroups(v Vouched, r record) error {
	if v.Groups == nil {
		return nil
	}
	in := map[GroupID]bool{}
	for _, value := range v.Groups {
		g, err := t.providedGroup(v.Issuer, value)
		if Code(err) != "" {
			continue
		}
		if err != nil {
			return err
		}
		in[g.ID] = true
		if t.tx.Get(membersBucket, memberKey(g.ID, r.ID)) != nil {
			continue
		}
		if err := t.changeMembers(&g, []ID{r.ID}, nil); err != nil && Code(err) == "" {
			return err
		}
	}
	for _, id := range GroupsOf(t.tx, r.ID) {
		g, err := loadGroup(t.tx, id)
		if err != nil {
			return err
		}
		if g.Source != Provider || in[id] {
			continue
		}
		if err := t.changeMembers(&g, nil, []ID{r.ID}); err != nil {
			return err
		}
	}
	return nil
}

// providedGroup finds or makes the group that a provider calls value.
func (t *act) providedGroup(issuer, value string) (Group, error) {
	subject := issuer + "#" + value
	g, err := loadGroupBySubject(t.tx, Provider, subject)
	if !errors.Is(err, ErrNoGroup) {
		return g, err
	}
	name, err := cleanName(strings.TrimPrefix(value, "/")) // as Keycloak writes groups: by their path
	if err != nil {
		return Group{}, err
	}
	return t.newGroup(Group{Name: name, Source: Provider, Subject: subject})
}
