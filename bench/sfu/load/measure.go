package load

import (
	"crypto/rand"
	"os"
	"time"
)

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return b
}

// mark is what is read at both ends of what is counted.
type mark struct {
	at              time.Time
	server, own     CPU
	busy            time.Duration // of the server's processor
	ours, others    uint64
	sent            uint64
	requests, wrong uint64
}

func (r *run) mark(ports map[uint16]bool) (m mark, err error) {
	if m.server, err = cpuOfAll(r.under.PIDs); err != nil {
		return m, err
	}
	if m.own, err = cpuOf(os.Getpid()); err != nil {
		return m, err
	}
	if r.under.On >= 0 && len(r.under.PIDs) > 0 {
		if m.busy, err = busy(r.under.On); err != nil {
			return m, err
		}
	}
	m.at = time.Now()
	m.ours, m.others = drops(ports)
	for _, c := range r.clients {
		if p := c.publisher; p != nil {
			m.sent += p.sent[sound].Load() + p.sent[video].Load()
			m.requests += p.keyRequests.Load()
		}
		for _, l := range c.legs() {
			m.wrong += l.badOpens.Load() + l.unusable.Load() + l.unsealed.Load()
		}
	}
	return m, nil
}

// measure counts over the window, between two moments at which nothing is under way: so nothing is counted half.
func (r *run) measure(before Memory) (Result, error) {
	if err := r.hear(); err != nil {
		return Result{}, err
	}
	if err := r.sleep(r.Warmup); err != nil {
		return Result{}, err
	}
	r.pump.end()
	if err := r.sleep(settleAfter); err != nil {
		return Result{}, err
	}
	ports := map[uint16]bool{}
	res := Result{Scenario: r.Name, Receivers: r.PeersReceiving()}
	for _, c := range r.clients {
		for _, l := range c.legs() {
			ports[l.local.Port()] = true
			res.Connections++
			res.Profile = l.profile.String()
		}
		for _, rc := range c.connections() {
			rc.begin()
			res.TransportCC, res.REMB = res.TransportCC || rc.twcc != 0, res.REMB || rc.remb
		}
	}
	first, err := r.mark(ports)
	if err != nil {
		return Result{}, err
	}
	r.pump.start()
	err = r.sleep(r.Window)
	r.pump.end()
	if err != nil {
		return Result{}, err
	}
	sending := time.Since(first.at)
	if err := r.sleep(settleAfter); err != nil {
		return Result{}, err
	}
	last, err := r.mark(ports)
	if err != nil {
		return Result{}, err
	}
	after, err := memoryOf(r.under.PIDs)
	if err != nil {
		return Result{}, err
	}
	res.Window = sending
	res.Sent, res.KeyRequests, res.BadPackets = last.sent-first.sent, last.requests-first.requests, last.wrong-first.wrong
	res.GeneratorDrops, res.ServerDrops = last.ours-first.ours, last.others-first.others
	res.CPU = last.server.sub(first.server)
	res.Others = max(0, float64(last.busy-first.busy-res.CPU.Total)/float64(last.at.Sub(first.at)))
	res.GeneratorBusy = float64(last.own.sub(first.own).Total) / float64(sending)
	res.GeneratorLate = r.pump.lateness()
	res.Memory = float64(after.All-before.All) / float64(res.Receivers)
	res.MemoryFile = float64(after.File-before.File) / float64(res.Receivers)
	if a, ok := r.under.Contender.(Accountant); ok {
		if res.MemoryClasses, err = a.Memory(r.ctx); err != nil {
			return Result{}, err
		}
	}
	return res, r.count(&res)
}

func (r *run) count(res *Result) error {
	var samples []int32
	for _, c := range r.clients {
		for _, rc := range c.connections() {
			n, delays := rc.counted()
			res.Media += n.Media
			res.Repairs += n.Repairs
			res.Padding += n.Padding
			res.Late += n.Late
			res.Opened += n.Opened
			res.Wrong += n.Wrong
			res.NACKs += n.NACKs
			res.Feedbacks += n.Feedbacks
			res.Reports += n.Reports
			res.Missing += n.Missing
			samples = append(samples, delays...)
		}
	}
	// All meetings are alike, and each receiver hears as many publishers.
	publishers := len(r.pump.publishers)
	res.Expected = res.Sent * uint64(res.Receivers*r.Flows()) / uint64(publishers)
	if res.Media == 0 {
		return errNothing
	}
	res.Loss = max(0, 1-float64(res.Media)/float64(res.Expected))
	packets := float64(res.Media + res.Repairs)
	res.PerPacket = float64(res.CPU.Total.Nanoseconds()) / 1000 / packets
	if ticks := res.CPU.User + res.CPU.System; ticks > 0 {
		res.PerUser = res.PerPacket * float64(res.CPU.User) / float64(ticks)
	}
	res.Busy = float64(res.CPU.Total) / float64(res.Window)
	r.delays(res, samples)
	return nil
}

func (r *run) sleep(d time.Duration) error {
	select {
	case <-r.ctx.Done():
		return r.ctx.Err()
	case <-time.After(d):
		return nil
	}
}
