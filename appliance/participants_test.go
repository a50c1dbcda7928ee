package appliance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/client"
	"huisclos/client/frames"
	"huisclos/meetings"
)

// household is an appliance with accounts that are active and a room of the first.
type household struct {
	*Appliance
	people []member
	log    *notes
	link   client.Link
	pin    client.Fingerprint
}

type member struct{ email, passphrase string }

func newHousehold(t *testing.T, n int) *household {
	t.Helper()
	return householdWith(t, testSettings(t), n)
}

func householdWith(t *testing.T, s settings, n int) *household {
	t.Helper()
	a, log := start(t, s)
	h := &household{Appliance: a, log: log}
	now, ctx := time.Now(), t.Context()
	join := func(name string, role accounts.Role, m member) accounts.Account {
		t.Helper()
		_, link, err := a.accounts.Create(accounts.Operator(), name, m.email, role, now)
		must(t, err)
		account, _, err := a.accounts.Activate(ctx, link.Token.Reveal(), m.passphrase, accounts.Client{}, now)
		must(t, err)
		h.people = append(h.people, m)
		return account
	}
	first := join("Ada", accounts.Organiser, member{"ada@example.org", "quinze lapins sous la lune"})
	for i := 1; i < n; i++ {
		join(fmt.Sprintf("Membre %d", i), accounts.Member, member{fmt.Sprintf("m%d@example.org", i), fmt.Sprintf("cascade %d mousse verrou talus", i)})
	}
	served, err := a.keeper.TLS().GetCertificate(nil)
	must(t, err)
	h.pin = sha256.Sum256(served.Certificate[0])
	h.link = h.room(t, first.ID)
	return h
}

func (h *household) room(t *testing.T, owner accounts.ID) client.Link {
	t.Helper()
	r, err := h.rooms.Create(accounts.Actor{Account: owner}, "Salle", time.Now())
	must(t, err)
	l, err := client.ParseLink(fmt.Sprintf("https://%s/r/%s#%s", h.at(), r.ID, owner))
	must(t, err)
	return l
}

// tape is a sink that keeps what it is given.
type tape struct {
	mu   sync.Mutex
	list []client.Received
}

func (p *tape) Take(r client.Received) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, r)
	return nil
}

func (p *tape) of(name string, picture bool) (list []client.Received) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.list {
		if r.From.Name == name && r.Context.Audio() != picture {
			list = append(list, r)
		}
	}
	return list
}

// reel plays numbered frames and keeps them.
type reel struct {
	mu      sync.Mutex
	picture bool
	tag     byte
	size    int
	every   time.Duration
	played  [][]byte
}

func (r *reel) Next(key bool) (client.Frame, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.played)
	key = r.picture && (key || n == 0)
	b := bytes.Repeat([]byte{r.tag}, r.size+n%97)
	if b[0] = 0x10; r.picture && !key {
		b[0] = 0x11
	}
	if !r.picture {
		b[0] = 31 << 3 // 20 ms of Opus
	}
	binary.BigEndian.PutUint32(b[1:], uint32(n))
	r.played = append(r.played, b)
	return client.Frame{Key: key, Data: b, Lasts: r.every}, nil
}

func (r *reel) frames() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.played)
}

func reels(tag byte) (picture, sound *reel) {
	return &reel{picture: true, tag: tag, size: 2600, every: 33 * time.Millisecond}, &reel{tag: tag, size: 60, every: 20 * time.Millisecond}
}

type participant struct {
	*client.Call
	picture, sound *reel
	heard          *tape
}

func (h *household) join(t *testing.T, i int, change func(*client.Config)) *participant {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	p := &participant{heard: &tape{}}
	p.picture, p.sound = reels(byte(i + 1))
	cfg := client.Config{Link: h.link, Account: h.people[i].email, Passphrase: h.people[i].passphrase, Pinned: &h.pin, Admit: i == 0,
		Picture: p.picture, Sound: p.sound, Sink: p.heard}
	if change != nil {
		change(&cfg)
	}
	var err error
	p.Call, err = client.Join(ctx, cfg)
	must(t, err)
	t.Cleanup(p.Leave)
	return p
}

// same holds what one heard of another against what that one played: from the first frame that came on, each octet for
// octet and none left out.
func same(t *testing.T, what string, got []client.Received, played [][]byte) {
	t.Helper()
	if len(got) == 0 {
		t.Fatalf("%s: nothing", what)
	}
	first := int(binary.BigEndian.Uint32(got[0].Data[1:]))
	for i, g := range got {
		if first+i >= len(played) || !bytes.Equal(g.Data, played[first+i]) {
			t.Fatalf("%s: frame %d of %d, the %d-th that was played, is another", what, i, len(got), first+i)
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// TestNativeParticipants: native clients of several accounts in a sealed call of a real appliance, over the network.
func TestNativeParticipants(t *testing.T) {
	h := newHousehold(t, 3)
	ada, bob := h.join(t, 0, nil), h.join(t, 1, nil)
	eventually(t, "both see and hear each other", func() bool {
		return len(ada.heard.of("Membre 1", true)) > 30 && len(ada.heard.of("Membre 1", false)) > 30 &&
			len(bob.heard.of("Ada", true)) > 30 && len(bob.heard.of("Ada", false)) > 30
	})
	a, b := ada.Stats(), bob.Stats()
	if a.Words != b.Words || a.Epoch != b.Epoch || a.People != 2 {
		t.Errorf("they see different groups: %+v, %+v", a, b)
	}
	if a.Transport["publish"] != "udp" || a.Transport["subscribe"] != "udp" {
		t.Errorf("by %v", a.Transport)
	}
	// A late joiner opens frames, of both.
	late := h.join(t, 2, nil)
	eventually(t, "the late joiner sees both", func() bool {
		return len(late.heard.of("Ada", true)) > 10 && len(late.heard.of("Membre 1", false)) > 10 && len(ada.heard.of("Membre 2", true)) > 10
	})
	same(t, "Ada's picture at Bob's", bob.heard.of("Ada", true), ada.picture.frames())
	same(t, "Ada's sound at Bob's", bob.heard.of("Ada", false), ada.sound.frames())
	same(t, "Bob's picture at Ada's", ada.heard.of("Membre 1", true), bob.picture.frames())
	same(t, "Bob's sound at Ada's", ada.heard.of("Membre 1", false), bob.sound.frames())
	same(t, "Ada's picture at the late joiner's", late.heard.of("Ada", true), ada.picture.frames())
	for _, p := range []*participant{ada, bob, late} {
		for _, s := range p.Stats().Streams {
			delete(s.Refused, frames.OldEpoch) // for half a second the others still seal in the epoch before one joined
			if len(s.Refused) > 0 || s.Lost > 0 {
				t.Errorf("of %s, context %d: %d lost, refused %v", s.Person.Name, s.Context, s.Lost, s.Refused)
			}
		}
	}
	// Who is removed receives nothing any more, and the others go on in a new epoch.
	epoch := ada.Stats().Epoch
	for _, m := range ada.View().Members {
		if m.Name == "Membre 2" {
			ada.Remove(uint32(m.Leaf))
		}
	}
	<-late.Done()
	var why *client.Error
	if !errors.As(late.Err(), &why) || why.Code != "removed" {
		t.Errorf("the one who was removed is told: %v", late.Err())
	}
	n := len(late.heard.of("Ada", false))
	eventually(t, "an epoch without who was removed", func() bool { return ada.Stats().Epoch > epoch && ada.Stats().People == 2 })
	at := len(bob.heard.of("Ada", false))
	eventually(t, "the others go on", func() bool { return len(bob.heard.of("Ada", false)) > at+30 })
	if len(late.heard.of("Ada", false)) != n {
		t.Error("who was removed receives frames")
	}
	if a, b := ada.Stats(), bob.Stats(); a.Words != b.Words {
		t.Error("different words after a removal")
	}
}

// TestNativeParticipantsComeBack: the server stops and starts again; the members hand it the group back, and go on with the same words.
func TestNativeParticipantsComeBack(t *testing.T) {
	if testing.Short() {
		t.Skip("real calls, one after the other")
	}
	h := newHousehold(t, 2)
	ada, bob := h.join(t, 0, nil), h.join(t, 1, nil)
	hear := func(what string) {
		t.Helper()
		n, m := len(ada.heard.of("Membre 1", false)), len(bob.heard.of("Ada", true))
		eventually(t, what, func() bool {
			return len(ada.heard.of("Membre 1", false)) > n+20 && len(bob.heard.of("Ada", true)) > m+20
		})
	}
	hear("before")
	words := ada.Stats().Words
	s := h.settings
	s.Listen = h.at()
	h.Stop()
	again, _ := start(t, s)
	h.Appliance = again
	hear("after the restart")
	if a, b := ada.Stats(), bob.Stats(); a.Words != words || b.Words != words || a.Epoch != b.Epoch {
		t.Errorf("the group is another: %v, then %v and %v", words, a.Words, b.Words)
	}
	// In the history it is one call, which the restart did not end.
	if past, _, err := again.diary.Page(meetings.HistoryQuery{}, 10); err != nil || len(past) != 1 || !past[0].Ended.IsZero() || past[0].Most != 2 || !past[0].Began.Before(again.started) {
		t.Errorf("past calls: %+v: %v", past, err)
	}
}

// TestNativeParticipantRefusals: what a participant is told, by the code of it.
func TestNativeParticipantRefusals(t *testing.T) {
	if testing.Short() {
		t.Skip("real calls, one after the other")
	}
	h := newHousehold(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	try := func(change func(*client.Config)) error {
		cfg := client.Config{Link: h.link, Account: h.people[1].email, Passphrase: h.people[1].passphrase, Pinned: &h.pin}
		change(&cfg)
		c, err := client.Join(ctx, cfg)
		if err == nil {
			c.Leave()
		}
		return err
	}
	if err := try(func(c *client.Config) { c.Passphrase = "another one that is long enough" }); client.Code(err) != "bad-credentials" {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if err := try(func(c *client.Config) { c.Pinned = &client.Fingerprint{1} }); client.Code(err) != "certificate" {
		t.Errorf("another certificate: %v", err)
	}
	if err := try(func(c *client.Config) { c.Pinned = nil }); client.Code(err) != "certificate" {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	if err := try(func(c *client.Config) { c.Link.Room[0] ^= 1 }); client.Code(err) != "room-unknown" {
		t.Errorf("no such room: %v", err)
	}
	// A link with another owner: who would be the creator is not trusted.
	h.join(t, 0, nil)
	if err := try(func(c *client.Config) { c.Link.Owner[0] ^= 1 }); client.Code(err) != "not-safe" {
		t.Errorf("a group of another owner than the link's: %v", err)
	}
	// The same device twice: the second one is told, and takes the place only when asked to.
	state := t.TempDir()
	keep := func(c *client.Config) { c.State = state }
	first := h.join(t, 1, keep)
	if err := try(keep); client.Code(err) != "device-busy" {
		t.Errorf("the device is busy: %v", err)
	}
	second := h.join(t, 1, func(c *client.Config) { c.State, c.TakeOver = state, true })
	<-first.Done()
	if client.Code(first.Err()) != "replaced" {
		t.Errorf("the first one is told: %v", first.Err())
	}
	if len(second.View().Members) != 2 {
		t.Errorf("%d members", len(second.View().Members))
	}
}

// TestNativeParticipantsOverTCP: where UDP does not pass, media goes by ICE-TCP, to one who uses UDP.
func TestNativeParticipantsOverTCP(t *testing.T) {
	if testing.Short() {
		t.Skip("real calls, one after the other")
	}
	h := newHousehold(t, 2)
	ada := h.join(t, 0, func(c *client.Config) { c.Transport = "tcp" })
	bob := h.join(t, 1, nil)
	eventually(t, "both see and hear each other", func() bool {
		return len(ada.heard.of("Membre 1", true)) > 20 && len(ada.heard.of("Membre 1", false)) > 20 && len(bob.heard.of("Ada", true)) > 20 && len(bob.heard.of("Ada", false)) > 20
	})
	if a, b := ada.Stats().Transport, bob.Stats().Transport; a["publish"] != "tcp" || a["subscribe"] != "tcp" || b["publish"] != "udp" || b["subscribe"] != "udp" {
		t.Errorf("by %v and %v", a, b)
	}
	same(t, "Ada's picture at Bob's", bob.heard.of("Ada", true), ada.picture.frames())
	same(t, "Bob's picture at Ada's", ada.heard.of("Membre 1", true), bob.picture.frames())
}
