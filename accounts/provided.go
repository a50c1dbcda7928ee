package accounts

import (
	"errors"
	"slices"
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

// followGroups brings the groups of one person to what the provider says.
func (t *act) followGroups(r record, names []string) error { return nil }
