package statement

import (
	"bytes"
	"sync"

	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
)

// maxOpened bounds the checkpoints whose signature a Checker remembers to have checked.
const maxOpened = 4096

// A Checker applies the rules of one log to calls: server, native and browser clients run the same ones, so that an honest race never
// forks people. Several goroutines may use it. Without a log, which is the nil Checker, everything is refused.
type Checker struct {
	log  keylog.PublicKey
	text string // of log, as rooms have it

	mu     sync.Mutex
	opened map[string]keylog.Checkpoint // notes whose signature holds
}

// NewChecker is the rules of a log.
func NewChecker(log keylog.PublicKey) *Checker {
	return &Checker{log: log, text: log.String(), opened: make(map[string]keylog.Checkpoint)}
}

func refuse(rule string, err error) error {
	e := &mls.PolicyError{Rule: rule}
	if err != nil {
		e.Detail = err.Error()
	}
	return e
}

// Policy is the rule about commits: [mls.Policy], and that every device that is added shows its statement. A commit that renews its
// committer's keys leaves its extensions as they were, so that what was checked at the door stays.
func (c *Checker) Policy(in mls.PolicyInput) error {
	if err := mls.Policy(in); err != nil {
		return err
	}
	if err := c.room(in.Extensions); err != nil {
		return err
	}
	for i := range in.Proposals {
		p := &in.Proposals[i]
		if p.Type != mls.ProposalAdd {
			continue
		}
		leaf := p.Add.Leaf()
		if _, err := c.Leaf(leaf.Credential.Identity, leaf.SignatureKey, leaf.Extensions); err != nil {
			return err
		}
	}
	return nil
}

// room checks that a group goes by this log.
func (c *Checker) room(extensions []mls.Extension) error {
	room, err := mls.RoomOf(extensions)
	if err != nil {
		return refuse("room", err)
	}
	return c.view(room)
}

// view checks the checkpoint in a group's room. It refuses a group without one, or of another log.
func (c *Checker) view(room mls.Room) error {
	if c == nil {
		return refuse("no-log", nil)
	}
	key, note, ok := bytes.Cut(room.Checkpoint, []byte{'\n'})
	if !ok || len(note) > maxNote {
		return refuse("no-log", nil)
	}
	if string(key) != c.text {
		return refuse("other-log", nil)
	}
	if _, err := c.open(note); err != nil {
		return refuse("no-log", err)
	}
	return nil
}

// Leaf returns what a leaf shows: the statement that its credential names, which is in the log, and is of its account, device and key.
// It refuses with an [mls.PolicyError].
func (c *Checker) Leaf(identity, key []byte, extensions []mls.Extension) (Statement, error) {
	if c == nil {
		return Statement{}, refuse("no-log", nil)
	}
	device, err := mls.ParseDeviceCredential(identity)
	if err != nil {
		return Statement{}, refuse("credential", err)
	}
	e, err := EvidenceOf(extensions)
	if err != nil {
		return Statement{}, refuse("no-statement", err)
	}
	s := Statement{Kind: Device, Account: device.Account, Device: device.Device, Key: key, Time: e.Time}
	if err := c.in(s, device.Statement, e); err != nil {
		return Statement{}, refuse("statement", err)
	}
	return s, nil
}

// in checks that a statement is record n of the log.
func (c *Checker) in(s Statement, n uint64, e Evidence) error {
	at, err := c.open(e.Note)
	if err != nil {
		return err
	}
	return keylog.CheckInclusion(e.Proof, at.Size, at.Root, n, keylog.LeafHash(s.Marshal()))
}

func (c *Checker) open(note []byte) (keylog.Checkpoint, error) {
	c.mu.Lock()
	at, known := c.opened[string(note)]
	c.mu.Unlock()
	if known {
		return at, nil
	}
	signed, err := keylog.Open(note, []keylog.PublicKey{c.log}, nil)
	if err != nil {
		return keylog.Checkpoint{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.opened) >= maxOpened {
		clear(c.opened)
	}
	c.opened[string(note)] = signed.Checkpoint
	return signed.Checkpoint, nil
}

// Group checks a whole group, as who joins it or begins to observe it does. It refuses with an [mls.PolicyError].
func (c *Checker) Group(room mls.Room, members []mls.Member) error {
	if err := c.view(room); err != nil {
		return err
	}
	for _, m := range members {
		if _, err := c.Leaf(m.Identity, m.SignatureKey, m.Extensions); err != nil {
			return err
		}
	}
	return nil
}
