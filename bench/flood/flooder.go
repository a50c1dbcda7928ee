package main

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"

	"huisclos/media/transport/batch"
)

// sent is what the flooder says when it is asked.
type sent struct{ Datagrams uint64 }

// flooders is how many sockets, and so source ports, a flood has.
const flooders = 8

// flood sends datagrams of one kind from another address, each by itself (no segmented sends: the receiving kernel would put them
// together again, which no network does for a stranger), until its input ends. For each line of input it says how many went.
func flood(kind, target string, rate int, in io.Reader, out io.Writer) error {
	if err := pin(1); err != nil {
		return err
	}
	var address, ufrag string
	var ssrc uint32
	if _, err := fmt.Sscan(target, &address, &ufrag, &ssrc); err != nil {
		return err
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	var writers []*batch.Writer
	for range flooders {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
		if err != nil {
			return err
		}
		defer conn.Close()
		b, err := batch.New(conn)
		if err != nil {
			return err
		}
		b.DisableSegments()
		writers = append(writers, b.NewWriter(1<<18))
	}
	// A few hundred different ones: no cache of the server's knows the next one.
	prepared := make([][]byte, 512)
	for i := range prepared {
		if prepared[i], err = datagram(kind, ufrag, ssrc, i); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(out).Encode(true); err != nil {
		return err
	}
	var count atomic.Uint64
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			if json.NewEncoder(out).Encode(sent{count.Load()}) != nil {
				return
			}
		}
	}()
	began, ticker := time.Now(), time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for n := 0; ; {
		select {
		case <-done:
			return nil
		case <-ticker.C:
		}
		due := int(time.Since(began).Seconds() * float64(rate))
		if most := n + rate/50; due > most { // after a pause of more than 20 ms the rest is left out
			began, due = began.Add(time.Duration(float64(due-most)/float64(rate)*float64(time.Second))), most
		}
		for i := 0; n < due; i++ {
			w := writers[i%len(writers)]
			for range min(16, due-n) {
				w.Queue(to, prepared[n%len(prepared)])
				n++
				count.Add(1)
			}
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}

func datagram(kind, ufrag string, ssrc uint32, i int) ([]byte, error) {
	noise := func(n int) []byte {
		b := make([]byte, n)
		rand.Read(b) // never fails (crypto/rand)
		return b
	}
	switch kind {
	case "stun":
		m, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername(ufrag+":guess"), stun.RawAttribute{Type: stun.AttrUseCandidate},
			stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{0x6e, 0, 1, 0xff}}, stun.NewShortTermIntegrity(fmt.Sprint("a guess, and a long one, number ", i)), stun.Fingerprint)
		if err != nil {
			return nil, err
		}
		return m.Raw, nil
	case "hello": // the shape of a first one (RFC 6347 §4.2.2)
		body := append(append([]byte{0xfe, 0xfd}, noise(32)...), make([]byte, 120)...)
		head := []byte{1, 0, 0, byte(len(body)), 0, 0, 0, 0, 0, 0, 0, byte(len(body))}
		return append(append([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(head) + len(body))}, head...), body...), nil
	case "srtp":
		b := append([]byte{0x90, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1}, noise(1100)...)
		binary.BigEndian.PutUint16(b[2:], uint16(i))
		binary.BigEndian.PutUint32(b[8:], ssrc)
		return b, nil
	case "random":
		return noise(1 + i*2), nil
	}
	return nil, fmt.Errorf("no flood of the kind %q", kind)
}
