package client

import (
	"context"
	"crypto/rand"
	"errors"
	"math/big"
	"net/http"
	"time"

	"huisclos/client/wire"
	"huisclos/meetings"
	"huisclos/meetings/signalling"
)

const (
	firstWait, longestWait = 250 * time.Millisecond, 2 * time.Second
	openLimit              = 10 * time.Second
	writeLimit             = 15 * time.Second
	pingEvery, pingLimit   = 5 * time.Second, 10 * time.Second
)

// waitBefore is the n-th wait before a line is made again (n from 0): doubling
// from 250 ms to 2 s, then ±25 % by random (0 to 1), so that a restarted server
// has everybody back soon and not at once.
func waitBefore(n int, random float64) time.Duration {
	d := min(longestWait, firstWait<<min(n, 10))
	return time.Duration(float64(d) * (0.75 + random/2))
}

// A line is one connection to the server.
type line struct {
	client *wire.Client
	gone   chan struct{} // closed when nothing more is read
}

// end waits until the server has heard the last words, and then closes.
func (l *line) end() {
	select {
	case <-l.gone:
	case <-time.After(goodbye):
	}
	l.client.Cut()
}

// keepLine connects, reads, and connects again until the stay is over.
func (c *Call) keepLine() {
	for tries := 0; ; tries++ {
		err := c.oneLine(func() { tries = 0 })
		if c.ctx.Err() != nil {
			return
		}
		if final := finalError(err); final != nil {
			c.post(func() { c.finish(final) })
			return
		}
		c.log.Info("line lost", "error", err)
		c.mu.Lock()
		c.lineErr = err
		c.mu.Unlock()
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(waitBefore(tries, fraction())):
		}
	}
}

func fraction() float64 {
	n, err := rand.Int(rand.Reader, big.NewInt(1000))
	if err != nil {
		return 0.5
	}
	return float64(n.Int64()) / 1000
}

// oneLine is one connection from its beginning to its end.
func (c *Call) oneLine(up func()) error {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	dial, stop := context.WithTimeout(ctx, openLimit)
	client, err := wire.Dial(dial, c.app.socketClient(), c.cfg.Link.Origin, c.cfg.Link.Room)
	stop()
	if err != nil {
		return err
	}
	up()
	l := &line{client, make(chan struct{})}
	defer close(l.gone)
	c.busy.Go(func() { keepAlive(ctx, client) })
	c.post(func() { c.lineUp(l) })
	for {
		m, err := client.Read(ctx)
		if err != nil {
			client.Cut()
			go c.post(func() { c.lineDown(l) }) // the loop may be waiting for the end of this
			return err
		}
		c.post(func() {
			if c.line == l {
				c.heard(m)
			}
		})
	}
}

// keepAlive cuts a line that does not answer: TCP alone finds out much later.
func keepAlive(ctx context.Context, client *wire.Client) {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		limited, cancel := context.WithTimeout(ctx, pingLimit)
		err := client.Ping(limited)
		cancel()
		if err != nil {
			client.Cut()
			return
		}
	}
}

// finalError is why there is no use in connecting again; nil where there is.
func finalError(err error) error {
	var refused *wire.Refused
	var closed *wire.Closed
	switch {
	case errors.Is(err, errPinned):
		return err
	case errors.Is(err, signalling.ErrMalformed), errors.Is(err, signalling.ErrUnknown), errors.Is(err, signalling.ErrField):
		return &Error{"protocol", err.Error()}
	case errors.As(err, &refused):
		switch refused.Status {
		case http.StatusUnauthorized:
			return &Error{"not-signed-in", ""}
		case http.StatusForbidden: // the role opens no room, or needs a second factor by now
			return &Error{"forbidden", ""}
		case http.StatusNotFound:
			return &Error{"room-unknown", ""}
		}
	case errors.As(err, &closed):
		if code := map[meetings.CloseCode]string{meetings.CloseReload: "other-version", meetings.CloseReplaced: "replaced", meetings.CloseRemoved: "removed",
			meetings.CloseSession: "session-ended", meetings.CloseRoomDeleted: "room-deleted", meetings.CloseBadMessage: "protocol",
			meetings.CloseDenied: "denied"}[closed.Code]; code != "" {
			return &Error{code, closed.Reason}
		}
	}
	return nil
}

// send says something to the server. Without a line it is lost: what matters is
// said again after the next hello.
func (c *Call) send(q meetings.Request) bool {
	if c.line == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(c.ctx, writeLimit)
	defer cancel()
	if err := c.line.client.Write(ctx, q); err != nil {
		c.log.Info("not said", "error", err)
		c.line.client.Cut()
		return false
	}
	return true
}

func (c *Call) lineUp(l *line) {
	c.line = l
	c.hello(c.cfg.TakeOver || c.member.Position() != nil)
}

func (c *Call) hello(replace bool) {
	c.member.LineUp()
	c.send(&meetings.Hello{Protocol: meetings.ProtocolVersion, Device: c.device.ID, SignatureKey: c.device.Signer.PublicKey(), Name: c.me.Name,
		Replace: replace, Resume: c.member.Position()})
}

func (c *Call) lineDown(l *line) {
	if c.line == l {
		c.line = nil
		c.tell(Event{Kind: Reconnecting})
	}
}

// heard takes one message of the server.
func (c *Call) heard(m meetings.Message) {
	switch m := m.(type) {
	case *meetings.DeviceBusy:
		c.finish(&Error{"device-busy", ""})
	case *meetings.Lobby:
		c.apply(c.member.Admit(m, c.cfg.Admit, time.Now()))
	case *meetings.Waiting:
		c.tell(Event{Kind: Waiting, Detail: string(m.Reason)})
	case *meetings.Denied:
		c.finish(&Error{"denied", ""})
	case *meetings.Removed:
		c.finish(&Error{"removed", string(m.Reason)})
	case *meetings.Ended:
		c.finish(&Error{"ended", m.Reason})
	case *meetings.Published:
		c.published(m.Answer)
	case *meetings.Offer:
		c.offered(m)
	case *meetings.MediaLink:
		c.linked(m)
	case *meetings.MediaRefused:
		c.gateRefused(m)
	case *meetings.MessageRefused:
		c.announce()
	case *meetings.Failure:
		c.requestFailed(m)
		c.apply(c.member.Take(m, time.Now()))
	default:
		c.apply(c.member.Take(m, time.Now()))
	}
}
