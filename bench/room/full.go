package main

import (
	"crypto/rand"
	"os"
	"strconv"
	"strings"
	"time"

	"huisclos/client"
)

// A full room is one in which everybody's camera and microphone are on: what a
// server is to be sized for. Frames are noise of the size that encoders give;
// nobody looks into them, and the server can't.

const (
	// soundRate is what browsers' microphones take, in bits a second
	// (meeting-ui/src/call/rates.ts); a frame of Opus lasts 20 ms.
	soundRate    = 40_000
	soundLasts   = 20 * time.Millisecond
	pictureLasts = time.Second / 30
	// keyEvery is how many pictures lie between two key frames that nobody
	// asked for. Key frames are of the size of the others: what is measured is
	// the rate.
	keyEvery = 300
)

// noise gives frames of one size without end.
type noise struct {
	frame []byte
	lasts time.Duration
	keys  bool // a picture: sound has no key frames
	n     int
}

// newNoise is a stream of a rate in bits a second.
func newNoise(rate int, lasts time.Duration, keys bool) *noise {
	s := &noise{frame: make([]byte, int(float64(rate)/8*lasts.Seconds())), lasts: lasts, keys: keys}
	_, _ = rand.Read(s.frame) // never fails (Go 1.24)
	return s
}

func (s *noise) Next(key bool) (client.Frame, error) {
	f := client.Frame{Key: s.keys && (key || s.n%keyEvery == 0), Data: s.frame, Lasts: s.lasts}
	s.n++
	return f, nil
}

// carried is what the network of this namespace has carried between
// participants and server, in octets: the loopback, in which each packet passes
// once, or the one other interface, in both directions, where the server is
// elsewhere. It is no more than the room's where nothing else lives in the
// namespace (unshare --net): alone says so.
func carried(elsewhere bool) (octets int64, alone bool) {
	text, err := os.ReadFile("/proc/self/net/dev")
	if err != nil {
		return 0, false
	}
	others := 0
	for line := range strings.Lines(string(text)) {
		name, rest, there := strings.Cut(strings.TrimSpace(line), ":")
		f := strings.Fields(rest)
		if !there || len(f) < 9 {
			continue
		}
		if name != "lo" {
			others++
		}
		came, _ := strconv.ParseInt(f[0], 10, 64)
		went, _ := strconv.ParseInt(f[8], 10, 64)
		switch {
		case elsewhere && name != "lo":
			octets += came + went
		case !elsewhere && name == "lo":
			octets = came
		}
	}
	return octets, others == 0 || elsewhere && others == 1
}

// arrived is how many packets have come to all of them, and how many never did.
func arrived(people []*participant) (came, lost int) {
	for _, p := range people {
		for _, s := range p.call.Stats().Streams {
			came, lost = came+s.Packets, lost+s.Lost
		}
	}
	return came, lost
}
