package load

import (
	"bytes"
	"net"
	"os"
	"sync"
	"time"
)

// records is a leg's socket as DTLS sees it: what the reader sorted out.
type records struct {
	mu       sync.Mutex
	queue    [][]byte
	wake     chan struct{}
	done     chan struct{}
	once     sync.Once
	write    func(b []byte) (int, error)
	deadline deadline
}

// deadline tells a waiting reader that its time is over.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	over  chan struct{}
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	over := make(chan struct{})
	d.over, d.timer = over, nil
	if !t.IsZero() {
		d.timer = time.AfterFunc(time.Until(t), sync.OnceFunc(func() { close(over) }))
	}
}

func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

func newRecords(write func([]byte) (int, error)) *records {
	r := &records{write: write, wake: make(chan struct{}, 1), done: make(chan struct{})}
	r.deadline.set(time.Time{})
	return r
}

func (r *records) deliver(b []byte) {
	r.mu.Lock()
	r.queue = append(r.queue, bytes.Clone(b))
	r.mu.Unlock()
	r.stir()
}

// stir makes a waiting reader look again.
func (r *records) stir() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *records) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		r.mu.Lock()
		if len(r.queue) > 0 {
			n := copy(b, r.queue[0])
			r.queue = r.queue[1:]
			r.mu.Unlock()
			return n, farEnd, nil
		}
		r.mu.Unlock()
		select {
		case <-r.wake:
		case <-r.done:
			return 0, nil, net.ErrClosed
		case <-r.deadline.wait():
			return 0, nil, os.ErrDeadlineExceeded
		}
	}
}

func (r *records) WriteTo(b []byte, _ net.Addr) (int, error) { return r.write(b) }

func (r *records) Close() error {
	r.once.Do(func() { close(r.done) })
	return nil
}

type end struct{}

func (end) Network() string { return "ice" }
func (end) String() string  { return "server" }

var farEnd net.Addr = end{}

func (r *records) LocalAddr() net.Addr                { return farEnd }
func (r *records) SetDeadline(t time.Time) error      { return r.SetReadDeadline(t) }
func (r *records) SetReadDeadline(t time.Time) error  { r.deadline.set(t); r.stir(); return nil }
func (r *records) SetWriteDeadline(t time.Time) error { return nil }
