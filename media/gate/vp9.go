package gate

// maxSpatial is how many spatial layers a picture may have: what clients make,
// and what there are layers for downstream.
const maxSpatial = 3

// maxTemporal is the highest temporal layer, as in VP8.
const maxTemporal = 3

// ParseVP9 reads the descriptor at the beginning of a VP9 payload (RFC 9628
// §4.2). Each spatial layer's part of a picture is a frame of its own: what B
// and E enclose is what was sealed. At least one byte must follow.
func ParseVP9(b []byte) (Descriptor, error) {
	r := octets{b: b}
	first := r.next()
	has := func(bit byte) bool { return first&bit != 0 }
	const picture, predicted, layered, flexible, begin, end, structured = 0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02
	d := Descriptor{Start: has(begin), End: has(end), Predicted: has(predicted)}
	if has(picture) {
		d.HasPicture, d.pictureAt = true, r.at
		id := r.next()
		d.Picture = uint16(id & 0x7f)
		if id&0x80 != 0 {
			d.LongPicture, d.Picture = true, d.Picture<<8|uint16(r.next())
		}
	} else if has(flexible) {
		return Descriptor{}, ErrDescriptor // "If F is set to 1, I MUST also be set to 1"
	}
	if has(layered) {
		l := r.next()
		d.Temporal, d.Sync, d.Spatial = l>>5, l&0x10 != 0, l>>1&0x07
		lower := l&0x01 != 0 // D: it is predicted from the layer below
		if d.Temporal > maxTemporal || d.Spatial >= maxSpatial || lower && d.Spatial == 0 {
			return Descriptor{}, ErrDescriptor
		}
		if !has(flexible) {
			d.HasTL0, d.tl0At = true, r.at
			d.TL0 = r.next()
		}
	}
	if has(flexible) && has(predicted) {
		for n := 1; ; n++ {
			reference := r.next()
			if reference&0x01 == 0 { // N: another one follows
				break
			}
			if n == 3 {
				return Descriptor{}, ErrDescriptor
			}
		}
	}
	if has(structured) {
		r.structure()
	}
	// One octet is left at least, unless it ended before.
	if d.Size = r.at; r.short || len(b) <= d.Size {
		return Descriptor{}, ErrDescriptor
	}
	return d, nil
}

// structure passes over what a key picture says of its layers and of those that
// follow (RFC 9628 §4.2.1): it may only be well formed.
func (r *octets) structure() {
	head := r.next()
	if head&0x10 != 0 { // Y: the size of each layer
		r.skip(4 * (int(head>>5) + 1))
	}
	if head&0x08 == 0 { // G: how pictures follow each other
		return
	}
	for pictures := r.next(); pictures > 0 && !r.short; pictures-- {
		r.skip(int(r.next() >> 2 & 0x03)) // R references
	}
}

// octets are read one by one; beyond the end they are zero, and short says so.
type octets struct {
	b     []byte
	at    int
	short bool
}

func (r *octets) next() byte {
	if r.at >= len(r.b) {
		r.short = true
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *octets) skip(n int) {
	r.at += n
	r.short = r.short || r.at > len(r.b)
}
