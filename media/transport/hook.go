//go:build !testhook

package transport

import (
	"time"

	"huisclos/media/pace"
)

// Hook holds what test builds add to the configuration.
type Hook struct{}

type hook struct{}

func (*hook) open(Config) error { return nil }
func (*hook) record([]byte)     {}
func (*hook) watch(*port)       {}
func (*hook) close()            {}
func (*hook) trace() (t trace)  { return t }

// trace is what test builds write of a line.
type trace struct{}

func (trace) sent(byte, int, time.Time)                {}
func (trace) feedback([]byte, pace.Bitrate, time.Time) {}
