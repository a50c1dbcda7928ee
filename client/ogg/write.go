package ogg

import (
	"encoding/binary"
	"fmt"
	"io"
)

// pageSamples is how much sound a page holds: RFC 7845 §6 wants no page longer
// than a second. Half of it is lost if the writer dies.
const pageSamples = 24000

// Writer writes a file of one stream.
type Writer struct {
	w       io.Writer
	table   [256]uint32
	serial  uint32
	number  uint32
	granule uint64 // of the last packet
	on      uint64 // samples on the page that is being made
	lacing  []byte
	body    []byte
}

// NewWriter writes the headers, each on its own page (RFC 7845 §3). The serial
// number tells streams of one file apart; any will do here.
func NewWriter(w io.Writer, h Header, vendor string, serial uint32) (*Writer, error) {
	o := &Writer{w: w, table: crcTable(), serial: serial, granule: 0}
	if err := o.put(h.packet()); err != nil {
		return nil, err
	}
	if err := o.flush(first, 0); err != nil {
		return nil, err
	}
	tags := binary.LittleEndian.AppendUint32([]byte("OpusTags"), uint32(len(vendor)))
	tags = binary.LittleEndian.AppendUint32(append(tags, vendor...), 0) // no comments
	if err := o.put(tags); err != nil {
		return nil, err
	}
	return o, o.flush(0, 0)
}

// Write appends a packet of Opus.
func (o *Writer) Write(packet []byte) error {
	d, ok := Duration(packet)
	if !ok || len(packet) > MaxPacket/2 {
		return fmt.Errorf("ogg: %d bytes are no packet of Opus", len(packet))
	}
	if len(o.lacing)+len(packet)/255+1 > maxSegments || o.on >= pageSamples {
		if err := o.flush(0, o.granule); err != nil {
			return err
		}
	}
	o.granule += Samples(d)
	o.on += Samples(d)
	return o.put(packet)
}

// Close writes the last page. What is below stays open.
func (o *Writer) Close() error { return o.flush(last, o.granule) }

func (o *Writer) put(packet []byte) error {
	n := len(packet)
	if len(o.lacing)+n/255+1 > maxSegments {
		return fmt.Errorf("ogg: a packet of %d bytes does not fit", n)
	}
	for ; n >= 255; n -= 255 {
		o.lacing = append(o.lacing, 255)
	}
	o.lacing, o.body = append(o.lacing, byte(n)), append(o.body, packet...)
	return nil
}

func (o *Writer) flush(flags byte, granule uint64) error {
	b := append([]byte("OggS\x00"), flags)
	b = binary.LittleEndian.AppendUint64(b, granule)
	b = binary.LittleEndian.AppendUint32(b, o.serial)
	b = binary.LittleEndian.AppendUint32(b, o.number)
	b = append(b, 0, 0, 0, 0, byte(len(o.lacing)))
	b = append(append(b, o.lacing...), o.body...)
	binary.LittleEndian.PutUint32(b[22:], crc(&o.table, b))
	if _, err := o.w.Write(b); err != nil {
		return fmt.Errorf("ogg: %w", err)
	}
	o.number++
	o.lacing, o.body, o.on = o.lacing[:0], o.body[:0], 0
	return nil
}
