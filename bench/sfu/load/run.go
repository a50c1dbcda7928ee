package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"huisclos/media/srtp"
)

// Under is a server under test and the processes that it is made of.
type Under struct {
	Contender
	// PIDs of the server; empty when it runs in the generator's own process, whose time is not the server's alone.
	PIDs []int
	// On is the processor that it runs on and nothing else of the run; -1 if there is none.
	On int
}

// Result is what a scenario gave. Delays are from before a packet is handed to the kernel until the kernel has it in the receiver's
// socket.
type Result struct {
	Scenario    string
	Receivers   int // peers that receive
	Connections int
	Profile     string

	Count
	Sent      uint64 // by publishers
	Expected  uint64 // Media that should have come
	Loss      float64
	Window    time.Duration
	CPU       CPU     // of the server
	PerPacket float64 // microseconds of CPU for each packet that arrived, repairs included
	PerUser   float64
	Busy      float64 // part of one core that the server used
	Others    float64 // part of the server's processor that other programs of the machine used
	Memory    float64 // octets that the server grew by for each receiving peer
	// Idle is the server's memory before anybody came, in octets.
	Idle int64
	// Kept is what a meeting that was held before has left there (-held), in octets.
	Kept int64 `json:",omitempty"`
	// MemoryFile is how much of Memory are pages of files: the program, as it gets used.
	MemoryFile float64
	// MemoryClasses are what the server itself says of all of its memory, in octets; see Accountant.
	MemoryClasses map[string]uint64 `json:",omitempty"`
	DelayP50      time.Duration
	DelayP99      time.Duration
	DelayMax      time.Duration
	// What was negotiated for what receivers get.
	TransportCC, REMB bool

	KeyRequests    uint64 // that publishers got
	GeneratorBusy  float64
	GeneratorLate  time.Duration // 99th percentile of how much later than due packets were sent
	GeneratorDrops uint64        // by full sockets of clients
	ServerDrops    uint64        // by full sockets of others in the namespace: the server's
	BadPackets     uint64        // that didn't open, were nothing known, or could not be sent
}

const (
	joinAtOnce  = 8
	hearWithin  = 90 * time.Second
	settleAfter = 300 * time.Millisecond // what is under way arrives
)

type client struct {
	meeting, name string
	leaf          uint32
	session       Session
	publisher     *publisher
	publishing    *leg
	mu            sync.Mutex
	receivers     map[string]*receiver // by connection
	failed        error
}

type run struct {
	Scenario
	under   Under
	id      identity
	clients []*client
	pump    pump
	cancel  context.CancelFunc
	ctx     context.Context
}

// Run plays a scenario on a server and counts. The server has no other clients meanwhile.
func Run(ctx context.Context, s Scenario, under Under) (Result, error) {
	if err := s.check(); err != nil {
		return Result{}, err
	}
	id, err := newIdentity()
	if err != nil {
		return Result{}, err
	}
	r := &run{Scenario: s, under: under, id: id}
	r.ctx, r.cancel = context.WithCancel(ctx)
	defer r.close()
	before, err := memoryOf(under.PIDs)
	if err != nil {
		return Result{}, err
	}
	if err := r.join(); err != nil {
		return Result{}, err
	}
	res, err := r.measure(before)
	res.Idle = before.All
	return res, err
}

// people makes the clients of all meetings.
func (r *run) people() {
	for m := range r.Meetings {
		senders, all := r.Publishers, r.Publishers+r.Receivers
		if r.Mesh > 0 {
			senders, all = r.Mesh, r.Mesh
		}
		for i := range all {
			c := &client{meeting: fmt.Sprintf("meeting-%d", m), name: fmt.Sprintf("peer-%d-%d", m, i), leaf: uint32(i), receivers: map[string]*receiver{}}
			if i < senders {
				c.publisher = &publisher{}
			}
			r.clients = append(r.clients, c)
		}
	}
}

func (r *run) receives(c *client) bool { return r.Mesh > 0 || c.publisher == nil }

func (r *run) join() error {
	r.people()
	if bare, ok := r.under.Contender.(Bare); ok {
		return r.joinBare(bare)
	}
	for m := range r.Meetings {
		if err := r.under.Open(r.ctx, fmt.Sprintf("meeting-%d", m)); err != nil {
			return err
		}
	}
	if err := r.each(func(c *client) error {
		var err error
		if c.session, err = r.under.Join(r.ctx, c.meeting, Peer{c.name, c.leaf, c.publisher != nil, r.receives(c)}); err != nil || c.publisher == nil {
			return err
		}
		return r.publish(c)
	}); err != nil {
		return err
	}
	go r.keepConsent()
	r.startPump()
	return r.each(func(c *client) error {
		if !r.receives(c) {
			return nil
		}
		return c.session.Subscribe(r.ctx, func(connection, offer string) (string, error) { return r.answer(c, connection, offer) })
	})
}

// each runs something for all clients, a few at a time.
func (r *run) each(do func(*client) error) error {
	var group sync.WaitGroup
	turn := make(chan struct{}, joinAtOnce)
	failures := make(chan error, len(r.clients))
	for _, c := range r.clients {
		turn <- struct{}{}
		group.Go(func() {
			defer func() { <-turn }()
			if err := do(c); err != nil {
				failures <- fmt.Errorf("%s: %w", c.name, err)
			}
		})
	}
	group.Wait()
	close(failures)
	return <-failures
}

func (r *run) startPump() {
	r.pump = pump{arrival: r.Arrival, rate: r.Rate, phases: r.Phases}
	for _, c := range r.clients {
		if c.publisher != nil {
			r.pump.publishers = append(r.pump.publishers, c.publisher)
		}
	}
	r.pump.start()
}

func (r *run) publish(c *client) error {
	l := newLeg(r.id)
	c.publishing, c.publisher = l, newPublisher(l, c.leaf)
	p := c.publisher
	answer, err := c.session.Publish(r.ctx, l.near.offer(p.ssrcs[sound], p.ssrcs[video], p.repair))
	if err != nil {
		return err
	}
	f, err := readDescription(answer)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	for _, s := range f.sections {
		p.midID, p.twccID = max(p.midID, s.midID), max(p.twccID, s.twccID)
	}
	return l.connect(r.ctx, r.under.Media(), f)
}

// answer is called with each offer of the server, one at a time for each client.
func (r *run) answer(c *client, connection, offer string) (string, error) {
	f, err := readDescription(offer)
	if err != nil {
		return "", fmt.Errorf("offer: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	rc := c.receivers[connection]
	if rc == nil {
		l := newLeg(r.id)
		l.near.answers = true
		rc = newReceiver(l, c.leaf, r.Feedback)
		c.receivers[connection] = rc
		defer func() {
			go func() {
				if err := l.connect(r.ctx, r.under.Media(), f); err != nil && r.ctx.Err() == nil {
					c.mu.Lock()
					c.failed = err
					c.mu.Unlock()
				}
			}()
		}()
	}
	rc.expect(f)
	rc.leg.version++
	return rc.leg.near.answer(f, rc.leg.version), nil
}

// joinBare makes sockets and keys, which a server without signalling is told.
func (r *run) joinBare(bare Bare) error {
	const profile = srtp.AEADAES256GCM
	var legs []BareLeg
	add := func(c *client, publishes bool) (*leg, error) {
		l := newLeg(r.id)
		if err := l.dial(r.under.Media()); err != nil {
			return nil, err
		}
		b := BareLeg{Address: l.local, Meeting: c.meeting, Peer: c.name, Publishes: publishes,
			Key: random(profile.KeyLength()), Salt: random(profile.SaltLength())}
		legs = append(legs, b)
		close(l.checked)
		other := srtp.Master{Key: random(profile.KeyLength()), Salt: random(profile.SaltLength())}
		return l, l.key(profile, srtp.Master{Key: b.Key, Salt: b.Salt}, pick(publishes, other, srtp.Master{Key: b.Key, Salt: b.Salt}))
	}
	for _, c := range r.clients {
		if c.publisher != nil {
			l, err := add(c, true)
			if err != nil {
				return err
			}
			c.publishing, c.publisher = l, newPublisher(l, c.leaf)
			c.publisher.midID, c.publisher.twccID = midID, twccID
			go l.read()
		}
		if r.receives(c) {
			l, err := add(c, false)
			if err != nil {
				return err
			}
			rc := newReceiver(l, c.leaf, r.Feedback)
			rc.twcc, rc.bare = twccID, true
			rc.types = map[uint8]flowKind{opusType: soundFlow, vp8Type: videoFlow, rtxType: repairFlow}
			c.receivers["bare"] = rc
			go l.read()
		}
	}
	if err := bare.Start(r.ctx, profile, legs); err != nil {
		return err
	}
	r.startPump()
	return nil
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// keepConsent repeats the checks of all connections until the run ends.
func (r *run) keepConsent() {
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-time.After(consentEvery):
		}
		for _, c := range r.clients {
			for _, l := range c.legs() {
				select {
				case <-l.checked:
					_ = l.consent()
				default:
				}
			}
		}
	}
}

func (c *client) legs() (legs []*leg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.publishing != nil {
		legs = append(legs, c.publishing)
	}
	for _, rc := range c.receivers {
		legs = append(legs, rc.leg)
	}
	return legs
}

func (c *client) connections() (all []*receiver) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rc := range c.receivers {
		all = append(all, rc)
	}
	return all
}

// hear waits until every receiver hears every flow, both sound and video.
func (r *run) hear() error {
	deadline := time.Now().Add(hearWithin)
	for {
		missing, first := 0, ""
		for _, c := range r.clients {
			if !r.receives(c) {
				continue
			}
			n := 0
			for _, rc := range c.connections() {
				n += rc.heard()
			}
			c.mu.Lock()
			failed := c.failed
			c.mu.Unlock()
			if failed != nil {
				return fmt.Errorf("%s: %w", c.name, failed)
			}
			if want := 2 * r.Flows(); n < want {
				if missing == 0 {
					first = fmt.Sprintf("%s hears %d of %d flows over %d connections", c.name, n, want, len(c.connections()))
				}
				missing++
			}
		}
		switch {
		case missing == 0:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("load: %d receivers don't hear everything: %s", missing, first)
		}
		select {
		case <-r.ctx.Done():
			return r.ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (r *run) close() {
	r.cancel()
	if r.pump.stop != nil {
		select {
		case <-r.pump.stopped:
		default:
			r.pump.end()
		}
	}
	for _, c := range r.clients { // first of all, so that no server complains to us of what ends
		if c.session != nil {
			_ = c.session.Close()
		}
	}
	for _, c := range r.clients {
		for _, l := range c.legs() {
			l.close()
		}
	}
}

var errNothing = errors.New("load: nothing arrived")

func percentile(sorted []int32, part float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return time.Duration(sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]) * time.Microsecond
}

func (r *run) delays(res *Result, samples []int32) {
	slices.Sort(samples)
	res.DelayP50, res.DelayP99, res.DelayMax = percentile(samples, 0.5), percentile(samples, 0.99), percentile(samples, 1)
}
