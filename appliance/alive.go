package appliance

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// A door is a listener to which the appliance itself can knock from inside: a confined process opens no connection, not
// even to its own port. It stands behind the limits on connections, so that a flood, which fills them, is not taken for a
// fault that a restart would mend. From there on a knock takes the way of every other connection.
type door struct {
	net.Listener
	conns  chan net.Conn
	failed chan error
	closed chan struct{}
	stop   func()
}

func newDoor(l net.Listener) *door {
	d := &door{Listener: l, conns: make(chan net.Conn), failed: make(chan error), closed: make(chan struct{})}
	d.stop = sync.OnceFunc(func() { close(d.closed) })
	go d.accept()
	return d
}

// accept hands errors on as well: whether one is of the moment is for the caller to say, by accepting again or closing.
func (d *door) accept() {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			select {
			case d.failed <- err:
				continue
			case <-d.closed:
				return
			}
		}
		select {
		case d.conns <- c:
		case <-d.closed:
			_ = c.Close() // nobody takes it any more
			return
		}
	}
}

func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.conns:
		return c, nil
	case err := <-d.failed:
		return nil, err
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

func (d *door) Close() error {
	d.stop()
	return d.Listener.Close()
}

// shut reports whether no more connections are taken.
func (d *door) shut() bool {
	select {
	case <-d.closed:
		return true
	default:
		return false
	}
}

// knock opens a connection from inside.
func (d *door) knock(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case d.conns <- theirs:
		return ours, nil
	case <-d.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, errors.New("no connection is accepted")
	}
}

// alive reports whether the appliance does its work: a connection is accepted and gets its health page over TLS, with the
// certificate in use; every room and every call answers; the database can be read.
func (a *Appliance) alive(ctx context.Context) error {
	if err := a.healthy(ctx); err != nil {
		return fmt.Errorf("the pages do not answer: %w", err)
	}
	inside := make(chan error, 1)
	go func() {
		a.hall.Calls() // asks the loop of each room, and the media plane for each call
		_, err := a.accounts.SetupNeeded()
		inside <- err
	}()
	select {
	case err := <-inside:
		return err
	case <-ctx.Done():
		return errors.New("rooms, media or the database do not answer")
	}
}

func (a *Appliance) healthy(ctx context.Context) error {
	conn, err := a.door.knock(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // a pipe takes every deadline
	}
	// The certificate may be for no name that could be asked for here: it is the one in use, or it is not.
	secure := tls.Client(conn, &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
		if len(raw) == 0 || !a.keeper.Serves(raw[0]) {
			return errors.New("another certificate than the one in use")
		}
		return nil
	}})
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	if _, err := io.WriteString(secure, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(secure), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable { // busy is alive
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}

// statusEvery is how often the service manager's status line is brought up to date without a watchdog.
const statusEvery = time.Minute

// watch tells the service manager of each check that went well, twice in the time that it gives. After one that did not,
// it hears nothing, and will start us again.
func (a *Appliance) watch(n notifier) {
	if n.conn == nil {
		return
	}
	every := statusEvery
	if n.within > 0 {
		every = n.within / 2
	}
	a.every(every, func(time.Time) {
		if n.within == 0 {
			n.say("STATUS=" + a.sentence())
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), every*3/4)
		defer cancel()
		if err := a.alive(ctx); err != nil {
			a.log.Error("not alive", "error", err)
			n.say("STATUS=Ne répond plus ; la cause est dans le journal. / Does not answer; the cause is in the journal.")
			return
		}
		n.say("WATCHDOG=1", "STATUS="+a.sentence())
	})
}
