package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// tcpPath is an ICE-TCP connection (RFC 6544), framed by RFC 4571.
type tcpPath struct {
	conn    net.Conn
	address netip.AddrPort
	queue   chan []byte
	done    chan struct{}
	once    sync.Once
}

func (t *tcpPath) remote() netip.AddrPort { return t.address }
func (t *tcpPath) network() string        { return "tcp" }

func (t *tcpPath) close() {
	t.once.Do(func() {
		close(t.done)
		t.conn.Close()
	})
}

var errFull = errors.New("transport: TCP connection takes no more")

// write never waits: a slow connection loses packets, as a slow line does.
func (t *tcpPath) write(b []byte) error {
	framed := make([]byte, 2+len(b))
	binary.BigEndian.PutUint16(framed, uint16(len(b)))
	copy(framed[2:], b)
	select {
	case t.queue <- framed:
		return nil
	default:
		return errFull
	}
}

func (t *tcpPath) run() {
	defer t.close()
	var batch net.Buffers
	for {
		batch = batch[:0]
		select {
		case b := <-t.queue:
			batch = append(batch, b)
		case <-t.done:
			return
		}
		for more := true; more && len(batch) < 32; {
			select {
			case b := <-t.queue:
				batch = append(batch, b)
			default:
				more = false
			}
		}
		if t.conn.SetWriteDeadline(time.Now().Add(tcpWriteWithin)) != nil {
			return
		}
		whole := bytes.Join(batch, nil)
		if _, err := t.conn.Write(whole); err != nil {
			return
		}
	}
}

func (p *port) acceptTCP() {
	for {
		conn, err := p.tcp.Accept()
		if err != nil {
			if temporary(err) {
				select {
				case <-p.done:
					return
				case <-time.After(20 * time.Millisecond):
				}
				continue
			}
			return
		}
		select {
		case p.undecided <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		p.running.Add(1)
		go func() {
			defer p.running.Done()
			p.serveTCP(conn)
		}()
	}
}

// serveTCP reads one connection. It belongs to the link whose password its
// first frame knows; before that it is worth one small buffer.
func (p *port) serveTCP(conn net.Conn) {
	defer conn.Close()
	defer p.guard("tcp")
	undecided := true
	decide := func() {
		if undecided {
			undecided = false
			<-p.undecided
		}
	}
	defer decide()
	addr, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return
	}
	from := addr.AddrPort()
	t := &tcpPath{conn: conn, address: netip.AddrPortFrom(from.Addr().Unmap(), from.Port()),
		queue: make(chan []byte, tcpWriteQueue), done: make(chan struct{})}
	defer t.close()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-p.done:
			t.close()
		case <-stop:
		}
	}()
	if conn.SetReadDeadline(time.Now().Add(authenticateWithin)) != nil {
		return
	}
	var owner *link
	var head [2]byte
	buffer := make([]byte, maxDatagram)
	for {
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			break
		}
		size := int(binary.BigEndian.Uint16(head[:]))
		if size > maxDatagram || size == 0 {
			break
		}
		b := buffer[:size]
		if _, err := io.ReadFull(conn, b); err != nil {
			break
		}
		if b[0] <= 3 {
			m, err := parseBinding(b)
			if err != nil {
				break
			}
			l, ufrag := p.linkOf(m.username)
			if l == nil || owner != nil && l != owner {
				break
			}
			password, newest, ok := l.authenticate(m, ufrag)
			if !ok {
				break
			}
			if owner == nil {
				owner = l
				decide()
				go t.run()
				if conn.SetReadDeadline(time.Time{}) != nil {
					break
				}
			}
			if !l.checked(m, password, newest, t) {
				break
			}
			continue
		}
		if owner == nil {
			break
		}
		owner.deliver(bytes.Clone(b))
	}
	if owner != nil {
		owner.drop(t)
	}
}
