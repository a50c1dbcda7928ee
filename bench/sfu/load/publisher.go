package load

import (
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"huisclos/crypto/sframe"
	"huisclos/media/srtp"
)

const (
	sound = 0 // sframe contexts: the microphone, the camera
	video = 1

	// keyFrameEvery is in frames; a server that needs one sooner asks.
	keyFrameEvery = 100
	// midPackets say which section they are for; the SSRCs are declared as well.
	midPackets = 200
)

// trailer ends every payload. Servers see nothing but sealed octets there.
const (
	trailerSize  = 24
	trailerMagic = 0x48436231
)

// publisher makes what one client sends. All of it but wantKey and sent is the pump's.
type publisher struct {
	leg     *leg
	leaf    uint32
	midID   uint8 // header extensions by the numbers of the server's answer; zero: not negotiated
	twccID  uint8
	ssrcs   [2]uint32
	repair  uint32
	streams [2]stream
	twcc    uint16
	frame   int // packets of the present frame that are sent
	key     bool
	frames  uint64
	body    [VideoPayload]byte
	buffer  [1500]byte

	wantKey     atomic.Bool
	keyRequests atomic.Uint64
	sent        [2]atomic.Uint64
	nextReport  time.Time
}

type stream struct {
	sequence  uint16
	timestamp uint32
	counter   uint64 // of the SFrame header
	packets   uint32
	octets    uint32
}

func newPublisher(l *leg, leaf uint32) *publisher {
	p := &publisher{leg: l, leaf: leaf, ssrcs: [2]uint32{rand.Uint32() | 1, rand.Uint32() | 1}, repair: rand.Uint32() | 1}
	for i := range p.streams {
		p.streams[i] = stream{sequence: uint16(rand.Uint32() & 0x7fff), timestamp: rand.Uint32()}
	}
	noise := rand.NewChaCha8([32]byte{byte(leaf), byte(leaf >> 8)})
	noise.Read(p.body[:]) // never fails
	p.key = true
	l.onRTCP = p.onRTCP
	return p
}

// onRTCP is called by the leg's reader.
func (p *publisher) onRTCP(b []byte) {
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		return
	}
	for _, packet := range packets {
		switch packet.(type) {
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			p.keyRequests.Add(1)
			p.wantKey.Store(true)
		}
	}
}

// sendSound sends a packet, which is a frame.
func (p *publisher) sendSound(rate float64) {
	s := &p.streams[sound]
	s.timestamp += uint32(48000 / (SoundPerSecond * rate))
	b := p.header(sound, opusType, true)
	at := len(b)
	b = p.seal(b, sound, "")
	b = append(b, p.body[:SoundPayload-(len(b)-at)-trailerSize]...)
	p.send(b, sound)
}

// sendVideo sends the next packet of a frame and says whether it was the last.
func (p *publisher) sendVideo(rate float64) (last bool) {
	s := &p.streams[video]
	if p.frame == 0 {
		s.timestamp += uint32(90000 / (FramesPerSecond * rate))
		p.key = p.wantKey.Swap(false) || p.frames%keyFrameEvery == 0
		p.frames++
	}
	last = p.frame == FramePackets-1
	b := p.header(video, vp8Type, last)
	at := len(b)
	// VP8 payload descriptor (RFC 7741 §4.2): X, S on the first packet; I, L, T and K; a picture id of 15 bits; layer 0.
	first := byte(0x80)
	if p.frame == 0 {
		first |= 0x10
	}
	b = append(b, first, 0xf0, 0x80|byte(p.frames>>8)&0x7f, byte(p.frames), byte(p.frames), 0x20)
	if p.frame == 0 {
		b = p.seal(b, video, sframe.Prefix(sframe.VP8, p.key))
	}
	b = append(b, p.body[:VideoPayload-(len(b)-at)-trailerSize]...)
	p.send(b, video)
	if p.frame++; last {
		p.frame = 0
	}
	return last
}

// header begins a packet in the publisher's buffer: RTP (RFC 3550 §5.1) with extensions (RFC 8285).
func (p *publisher) header(which int, payloadType uint8, marker bool) []byte {
	s := &p.streams[which]
	s.sequence++
	b := p.buffer[:0]
	second := payloadType
	if marker {
		second |= 0x80
	}
	b = append(b, 0x80, second)
	b = binary.BigEndian.AppendUint16(b, s.sequence)
	b = binary.BigEndian.AppendUint32(b, s.timestamp)
	b = binary.BigEndian.AppendUint32(b, p.ssrcs[which])
	mid := p.midID != 0 && s.packets < midPackets
	if !mid && p.twccID == 0 {
		return b
	}
	b[0] |= 0x10
	b = append(b, 0xbe, 0xde, 0, 0)
	at := len(b)
	if mid {
		b = append(b, p.midID<<4, '0'+byte(which))
	}
	if p.twccID != 0 {
		b = append(b, p.twccID<<4|1, byte(p.twcc>>8), byte(p.twcc))
		p.twcc++
	}
	for (len(b)-at)%4 != 0 {
		b = append(b, 0)
	}
	b[at-1] = byte((len(b) - at) / 4)
	return b
}

// seal begins a sealed frame: what stands in the clear of it. The body behind it is noise, which only a receiver with the key would
// find out.
func (p *publisher) seal(b []byte, context sframe.Context, prefix string) []byte {
	kid, err := sframe.NewKID(context, p.leaf, epoch)
	if err != nil {
		panic(err) // leaves are far below sframe.MaxLeaf
	}
	s := &p.streams[context]
	b = sframe.Header{KID: kid, CTR: s.counter}.Append(append(b, prefix...))
	s.counter++
	return b
}

// epoch of every meeting.
const epoch = 1

func (p *publisher) send(b []byte, which int) {
	s := &p.streams[which]
	b = binary.BigEndian.AppendUint32(b, trailerMagic)
	b = binary.BigEndian.AppendUint32(b, p.leaf)
	b = binary.BigEndian.AppendUint64(b, uint64(s.packets))
	b = binary.BigEndian.AppendUint64(b, uint64(time.Now().UnixNano()))
	p.leg.sendRTP(b)
	s.packets++
	s.octets += uint32(len(b))
	p.sent[which].Add(1)
}

// report sends sender reports (RFC 3550 §6.4.1), once a second.
func (p *publisher) report(now time.Time) {
	if now.Before(p.nextReport) {
		return
	}
	p.nextReport = now.Add(time.Second)
	ntp := uint64(now.Unix()+2208988800)<<32 | uint64(now.Nanosecond())<<32/1e9
	for i, s := range p.streams {
		if s.packets == 0 {
			continue
		}
		b, err := (&rtcp.SenderReport{SSRC: p.ssrcs[i], NTPTime: ntp, RTPTime: s.timestamp, PacketCount: s.packets, OctetCount: s.octets}).Marshal()
		if err == nil {
			p.leg.sendRTCP(b)
		}
	}
}

// opened reads the trailer of a payload.
func opened(payload []byte) (leaf uint32, sent int64, ok bool) {
	if len(payload) < trailerSize {
		return 0, 0, false
	}
	t := payload[len(payload)-trailerSize:]
	if binary.BigEndian.Uint32(t) != trailerMagic {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(t[4:]), int64(binary.BigEndian.Uint64(t[16:])), true
}

var _ [1500 - VideoPayload - 40 - srtp.TagSize]struct{} // a packet fits its buffer
