package mls

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
)

func TestProfileOrder(t *testing.T) {
	strict := Profile{Name: "a", Conditions: allConditions, Members: 10}
	for name, c := range map[string]struct {
		p, o Profile
		want bool
	}{
		"itself":           {strict, strict, true},
		"another name":     {strict, Profile{Name: "b", Conditions: allConditions, Members: 10}, true},
		"a condition less": {Profile{Conditions: allConditions &^ Padded, Members: 10}, strict, false},
		"one instead":      {Profile{Conditions: Padded}, Profile{Conditions: Compared}, false},
		"more members":     {Profile{Conditions: allConditions, Members: 11}, strict, false},
		"fewer members":    {Profile{Conditions: allConditions, Members: 9}, strict, true},
		"no bound":         {Profile{Conditions: allConditions}, strict, false},
		"than none":        {Profile{Members: 2}, Profile{}, true},
	} {
		if got := c.p.AtLeast(c.o); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if Standard().AtLeast(strict) || !strict.AtLeast(Standard()) {
		t.Error("Standard is not the weakest")
	}
	if strict.Full(9) || !strict.Full(10) || !strict.Full(11) || (Profile{}).Full(1000) {
		t.Error("full at another size")
	}
}

func TestProfileCheck(t *testing.T) {
	for name, p := range map[string]Profile{
		"no name":           {},
		"long name":         {Name: strings.Repeat("a", MaxProfileName+1)},
		"no text":           {Name: "\xff"},
		"control character": {Name: "a\nb"},
		"unknown condition": {Name: "a", Conditions: allConditions + 1},
		"one member":        {Name: "a", Members: 1},
	} {
		if p.Check() == nil {
			t.Errorf("%s accepted", name)
		}
	}
	longest := Profile{Name: strings.Repeat("é", MaxProfileName/2), Conditions: allConditions, Members: 2}
	if err := longest.Check(); err != nil {
		t.Error(err)
	}
}

// TestProfileInCall: the profile is what every member sees, nobody changes it, and the size that it allows is kept by whoever checks.
func TestProfileInCall(t *testing.T) {
	people := []*person{newPerson(t, Default, 0), newPerson(t, Default, 1), newPerson(t, Default, 2), newPerson(t, Default, 3)}
	room := Room{Version: RoomVersion, ID: RoomID{9}, Owner: account(0), Hosts: []AccountID{account(0)},
		Admits:  []AccountID{account(1), account(2), account(3)},
		Profile: Profile{Name: "Restreint", Conditions: Padded | Compared, Members: 3}}
	s := &stageSet{host: people[0], b: people[1], c: people[2], x: people[3], room: room, call: newCall(t, people[0], room)}
	s.commit(0, CommitOptions{}, s.b, s.c)
	for l, g := range s.groups {
		if got := must(g.Room())(t); got.Profile != room.Profile {
			t.Errorf("leaf %d sees %+v", l, got.Profile)
		}
	}
	fourth := s.x.bundle(t, Default).KeyPackage
	s.refused(lawless(t, s.groups[leafB], CommitOptions{Adds: []*KeyPackage{fourth}}).Commit, leafB, now, "profile-members")
	for name, change := range map[string]func(*Profile){
		"weaker":       func(p *Profile) { p.Conditions &^= Padded },
		"stricter":     func(p *Profile) { p.Conditions |= TwoFactors },
		"larger":       func(p *Profile) { p.Members = 0 },
		"another name": func(p *Profile) { p.Name = "Standard" },
	} {
		t.Run(name, func(t *testing.T) {
			other := room
			change(&other.Profile)
			s.refused(lawless(s.t, s.groups[leafHost], CommitOptions{GroupContextExtensions: s.extensions(other)}).Commit, leafHost, now, "room-fixed")
		})
	}
	// One leaves and one comes in the same commit: the size stays.
	s.commit(0, CommitOptions{Removes: []LeafIndex{leafC}}, s.x)
	s.talk()
}

// TestProfileOverfull: who joins counts too, so that a group which grew without the rule is entered by nobody.
func TestProfileOverfull(t *testing.T) {
	host := newPerson(t, Default, 0)
	room := Room{ID: RoomID{9}, Owner: account(0), Hosts: []AccountID{account(0)}, Admits: []AccountID{account(1), account(2)},
		Profile: Profile{Name: "Deux", Members: 2}}
	g := must(NewCallGroup(room, host.id, Default, []byte("group"), rand.Reader, Policy))(t)
	b, c := newPerson(t, Default, 1).bundle(t, Default), newPerson(t, Default, 2).bundle(t, Default)
	p := lawless(t, g, CommitOptions{Adds: []*KeyPackage{b.KeyPackage, c.KeyPackage}, Now: now})
	tree := p.Next.Tree()
	if _, err := JoinWelcome(p.Welcomes[0], b, JoinOptions{Tree: tree, Rand: rand.Reader, Now: now}); err == nil {
		t.Error("joined a call that is larger than its profile allows")
	}
	if _, err := NewObserver(p.GroupInfo, tree); err == nil {
		t.Error("observed a call that is larger than its profile allows")
	}
}

func TestProfileJSON(t *testing.T) {
	p := Profile{Name: "Sensible", Conditions: TwoFactors | Padded, Members: 100}
	b := must(json.Marshal(p))(t)
	if want := `{"name":"Sensible","conditions":["twoFactors","padded"],"members":100}`; string(b) != want {
		t.Errorf("%s, want %s", b, want)
	}
	var back Profile
	if err := json.Unmarshal(b, &back); err != nil || back != p {
		t.Errorf("%+v, %v", back, err)
	}
	if got := must(ParseConditions(allConditions.Names()))(t); got != allConditions || len(allConditions.Names()) != len(conditionNames) {
		t.Errorf("%b", got)
	}
	if b := must(json.Marshal(Standard()))(t); string(b) != `{"name":"Standard","conditions":[]}` {
		t.Errorf("%s", b)
	}
	for _, bad := range []string{`{"name":"a","conditions":["paded"]}`, `{"name":"a","conditions":3}`, `{"name":"a","conditions":[],"members":70000}`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s read", bad)
		}
	}
}
