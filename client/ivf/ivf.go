// Package ivf reads and writes IVF, the container that VP8 frames are kept in
// for tools: a header of 32 bytes, then each frame behind its size and time,
// all little endian (WebM project, "IVF file format"; no RFC describes it).
//
// It decides what a whole file is. It never looks into a frame but for the one
// bit that says key or delta (RFC 6386 §9.1).
package ivf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	headerSize      = 32
	frameHeaderSize = 12
	// MaxFrame bounds a frame: at 60 Mbit/s a whole second of pictures.
	MaxFrame = 8 << 20
)

// ErrFormat says that the bytes are not an IVF file of VP8.
var ErrFormat = errors.New("ivf: not an IVF file of VP8")

// Header describes a file. One tick of time is Scale/Rate seconds.
type Header struct {
	Width, Height uint16
	Rate, Scale   uint32
}

// Frame is an encoded picture at its time in ticks.
type Frame struct {
	Time uint64
	Data []byte
}

// Key says whether a VP8 frame can be decoded by itself.
func Key(frame []byte) bool { return len(frame) > 0 && frame[0]&1 == 0 }

// Size reads the picture's size out of a VP8 key frame (RFC 6386 §9.1).
func Size(frame []byte) (width, height uint16, ok bool) {
	if len(frame) < 10 || !Key(frame) || string(frame[3:6]) != "\x9d\x01\x2a" {
		return 0, 0, false
	}
	return binary.LittleEndian.Uint16(frame[6:]) & 0x3fff, binary.LittleEndian.Uint16(frame[8:]) & 0x3fff, true
}

// Reader reads a file frame by frame.
type Reader struct {
	Header
	r io.Reader
}

// NewReader reads the header.
func NewReader(r io.Reader) (*Reader, error) {
	var b [headerSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if string(b[:4]) != "DKIF" || binary.LittleEndian.Uint16(b[4:]) != 0 || string(b[8:12]) != "VP80" {
		return nil, ErrFormat
	}
	size := int(binary.LittleEndian.Uint16(b[6:]))
	h := Header{binary.LittleEndian.Uint16(b[12:]), binary.LittleEndian.Uint16(b[14:]), binary.LittleEndian.Uint32(b[16:]), binary.LittleEndian.Uint32(b[20:])}
	if size < headerSize || h.Rate == 0 || h.Scale == 0 {
		return nil, ErrFormat
	}
	if _, err := io.CopyN(io.Discard, r, int64(size-headerSize)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return &Reader{h, r}, nil
}

// Next reads a frame; io.EOF after the last one.
func (r *Reader) Next() (Frame, error) {
	var b [frameHeaderSize]byte
	switch _, err := io.ReadFull(r.r, b[:]); {
	case errors.Is(err, io.EOF):
		return Frame{}, io.EOF
	case err != nil:
		return Frame{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	size := binary.LittleEndian.Uint32(b[:])
	if size == 0 || size > MaxFrame {
		return Frame{}, fmt.Errorf("%w: a frame of %d bytes", ErrFormat, size)
	}
	f := Frame{Time: binary.LittleEndian.Uint64(b[4:])}
	// Not more is set aside than is there, whatever the file says.
	data, err := io.ReadAll(io.LimitReader(r.r, int64(size)))
	if err != nil {
		return Frame{}, fmt.Errorf("ivf: %w", err)
	}
	if len(data) != int(size) {
		return Frame{}, fmt.Errorf("%w: cut short", ErrFormat)
	}
	f.Data = data
	return f, nil
}

// Writer writes a file.
type Writer struct {
	w      io.WriteSeeker
	frames uint32
}

// NewWriter writes the header.
func NewWriter(w io.WriteSeeker, h Header) (*Writer, error) {
	b := append(make([]byte, 0, headerSize), "DKIF\x00\x00\x20\x00VP80"...)
	b = binary.LittleEndian.AppendUint16(b, h.Width)
	b = binary.LittleEndian.AppendUint16(b, h.Height)
	b = binary.LittleEndian.AppendUint32(b, h.Rate)
	b = binary.LittleEndian.AppendUint32(b, h.Scale)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0) // number of frames, put in at the end; unused
	if _, err := w.Write(b); err != nil {
		return nil, fmt.Errorf("ivf: %w", err)
	}
	return &Writer{w: w}, nil
}

// Write appends a frame.
func (w *Writer) Write(f Frame) error {
	if len(f.Data) == 0 || len(f.Data) > MaxFrame {
		return fmt.Errorf("ivf: a frame of %d bytes", len(f.Data))
	}
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, frameHeaderSize+len(f.Data)), uint32(len(f.Data)))
	b = append(binary.LittleEndian.AppendUint64(b, f.Time), f.Data...)
	if _, err := w.w.Write(b); err != nil {
		return fmt.Errorf("ivf: %w", err)
	}
	w.frames++
	return nil
}

// Close writes the number of frames into the header. The file stays open.
func (w *Writer) Close() error {
	if _, err := w.w.Seek(24, io.SeekStart); err != nil {
		return fmt.Errorf("ivf: %w", err)
	}
	if _, err := w.w.Write(binary.LittleEndian.AppendUint32(nil, w.frames)); err != nil {
		return fmt.Errorf("ivf: %w", err)
	}
	if _, err := w.w.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("ivf: %w", err)
	}
	return nil
}
