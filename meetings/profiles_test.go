package meetings

import (
	"errors"
	"strings"
	"testing"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/mls"
)

var officer = accounts.Actor{Account: accounts.ID{7}}

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
	p, err := rooms.CreateProfile(officer, own, start)
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
		if _, err := rooms.CreateProfile(officer, c.p, start); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := rooms.ChangeProfile(officer, ProfileSensible, c.p, start); !errors.Is(err, c.want) {
			t.Errorf("changed, %s: %v", name, err)
		}
	}
	own.Conditions |= mls.Compared
	if p, err = rooms.ChangeProfile(officer, p.ID, own, start); err != nil || p.Profile != own {
		t.Fatalf("%+v, %v", p, err)
	}
	sensible := mls.Profile{Name: "Interne", Conditions: mls.NoGuests}
	if q, err := rooms.ChangeProfile(officer, ProfileSensible, sensible, start); err != nil || q.Profile != sensible || !q.BuiltIn {
		t.Fatalf("%+v, %v", q, err)
	}
	if _, err := rooms.ChangeProfile(officer, "no-such-profile-", own, start); !errors.Is(err, ErrNoProfile) {
		t.Fatal(err)
	}

	room, err := rooms.Create(accounts.ID{1}, "Salle", start)
	if err != nil {
		t.Fatal(err)
	}
	if card, err := rooms.Card(room.ID); err != nil || card.Profile != mls.Standard() {
		t.Fatalf("%+v, %v", card, err)
	}
	if _, _, err := rooms.SetProfile(accounts.ID{2}, room.ID, p.ID, start); !errors.Is(err, ErrNotOwner) {
		t.Fatal(err)
	}
	if _, _, err := rooms.SetProfile(accounts.ID{1}, room.ID, "no-such-profile-", start); !errors.Is(err, ErrNoProfile) {
		t.Fatal(err)
	}
	if r, q, err := rooms.SetProfile(accounts.ID{1}, room.ID, p.ID, start); err != nil || r.Profile != p.ID || q != p {
		t.Fatalf("%+v, %+v, %v", r, q, err)
	}
	if card, err := rooms.Card(room.ID); err != nil || card.Profile != own {
		t.Fatalf("%+v, %v", card, err)
	}
	if err := rooms.DeleteProfile(officer, p.ID, start); !errors.Is(err, ErrProfileUsed) {
		t.Fatal(err)
	}
	if err := rooms.DeleteProfile(officer, ProfileRestreint, start); !errors.Is(err, ErrProfileBuiltIn) {
		t.Fatal(err)
	}
	if _, _, err := rooms.SetProfile(accounts.ID{1}, room.ID, ProfileStandard, start); err != nil {
		t.Fatal(err)
	}
	if err := rooms.DeleteProfile(officer, p.ID, start); err != nil {
		t.Fatal(err)
	}
	if err := rooms.DeleteProfile(officer, p.ID, start); !errors.Is(err, ErrNoProfile) {
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
		if _, err := rooms.CreateProfile(officer, mls.Profile{Name: strings.Repeat("x", i)}, start); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := rooms.CreateProfile(officer, mls.Profile{Name: "one more"}, start); !errors.Is(err, ErrTooManyProfiles) {
		t.Fatal(err)
	}
}
