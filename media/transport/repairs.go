package transport

// repairs finds, in transport-wide feedback, the packets of spatial layers that a receiver lost and may not ask for: libwebrtc
// forgets what it misses as soon as any later frame has all that it needs (video/rtp_video_stream_receiver2.cc,
// FrameContinuous), and the lowest layer's next frame doesn't need the upper layers of the last picture. These do need it, so
// that without the packet they stop until a key picture is asked for, 3 s later. The zero value is ready for use.
type repairs struct {
	flights *[maxFlights]flight // by transport-wide number; from the first such packet on
	lost    []flight            // what feedback said is missing
}

// flight is the newest copy of a packet on its way.
type flight struct {
	outlet   *outlet // nil once there is a newer copy
	number   uint16  // transport-wide
	sequence uint16  // of the stream
	times    uint8   // that it was sent again
}

const (
	// maxFlights is how many packets are remembered for their feedback: 16 KiB a receiver.
	maxFlights = 1024
	// maxAgain is how often a packet is sent again: what libwebrtc asks for one at most (modules/video_coding/nack_requester.cc).
	maxAgain = 10
)

// sent notes a packet under its transport-wide number. A copy takes the place of the one before.
func (r *repairs) sent(number uint16, o *outlet, sequence uint16, again bool) {
	if r.flights == nil {
		r.flights = new([maxFlights]flight)
	}
	f := flight{outlet: o, number: number, sequence: sequence}
	if again {
		for i := range r.flights {
			if old := &r.flights[i]; old.outlet == o && old.sequence == sequence {
				f.times, old.outlet = old.times+1, nil
				break
			}
		}
	}
	r.flights[number%maxFlights] = f
}

// Lost notes what feedback says of a packet.
func (r *repairs) Lost(number uint16) {
	if r.flights == nil {
		return
	}
	if f := r.flights[number%maxFlights]; f.outlet != nil && f.number == number && f.times < maxAgain {
		r.lost = append(r.lost, f)
	}
}

// take gives what was found missing since the last call.
func (r *repairs) take(into []flight) []flight {
	into = append(into, r.lost...)
	r.lost = r.lost[:0]
	return into
}
