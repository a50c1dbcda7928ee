// Command peer is huisclos/crypto/mls behind JSON lines, for tests that let it
// talk to other implementations: each line of standard input is a request
// {"op", "member", …}, each line of standard output its answer. It holds many
// members and keeps nothing.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"huisclos/crypto/mls"
	"huisclos/crypto/statement/statementtest"
)

type request struct {
	Op     string `json:"op"`
	Member string `json:"member"`

	Suite    mls.CipherSuite `json:"suite"`
	Identity string          `json:"identity"`
	Group    []byte          `json:"group"`

	KeyPackages [][]byte        `json:"keyPackages"`
	Removes     []mls.LeafIndex `json:"removes"`
	ByReference bool            `json:"byReference"`
	Private     bool            `json:"private"`
	WithTree    bool            `json:"withTree"`

	Welcome []byte `json:"welcome"`
	Tree    []byte `json:"tree"`
	Message []byte `json:"message"`
	Leaf    uint32 `json:"leaf"`

	Label   string `json:"label"`
	Context []byte `json:"context"`
	Length  int    `json:"length"`
}

type answer struct {
	Error string `json:"error,omitempty"`

	KeyPackage []byte   `json:"keyPackage,omitempty"`
	Commit     []byte   `json:"commit,omitempty"`
	Welcomes   [][]byte `json:"welcomes,omitempty"`
	Message    []byte   `json:"message,omitempty"`
	Tree       []byte   `json:"tree,omitempty"`
	Secret     []byte   `json:"secret,omitempty"`
	Data       []byte   `json:"data,omitempty"`

	Epoch         uint64            `json:"epoch"`
	Own           mls.LeafIndex     `json:"own"`
	Sender        mls.LeafIndex     `json:"sender"`
	TreeHash      []byte            `json:"treeHash,omitempty"`
	Authenticator []byte            `json:"authenticator,omitempty"`
	Members       map[uint32]string `json:"members,omitempty"`
	Removed       bool              `json:"removed,omitempty"`

	Account string   `json:"account,omitempty"`
	Group   string   `json:"group,omitempty"`
	Words   []uint16 `json:"words,omitempty"`

	Inscribed *inscribed `json:"inscribed,omitempty"`
}

// member is one device: at most one group, one pending commit and the key
// package that it waits with.
type member struct {
	suite    mls.CipherSuite
	identity mls.Identity
	bundle   *mls.KeyPackageBundle
	group    *mls.Group
	pending  *mls.Pending
}

func main() {
	p := peers{members: map[string]*member{}, callers: map[string]*caller{}, log: statementtest.New()}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	decoder := json.NewDecoder(in)
	for {
		var r request
		if err := decoder.Decode(&r); err != nil {
			return // the tests are over
		}
		a, err := p.serve(r)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := out.Encode(a); err != nil {
			return
		}
	}
}

type peers struct {
	members map[string]*member
	callers map[string]*caller
	log     *statementtest.Log // that all calls go by
}

func (p peers) serve(r request) (answer, error) {
	switch {
	case r.Op == "call.new":
		c, err := newCaller(r.Identity, p.log)
		p.callers[r.Member] = c
		return answer{Account: c.account.String()}, err
	case r.Op == "log.inscribe":
		return p.inscribe(r)
	case strings.HasPrefix(r.Op, "call."):
		c := p.callers[r.Member]
		if c == nil {
			return answer{}, fmt.Errorf("no caller %q", r.Member)
		}
		return c.serve(r)
	case r.Op == "new":
		signer, err := mls.GenerateSigner(r.Suite, rand.Reader)
		if err != nil {
			return answer{}, err
		}
		p.members[r.Member] = &member{suite: r.Suite, identity: mls.Identity{
			Signer: signer, Credential: mls.BasicCredential([]byte(r.Identity)),
		}}
		return answer{}, nil
	}
	m := p.members[r.Member]
	if m == nil {
		return answer{}, fmt.Errorf("no member %q", r.Member)
	}
	switch r.Op {
	case "keyPackage":
		return m.keyPackage()
	case "create":
		g, err := mls.NewGroup(mls.GroupOptions{Suite: m.suite, GroupID: r.Group, Identity: m.identity, Rand: rand.Reader})
		if err != nil {
			return answer{}, err
		}
		m.group = g
		return m.state()
	case "join":
		g, err := mls.JoinWelcome(r.Welcome, m.bundle, mls.JoinOptions{Tree: r.Tree, Identity: m.identity, Rand: rand.Reader, Now: time.Now()})
		if err != nil {
			return answer{}, err
		}
		m.group, m.bundle = g, nil
		return m.state()
	}
	if m.group == nil {
		return answer{}, fmt.Errorf("member %q has no group", r.Member)
	}
	return m.inGroup(r)
}

func (m *member) keyPackage() (answer, error) {
	b, err := mls.NewKeyPackage(m.suite, m.identity, mls.LifetimeFrom(time.Now(), time.Hour), rand.Reader)
	if err != nil {
		return answer{}, err
	}
	m.bundle = b
	return answer{KeyPackage: b.KeyPackage.MarshalMessage()}, nil
}

func (m *member) inGroup(r request) (answer, error) {
	g := m.group
	switch r.Op {
	case "commit":
		return m.commit(r)
	case "apply":
		m.group, m.pending = m.pending.Next, nil
		return m.state()
	case "process":
		next, _, err := g.Process(r.Message, time.Now())
		if err == mls.ErrRemoved {
			m.group = nil
			return answer{Removed: true}, nil
		}
		if err != nil {
			return answer{}, err
		}
		m.group, m.pending = next, nil
		return m.state()
	case "receive":
		return answer{}, g.ReceiveProposal(r.Message)
	case "proposeAdd":
		kp, err := mls.ParseKeyPackage(r.KeyPackages[0])
		if err != nil {
			return answer{}, err
		}
		b, err := g.ProposeAdd(kp)
		return answer{Message: b}, err
	case "proposeRemove":
		b, err := g.ProposeRemove(mls.LeafIndex(r.Leaf))
		return answer{Message: b}, err
	case "proposeUpdate":
		b, err := g.ProposeUpdate()
		return answer{Message: b}, err
	case "seal":
		b, err := g.Seal(r.Message, r.Context)
		return answer{Message: b}, err
	case "open":
		a, err := g.Open(r.Message)
		return answer{Data: a.Data, Sender: a.Sender, Epoch: a.Epoch}, err
	case "export":
		b, err := g.Export(r.Label, r.Context, r.Length)
		return answer{Secret: b}, err
	case "state":
		return m.state()
	}
	return answer{}, fmt.Errorf("no operation %q", r.Op)
}

func (m *member) commit(r request) (answer, error) {
	o := mls.CommitOptions{Removes: r.Removes, ByReference: r.ByReference, Private: r.Private, WithTree: r.WithTree, Now: time.Now()}
	for _, b := range r.KeyPackages {
		kp, err := mls.ParseKeyPackage(b)
		if err != nil {
			return answer{}, err
		}
		o.Adds = append(o.Adds, kp)
	}
	p, err := m.group.Commit(o)
	if err != nil {
		return answer{}, err
	}
	m.pending = p
	return answer{Commit: p.Commit, Welcomes: p.Welcomes, Tree: p.Next.Tree()}, nil
}

func (m *member) state() (answer, error) {
	g := m.group
	a := answer{
		Epoch: g.Epoch(), Own: g.Own(), TreeHash: g.TreeHash(), Authenticator: g.EpochAuthenticator(), Tree: g.Tree(),
		Members: map[uint32]string{},
	}
	for _, other := range g.Members() {
		a.Members[uint32(other.Leaf)] = string(other.Identity)
	}
	return a, nil
}
