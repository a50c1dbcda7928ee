package web

import "time"

// ForwardingStatus is how the audit log's way to its collector is doing, for the console.
type ForwardingStatus struct {
	On        bool
	Collector string
	Sequence  uint64    // the last entry that the collector has confirmed; 0: none
	Confirmed time.Time // when it did
	Waiting   uint64
	Failing   time.Time // since when it fails; zero: it does not
	// StepFR and StepEN say in a sentence what fails.
	StepFR, StepEN string
	LastWord       string // the system's own words
}

func (f ForwardingStatus) json() map[string]any {
	out := map[string]any{"on": f.On}
	if !f.On {
		return out
	}
	out["collector"], out["sequence"], out["waiting"] = f.Collector, f.Sequence, f.Waiting
	if !f.Confirmed.IsZero() {
		out["confirmed"] = f.Confirmed
	}
	if !f.Failing.IsZero() {
		out["failing"] = map[string]any{"since": f.Failing, "fr": f.StepFR, "en": f.StepEN, "lastWord": f.LastWord}
	}
	return out
}
