//go:build js

package main

import (
	"encoding/base64"
	"fmt"
	"math"
	"syscall/js"
	"time"

	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/mls"
)

// operations are the calls that crypto/e2ee/src/core.ts makes, by name.
var operations = map[string]func(*session.Session, js.Value) (any, error){
	"create": func(s *session.Session, args js.Value) (any, error) {
		room, err := roomOf(args.Get("room"))
		if err != nil {
			return nil, err
		}
		var group []byte
		if given(args, "group") {
			group = octets(args, "group")
		}
		if err := s.Create(room, group); err != nil {
			return nil, err
		}
		state, err := public(s)
		if err != nil {
			return nil, err
		}
		v, err := s.View()
		if err != nil {
			return nil, err
		}
		state["view"] = view(v)
		return state, nil
	},
	"keyPackage": func(s *session.Session, _ js.Value) (any, error) {
		kp, err := s.KeyPackage(time.Now())
		if err != nil {
			return nil, err
		}
		return object{"keyPackage": kp.MarshalMessage(), "ref": kp.Ref()}, nil
	},
	"inspect": func(s *session.Session, args js.Value) (any, error) {
		k, err := s.Inspect(octets(args, "keyPackage"), time.Now())
		if err != nil {
			return nil, err
		}
		return object{
			"account": k.Account.String(), "device": k.Device.String(), "name": k.Name,
			"signatureKey": base64url(k.SignatureKey), "ref": k.Ref, "since": int(k.Since.Unix()), "statement": int(k.Statement),
		}, nil
	},
	"admit": func(s *session.Session, args js.Value) (any, error) {
		a, err := s.Admit(octets(args, "keyPackage"), time.Unix(int64(number(args, "expiry")), 0))
		if err != nil {
			return nil, err
		}
		return a, nil
	},
	"commit": func(s *session.Session, args js.Value) (any, error) {
		c, err := commitOf(args)
		if err != nil {
			return nil, err
		}
		p, err := s.Commit(c, time.Now())
		if err != nil {
			return nil, err
		}
		return object{
			"epoch": p.Summary.Epoch - 1, "commit": p.Commit, "welcomes": list(p.Welcomes, func(w []byte) any { return w }),
			"groupInfo": p.GroupInfo, "hash": base64url(p.Summary.Hash),
		}, nil
	},
	"accepted": func(s *session.Session, _ js.Value) (any, error) {
		return viewAfter(s, s.Accepted())
	},
	"refused": func(s *session.Session, _ js.Value) (any, error) {
		s.Refused()
		return nil, nil
	},
	"process": func(s *session.Session, args js.Value) (any, error) {
		return viewAfter(s, s.Process(octets(args, "commit"), time.Now()))
	},
	"join": func(s *session.Session, args js.Value) (any, error) {
		room, err := mls.ParseRoomID(text(args, "room"))
		if err != nil {
			return nil, err
		}
		owner, err := mls.ParseAccountID(text(args, "owner"))
		if err != nil {
			return nil, err
		}
		restart, err := restartOf(args)
		if err != nil {
			return nil, err
		}
		want := session.Expect{Room: room, Owner: owner, Restart: restart}
		return viewAfter(s, s.Join(octets(args, "welcome"), octets(args, "tree"), want, time.Now()))
	},
	"seal": func(s *session.Session, args js.Value) (any, error) {
		v, err := s.View()
		if err != nil {
			return nil, err
		}
		message, err := s.Seal(octets(args, "data"))
		if err != nil {
			return nil, err
		}
		return object{"epoch": v.Epoch, "message": message}, nil
	},
	"open": func(s *session.Session, args js.Value) (any, error) {
		m, err := s.Open(octets(args, "message"))
		if err != nil {
			return nil, err
		}
		return object{"sender": int(m.Sender), "epoch": m.Epoch, "data": m.Data}, nil
	},
	"groupState": func(s *session.Session, _ js.Value) (any, error) {
		state, err := public(s)
		if err != nil {
			return nil, err
		}
		return state, nil
	},
	"view": func(s *session.Session, _ js.Value) (any, error) { return viewAfter(s, nil) },
	"frameKey": func(s *session.Session, _ js.Value) (any, error) {
		key, err := s.FrameKey()
		if err != nil {
			return nil, err
		}
		defer clear(key)
		return toJS(key), nil
	},
	"unproven": func(s *session.Session, _ js.Value) (any, error) {
		sizes, err := s.Unproven()
		if err != nil {
			return nil, err
		}
		return list(sizes, func(n uint64) any { return n }), nil
	},
	"proven": func(s *session.Session, args js.Value) (any, error) {
		proofs, err := proofsOf(args, "proofs")
		if err != nil {
			return nil, err
		}
		if err := s.Proven(proofs); err != nil {
			return nil, err
		}
		return seen(s)
	},
	"seen": func(s *session.Session, _ js.Value) (any, error) { return seen(s) },
	"leave": func(s *session.Session, _ js.Value) (any, error) {
		s.Leave()
		return nil, nil
	},
}

func viewAfter(s *session.Session, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	v, err := s.View()
	if err != nil {
		return nil, err
	}
	return view(v), nil
}

// noCommitter stands for the committer of an epoch that was entered by a
// Welcome.
const noCommitter = -1

func view(v session.View) object {
	committer := int(v.Committer)
	if v.Entered {
		committer = noCommitter
	}
	if v.Entered && v.Epoch == 0 {
		committer = int(v.Own)
	}
	return object{
		"group": base64url(v.Group), "epoch": v.Epoch, "own": int(v.Own), "entered": v.Entered,
		"room": v.Room.ID.String(), "owner": v.Room.Owner.String(), "locked": v.Room.Locked, "profile": profile(v.Room.Profile),
		"hosts": list(v.Room.Hosts, accountText), "admits": list(v.Room.Admits, accountText),
		"members": list(v.Members, member), "added": list(v.Added, member), "removed": list(v.Removed, member),
		"words":   list(v.Words[:], func(w uint16) any { return int(w) }),
		"addOnly": v.AddOnly, "committer": committer, "hash": base64url(v.Hash),
	}
}

func accountText(a mls.AccountID) any { return a.String() }

func member(m session.Member) any {
	return object{
		"leaf": int(m.Leaf), "account": m.Account.String(), "device": m.Device.String(), "name": m.Name,
		"signatureKey": base64url(m.SignatureKey), "since": int(m.Since.Unix()), "statement": int(m.Statement),
	}
}

func public(s *session.Session) (object, error) {
	info, tree, err := s.Public()
	if err != nil {
		return nil, err
	}
	return object{"groupInfo": info, "tree": tree}, nil
}

func roomOf(o js.Value) (mls.Room, error) {
	id, err := mls.ParseRoomID(text(o, "id"))
	if err != nil {
		return mls.Room{}, err
	}
	owner, err := mls.ParseAccountID(text(o, "owner"))
	if err != nil {
		return mls.Room{}, err
	}
	room := mls.Room{Version: mls.RoomVersion, ID: id, Owner: owner, Hosts: []mls.AccountID{owner}}
	if room.Profile, err = profileOf(o.Get("profile")); err != nil {
		return mls.Room{}, err
	}
	if given(o, "hosts") {
		if room.Hosts, err = accounts(o, "hosts"); err != nil {
			return mls.Room{}, err
		}
	}
	if given(o, "admits") {
		if room.Admits, err = accounts(o, "admits"); err != nil {
			return mls.Room{}, err
		}
	}
	room.Locked = given(o, "locked") && o.Get("locked").Truthy()
	return room, nil
}

func profile(p mls.Profile) object {
	return object{"name": p.Name, "members": int(p.Members), "conditions": list(p.Conditions.Names(), func(n string) any { return n })}
}

func profileOf(o js.Value) (mls.Profile, error) {
	var names []string
	err := each(o, "conditions", func(element js.Value) error {
		names = append(names, element.String())
		return nil
	})
	if err != nil {
		return mls.Profile{}, err
	}
	conditions, err := mls.ParseConditions(names)
	if err != nil {
		return mls.Profile{}, err
	}
	most := number(o, "members")
	if most != math.Trunc(most) || most < 0 || most > math.MaxUint16 {
		return mls.Profile{}, fmt.Errorf("a profile for %v members", most)
	}
	return mls.Profile{Name: text(o, "name"), Conditions: conditions, Members: uint16(most)}, nil
}

func commitOf(args js.Value) (session.Commit, error) {
	var c session.Commit
	err := each(args, "adds", func(element js.Value) error {
		add := session.Add{KeyPackage: octets(element, "keyPackage")}
		if given(element, "admission") {
			add.Admission = octets(element, "admission")
		}
		c.Adds = append(c.Adds, add)
		return nil
	})
	if err != nil {
		return c, err
	}
	err = each(args, "removes", func(element js.Value) error {
		leaf := element.Float()
		if leaf != math.Trunc(leaf) || leaf < 0 || leaf > math.MaxUint32 {
			return fmt.Errorf("leaf %v", leaf)
		}
		c.Removes = append(c.Removes, mls.LeafIndex(leaf))
		return nil
	})
	if err != nil {
		return c, err
	}
	if given(args, "change") {
		if c.Change, err = changeOf(args.Get("change")); err != nil {
			return c, err
		}
	}
	c.Restart, err = restartOf(args)
	return c, err
}

func changeOf(o js.Value) (*session.Change, error) {
	var c session.Change
	if given(o, "locked") {
		locked := o.Get("locked").Truthy()
		c.Locked = &locked
	}
	for name, into := range map[string]**[]mls.AccountID{"hosts": &c.Hosts, "admits": &c.Admits} {
		if !given(o, name) {
			continue
		}
		named, err := accounts(o, name)
		if err != nil {
			return nil, err
		}
		*into = &named
	}
	return &c, nil
}

func restartOf(args js.Value) (*session.Restart, error) {
	if !given(args, "restartOf") {
		return nil, nil
	}
	o := args.Get("restartOf")
	group, err := base64.RawURLEncoding.Strict().DecodeString(text(o, "group"))
	if err != nil {
		return nil, fmt.Errorf("group id: %w", err)
	}
	return &session.Restart{Group: group, Epoch: uint64(number(o, "epoch"))}, nil
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
