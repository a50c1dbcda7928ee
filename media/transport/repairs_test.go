package transport

import (
	"slices"
	"testing"
)

func TestRepairs(t *testing.T) {
	var r repairs
	o, other := &outlet{}, &outlet{}
	want := func(what string, sequences ...uint16) {
		t.Helper()
		var got []uint16
		for _, f := range r.take(nil) {
			got = append(got, f.sequence)
		}
		if !slices.Equal(got, sequences) {
			t.Fatalf("%s: %v, want %v", what, got, sequences)
		}
	}
	r.Lost(7)
	want("nothing was sent")
	r.sent(65535, o, 100, false)
	r.sent(0, other, 100, false)
	r.sent(1, o, 101, false)
	r.Lost(65535)
	r.Lost(1)
	r.Lost(2)
	r.Lost(1 + maxFlights)
	want("two are missing, and of others nothing is known", 100, 101)
	want("each is said once")
	r.sent(3, o, 100, true)
	r.Lost(65535)
	want("a newer copy is on its way")
	r.Lost(3)
	want("that is missing, too", 100)
	r.Lost(0)
	want("another stream's has the same number", 100)
	number := uint16(3)
	for range maxAgain - 2 {
		number += 5
		r.sent(number, o, 100, true)
		r.Lost(number)
		want("again", 100)
	}
	r.sent(number+1, o, 100, true)
	r.Lost(number + 1)
	want("often enough")
	r.sent(number+1+maxFlights, o, 102, false)
	r.Lost(number + 1)
	want("that is too long ago")
}
