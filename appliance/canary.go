package appliance

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"huisclos/appliance/control"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/meetings"
)

// canaryFor is how long a canary lives at most: long enough for a call of 90 s with joins on a busy machine.
const canaryFor = 3 * time.Minute

const canaryRoomName = "canari / canary"

var errCanaryRuns = errors.New("a test call is running already")

// A canary is the room and the two participants of one test call. Nothing of it is stored: they are no accounts, cannot
// sign in and are in no list; their tokens count on the few routes of a call in their own room and nowhere else, and end with this. What stays are the statements of
// their two devices in the key log, under random ids: a call goes by that log.
type canary struct {
	room   mls.RoomID
	until  time.Time
	people [2]canaryPerson
	timer  *time.Timer
}

type canaryPerson struct {
	visitor meetings.Visitor
	token   [sha256.Size]byte // its SHA-256
}

// canaries has one at a time.
type canaries struct {
	mu      sync.Mutex // owns what follows
	running *canary
}

func newCanaries() *canaries { return &canaries{} }

// participant is whose token this is in a room.
func (c *canaries) participant(token string, room [16]byte, now time.Time) (meetings.Visitor, bool) {
	sum := sha256.Sum256([]byte(token))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil || c.running.room != room || !now.Before(c.running.until) {
		return meetings.Visitor{}, false
	}
	for _, p := range c.running.people {
		if subtle.ConstantTimeCompare(sum[:], p.token[:]) == 1 {
			return p.visitor, true
		}
	}
	return meetings.Visitor{}, false
}

// card is the room's, while it lasts.
func (c *canaries) card(room mls.RoomID) (meetings.Card, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil || c.running.room != room {
		return meetings.Card{}, false
	}
	return meetings.Card{ID: room, Name: canaryRoomName, Owner: c.running.people[0].visitor.Account}, true
}

// at reports whether a room, by its id in text, is the canary's.
func (c *canaries) at(room string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running != nil && c.running.room.String() == room
}

// records are the rooms that there are: those of people, and the canary's.
type records struct {
	rooms    *meetings.Rooms
	canaries *canaries
}

func (r records) Card(id mls.RoomID) (meetings.Card, error) {
	if card, ok := r.canaries.card(id); ok {
		return card, nil
	}
	return r.rooms.Card(id)
}

// makeCanary is asked for over the control socket alone, so by the appliance's own user and root.
func (a *Appliance) makeCanary() (control.Canary, error) {
	now := a.settings.now()
	made, out := &canary{until: now.Add(canaryFor)}, control.Canary{Port: a.port, Fingerprint: a.keeper.Fingerprint()}
	_, _ = rand.Read(made.room[:]) // crypto/rand never fails (Go 1.24)
	out.Room = meetings.ID(made.room).String()
	for i := range made.people {
		var secret [32]byte
		_, _ = rand.Read(secret[:])
		token := base64.RawURLEncoding.EncodeToString(secret[:])
		p := &made.people[i]
		p.token = sha256.Sum256([]byte(token))
		p.visitor.Name, p.visitor.Session = fmt.Sprintf("canari %d / canary %d", i+1, i+1), "canary-"+meetings.ID(made.room).String()
		_, _ = rand.Read(p.visitor.Account[:])
		out.People = append(out.People, control.CanaryPerson{Account: meetings.ID(p.visitor.Account).String(), Name: p.visitor.Name, Token: token})
	}
	a.canaries.mu.Lock()
	defer a.canaries.mu.Unlock()
	if a.canaries.running != nil {
		return control.Canary{}, errCanaryRuns
	}
	// What can't be recorded does not happen.
	if err := a.trail.Write(audit.Event{Time: now, Actor: audit.ActorOperator, Action: audit.CanaryMade, Object: out.Room,
		Detail: map[string]string{"expires": made.until.UTC().Format(time.RFC3339)}}); err != nil {
		return control.Canary{}, err
	}
	made.timer = time.AfterFunc(canaryFor, func() { a.closeCanary(made, "expired") })
	a.canaries.running = made
	return out, nil
}

// endCanaryOf ends the canary of a room.
func (a *Appliance) endCanaryOf(room string) {
	if c := a.canaries.current(); c != nil && meetings.ID(c.room).String() == room {
		a.closeCanary(c, "done")
	}
}

// endCanary ends whichever there is, when the appliance stops.
func (a *Appliance) endCanary() {
	if c := a.canaries.current(); c != nil {
		a.closeCanary(c, "stopped")
	}
}

func (c *canaries) current() *canary {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}

func (a *Appliance) closeCanary(c *canary, reason string) {
	a.canaries.mu.Lock()
	if a.canaries.running != c {
		a.canaries.mu.Unlock()
		return
	}
	a.canaries.running = nil
	a.canaries.mu.Unlock()
	c.timer.Stop()
	// From here on nobody comes in; who is in is sent away, and the room is gone.
	a.hall.Deleted(c.room)
	if err := a.trail.Write(audit.Event{Time: a.settings.now(), Actor: audit.ActorOperator, Action: audit.CanaryEnded, Object: meetings.ID(c.room).String(),
		Detail: map[string]string{"reason": reason}}); err != nil {
		a.log.Error("audit entry lost", "action", string(audit.CanaryEnded), "error", err)
	}
}
