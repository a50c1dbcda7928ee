package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement/statementtest"
)

// caller is a native participant of a call: the same session as in the
// browser's core, compiled for this machine.
type caller struct {
	session *session.Session
	account mls.AccountID
}

func newCaller(name string, log *statementtest.Log) (*caller, error) {
	signer, err := mls.GenerateSigner(session.Suite, rand.Reader)
	if err != nil {
		return nil, err
	}
	d := session.Device{Signer: signer, Name: name}
	for _, id := range [][]byte{d.Account[:], d.ID[:]} {
		if _, err := rand.Read(id); err != nil {
			return nil, err
		}
	}
	d.Log.View, d.Log.Index, d.Log.Evidence = log.Vouch(d.Account, d.ID, signer.PublicKey())
	s, err := session.New(d, rand.Reader)
	return &caller{s, d.Account}, err
}

// serve carries out an operation of a call; their names begin with "call.".
func (c *caller) serve(r request) (answer, error) {
	now := time.Now()
	switch r.Op {
	case "call.create":
		room, err := mls.ParseRoomID(r.Label)
		if err != nil {
			return answer{}, err
		}
		if err := c.session.Create(mls.Room{ID: room, Owner: c.account, Hosts: []mls.AccountID{c.account}, Profile: mls.Standard()}, nil); err != nil {
			return answer{}, err
		}
		return c.state()
	case "call.keyPackage":
		kp, err := c.session.KeyPackage(now)
		if err != nil {
			return answer{}, err
		}
		return answer{KeyPackage: kp.MarshalMessage()}, nil
	case "call.add":
		var commit session.Commit
		for _, kp := range r.KeyPackages {
			admission, err := c.session.Admit(kp, now.Add(time.Minute))
			if err != nil {
				return answer{}, err
			}
			commit.Adds = append(commit.Adds, session.Add{KeyPackage: kp, Admission: admission})
		}
		commit.Removes = r.Removes
		p, err := c.session.Commit(commit, now)
		if err != nil {
			return answer{}, err
		}
		tree := p.Next.Tree()
		return answer{Commit: p.Commit, Welcomes: p.Welcomes, Tree: tree}, c.session.Accepted()
	case "call.process":
		if err := c.session.Process(r.Message, now); err != nil {
			return answer{}, err
		}
		return c.state()
	case "call.join":
		room, err := mls.ParseRoomID(r.Label)
		if err != nil {
			return answer{}, err
		}
		owner, err := mls.ParseAccountID(r.Identity)
		if err != nil {
			return answer{}, err
		}
		if err := c.session.Join(r.Welcome, r.Tree, session.Expect{Room: room, Owner: owner}, now); err != nil {
			return answer{}, err
		}
		return c.state()
	case "call.seal":
		b, err := c.session.Seal(r.Message)
		return answer{Message: b}, err
	case "call.open":
		m, err := c.session.Open(r.Message)
		return answer{Data: m.Data, Sender: m.Sender, Epoch: m.Epoch}, err
	case "call.state":
		return c.state()
	}
	return answer{}, fmt.Errorf("no operation %q", r.Op)
}

func (c *caller) state() (answer, error) {
	v, err := c.session.View()
	if err != nil {
		return answer{}, err
	}
	key, err := c.session.FrameKey()
	if err != nil {
		return answer{}, err
	}
	a := answer{
		Epoch: v.Epoch, Own: v.Own, Secret: key, Account: c.account.String(),
		Group: base64.RawURLEncoding.EncodeToString(v.Group), Words: v.Words[:], Members: map[uint32]string{},
	}
	for _, m := range v.Members {
		a.Members[uint32(m.Leaf)] = m.Name
	}
	return a, nil
}

// inscribed is statement.Answer as browsers get it.
type inscribed struct {
	Log    string   `json:"log"`
	Index  uint64   `json:"index"`
	Time   uint64   `json:"time"`
	Note   string   `json:"note"`
	Proof  []string `json:"proof"`
	Growth []string `json:"growth"`
}

// inscribe puts a device that lives elsewhere into the log: Identity is its account, Label its id, Message its key.
func (p peers) inscribe(r request) (answer, error) {
	account, err := mls.ParseAccountID(r.Identity)
	if err != nil {
		return answer{}, err
	}
	device, err := mls.ParseDeviceID(r.Label)
	if err != nil {
		return answer{}, err
	}
	a := p.log.Inscribe(account, device, r.Message, 0)
	texts := func(hashes []keylog.Hash) []string {
		out := []string{}
		for _, h := range hashes {
			out = append(out, base64.RawURLEncoding.EncodeToString(h[:]))
		}
		return out
	}
	return answer{Inscribed: &inscribed{a.Log, a.Index, a.Time, string(a.Note), texts(a.Proof), texts(a.Growth)}}, nil
}
