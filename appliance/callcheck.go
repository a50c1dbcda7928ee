package appliance

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"huisclos/appliance/control"
	"huisclos/client"
	"huisclos/client/command"
	"huisclos/meetings"
)

const (
	// comeWithin bounds the joins of a test call, and hearWithin the first frames of each other after them.
	comeWithin, hearWithin = 45 * time.Second, 20 * time.Second
	// worstLoss and worstDelay are what a call of two people can still bear.
	worstLoss, worstDelay = 0.05, time.Second
	// stampAt is where a frame carries the time at which it was made: inside what is sealed.
	stampAt, stampSize = 1, 8
)

// stamped plays frames that say when they were made. Their octets are no picture and no sound; nobody decodes them.
type stamped struct {
	base    time.Time
	first   byte
	size    int
	every   time.Duration
	picture bool
	begun   bool
}

func (s *stamped) Next(key bool) (client.Frame, error) {
	key = s.picture && (key || !s.begun)
	s.begun = true
	b := make([]byte, s.size)
	if b[0] = s.first; s.picture && !key {
		b[0] |= 1 // RFC 6386 §9.1: no key frame
	}
	binary.BigEndian.PutUint64(b[stampAt:], uint64(time.Since(s.base)))
	return client.Frame{Key: key, Data: b, Lasts: s.every}, nil
}

// stopwatch reads those frames.
type stopwatch struct {
	base time.Time

	mu     sync.Mutex // owns what follows
	on     bool
	delays []time.Duration
	heard  map[bool]int // frames by whether they are sound
}

func (w *stopwatch) Take(r client.Received) error {
	if len(r.Data) < stampAt+stampSize {
		return errors.New("a frame that nobody sent")
	}
	made := time.Duration(binary.BigEndian.Uint64(r.Data[stampAt:]))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard[r.Context.Audio()]++
	if w.on {
		w.delays = append(w.delays, time.Since(w.base)-made)
	}
	return nil
}

func (w *stopwatch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = true
}

func (w *stopwatch) hears() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heard[true] > 0 && w.heard[false] > 0
}

// placeCall is a sealed call of two native participants through the appliance, as two people would have it.
func placeCall(ctx context.Context, t control.TestCall) (r control.CallReport, err error) {
	pin, err := client.ParseFingerprint(t.Fingerprint)
	if err != nil || len(t.People) != 2 {
		return r, errors.New("the appliance's answer is not understood")
	}
	base := time.Now()
	watches := [2]*stopwatch{}
	var calls [2]*client.Call
	defer func() {
		var leaving sync.WaitGroup
		for _, c := range calls {
			if c != nil {
				leaving.Go(c.Leave)
			}
		}
		leaving.Wait()
	}()
	// One after the other: the first makes the room's group and opens the door to the second.
	for i, p := range t.People {
		var id meetings.ID
		err := id.UnmarshalText([]byte(p.Account))
		var link client.Link
		if err == nil {
			link, err = client.ParseLink("https://" + t.Host + "/r/" + t.Room + "#" + t.People[0].Account)
		}
		if err != nil {
			return r, err
		}
		watches[i] = &stopwatch{base: base, heard: map[bool]int{}}
		within, cancel := context.WithTimeout(ctx, comeWithin)
		calls[i], err = client.Join(within, client.Config{Link: link, Session: p.Token, As: &client.Account{ID: id, Name: p.Name}, Pinned: &pin, Admit: i == 0,
			Picture: &stamped{base: base, first: 0x10, size: 3000, every: 100 * time.Millisecond, picture: true},
			Sound:   &stamped{base: base, first: 31 << 3, size: 80, every: 20 * time.Millisecond}, Sink: watches[i]})
		cancel()
		if err != nil {
			fr, en := command.Sentences(err)
			return r, &control.CallFailure{FR: fmt.Sprintf("le participant d'essai %d n'entre pas : %s", i+1, fr), EN: fmt.Sprintf("test participant %d does not get in: %s", i+1, en), Err: err}
		}
	}
	if !waitFor(ctx, hearWithin, func() bool { return watches[0].hears() && watches[1].hears() }) {
		return r, &control.CallFailure{FR: "les participants d'essai sont dans l'appel mais ne reçoivent ni image ni son ; voyez le pare-feu, et public_addresses dans les réglages.",
			EN: "the test participants are in the call but receive no picture or sound; see the firewall, and public_addresses in the settings."}
	}
	for _, w := range watches {
		w.start()
	}
	waitFor(ctx, t.For, func() bool { return false })
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	return judged(calls, watches)
}

func waitFor(ctx context.Context, d time.Duration, ok func() bool) bool {
	end := time.Now().Add(d)
	for !ok() {
		if time.Now().After(end) || ctx.Err() != nil {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}

// judged sums up what both saw, and says what is wrong with it.
func judged(calls [2]*client.Call, watches [2]*stopwatch) (r control.CallReport, err error) {
	var delays []time.Duration
	packets := 0
	var words [2]client.Stats
	for i, c := range calls {
		s := c.Stats()
		words[i] = s
		r.Join = append(r.Join, milliseconds(s.Times.InCall.Sub(s.Times.Started)))
		r.FirstFrame = append(r.FirstFrame, milliseconds(s.Times.FirstFrame.Sub(s.Times.Started)))
		r.Transport = append(r.Transport, strings.Join([]string{s.Transport["publish"], s.Transport["subscribe"]}, "/"))
		for _, one := range s.Streams {
			packets, r.Lost, r.Frames = packets+one.Packets, r.Lost+one.Lost, r.Frames+one.Opened
		}
		watches[i].mu.Lock()
		delays = append(delays, watches[i].delays...)
		watches[i].mu.Unlock()
	}
	slices.Sort(delays)
	if len(delays) > 0 {
		r.Delay50, r.Delay99 = milliseconds(delays[len(delays)/2]), milliseconds(delays[len(delays)*99/100])
		r.Loss = float64(r.Lost) / float64(packets+r.Lost)
	}
	r.SameWords = words[0].Words == words[1].Words && words[0].Epoch == words[1].Epoch
	fail := func(fr, en string) (control.CallReport, error) { return r, &control.CallFailure{FR: fr, EN: en} }
	switch {
	case len(delays) == 0:
		return fail("plus rien n'arrive après les premières données.", "nothing arrives any more after the first frames.")
	case !r.SameWords:
		return fail("les deux participants d'essai ne voient pas le même groupe : prévenez la personne qui gère la sécurité.", "the two test participants do not see the same group: tell the person in charge of security.")
	case r.Loss > worstLoss:
		return fail(fmt.Sprintf("%.0f %% des paquets se perdent.", 100*r.Loss), fmt.Sprintf("%.0f %% of the packets are lost.", 100*r.Loss))
	case time.Duration(r.Delay99*float64(time.Millisecond)) > worstDelay:
		return fail("le délai est trop long : la machine est trop chargée.", "the delay is too long: the machine has too much to do.")
	}
	return r, nil
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}
