package hardening

import "syscall"

// State is what a line found.
type State string

const (
	OK      State = "ok"      // in force
	Missing State = "missing" // not in force
	Unknown State = "unknown" // cannot be read from here
)

// Text is a sentence in both languages.
type Text struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

// A Line is one protection.
type Line struct {
	Name   string `json:"name"`
	State  State  `json:"state"`
	Detail Text   `json:"detail"` // what was found
	Why    Text   `json:"why"`    // what it is good for
	Do     Text   `json:"do"`     // what to do where it is missing
	// Advice marks a setting of the machine, which its administrator may have reasons to leave as it is.
	Advice bool `json:"advice,omitempty"`
}

// A Report is what SelfCheck found.
type Report []Line

// Options of SelfCheck.
type Options struct {
	Proc, Sys string // "/proc" and "/sys"; fixtures in tests
	// Listeners are the process's TCP sockets that accept connections.
	Listeners []syscall.Conn
}

// SelfCheck reads what is in force. It runs nothing and changes nothing.
func SelfCheck(o Options) Report { return append(o.process(), Machine(o.Proc)...) }
