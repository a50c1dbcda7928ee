// Package tape plays files into a call and records what came out of it: VP8 in
// IVF, Opus in Ogg.
//
// It decides which frame of a file is next, how a recorded stream is cut into
// files, and how names of people become names of files. It never sees keys or
// packets: frames come to it opened, and leave it to be sealed.
package tape

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"huisclos/client"
	"huisclos/client/ivf"
	"huisclos/client/ogg"
)

// maxPlayed bounds what is read of a file that is played.
const maxPlayed = 512 << 20

// clip plays a list of frames, over and over.
type clip struct {
	frames []client.Frame
	at     int
}

// Loop is a source that plays frames over and over. The first picture must be a
// key frame.
func Loop(list []client.Frame) client.Source { return &clip{frames: list} }

func (c *clip) Next(key bool) (client.Frame, error) {
	if len(c.frames) == 0 {
		return client.Frame{}, io.EOF
	}
	if key {
		// At most once round: sound has no key frames, and none is skipped.
		for n, at := 0, c.at; n < len(c.frames); n, at = n+1, (at+1)%len(c.frames) {
			if c.frames[at].Key {
				c.at = at
				break
			}
		}
	}
	f := c.frames[c.at]
	c.at = (c.at + 1) % len(c.frames)
	return f, nil
}

// ReadPicture reads an IVF file of VP8. Frames last until the next one's time.
func ReadPicture(r io.Reader) ([]client.Frame, error) {
	file, err := ivf.NewReader(bufio.NewReader(io.LimitReader(r, maxPlayed)))
	if err != nil {
		return nil, err
	}
	tick := func(n uint64) time.Duration {
		return time.Duration(float64(n) * float64(file.Scale) / float64(file.Rate) * float64(time.Second))
	}
	var list []client.Frame
	var times []uint64
	for {
		f, err := file.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		list = append(list, client.Frame{Key: ivf.Key(f.Data), Data: f.Data})
		times = append(times, f.Time)
	}
	if len(list) == 0 || !list[0].Key {
		return nil, fmt.Errorf("%w: it does not begin with a key frame", ivf.ErrFormat)
	}
	const least, most, usual = time.Millisecond, 10 * time.Second, 33 * time.Millisecond
	for i := range list {
		switch {
		case i+1 < len(list) && times[i+1] > times[i]:
			list[i].Lasts = min(max(tick(times[i+1]-times[i]), least), most)
		case i > 0:
			list[i].Lasts = list[i-1].Lasts
		default:
			list[i].Lasts = usual
		}
	}
	return list, nil
}

// ReadSound reads an Ogg file of Opus.
func ReadSound(r io.Reader) ([]client.Frame, error) {
	file, err := ogg.NewReader(bufio.NewReader(io.LimitReader(r, maxPlayed)))
	if err != nil {
		return nil, err
	}
	var list []client.Frame
	for {
		p, err := file.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		lasts, ok := ogg.Duration(p)
		if !ok {
			return nil, fmt.Errorf("%w: packet %d is none of Opus", ogg.ErrFormat, len(list))
		}
		list = append(list, client.Frame{Data: p, Lasts: lasts})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: there is no sound in it", ogg.ErrFormat)
	}
	return list, nil
}

// OpenPicture and OpenSound make sources of files.
func OpenPicture(name string) (client.Source, error) { return openSource(name, ReadPicture) }

// OpenSound reads an Ogg file of Opus.
func OpenSound(name string) (client.Source, error) { return openSource(name, ReadSound) }

func openSource(name string, read func(io.Reader) ([]client.Frame, error)) (client.Source, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return Loop(list), nil
}
