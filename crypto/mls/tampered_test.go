package mls

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"
)

// TestTamperedState: a joiner and an observer refuse every changed tree and
// group info.
func TestTamperedState(t *testing.T) {
	s := newStage(t, nil)
	s.commit(leafB, CommitOptions{})
	g := s.groups[leafHost]
	info, tree := must(g.GroupInfo(false))(t), g.Tree()
	if _, err := NewObserver(info, tree); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(tree); i += 37 {
		bad := clone(tree)
		bad[i] ^= 1
		if _, err := NewObserver(info, bad); err == nil {
			t.Fatalf("byte %d of the tree changed unnoticed", i)
		}
	}
	for i := 0; i < len(info); i += 11 {
		bad := clone(info)
		bad[i] ^= 1
		if _, err := NewObserver(bad, tree); err == nil {
			t.Fatalf("byte %d of the group info changed unnoticed", i)
		}
	}
	b := s.x.bundle(t, Default)
	p := must(g.Commit(CommitOptions{Adds: []*KeyPackage{b.KeyPackage}, Now: now,
		AuthenticatedData: MarshalAdmissions([]Admission{s.admit(leafHost, b.KeyPackage, now)})}))(t)
	good := p.Next.Tree()
	for i := 0; i < len(good); i += 101 {
		bad := clone(good)
		bad[i] ^= 1
		if _, err := JoinWelcome(p.Welcomes[0], b, JoinOptions{Tree: bad, Rand: rand.Reader}); err == nil {
			t.Fatalf("byte %d of the tree changed unnoticed", i)
		}
	}
	if _, err := JoinWelcome(p.Welcomes[0], s.x.bundle(t, Default), JoinOptions{Tree: good, Rand: rand.Reader}); !errors.Is(err, ErrNotWelcome) {
		t.Fatalf("welcome for another key package: %v", err)
	}
	if _, err := JoinWelcome(p.Welcomes[0], b, JoinOptions{Tree: good, Rand: rand.Reader, Now: now.Add(3 * time.Hour)}); err == nil {
		t.Fatal("joined with an expired key package")
	}
	if _, err := JoinWelcome(p.Welcomes[0], b, JoinOptions{Tree: good, Rand: rand.Reader}); err != nil {
		t.Fatal(err)
	}
}

// TestTreeRules: trees whose hash is right and whose content is not.
func TestTreeRules(t *testing.T) {
	s := newStage(t, nil)
	d := newPerson(t, Default, 1)
	d.device.Device = DeviceID{55}
	d.id.Credential = d.device.Credential()
	s.commit(leafB, CommitOptions{}, d)
	base := s.observer
	for name, change := range map[string]func(*tree){
		"parent with a foreign key": func(x *tree) {
			p := *x.nodes[1].parent
			p.key = &publicKey{raw: must(base.suite.generateKeyPair(rand.Reader))(t).public}
			x.set(1, node{parent: &p})
		},
		"parent nobody made": func(x *tree) {
			x.set(5, node{parent: &parentNode{key: &publicKey{raw: must(base.suite.generateKeyPair(rand.Reader))(t).public}}})
		},
		"unmerged leaf that is blank": func(x *tree) {
			p := *x.nodes[3].parent
			p.unmerged = []LeafIndex{9}
			x.set(3, node{parent: &p})
		},
		"unmerged leaf elsewhere": func(x *tree) {
			p := *x.nodes[1].parent
			p.unmerged = []LeafIndex{3}
			x.set(1, node{parent: &p})
		},
		"leaf twice":     func(x *tree) { x.set(6, node{leaf: x.nodes[4].leaf}) },
		"leaf elsewhere": func(x *tree) { x.set(4, x.nodes[2]); x.set(2, node{}) },
		"right half empty": func(x *tree) {
			x.set(4, node{})
			x.set(6, node{})
			x.set(5, node{})
			x.set(3, node{})
		},
	} {
		x := base.tree.clone()
		change(x)
		c := base.context
		c.treeHash = x.rootHash()
		if err := x.verify(&c, nil); !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := base.tree.verify(&base.context, nil); err != nil {
		t.Fatal(err)
	}
}

// TestVerifyByPlatform: a joiner that lets its platform verify asks about
// every leaf, and takes no for an answer.
func TestVerifyByPlatform(t *testing.T) {
	s := newStage(t, nil)
	s.commit(leafB, CommitOptions{})
	b := s.x.bundle(t, Default)
	p := must(s.groups[leafHost].Commit(CommitOptions{Adds: []*KeyPackage{b.KeyPackage}, Now: now,
		AuthenticatedData: MarshalAdmissions([]Admission{s.admit(leafHost, b.KeyPackage, now)})}))(t)
	join := func(verify VerifyFunc) error {
		_, err := JoinWelcome(p.Welcomes[0], b, JoinOptions{Tree: p.Next.Tree(), Rand: rand.Reader, Verify: verify})
		return err
	}
	asked := 0
	scheme := s.observer.suite.signature
	if err := join(func(id CipherSuite, checks []SignatureCheck) bool {
		for _, c := range checks {
			if id != Default || !scheme.verify(c.PublicKey, c.Message, c.Signature) {
				return false
			}
			asked++
		}
		return true
	}); err != nil || asked != 4 {
		t.Fatalf("%d leaves asked about: %v", asked, err)
	}
	if err := join(func(CipherSuite, []SignatureCheck) bool { return false }); !errors.Is(err, ErrSignature) {
		t.Fatalf("against the platform's word: %v", err)
	}
}
