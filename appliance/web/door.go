package web

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"huisclos/accounts"
)

const (
	// maxAtDoor bounds the tries of strangers that are under way or wait for their answer. More than passhash lets wait in
	// line (256) and the answers that are held meanwhile need.
	maxAtDoor = 1024

	// LeastRefusal and MostRefusal bound the time after which strangers are refused.
	LeastRefusal = time.Second
	MostRefusal  = 5 * time.Second
)

// door answers every wrong secret of a stranger at one time after it came in, so that the time of an answer does not tell
// an administrator's address, whose passphrase is dearer to check, from a member's or from nobody's.
type door struct {
	after  atomic.Int64 // time.Duration; 0: at once
	places chan struct{}
	wait   func(ctx context.Context, d time.Duration)
}

func newDoor(wait func(context.Context, time.Duration)) *door {
	return &door{places: make(chan struct{}, maxAtDoor), wait: wait}
}

// RefuseAfter sets the time after which strangers are refused. It must be longer than the slowest refusal takes.
func (s *Server) RefuseAfter(d time.Duration) { s.door.after.Store(int64(d)) }

// RefusalTime is 2.5 times what one refusal takes on this machine, rounded up to a tenth of a second, within the bounds above: a wrong code of somebody whose
// hash is made anew costs two. enough reports that the upper bound did not cut it.
func RefusalTime(measured time.Duration) (d time.Duration, enough bool) {
	const step = 100 * time.Millisecond
	d = (measured*5/2 + step - 1).Truncate(step)
	return min(max(d, LeastRefusal), MostRefusal), d <= MostRefusal
}

// heldUntil is when a try that was heard so long ago is answered: the first multiple of after that is not past. In a long
// line for the hasher that is not the first one, and still tells less than the end of the work would.
func heldUntil(elapsed, after time.Duration) (wait time.Duration) {
	if after <= 0 {
		return 0
	}
	if over := elapsed % after; over > 0 || elapsed == 0 {
		return after - over
	}
	return 0
}

// atDoor reports whether wrong secrets are answered at one time on this route: whoever asks is nobody yet, and sends
// something. It follows from what a route is, so that it can't be forgotten for a new one.
func (rt route) atDoor() bool {
	return rt.access == anyone && rt.kind != page && rt.kind != foreign && rt.method != http.MethodGet && rt.method != http.MethodHead
}

// heard is when all of the request was there: from then on the time is ours. Counted from its header, a body that trickles
// in could be timed so that the work ends just before or just after the answer's time.
func (v *visit) heardAt() time.Time {
	if v.heard.IsZero() {
		return v.now
	}
	return v.heard
}

// knock runs a handler of a route at the door and holds its refusal. No slot of the handlers and no memory of the hasher is
// kept meanwhile; a client that goes away is not waited for.
func (s *Server) knock(v *visit, rt route) error {
	select {
	case s.door.places <- struct{}{}:
		defer func() { <-s.door.places }()
	default: // before anything was looked at
		v.w.Header().Set("Retry-After", "2")
		return refusal{codeBusy}
	}
	err := s.run(v, rt)
	if err == nil || toldAtOnce(err) {
		return err
	}
	if wait := heldUntil(s.Now().Sub(v.heardAt()), time.Duration(s.door.after.Load())); wait > 0 {
		s.door.wait(v.r.Context(), wait)
	}
	return err
}

// toldAtOnce reports whether an answer tells nothing that its time could tell better: nothing was looked at, or the secret
// was right. Whatever is not named here is held.
func toldAtOnce(err error) bool {
	var back sentBack
	if errors.As(err, &back) {
		return true
	}
	var r refusal
	if errors.As(err, &r) && (r.code == codeBadRequest || r.code == codeBusy || r.code == codeNoPasskeys || r.code == codeNoProvider) {
		return true
	}
	for _, known := range []error{
		errTooLarge, errMediaType, accounts.ErrTooMany{}, accounts.ErrSetupDone, // not looked at
		accounts.ErrSecondFactorNeeded, accounts.ErrSignIn, // the passphrase, or the link, was right
		// So was the link or the code.
		accounts.ErrPassphraseShort, accounts.ErrPassphraseLong, accounts.ErrPassphraseCharacters, accounts.ErrPassphraseCommon,
		accounts.ErrPassphrasePersonal, accounts.ErrName, accounts.ErrEmail,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// doorRefusal is a refusal at sign-in of what elsewhere is given again; it has the status of a wrong passphrase there.
type doorRefusal struct {
	code code
	error
}

func (e doorRefusal) Unwrap() error { return e.error }

func waitFor(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
