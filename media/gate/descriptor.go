package gate

import "errors"

// ErrDescriptor says that a payload descriptor is cut short or malformed, or
// that nothing follows it.
var ErrDescriptor = errors.New("gate: malformed payload descriptor")

// Descriptor is a payload descriptor of VP8 (RFC 7741 §4.2) or of VP9 (RFC 9628
// §4.2): what a router may read, and rewrite, without touching the sealed frame
// behind it.
type Descriptor struct {
	// Size is the length of the descriptor.
	Size int
	// Start marks the first packet of a frame: in VP8 S = 1 and PID = 0, in VP9 B.
	Start bool

	HasPicture  bool
	LongPicture bool // 15 bits, not 7
	Picture     uint16
	HasTL0      bool
	TL0         uint8
	Temporal    uint8
	// Sync marks a frame that needs, of its temporal layers, the lowest only: one
	// from which a receiver can take in its layer (Y of RFC 7741 §4.2). In VP9 it
	// is the other way round: pictures behind it need none before it of the layers
	// above its own (U of RFC 9628 §4.2).
	Sync bool

	// Of VP9 alone: the spatial layer, whether the frame needs pictures before it
	// (P), and the last packet of the frame (E), which need not be the picture's.
	Spatial   uint8
	Predicted bool
	End       bool

	pictureAt, tl0At int
}

// ParseDescriptor reads the descriptor at the beginning of a VP8 payload. At
// least one byte must follow it.
func ParseDescriptor(b []byte) (Descriptor, error) {
	var d Descriptor
	if len(b) < 1 {
		return d, ErrDescriptor
	}
	d.Start = b[0]&0x10 != 0 && b[0]&0x07 == 0
	d.Size = 1
	if b[0]&0x80 != 0 { // X
		if len(b) < 2 {
			return Descriptor{}, ErrDescriptor
		}
		x := b[1]
		d.Size = 2
		if x&0x80 != 0 { // I
			if len(b) < d.Size+1 {
				return Descriptor{}, ErrDescriptor
			}
			d.HasPicture, d.pictureAt = true, d.Size
			d.Picture = uint16(b[d.Size] & 0x7f)
			if b[d.Size]&0x80 != 0 { // M
				if len(b) < d.Size+2 {
					return Descriptor{}, ErrDescriptor
				}
				d.LongPicture = true
				d.Picture = d.Picture<<8 | uint16(b[d.Size+1])
				d.Size++
			}
			d.Size++
		}
		if x&0x40 != 0 { // L
			if len(b) < d.Size+1 {
				return Descriptor{}, ErrDescriptor
			}
			d.HasTL0, d.tl0At, d.TL0 = true, d.Size, b[d.Size]
			d.Size++
		}
		if x&0x30 != 0 { // T or K
			if len(b) < d.Size+1 {
				return Descriptor{}, ErrDescriptor
			}
			if x&0x20 != 0 { // T
				d.Temporal, d.Sync = b[d.Size]>>6, b[d.Size]&0x20 != 0
			}
			d.Size++
		}
	}
	if len(b) <= d.Size {
		return Descriptor{}, ErrDescriptor
	}
	return d, nil
}

// Rewrite puts another picture id and TL0PICIDX into a copy of the payload that
// d was read from. Widths stay as they are; absent fields stay absent.
func (d *Descriptor) Rewrite(b []byte, picture uint16, tl0 uint8) {
	if d.HasPicture {
		if d.LongPicture {
			b[d.pictureAt] = 0x80 | byte(picture>>8)&0x7f
			b[d.pictureAt+1] = byte(picture)
		} else {
			b[d.pictureAt] = byte(picture) & 0x7f
		}
	}
	if d.HasTL0 {
		b[d.tl0At] = tl0
	}
}
