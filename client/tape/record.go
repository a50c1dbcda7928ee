package tape

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"huisclos/client"
	"huisclos/client/ivf"
	"huisclos/client/ogg"
	"huisclos/crypto/sframe"
)

const (
	// opusPreSkip is what an Opus encoder looks ahead at 48 kHz: 6.5 ms. The
	// sender's own number does not come with its packets.
	opusPreSkip = 312
	// Clock rates of RTP timestamps (RFC 7741 §4.1, RFC 7587 §4.1).
	pictureRate, soundRate = 90000, 48000
	// maxSilence is the longest gap that is filled, so that sound stays beside
	// its picture.
	maxSilence = time.Minute
	// maxTracks bounds the files of one recording.
	maxTracks = 4096
)

// Recorder writes what opened into files of a directory: a picture into IVF, a
// sound into Ogg Opus, one file for each stream of each person. Frames are the
// sender's own, unchanged. What a decoder can't use is left out.
type Recorder struct {
	dir   string
	files map[streamKey]track
	names []string
}

// streamKey names a stream.
type streamKey struct {
	person  client.Person
	context sframe.Context
}

type track interface {
	take(client.Received) error
	close() error
}

// NewRecorder makes the directory, for its owner alone: what it holds was said
// behind closed doors.
func NewRecorder(dir string) (*Recorder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	return &Recorder{dir: dir, files: make(map[streamKey]track)}, nil
}

// Take writes a frame.
func (r *Recorder) Take(f client.Received) error {
	if !f.Whole || len(f.Data) == 0 {
		return nil
	}
	k := streamKey{f.From, f.Context}
	t, ok := r.files[k]
	if !ok {
		if len(r.files) >= maxTracks {
			return nil
		}
		var err error
		if t, err = r.begin(f); err != nil {
			return err
		}
		r.files[k] = t
	}
	return t.take(f)
}

// Files are the names of what was written.
func (r *Recorder) Files() []string { return r.names }

// Close ends the files.
func (r *Recorder) Close() error {
	var err error
	for _, t := range r.files {
		err = errors.Join(err, t.close())
	}
	clear(r.files)
	return err
}

// streamName is a stream's word in a file's name.
func streamName(c sframe.Context) string {
	switch c.Kind() {
	case sframe.Microphone:
		return "microphone"
	case sframe.Camera:
		return "camera"
	case sframe.Screen:
		return "screen"
	}
	return "screen-sound"
}

func (r *Recorder) begin(f client.Received) (track, error) {
	extension := ".ivf"
	if f.Context.Audio() {
		extension = ".ogg"
	}
	// The name is what somebody chose: it is made safe, and the device's id
	// keeps two of one name apart.
	base := fmt.Sprintf("%s-%s-%s", client.SafeName(f.From.Name), hex.EncodeToString(f.From.Device[:3]), streamName(f.Context))
	for n := 1; ; n++ {
		name := base + extension
		if n > 1 {
			name = fmt.Sprintf("%s-%d%s", base, n, extension)
		}
		file, err := os.OpenFile(filepath.Join(r.dir, name), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if errors.Is(err, fs.ErrExist) && n < maxTracks {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("recording: %w", err)
		}
		r.names = append(r.names, file.Name())
		if f.Context.Audio() {
			return newSoundTrack(file)
		}
		return newPictureTrack(file, f)
	}
}

// clock makes a running count of RTP's 32-bit timestamps.
type clock struct {
	begun bool
	last  uint32
	ticks uint64
}

// at is the time of a timestamp since the first; one that goes back is at the
// time of the one before.
func (c *clock) at(timestamp uint32) uint64 {
	if d := int32(timestamp - c.last); c.begun && d > 0 {
		c.ticks += uint64(d)
		c.last = timestamp
	} else if !c.begun {
		c.begun, c.last = true, timestamp
	}
	return c.ticks
}

type pictureTrack struct {
	file *os.File
	w    *ivf.Writer
	clock
}

func newPictureTrack(file *os.File, f client.Received) (*pictureTrack, error) {
	width, height, _ := ivf.Size(f.Data) // zero where it is no picture: players read it from the frame
	w, err := ivf.NewWriter(file, ivf.Header{Width: width, Height: height, Rate: pictureRate, Scale: 1})
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &pictureTrack{file: file, w: w}, nil
}

func (t *pictureTrack) take(f client.Received) error {
	return t.w.Write(ivf.Frame{Time: t.at(f.Timestamp), Data: f.Data})
}

func (t *pictureTrack) close() error { return errors.Join(t.w.Close(), t.file.Close()) }

type soundTrack struct {
	file *os.File
	w    *ogg.Writer
	clock
	end uint64 // of what was written, at 48 kHz
}

func newSoundTrack(file *os.File) (*soundTrack, error) {
	w, err := ogg.NewWriter(file, ogg.Header{Channels: 2, PreSkip: opusPreSkip, Rate: soundRate}, "huisclos", 1)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &soundTrack{file: file, w: w}, nil
}

// take writes a packet, and before it silence for those that are missing (RFC
// 7845 §4.1).
func (t *soundTrack) take(f client.Received) error {
	d, ok := ogg.Duration(f.Data)
	if !ok {
		return nil // it opened, and is no sound all the same
	}
	at := t.at(f.Timestamp)
	silence := ogg.Silence(f.Data)
	step, _ := ogg.Duration(silence)
	if missing := at - t.end; at > t.end && missing <= ogg.Samples(maxSilence) {
		for ; missing >= ogg.Samples(step); missing -= ogg.Samples(step) {
			if err := t.w.Write(silence); err != nil {
				return err
			}
		}
	}
	t.end = max(at, t.end) + ogg.Samples(d)
	return t.w.Write(f.Data)
}

func (t *soundTrack) close() error { return errors.Join(t.w.Close(), t.file.Close()) }
