package meetings

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/store"
)

const (
	profilesBucket = "meetings.profiles" // profile id -> storedProfile

	maxProfiles = 32
	maxMembers  = 1000 // that a profile can allow
)

// Errors about profiles that callers tell apart.
var (
	ErrNoProfile       = errors.New("there is no such profile")
	ErrBadProfile      = errors.New("a profile has a name of 1 to 64 bytes, known conditions, and room for 2 to 1,000 people")
	ErrProfileName     = errors.New("another profile has this name")
	ErrProfileUsed     = errors.New("rooms have this profile")
	ErrProfileBuiltIn  = errors.New("a profile that came with the product is not removed")
	ErrTooManyProfiles = errors.New("too many profiles")
)

// ProfileID names a profile in records: three came with the product, others are drawn.
type ProfileID string

// The profiles that come with the product. Their conditions can be changed; they are not removed.
const (
	ProfileStandard  ProfileID = "standard"
	ProfileSensible  ProfileID = "sensible"
	ProfileRestreint ProfileID = "restreint"
)

// NamedProfile is a profile that rooms may have.
type NamedProfile struct {
	ID ProfileID
	mls.Profile
	BuiltIn bool
	Changed time.Time // zero: as it came
}

// builtIn are the profiles as they come, from the weakest.
func builtIn() []NamedProfile {
	return []NamedProfile{
		{ID: ProfileStandard, Profile: mls.Standard(), BuiltIn: true},
		{ID: ProfileSensible, BuiltIn: true,
			Profile: mls.Profile{Name: "Sensible", Conditions: mls.TwoFactors | mls.NoGuests | mls.Padded, Members: 100}},
		{ID: ProfileRestreint, BuiltIn: true,
			Profile: mls.Profile{Name: "Restreint", Conditions: mls.TwoFactors | mls.NoGuests | mls.Padded | mls.Compared, Members: 25}},
	}
}

type storedProfile struct {
	Profile mls.Profile `json:"profile"`
	Changed time.Time   `json:"changed"`
}

// CreateProfiles is the migration that brings profiles.
func CreateProfiles(tx *store.Tx) error { return tx.CreateBucket(profilesBucket) }

// profileOf finds a profile; "" is the one of rooms for which none was chosen.
func profileOf(tx *store.Tx, id ProfileID) (NamedProfile, error) {
	if id == "" {
		id = ProfileStandard
	}
	p := NamedProfile{ID: id}
	for _, b := range builtIn() {
		if b.ID == id {
			p = b
		}
	}
	b := tx.Get(profilesBucket, []byte(id))
	if b == nil {
		if !p.BuiltIn {
			return NamedProfile{}, ErrNoProfile
		}
		return p, nil
	}
	var v storedProfile
	if err := json.Unmarshal(b, &v); err != nil {
		return NamedProfile{}, fmt.Errorf("profile %s: %w", id, err)
	}
	p.Profile, p.Changed = v.Profile, v.Changed
	return p, nil
}

func allProfiles(tx *store.Tx) ([]NamedProfile, error) {
	ids := []ProfileID{ProfileStandard, ProfileSensible, ProfileRestreint}
	tx.Scan(profilesBucket, nil, nil, 0, func(k, _ []byte) bool {
		if id := ProfileID(k); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		return true
	})
	list := make([]NamedProfile, 0, len(ids))
	for _, id := range ids {
		p, err := profileOf(tx, id)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	slices.SortStableFunc(list[3:], func(a, b NamedProfile) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Profiles lists those that came with the product from the weakest, then the others by name.
func (s *Rooms) Profiles() (list []NamedProfile, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		list, err = allProfiles(tx)
		return err
	})
	return list, err
}

// Profile finds one. ErrNoProfile.
func (s *Rooms) Profile(id ProfileID) (p NamedProfile, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		p, err = profileOf(tx, id)
		return err
	})
	return p, err
}

func checkProfile(tx *store.Tx, id ProfileID, p mls.Profile) error {
	if p.Check() != nil || p.Members > maxMembers || strings.TrimSpace(p.Name) != p.Name {
		return ErrBadProfile
	}
	list, err := allProfiles(tx)
	if err != nil {
		return err
	}
	for _, o := range list {
		if o.ID != id && strings.EqualFold(o.Name, p.Name) {
			return ErrProfileName
		}
	}
	return nil
}

func putProfile(tx *store.Tx, id ProfileID, p mls.Profile, now time.Time) error {
	b, err := json.Marshal(storedProfile{p, now.UTC().Truncate(time.Second)})
	if err != nil {
		return fmt.Errorf("profile %s: %w", id, err)
	}
	return tx.Put(profilesBucket, []byte(id), b)
}

// Condition is one that a profile sets.
type Condition = mls.Condition

// NewProfile makes a profile of what somebody typed: names of conditions (mls.ParseConditions), and 0 for any number of members.
// ErrBadProfile.
func NewProfile(name string, conditions []string, members int) (mls.Profile, error) {
	c, err := mls.ParseConditions(conditions)
	if err != nil || members < 0 || members > maxMembers {
		return mls.Profile{}, ErrBadProfile
	}
	return mls.Profile{Name: name, Conditions: c, Members: uint16(members)}, nil
}

// Wish is the form in which Loosens and CarryOut read what a profile is to be.
func Wish(p mls.Profile) string {
	b, err := json.Marshal(p)
	if err != nil {
		panic("meetings: a profile that JSON can't hold: " + err.Error())
	}
	return string(b)
}

// ReadWish reads what Wish wrote. ErrBadProfile.
func ReadWish(wish string) (p mls.Profile, err error) {
	if err := json.Unmarshal([]byte(wish), &p); err != nil {
		return p, ErrBadProfile
	}
	return p, nil
}

// Loosens reports whether an order asks less of the rooms that have a profile: see CarryOut, whose errors it has.
func (s *Rooms) Loosens(tx *store.Tx, o accounts.Order) (bool, error) {
	if o.Subject == "" || o.Wish == "" {
		return false, nil // a new profile is of no room yet, and one that goes is of none any more
	}
	is, err := profileOf(tx, ProfileID(o.Subject))
	if err != nil {
		return false, err
	}
	to, err := ReadWish(o.Wish)
	if err != nil {
		return false, err
	}
	return !to.AtLeast(is.Profile), checkProfile(tx, is.ID, to)
}

// CarryOut does what an officer orders of profiles: without a subject it makes one, without a wish it removes one that no room
// has, else it gives one other conditions. Calls in progress keep what they began with. ErrNoProfile, ErrBadProfile,
// ErrProfileName, ErrTooManyProfiles, ErrProfileUsed, ErrProfileBuiltIn.
func (s *Rooms) CarryOut(tx *store.Tx, kind accounts.ProposalKind, o accounts.Order) error {
	if kind != accounts.ProposedProfile {
		return fmt.Errorf("meetings: no order of kind %q", kind)
	}
	if o.Wish == "" {
		return s.deleteProfile(tx, o)
	}
	id, action := ProfileID(o.Subject), audit.ProfileChanged
	if id == "" {
		var err error
		if id, err = s.newProfile(tx); err != nil {
			return err
		}
		action = audit.ProfileCreated
	} else if _, err := profileOf(tx, id); err != nil {
		return err
	}
	p, err := ReadWish(o.Wish)
	if err != nil {
		return err
	}
	if err := checkProfile(tx, id, p); err != nil {
		return err
	}
	if err := putProfile(tx, id, p, o.Now); err != nil {
		return err
	}
	return s.noteProfile(tx, o, action, id, p)
}

func (s *Rooms) newProfile(tx *store.Tx) (ProfileID, error) {
	list, err := allProfiles(tx)
	if err != nil {
		return "", err
	}
	if len(list) >= maxProfiles {
		return "", ErrTooManyProfiles
	}
	drawn := make([]byte, 12)
	if _, err := io.ReadFull(s.rand, drawn); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return ProfileID(base64.RawURLEncoding.EncodeToString(drawn)), nil
}

func (s *Rooms) deleteProfile(tx *store.Tx, o accounts.Order) error {
	id := ProfileID(o.Subject)
	p, err := profileOf(tx, id)
	switch {
	case err != nil:
		return err
	case p.BuiltIn:
		return ErrProfileBuiltIn
	}
	used, failed := false, error(nil)
	tx.Scan(roomsBucket, nil, nil, 0, func(_, v []byte) bool {
		var r stored
		if failed = json.Unmarshal(v, &r); failed != nil {
			return false
		}
		used = r.Profile == id
		return !used
	})
	switch {
	case failed != nil:
		return fmt.Errorf("records of rooms: %w", failed)
	case used:
		return ErrProfileUsed
	}
	if err := tx.Delete(profilesBucket, []byte(id)); err != nil {
		return err
	}
	return s.noteProfile(tx, o, audit.ProfileDeleted, id, p.Profile)
}

func (s *Rooms) noteProfile(tx *store.Tx, o accounts.Order, action audit.Action, id ProfileID, p mls.Profile) error {
	detail := map[string]string{"name": p.Name, "conditions": strings.Join(p.Conditions.Names(), " "), "members": strconv.Itoa(int(p.Members))}
	if o.Proposal != (accounts.ProposalID{}) {
		detail["proposal"], detail["by"] = o.Proposal.String(), o.Proposer.String()
	}
	return s.log.Record(tx, audit.Event{Time: o.Now, Actor: o.By.Account.String(), Client: o.By.Client, Action: action, Object: string(id), Detail: detail, Result: audit.OK})
}

// SetProfile gives a room of the account another profile: any may be chosen, also a weaker one, and who is in a call sees
// which. ErrNoRoom, ErrNotOwner, ErrNoProfile.
func (s *Rooms) SetProfile(by accounts.Actor, id mls.RoomID, profile ProfileID, now time.Time) (StoredRoom, NamedProfile, error) {
	var out StoredRoom
	var named NamedProfile
	err := s.owned(by, id, now, func(tx *store.Tx, r StoredRoom) (err error) {
		if named, err = profileOf(tx, profile); err != nil {
			return err
		}
		r.Profile = named.ID
		out = r
		if err := put(tx, r); err != nil {
			return err
		}
		e := s.event(by.Account, audit.RoomProfile, id, now)
		e.Detail = map[string]string{"profile": string(named.ID), "name": named.Name}
		return s.record(tx, by, e)
	})
	return out, named, err
}
