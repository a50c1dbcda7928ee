package web

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"
)

var (
	noon  = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	alice = netip.MustParseAddr("192.0.2.7")
)

func TestGuessesFiveQuickThenExponential(t *testing.T) {
	// ASVS 2.4.1
	a := newAttempts()
	now := noon
	for i := range freeTries {
		if _, ok := a.begin(alice, now); !ok {
			t.Fatalf("try %d had to wait", i+1)
		}
	}
	for i := range 14 {
		want := min(time.Second<<i, longestWait)
		until, ok := a.begin(alice, now)
		if ok || until.Sub(now) != want {
			t.Fatalf("after %d tries: ok %v, wait %v, want %v", freeTries+i, ok, until.Sub(now), want)
		}
		if _, ok := a.begin(alice, until.Add(-time.Millisecond)); ok {
			t.Fatal("a try just before its time was let through")
		}
		now = until
		if _, ok := a.begin(alice, now); !ok {
			t.Fatal("a try at its time was refused")
		}
	}
	if _, ok := a.begin(netip.MustParseAddr("192.0.2.8"), now); !ok {
		t.Error("another address pays for it")
	}
	if _, ok := a.begin(alice, now.Add(forgetTries+time.Second)); !ok {
		t.Error("never forgotten")
	}
}

func TestGuessesInParallelGainNothing(t *testing.T) {
	a := newAttempts()
	var through sync.Map
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if _, ok := a.begin(alice, noon); ok {
				through.Store(i, true)
			}
		})
	}
	wg.Wait()
	n := 0
	through.Range(func(any, any) bool { n++; return true })
	if n != freeTries {
		t.Errorf("%d of 200 parallel tries went through, want %d", n, freeTries)
	}
}

func TestRightSecretGivesOnlyItsOwnTryBack(t *testing.T) {
	a := newAttempts()
	for range freeTries - 1 {
		a.begin(alice, noon)
	}
	for range 50 { // knows one secret, guesses at another
		if _, ok := a.begin(alice, noon); !ok {
			t.Fatal("a right try cost something")
		}
		a.giveBack(alice)
	}
	a.begin(alice, noon)
	if _, ok := a.begin(alice, noon); ok {
		t.Error("right tries washed the wrong ones away")
	}
}

func TestGuessesCountNetworks(t *testing.T) {
	a := newAttempts()
	for i := range freeTries {
		a.begin(netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1)), noon)
	}
	if _, ok := a.begin(netip.MustParseAddr("2001:db8::ffff:1"), noon); ok {
		t.Error("addresses of one IPv6 /64 count as many")
	}
	if _, ok := a.begin(netip.MustParseAddr("2001:db8:0:1::1"), noon); !ok {
		t.Error("another /64 was refused")
	}
	for range freeTries {
		a.begin(alice, noon)
	}
	if _, ok := a.begin(netip.AddrFrom16(alice.As16()), noon); ok {
		t.Error("the v4-mapped form of an address counts as another")
	}
}

func TestTablesAreBounded(t *testing.T) {
	a, r := newAttempts(), newRate(1, 2)
	for i := range 3 * maxAddresses {
		ip := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		a.begin(ip, noon.Add(time.Duration(i)*time.Millisecond))
		r.take(ip.String(), noon)
	}
	if len(a.by) > maxAddresses || len(r.by) > maxAddresses {
		t.Errorf("%d and %d entries, want at most %d", len(a.by), len(r.by), maxAddresses)
	}
}

func TestRate(t *testing.T) {
	r := newRate(10, 3)
	for range 3 {
		if _, ok := r.take("a", noon); !ok {
			t.Fatal("the burst was refused")
		}
	}
	wait, ok := r.take("a", noon)
	if ok || wait != 100*time.Millisecond {
		t.Errorf("ok %v wait %v, want false 100ms", ok, wait)
	}
	if _, ok := r.take("b", noon); !ok {
		t.Error("another key pays")
	}
	if _, ok := r.take("a", noon.Add(wait)); !ok {
		t.Error("refused after waiting")
	}
	if _, ok := r.take("a", noon.Add(-time.Hour)); ok {
		t.Error("a clock that goes back gives tokens")
	}
}
