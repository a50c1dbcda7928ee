// Package posture says what is sealed by which mechanism right now: of the process, the kernel, the connections, the media, the secrets and
// the records. It decides from measurements alone which state a line has, and says what to do where that is not the good one; what was not
// measured is Unknown, never Green. It never sees a secret or content: its facts are states, times and counts.
package posture

import (
	"slices"
	"time"

	"huisclos/hardening"
)

// Level is the state of a line.
type Level string

// The levels. Red is a protection that should be in force and is not; Attention is what somebody should look at, or decide to leave as it
// is; Unknown was not measured.
const (
	Green     Level = "green"
	Attention Level = "attention"
	Red       Level = "red"
	Unknown   Level = "unknown"
)

// Area is what a line is about.
type Area string

// The areas, in the order in which they are shown.
const (
	Process Area = "process" // what confines this process
	Kernel  Area = "kernel"  // settings of the machine
	Links   Area = "links"   // TLS and DTLS
	Media   Area = "media"   // what passes between people
	Secrets Area = "secrets" // keys at rest
	Records Area = "records" // audit log, key log of devices, backups, clock
	Build   Area = "build"   // the program
)

// Areas are all of them, in order.
func Areas() []Area { return []Area{Process, Kernel, Links, Media, Secrets, Records, Build} }

// Count is how often something was seen since the start, in the name of its standard.
type Count struct {
	Name string `json:"name"`
	N    uint64 `json:"n"`
}

// A Line is one protection.
type Line struct {
	Name   string         `json:"name"`
	Area   Area           `json:"area"`
	Level  Level          `json:"level"`
	Detail hardening.Text `json:"detail"` // what was found
	Why    hardening.Text `json:"why"`    // what it is good for
	Do     hardening.Text `json:"do"`     // what to do where it is not green
	Counts []Count        `json:"counts,omitempty"`
	// Section of the console in which it is mended; "": on the server.
	Section string `json:"section,omitempty"`
}

// Report is all lines, ordered by area.
type Report []Line

// Worst is the worst level of a report: red before attention before unknown before green.
func (r Report) Worst() Level {
	for _, l := range []Level{Red, Attention, Unknown} {
		if slices.ContainsFunc(r, func(x Line) bool { return x.Level == l }) {
			return l
		}
	}
	return Green
}

// Counted is how many lines have each level.
func (r Report) Counted() map[Level]int {
	n := map[Level]int{Green: 0, Attention: 0, Red: 0, Unknown: 0}
	for _, l := range r {
		n[l.Level]++
	}
	return n
}

// Facts are what was measured, at one moment.
type Facts struct {
	Now  time.Time
	Self hardening.Report // of the process, the kernel and the clock
	TLS  []Handshakes
	DTLS []Count // connections by suite and profile
	Gate Gate
	Keys Keys
	// Pepper is where the pepper of the passphrases is: Given or File; "": not known.
	Pepper      string
	Certificate Certificate
	Audit       Audit
	Devices     Devices
	Backup      Backup
	Program     Program
}

// The places of the pepper.
const (
	Given = "credential" // by the service manager
	File  = "file"       // beside the database
)

// Report draws the conclusions.
func (f Facts) Report() Report {
	var out Report
	for _, l := range f.Self {
		if area, ok := areaOf(l.Name); ok {
			out = append(out, Of(area, l))
		}
	}
	out = append(out, f.tls(), f.certificate(), f.dtls(), f.gate(), f.keys(), f.pepper(), f.audit(), f.signed(), f.devices(), f.backup(), f.program(), f.components())
	order := Areas()
	slices.SortStableFunc(out, func(a, b Line) int { return slices.Index(order, a.Area) - slices.Index(order, b.Area) })
	return out
}

// areaOf says which lines of the self-check are about a protection: others are about servers beside this one.
func areaOf(name string) (Area, bool) {
	switch {
	case slices.Contains(process, name):
		return Process, true
	case slices.Contains([]string{"clock-steady", "clock-kept"}, name):
		return Records, true
	case name == "random", slices.ContainsFunc([]string{"kernel.", "net.", "fs."}, func(tree string) bool { return len(name) > len(tree) && name[:len(tree)] == tree }):
		return Kernel, true
	}
	return "", false
}

// process are the lines of hardening.SelfCheck about the process.
var process = []string{"no-new-privileges", "not-dumpable", "no-core-dump", "landlock", "seccomp", "no-capabilities", "no-network", "own-users", "read-only-system",
	"not-root", "plain-tcp", "memory-limit", "no-swap"}

// Of is a line of the self-check.
func Of(area Area, l hardening.Line) Line {
	out := Line{Name: l.Name, Area: area, Level: Unknown, Detail: l.Detail, Why: l.Why, Do: l.Do}
	switch {
	case l.State == hardening.OK:
		out.Level = Green
	case l.State == hardening.Missing && l.Advice:
		out.Level = Attention
	case l.State == hardening.Missing:
		out.Level = Red
	}
	return out
}

// Fill takes what could not be read inside from lines that were read outside: a confined unit does not see all of the kernel's settings.
func (r Report) Fill(outside hardening.Report) Report {
	out := slices.Clone(r)
	for i, l := range out {
		if l.Level != Unknown {
			continue
		}
		if j := slices.IndexFunc(outside, func(o hardening.Line) bool { return o.Name == l.Name }); j >= 0 {
			out[i] = Of(l.Area, outside[j])
		}
	}
	return out
}

func text(fr, en string) hardening.Text { return hardening.Text{FR: fr, EN: en} }

// found sets what was found.
func (l Line) found(level Level, fr, en string) Line {
	l.Level, l.Detail = level, text(fr, en)
	return l
}
