package client

import (
	"errors"
	"io"
	"testing"
)

// nothing is a source that is told from others.
type nothing int

func (nothing) Next(bool) (Frame, error) { return Frame{}, io.EOF }

func TestWhatIsPlayed(t *testing.T) {
	small, middle, large, sound := nothing(1), nothing(2), nothing(3), nothing(4)
	for _, c := range []struct {
		name string
		cfg  Config
		want map[place]Source
		err  error
	}{
		{"nothing", Config{}, map[place]Source{}, nil},
		{"sound", Config{Sound: sound}, map[place]Source{{Microphone, ""}: sound}, nil},
		{"one size", Config{Picture: large}, map[place]Source{{Camera, ""}: large}, nil},
		{"three sizes", Config{Picture: large, Smaller: []Source{small, middle}, Sound: sound},
			map[place]Source{{Camera, "l"}: small, {Camera, "m"}: middle, {Camera, "h"}: large, {Microphone, ""}: sound}, nil},
		{"two sizes", Config{Picture: large, Smaller: []Source{small}}, nil, ErrLayers},
		{"four sizes", Config{Picture: large, Smaller: []Source{small, middle, middle}}, nil, ErrLayers},
		{"small ones alone", Config{Smaller: []Source{small, middle}}, nil, ErrLayers},
	} {
		got, err := c.cfg.sources()
		if !errors.Is(err, c.err) || len(got) != len(c.want) {
			t.Errorf("%s: %v, %v", c.name, got, err)
			continue
		}
		for at, source := range c.want {
			if got[at] != source {
				t.Errorf("%s: %v plays %v", c.name, at, got[at])
			}
		}
	}
}
