package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"huisclos/client"
	"huisclos/client/tape"
)

const (
	// settle lets the room come to rest before it is looked at, for look.
	settle, look = 3 * time.Second, 8 * time.Second
	// lookElsewhere is longer, since an answer from another machine may take a second.
	lookElsewhere = 30 * time.Second
	// patience is how long a join may take before it counts as failed.
	patience = 2 * time.Minute
	leaves   = 3
	// perAccount is how many connections of one account a room takes, less one.
	perAccount = 15
	everyFrame = 200 * time.Millisecond
)

// clip is the sound that is played, slowly: what is measured is the room, not the throughput.
func clip(name string) ([]client.Frame, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := tape.ReadSound(f)
	for i := range list {
		list[i].Lasts = everyFrame
	}
	return list, err
}

// watcher is what one participant saw.
type watcher struct {
	mu     sync.Mutex
	epochs map[uint64]time.Time // when it was in an epoch
	heard  map[uint64]time.Time // when it opened the first frame of one
	first  chan struct{}
}

func newWatcher() *watcher {
	return &watcher{epochs: map[uint64]time.Time{}, heard: map[uint64]time.Time{}, first: make(chan struct{})}
}

func (w *watcher) event(e client.Event) {
	switch e.Kind {
	case client.InCall, client.NextEpoch:
		w.mu.Lock()
		w.epochs[e.Epoch] = e.At
		w.mu.Unlock()
	case client.FirstFrame:
		close(w.first)
	}
}

func (w *watcher) Take(r client.Received) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.heard[r.Epoch]; !known {
		w.heard[r.Epoch] = time.Now()
	}
	return nil
}

func (w *watcher) at(epoch uint64) (in, heard time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.epochs[epoch], w.heard[epoch]
}

type participant struct {
	call *client.Call
	*watcher
	playing bool
}

// measure is one room from its first participant to its last.
func measure(ctx context.Context, start func(context.Context) (*server, error), n, play, camera int, spread time.Duration, frames []client.Frame) (r Result, err error) {
	s, err := start(ctx)
	if err != nil {
		return r, err
	}
	defer s.stop()
	accounts, link, err := s.furnish(ctx, 1+(n-2)/perAccount+1)
	if err != nil {
		return r, err
	}
	play = min(play, n)
	if camera > 0 {
		play = n
	}
	r = Result{People: n, Playing: play, Camera: camera, Spread: spread.Seconds()}
	join := func(i int) (*participant, error) {
		who := accounts[0]
		if i > 0 {
			who = accounts[1+(i-1)/perAccount]
		}
		w := newWatcher()
		none := 0
		cfg := client.Config{Link: link, Session: who.token, As: &who.account, Pinned: &s.pin, Admit: i == 0, Transport: "udp", Sink: w, Event: w.event, Height: &none}
		switch {
		case camera > 0:
			wanted := 720
			cfg.Sound, cfg.Picture, cfg.Height = newNoise(soundRate, soundLasts, false), newNoise(camera, pictureLasts, true), &wanted
		case i < play:
			cfg.Sound = tape.Loop(frames)
		}
		within, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		c, err := client.Join(within, cfg)
		if err != nil {
			return nil, err
		}
		return &participant{c, w, i < play}, nil
	}
	host, err := join(0)
	if err != nil {
		return r, fmt.Errorf("the host: %w", err)
	}
	people := []*participant{host}
	defer func() {
		var leaving sync.WaitGroup
		for _, p := range people {
			leaving.Go(p.call.Leave)
		}
		leaving.Wait()
	}()

	var mu sync.Mutex // owns people and r while they come
	var coming sync.WaitGroup
	began, used, own := time.Now(), s.cpu(), ownCPU()
	ran, stood := s.scheduled()
	for i := 1; i < n; i++ {
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(time.Until(began.Add(spread * time.Duration(i-1) / time.Duration(n-1)))):
		}
		coming.Go(func() {
			p, err := join(i)
			if err == nil {
				select {
				case <-p.first:
				case <-time.After(patience):
					err = errors.New("a member, but no frame opened")
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if p != nil {
				people = append(people, p)
			}
			if err != nil {
				if r.Failed++; r.Why == "" {
					r.Why = err.Error()
				}
			}
		})
	}
	coming.Wait()
	r.PeakCPU, r.ClientsOwn = percent(s.cpu()-used, time.Since(began)), percent(ownCPU()-own, time.Since(began))
	if now, waits := s.scheduled(); now > ran {
		r.Waited = max(0, (waits-stood).Seconds()/(now-ran).Seconds())
	}
	var joins, members []float64
	for _, p := range people[1:] {
		t := p.call.Stats().Times
		members = append(members, ms(t.InCall.Sub(t.Started)))
		if !t.FirstFrame.IsZero() {
			joins = append(joins, ms(t.FirstFrame.Sub(t.Started)))
		}
	}
	r.Came = len(joins) + 1
	r.Join50, r.Join95, r.Member = quantile(joins, 0.5), quantile(joins, 0.95), quantile(members, 0.95)

	time.Sleep(settle)
	was := s.sample(people)
	time.Sleep(pick(s.cmd == nil, look, lookElsewhere))
	is := s.sample(people)
	took := is.at.Sub(was.at)
	if camera > 0 {
		r.Packets, r.Lost = float64(is.packets-was.packets)/took.Seconds(), float64(is.lost-was.lost)/took.Seconds()
		r.PerPacket = 1e6 * (is.cpu - was.cpu).Seconds() / max(1, float64(is.packets-was.packets))
		if is.alone {
			r.Megabits = float64(is.octets-was.octets) * 8 / 1e6 / took.Seconds()
		}
	}
	r.ServerCPU, r.ClientsCPU = percent(is.cpu-was.cpu, took), percent(is.own-was.own, took)
	r.ServerMem, r.ClientsMem = is.memory, ownMemory()
	if is.machine.of > was.machine.of {
		r.Machine = 100 * float64(is.machine.busy-was.machine.busy) / float64(is.machine.of-was.machine.of)
	}
	r.MachineMem = is.machine.taken

	var rekeys, again []float64
	for range leaves {
		if len(people) < 3 || r.Failed > 0 {
			break // who is alone hears nobody
		}
		one := people[len(people)-1]
		if one.playing && len(people) > play {
			break
		}
		people = people[:len(people)-1]
		all, heard, err := rekey(ctx, one, people)
		if err != nil {
			if r.Why == "" {
				r.Why = err.Error()
			}
			break
		}
		rekeys, again = append(rekeys, all), append(again, heard)
	}
	r.Rekey, r.RekeyHear = quantile(rekeys, 0.5), quantile(again, 0.5)
	return r, nil
}

// rekey has one leave, and waits until the others are in the epoch without it and have opened a frame of it.
func rekey(ctx context.Context, leaver *participant, others []*participant) (all, heard float64, err error) {
	next := others[0].call.Stats().Epoch + 1
	began := time.Now()
	go leaver.call.Leave()
	playing := 0
	for _, p := range others {
		if p.playing {
			playing++
		}
	}
	var last, lastHeard time.Time
	for _, p := range others {
		for {
			in, first := p.at(next)
			alone := playing == 0 || p.playing && playing == 1
			if !in.IsZero() && (alone || !first.IsZero()) {
				if in.After(last) {
					last = in
				}
				if first.After(lastHeard) {
					lastHeard = first
				}
				break
			}
			if time.Since(began) > patience || ctx.Err() != nil {
				return 0, 0, errors.New("no new epoch after somebody left")
			}
			time.Sleep(time.Millisecond)
		}
	}
	return ms(last.Sub(began)), ms(lastHeard.Sub(began)), nil
}

// sample is what there was at a moment.
type sample struct {
	at       time.Time
	cpu, own time.Duration // of the server and of all participants
	memory   float64       // of the server, MiB
	machine  machine       // that it runs on, if that is another
	packets  int           // that had arrived at all participants
	lost     int
	octets   int64 // that were carried
	alone    bool  // with nothing of others among them
}

func (s *server) sample(people []*participant) (now sample) {
	told := s.told()
	now.at, now.own = time.Now(), ownCPU()
	now.octets, now.alone = carried(s.cmd == nil)
	now.packets, now.lost = arrived(people)
	now.cpu, now.memory, now.machine = processorTime(told), resident(told), machineOf(told)
	return now
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func percent(used, of time.Duration) float64 { return 100 * used.Seconds() / of.Seconds() }

// quantile is the value that a share of all does not exceed; 0 of none.
func quantile(list []float64, share float64) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[min(len(list)-1, int(float64(len(list))*share))]
}
