// Package program runs the real program for measurements: as a server in a process of its own on loopback, and as a command.
package program

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// startWithin is how long a start may take.
const startWithin = 2 * time.Minute

// Server is the program while it serves.
type Server struct {
	At  string // host:port of its pages
	cmd *exec.Cmd
}

// Start serves a data directory and returns when the program answers. Each line of its log goes to said, unless that is nil.
func Start(ctx context.Context, binary, data string, said func(line string)) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{At: l.Addr().String()}
	if err := l.Close(); err != nil {
		return nil, err
	}
	s.cmd = exec.Command(binary, "serve", "--listen", s.At, "--data", data)
	log, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			if said != nil {
				said(lines.Text())
			}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // our own child, on loopback
		c, err := d.DialContext(ctx, "tcp", s.At)
		if err == nil {
			return s, c.Close()
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("the program does not answer: %w", err), s.Stop())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop ends it in order.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// Once starts the program on a data directory and stops it: it makes its database, whatever its migrations are.
func Once(ctx context.Context, binary, data string) error {
	s, err := Start(ctx, binary, data, nil)
	if err != nil {
		return err
	}
	return s.Stop()
}

// Run is one command of the program. It returns what that prints, and what it says of a failure as the error.
func Run(ctx context.Context, binary string, args ...string) ([]byte, error) {
	var out, said bytes.Buffer
	c := exec.CommandContext(ctx, binary, args...)
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return out.Bytes(), nil
}
