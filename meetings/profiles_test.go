package meetings

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/store"
)

var officer = accounts.Actor{Account: accounts.ID{7}}

// order is what an officer wants, in a transaction of its own.
func order(rooms *Rooms, id ProfileID, wish string) error {
	return rooms.db.Update(func(tx *store.Tx) error {
		return rooms.CarryOut(tx, accounts.ProposedProfile, accounts.Order{Subject: string(id), Wish: wish, By: officer, Now: start})
	})
}

func change(rooms *Rooms, id ProfileID, p mls.Profile) (NamedProfile, error) {
	if err := order(rooms, id, Wish(p)); err != nil {
		return NamedProfile{}, err
	}
	return rooms.Profile(id)
}

// create makes a profile and finds it by its name.
func create(rooms *Rooms, p mls.Profile) (NamedProfile, error) {
	if err := order(rooms, "", Wish(p)); err != nil {
		return NamedProfile{}, err
	}
	list, err := rooms.Profiles()
	i := slices.IndexFunc(list, func(o NamedProfile) bool { return o.Name == p.Name })
	if err != nil || i < 0 {
		return NamedProfile{}, errors.Join(err, errors.New("not in the list"))
	}
	return list[i], nil
}

func TestWhatLoosens(t *testing.T) {
	rooms, _ := newRooms(t)
	sensible := mls.Profile{Name: "Sensible", Conditions: mls.TwoFactors | mls.NoGuests | mls.Padded, Members: 100}
	for name, c := range map[string]struct {
		id    ProfileID
		wish  string
		less  bool
		wrong error
	}{
		"the same":         {ProfileSensible, Wish(sensible), false, nil},
		"another name":     {ProfileSensible, Wish(mls.Profile{Name: "Interne", Conditions: sensible.Conditions, Members: 100}), false, nil},
		"stricter":         {ProfileSensible, Wish(mls.Profile{Name: "Sensible", Conditions: sensible.Conditions | mls.Compared, Members: 50}), false, nil},
		"a condition less": {ProfileSensible, Wish(mls.Profile{Name: "Sensible", Conditions: mls.TwoFactors | mls.NoGuests, Members: 100}), true, nil},
		"larger":           {ProfileSensible, Wish(mls.Profile{Name: "Sensible", Conditions: sensible.Conditions, Members: 101}), true, nil},
		"without a bound":  {ProfileSensible, Wish(mls.Profile{Name: "Sensible", Conditions: sensible.Conditions}), true, nil},
		"not there":        {"no-such-profile-", Wish(sensible), false, ErrNoProfile},
		"no profile":       {ProfileSensible, "{", false, ErrBadProfile},
		"not a good one":   {ProfileSensible, Wish(mls.Profile{Name: "Standard", Conditions: sensible.Conditions, Members: 100}), false, ErrProfileName},
	} {
		var less bool
		err := rooms.db.View(func(tx *store.Tx) (err error) {
			less, err = rooms.Loosens(tx, accounts.Order{Subject: string(c.id), Wish: c.wish})
			return err
		})
		if less != c.less || !errors.Is(err, c.wrong) {
			t.Errorf("%s: %v, %v", name, less, err)
		}
	}
}

func TestProfilesThatCome(t *testing.T) {
	rooms, _ := newRooms(t)
	list, err := rooms.Profiles()
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	for i, want := range []ProfileID{ProfileStandard, ProfileSensible, ProfileRestreint} {
		p := list[i]
		if p.ID != want || !p.BuiltIn || p.Check() != nil || !p.Changed.IsZero() {
			t.Errorf("%+v", p)
		}
		if i > 0 && (!p.AtLeast(list[i-1].Profile) || list[i-1].AtLeast(p.Profile)) {
			t.Errorf("%s is not stricter than %s", p.ID, list[i-1].ID)
		}
	}
	if list[0].Profile != mls.Standard() {
		t.Error("a room without a profile and one with Standard differ")
	}
}

func TestProfilesOfAnOrganisation(t *testing.T) {
	rooms, log := newRooms(t)
	own := mls.Profile{Name: "Conseil", Conditions: mls.TwoFactors, Members: 12}
	p, err := create(rooms, own)
	if err != nil || p.Profile != own || p.BuiltIn || !p.Changed.Equal(start) {
		t.Fatalf("%+v, %v", p, err)
	}
	for name, c := range map[string]struct {
		p    mls.Profile
		want error
	}{
		"no name":        {mls.Profile{}, ErrBadProfile},
		"spaces":         {mls.Profile{Name: " A "}, ErrBadProfile},
		"one person":     {mls.Profile{Name: "A", Members: 1}, ErrBadProfile},
		"a city":         {mls.Profile{Name: "A", Members: 1001}, ErrBadProfile},
		"unknown":        {mls.Profile{Name: "A", Conditions: 1 << 30}, ErrBadProfile},
		"a name taken":   {mls.Profile{Name: "conseil"}, ErrProfileName},
		"a name of ours": {mls.Profile{Name: "RESTREINT"}, ErrProfileName},
	} {
		if c.p.Conditions == 1<<30 {
			continue // there is no name in which to wish for it
		}
		if _, err := create(rooms, c.p); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := change(rooms, ProfileSensible, c.p); !errors.Is(err, c.want) {
			t.Errorf("changed, %s: %v", name, err)
		}
	}
	own.Conditions |= mls.Compared
	if p, err = change(rooms, p.ID, own); err != nil || p.Profile != own {
		t.Fatalf("%+v, %v", p, err)
	}
	sensible := mls.Profile{Name: "Interne", Conditions: mls.NoGuests}
	if q, err := change(rooms, ProfileSensible, sensible); err != nil || q.Profile != sensible || !q.BuiltIn {
		t.Fatalf("%+v, %v", q, err)
	}
	if _, err := change(rooms, "no-such-profile-", own); !errors.Is(err, ErrNoProfile) {
		t.Fatal(err)
	}

	room, err := rooms.Create(accounts.Actor{Account: accounts.ID{1}}, "Salle", start)
	if err != nil {
		t.Fatal(err)
	}
	if card, err := rooms.Card(room.ID); err != nil || card.Profile != mls.Standard() {
		t.Fatalf("%+v, %v", card, err)
	}
	if _, _, err := rooms.SetProfile(accounts.Actor{Account: accounts.ID{2}}, room.ID, p.ID, start); !errors.Is(err, ErrNotOwner) {
		t.Fatal(err)
	}
	if _, _, err := rooms.SetProfile(accounts.Actor{Account: accounts.ID{1}}, room.ID, "no-such-profile-", start); !errors.Is(err, ErrNoProfile) {
		t.Fatal(err)
	}
	if r, q, err := rooms.SetProfile(accounts.Actor{Account: accounts.ID{1}}, room.ID, p.ID, start); err != nil || r.Profile != p.ID || q != p {
		t.Fatalf("%+v, %+v, %v", r, q, err)
	}
	if card, err := rooms.Card(room.ID); err != nil || card.Profile != own {
		t.Fatalf("%+v, %v", card, err)
	}
	if err := order(rooms, p.ID, ""); !errors.Is(err, ErrProfileUsed) {
		t.Fatal(err)
	}
	if err := order(rooms, ProfileRestreint, ""); !errors.Is(err, ErrProfileBuiltIn) {
		t.Fatal(err)
	}
	if _, _, err := rooms.SetProfile(accounts.Actor{Account: accounts.ID{1}}, room.ID, ProfileStandard, start); err != nil {
		t.Fatal(err)
	}
	if err := order(rooms, p.ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := order(rooms, p.ID, ""); !errors.Is(err, ErrNoProfile) {
		t.Fatal(err)
	}

	entries, err := log.List(0, 100)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[audit.Action]int{}
	for _, e := range entries {
		seen[e.Action]++
		if e.Action == audit.ProfileChanged && (e.Actor != officer.Account.String() || e.Detail["conditions"] == "" || e.Detail["name"] == "") {
			t.Errorf("%+v", e)
		}
	}
	if seen[audit.ProfileCreated] != 1 || seen[audit.ProfileChanged] != 2 || seen[audit.ProfileDeleted] != 1 || seen[audit.RoomProfile] != 2 {
		t.Errorf("%v", seen)
	}
}

func TestNumberOfProfiles(t *testing.T) {
	rooms, _ := newRooms(t)
	for i := 3; i < maxProfiles; i++ {
		if _, err := create(rooms, mls.Profile{Name: strings.Repeat("x", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := create(rooms, mls.Profile{Name: "one more"}); !errors.Is(err, ErrTooManyProfiles) {
		t.Fatal(err)
	}
}
