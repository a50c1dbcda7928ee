package transport

import (
	"bytes"
	"testing"

	"huisclos/media"
	"huisclos/media/gate"
)

// TestShared: all receivers of a packet have one copy of it; what waits keeps it over the turn, all of them one payload; a
// repetition has its own; and nothing is used again before its last user is done.
func TestShared(t *testing.T) {
	in := newTurn(&port{log: discard()}, 0)
	memory := bytes.Repeat([]byte{1}, 1200)
	p := &gate.Packet{SSRC: 1, Sequence: 5, Payload: memory}
	first := in.share(p)
	if in.share(p) != first || &first.Payload[0] != &memory[0] {
		t.Fatal("a packet is copied for each receiver")
	}
	p.Sequence++ // as the gate uses its room again
	second := in.share(p)
	if second == first || first.Sequence != 5 {
		t.Fatal("two packets are one")
	}
	if in.share(&gate.Packet{SSRC: 1, Sequence: 6}) == second {
		t.Fatal("two sources' packets are one")
	}
	kept := first.keep()
	if first.keep() != kept || &kept.Payload[0] == &memory[0] {
		t.Fatal("what waits has the turn's payload")
	}
	again := in.repeat(p)
	if again == second || &again.Payload[0] == &memory[0] {
		t.Fatal("a repetition has another's payload")
	}
	clear(memory)
	if again.Payload[0] != 1 {
		t.Fatal("a repetition went with another's payload")
	}
	in.forget()
	if len(in.packets) != 0 || second.Payload != nil || again.room != nil {
		t.Fatal("the turn keeps what nobody uses")
	}
	if in.share(p); len(in.spare) != 2 {
		t.Fatalf("%d are to be used again", len(in.spare))
	}
	for range 2 {
		if len(kept.Payload) != 1200 || kept.Payload[1199] != 1 || kept.Sequence != 5 {
			t.Fatal("what waits is gone")
		}
		kept.done()
	}
	if kept.Payload != nil || kept.room != nil {
		t.Fatal("what waited stays")
	}
	large := in.share(&gate.Packet{Payload: make([]byte, media.MaxPayload+1)}).keep()
	if len(large.Payload) != media.MaxPayload+1 {
		t.Fatal("a large packet was cut")
	}
	in.forget()
	if n := testing.AllocsPerRun(100, func() {
		for range keepShared {
			p.Sequence++
			in.share(p)
		}
		in.forget()
	}); n != 0 {
		t.Fatalf("%v allocations a turn", n)
	}
}
