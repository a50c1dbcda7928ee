package transport

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// tcpPath is an ICE-TCP connection (RFC 6544), framed by RFC 4571.
type tcpPath struct {
	conn    net.Conn
	address netip.AddrPort
	queue   chan []byte // made once the far end is known
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

var errFrame = errors.New("transport: RFC 4571 frame of an impossible size")

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
		done: make(chan struct{})}
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
	defer func() {
		if owner != nil {
			owner.drop(t)
		}
	}()
	stream := bufio.NewReaderSize(conn, 2+maxDatagram)
	for {
		b, err := frame(stream)
		if err != nil {
			break
		}
		if b[0] <= 3 {
			m, err := parseBinding(b)
			if err != nil {
				break
			}
			l := p.linkOf(m.ufrag())
			if l == nil && owner == nil {
				p.probedTCP(m, t.address, conn)
			}
			if l == nil || owner != nil && l != owner {
				break
			}
			password, newest, ok := l.authenticate(&m)
			if !ok {
				break
			}
			if owner == nil {
				owner = l
				decide()
				t.queue = make(chan []byte, tcpWriteQueue)
				stream = bufio.NewReaderSize(stream, tcpReadBuffer)
				go t.run()
				if conn.SetReadDeadline(time.Time{}) != nil {
					break
				}
			}
			if !l.checked(&m, password, newest, t) {
				break
			}
			continue
		}
		if owner == nil {
			break
		}
		p.frames(owner, b, stream)
	}
}

// frame gives the next packet (RFC 4571 §2), which stays where it is until the
// one after it is asked for.
func frame(from *bufio.Reader) ([]byte, error) {
	head, err := from.Peek(2)
	if err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint16(head))
	if size > maxDatagram || size == 0 {
		return nil, errFrame
	}
	whole, err := from.Peek(2 + size)
	if err != nil {
		return nil, err
	}
	_, err = from.Discard(2 + size)
	return whole[2:], err
}

// frames delivers a packet and those that came with it, in one turn. Checks are
// left to the caller.
func (p *port) frames(to *link, b []byte, more *bufio.Reader) {
	t := p.aside()
	began := t.begin()
	defer func() { t.end(began) }()
	for {
		to.deliver(b, t)
		if t.full() || !buffered(more) {
			return
		}
		var err error
		if b, err = frame(more); err != nil {
			return // the caller meets it again
		}
	}
}

// buffered says whether a whole frame is there that is no check, so that reading
// it moves nothing.
func buffered(from *bufio.Reader) bool {
	have := from.Buffered()
	if have < 3 {
		return false
	}
	head, err := from.Peek(3)
	return err == nil && have >= 2+int(binary.BigEndian.Uint16(head)) && head[2] > 3
}
