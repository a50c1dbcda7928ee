package load

import (
	"container/heap"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// pump sends what all publishers send, each at its own phase, from one thread that sleeps in the kernel: Go's timers would gather
// what is due within a millisecond.
type pump struct {
	publishers []*publisher
	arrival    Arrival
	rate       float64
	phases     uint64
	late       []time.Duration // how much later than due something was sent, of the last run; read between runs

	stopped chan struct{}
	stop    chan struct{}
}

type due struct {
	at    time.Time
	every time.Duration
	of    *publisher
	video bool
}

type schedule []due

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].at.Before(s[j].at) }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *schedule) Push(x any)        { *s = append(*s, x.(due)) }
func (s *schedule) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

func (p *pump) start() {
	p.stop, p.stopped = make(chan struct{}), make(chan struct{})
	go p.run()
}

// end returns when nothing is sent any more.
func (p *pump) end() {
	close(p.stop)
	<-p.stopped
}

func (p *pump) run() {
	defer close(p.stopped)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p.late = p.late[:0]
	frame := time.Duration(float64(time.Second) / (FramesPerSecond * p.rate))
	every := frame
	if p.arrival == Spaced {
		every /= FramePackets
	}
	voice := time.Duration(float64(time.Second) / (SoundPerSecond * p.rate))
	start, phases := time.Now(), rand.New(rand.NewPCG(p.phases, 0))
	after := func(most time.Duration) time.Time { return start.Add(time.Duration(phases.Int64N(int64(most)))) }
	events := make(schedule, 0, 2*len(p.publishers))
	for _, of := range p.publishers {
		events = append(events, due{after(frame), every, of, true}, due{after(voice), voice, of, false})
	}
	heap.Init(&events)
	for {
		next := &events[0]
		now := time.Now()
		if wait := next.at.Sub(now); wait > 0 {
			select {
			case <-p.stop:
				return
			default:
			}
			ts := unix.NsecToTimespec(int64(wait))
			_ = unix.Nanosleep(&ts, nil) // woken early: it is looked at again
			continue
		}
		p.late = append(p.late, now.Sub(next.at))
		switch of := next.of; {
		case !next.video:
			of.sendSound(p.rate)
			of.report(now)
		case p.arrival == Spaced:
			of.sendVideo(p.rate)
		default:
			for !of.sendVideo(p.rate) {
			}
		}
		// What a stall of this machine made it miss is left out: no two clients would catch up together.
		if next.at = next.at.Add(next.every); next.at.Before(now) {
			next.at = now.Add(next.every)
		}
		heap.Fix(&events, 0)
	}
}

// lateness is the 99th percentile of the last run.
func (p *pump) lateness() time.Duration {
	if len(p.late) == 0 {
		return 0
	}
	slices.Sort(p.late)
	return p.late[len(p.late)*99/100]
}
