package outward

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// Dialer asks the process that connects. Path is its socket.
type Dialer struct {
	Path string
}

// Dial returns a TCP connection to the destination of that name, which the settings files name. What fails is an *Error, or ctx's own.
// The socket is one that this process could not have made: it is only received.
func (d Dialer) Dial(ctx context.Context, destination string) (net.Conn, error) {
	return d.dial(ctx, question{Destination: destination})
}

// DialTo is Dial to a host and a port that the settings in force name, whether in a file or in the console. What the files name
// for that destination is connected to, and nothing else (Fixed); else the port is one of its kind (Port).
func (d Dialer) DialTo(ctx context.Context, destination, host string, port int) (net.Conn, error) {
	return d.dial(ctx, question{destination, host, port})
}

func (d Dialer) dial(ctx context.Context, q question) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, within+5*time.Second) // the other end gives up first, and says why
	defer cancel()
	c, err := d.ask(ctx, q)
	if err != nil && ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	return c, err
}

func (d Dialer) ask(ctx context.Context, q question) (net.Conn, error) {
	unavailable := func(err error) error { return &Error{Unavailable, cut(err.Error())} }
	outer, err := (&net.Dialer{}).DialContext(ctx, "unix", d.Path)
	if err != nil {
		return nil, unavailable(err)
	}
	defer outer.Close()
	c := outer.(*net.UnixConn) // of the network "unix" there is no other
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	// A socket that systemd opened was listened on by root.
	switch uid, err := peer(c); {
	case err != nil:
		return nil, unavailable(err)
	case uid != os.Geteuid() && uid != 0:
		return nil, unavailable(errors.New("another account listens on " + d.Path))
	}
	line, err := json.Marshal(q)
	if err == nil {
		_, err = c.Write(append(line, '\n'))
	}
	// Who has too many connections answers before it is asked, and goes: the answer is there all the same.
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		return nil, unavailable(err)
	}
	return receive(c)
}

// receive reads the answer and the one descriptor that may come with it. What else comes is closed.
func receive(c *net.UnixConn) (net.Conn, error) {
	text, rights := make([]byte, maxAnswer), make([]byte, syscall.CmsgSpace(4*4))
	n, oob, flags, _, err := c.ReadMsgUnix(text, rights)
	if err != nil {
		return nil, &Error{Unavailable, cut(err.Error())}
	}
	files := descriptors(rights[:oob])
	defer func() {
		for _, f := range files {
			_ = f.Close()
		}
	}()
	var a answer
	if err := json.Unmarshal(text[:n], &a); err != nil || flags&syscall.MSG_CTRUNC != 0 {
		return nil, &Error{Unavailable, "its answer is not understood"}
	}
	if a.Error != nil {
		return nil, a.Error
	}
	if len(files) != 1 {
		return nil, &Error{Unavailable, "its answer has no connection"}
	}
	conn, err := net.FileConn(files[0]) // of its own descriptor
	if err != nil {
		return nil, &Error{Failed, cut(err.Error())}
	}
	if _, ok := conn.(*net.TCPConn); !ok || conn.RemoteAddr() == nil {
		_ = conn.Close()
		return nil, &Error{Unavailable, "its answer is no connection"}
	}
	return conn, nil
}

func descriptors(rights []byte) (files []*os.File) {
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			continue // another kind of message
		}
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "outward"))
		}
	}
	return files
}

// peer is the account at the other end (unix(7), SO_PEERCRED).
func peer(c *net.UnixConn) (uid int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *syscall.Ucred
	if outer := raw.Control(func(fd uintptr) {
		cred, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); outer != nil {
		return 0, outer
	}
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}

func cut(s string) string {
	if len(s) > maxDetail {
		return s[:maxDetail]
	}
	return s
}
