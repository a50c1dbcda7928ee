package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"huisclos/client/frames"
	"huisclos/client/group"
	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/mls"
	"huisclos/crypto/sframe"
	"huisclos/meetings"
)

const (
	// tickEvery is how often what waits is looked at: frames for their key,
	// packets for one that is missing.
	tickEvery = 100 * time.Millisecond
	// knockPause is before a KeyPackage takes the place of one that was left out.
	knockPause = time.Second
	// announceAfter gathers what is said about this participant's streams.
	announceAfter = 30 * time.Millisecond
	// treeLimit is how long the public tree may take to come; nothing else of
	// the server is taken meanwhile.
	treeLimit = 20 * time.Second
	// goodbye bounds the last words to the server.
	goodbye = 3 * time.Second
	// inboxSize is what may wait for the loop; the line's reader waits beyond.
	inboxSize = 256
)

// A Call is one participant's stay. Its methods may be called from everywhere.
type Call struct {
	cfg    Config
	app    *appliance
	me     Account
	device Device
	log    *slog.Logger

	inbox  chan func() // run one after the other by the loop
	ctx    context.Context
	cancel context.CancelFunc
	inCall chan struct{} // closed when the device is a member for the first time
	done   chan struct{} // closed after the last word
	busy   sync.WaitGroup
	// players are the layers that are played; none comes later.
	players map[place]*player

	// The loop owns what follows.
	member    *group.Member
	line      *line
	media     *stay
	offers    int // publish requests on this line, and
	answers   int // their answers: they have no number
	rebuilds  int
	announced bool // a message about our streams is on its way
	first     bool // no first frame yet
	over      bool
	err       error

	mu        sync.Mutex // owns what follows; held for one packet or one frame
	epochs    *frames.Epochs
	people    map[uint32]Person
	view      session.View
	inlets    map[*inlet]bool
	past      map[streamKey]*StreamStats // of inlets that are gone
	sealed    map[sframe.Context]int
	times     Times
	transport map[string]string // by direction
	sinkErr   error
	lineErr   error // why the last line ended
}

// Times are the moments of a stay.
type Times struct {
	Started    time.Time
	SignedIn   time.Time
	InCall     time.Time // a member for the first time
	FirstFrame time.Time // the first frame of anybody's opened
}

// Join signs in and enters the call. It returns when the device is a member of
// the group, or with why it will not be one; ctx bounds the wait, not the stay.
func Join(ctx context.Context, cfg Config) (*Call, error) {
	c := &Call{cfg: cfg, log: cfg.Log, inbox: make(chan func(), inboxSize), inCall: make(chan struct{}), done: make(chan struct{}), first: true,
		epochs: frames.NewEpochs(), people: make(map[uint32]Person), inlets: make(map[*inlet]bool), past: make(map[streamKey]*StreamStats),
		sealed: make(map[sframe.Context]int), players: make(map[place]*player), transport: make(map[string]string)}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.times.Started = time.Now()
	c.app = newAppliance(cfg.Link.Origin, cfg.Pinned)
	sources, err := cfg.sources()
	if err != nil {
		c.app.close()
		return nil, err
	}
	if c.me, err = c.app.signIn(ctx, cfg); err != nil {
		c.app.close()
		return nil, err
	}
	c.times.SignedIn = time.Now()
	if err = c.app.givePIN(ctx, cfg); err == nil {
		c.device, err = openDevice(cfg.State, cfg.Link.Origin, c.me.ID)
	}
	if err == nil {
		err = c.enrol(ctx)
	}
	if err != nil {
		c.signOut()
		return nil, err
	}
	c.tell(Event{Kind: SignedIn, Detail: c.me.Name})
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.busy.Go(c.keepLine)
	c.busy.Go(c.tick)
	for at, source := range sources {
		c.players[at] = newPlayer(c, at, source)
	}
	for _, p := range c.players {
		c.busy.Go(p.run)
	}
	go c.loop()
	select {
	case <-c.inCall:
		return c, nil
	case <-c.done:
		return nil, c.err
	case <-ctx.Done():
		c.Leave()
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.lineErr != nil {
			return nil, fmt.Errorf("%w: %w", ctx.Err(), c.lineErr)
		}
		return nil, ctx.Err()
	}
}

// enrol makes the device's side of MLS: its key signs, and stands in the key
// log; its name is the account's, as in a browser.
func (c *Call) enrol(ctx context.Context) error {
	log, err := c.inscribe(ctx)
	if err != nil {
		return err
	}
	core, err := session.New(session.Device{Signer: c.device.Signer, Account: mls.AccountID(c.me.ID), ID: mls.DeviceID(c.device.ID), Name: c.me.Name, Log: log}, rand.Reader)
	if err != nil {
		return err
	}
	c.member = group.New(core, group.Room{ID: mls.RoomID(c.cfg.Link.Room), Owner: mls.AccountID(c.cfg.Link.Owner)}, mls.AccountID(c.me.ID))
	return nil
}

// loop runs what happens, one after the other: MLS operations and the server's
// messages must not overtake each other.
func (c *Call) loop() {
	for !c.over {
		(<-c.inbox)()
	}
	c.cancel()
	c.signOut()
	c.busy.Wait()
	c.tell(Event{Kind: Ended, Detail: ended(c.err)})
	close(c.done)
}

func ended(err error) string {
	if err == nil {
		return "left"
	}
	return err.Error()
}

func (c *Call) signOut() {
	if c.cfg.Session == "" {
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		defer cancel()
		c.app.signOut(ctx)
	}
	c.app.close()
}

// post has the loop run f; after the end it is dropped.
func (c *Call) post(f func()) {
	select {
	case c.inbox <- f:
	case <-c.ctx.Done():
	}
}

// later posts f after a while.
func (c *Call) later(d time.Duration, f func()) { time.AfterFunc(d, func() { c.post(f) }) }

func (c *Call) tell(e Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if c.cfg.Event != nil {
		c.cfg.Event(e)
	}
}

// Leave ends the stay and waits for that.
func (c *Call) Leave() {
	c.post(func() {
		c.send(&meetings.Leave{})
		c.finish(nil)
	})
	<-c.done
}

// Remove asks that a leaf be removed; only hosts may.
func (c *Call) Remove(leaf uint32) {
	c.post(func() { c.send(&meetings.Remove{Leaf: mls.LeafIndex(leaf)}) })
}

// Done is closed when the stay is over.
func (c *Call) Done() <-chan struct{} { return c.done }

// Err is why the stay ended; nil if the participant left. Only after Done.
func (c *Call) Err() error { return c.err }

// finish ends the stay: nothing is sent from here on, and the keys go.
func (c *Call) finish(err error) {
	if c.over {
		return
	}
	c.over, c.err = true, err
	c.closeMedia()
	if c.line != nil && err == nil {
		c.line.end()
	}
	c.member.Leave()
	c.mu.Lock()
	c.epochs.End()
	c.mu.Unlock()
}

// apply does what the group's rules say.
func (c *Call) apply(list []group.Effect) {
	for _, e := range list {
		if c.over {
			return
		}
		switch e := e.(type) {
		case group.Send:
			c.send(e.Request)
		case group.FetchTree:
			ctx, cancel := context.WithTimeout(c.ctx, treeLimit)
			tree, err := c.app.tree(ctx, c.cfg.Link.Room, e.Epoch)
			cancel()
			c.apply(c.member.Tree(tree, err, time.Now()))
		case group.Entered:
			c.entered(e.View)
		case group.Moved:
			c.moved(e.View)
		case group.Resumed:
			c.openMedia(true)
			c.announce()
		case group.Left:
			c.closeMedia()
			c.tell(Event{Kind: Reconnecting})
		case group.Knocked:
		case group.KnockLater:
			c.later(knockPause, func() { c.apply(c.member.KnockNow(time.Now())) })
		case group.AskLog:
			c.askLog(e.Sizes)
		case group.KeepLog:
			c.keepSeen(e)
		case group.Said: // chat and the state of tiles: nothing is shown here
		case group.Unsafe:
			c.send(&meetings.Leave{})
			c.finish(&Error{"not-safe", e.Code + " " + e.Detail})
		case group.Failed:
			c.send(&meetings.Leave{})
			c.finish(&Error{e.Code, e.Detail})
		}
	}
}

func (c *Call) entered(v session.View) {
	c.takeView(v)
	c.mu.Lock()
	fresh := c.times.InCall.IsZero()
	if fresh {
		c.times.InCall = time.Now()
	}
	c.mu.Unlock()
	c.tell(Event{Kind: InCall, Epoch: v.Epoch})
	c.openMedia(true)
	c.announce()
	if fresh {
		close(c.inCall)
	}
}

func (c *Call) moved(v session.View) {
	c.takeView(v)
	c.tell(Event{Kind: NextEpoch, Epoch: v.Epoch})
	for _, m := range v.Added {
		c.tellPerson(Joined, m, v.Epoch)
	}
	for _, m := range v.Removed {
		c.tellPerson(Gone, m, v.Epoch)
	}
	if len(v.Added) > 0 {
		c.announce()
	}
}

func (c *Call) tellPerson(kind EventKind, m session.Member, epoch uint64) {
	p := personOf(m)
	c.tell(Event{Kind: kind, Person: &p, Epoch: epoch})
}

func personOf(m session.Member) Person {
	return Person{uint32(m.Leaf), meetings.ID(m.Account), meetings.ID(m.Device), m.Name}
}

// takeView gives the epoch's key to the frames, and their leaves names.
func (c *Call) takeView(v session.View) {
	base, err := c.member.FrameKey()
	if err != nil {
		c.finish(&Error{"core-failed", err.Error()})
		return
	}
	k := frames.Key{Group: v.Group, Epoch: v.Epoch, Own: uint32(v.Own), Fresh: v.Entered, AddOnly: v.AddOnly,
		Padded: v.Room.Profile.Conditions.Has(mls.Padded), Base: base}
	for _, m := range v.Removed {
		k.Removed = append(k.Removed, uint32(m.Leaf))
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.view = v
	clear(c.people)
	for _, m := range v.Members {
		c.people[uint32(m.Leaf)] = personOf(m)
	}
	c.epochs.Accept(k, now)
	for in := range c.inlets {
		c.deliver(in, in.opener.Changed(now))
	}
}

// announce tells the others which streams of ours there are, soon.
func (c *Call) announce() {
	if c.announced {
		return
	}
	c.announced = true
	c.later(announceAfter, func() {
		c.announced = false
		text, err := json.Marshal(struct {
			T      string `json:"t"`
			Mic    bool   `json:"mic"`
			Cam    bool   `json:"cam"`
			Screen bool   `json:"screen"`
			Hand   int    `json:"hand"`
		}{"state", c.cfg.Sound != nil, c.cfg.Picture != nil, false, 0})
		if err != nil {
			return // three truth values
		}
		if list, err := c.member.Say(text); err == nil {
			c.apply(list)
		}
	})
}

// tick looks at what waits.
func (c *Call) tick() {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case now := <-t.C:
			c.mu.Lock()
			c.epochs.Expire(now)
			for in := range c.inlets {
				c.due(in, now)
			}
			c.mu.Unlock()
		}
	}
}

// View is the group as this device sees it.
func (c *Call) View() session.View {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view
}
