package tape

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huisclos/client"
	"huisclos/client/ivf"
	"huisclos/client/ogg"
	"huisclos/meetings"
)

func TestFilesArePlayed(t *testing.T) {
	picture, err := OpenPicture("testdata/numbers.ivf")
	if err != nil {
		t.Fatal(err)
	}
	first, err := picture.Next(false)
	if err != nil || !first.Key || first.Lasts != 100*time.Millisecond {
		t.Fatalf("%+v, %v", first.Lasts, err)
	}
	if w, h, ok := ivf.Size(first.Data); !ok || w != 320 || h != 180 {
		t.Errorf("%d×%d", w, h)
	}
	// Who asks for a key frame gets one within a second of the clip, and it goes on from there.
	delta, _ := picture.Next(false)
	if delta.Key {
		t.Fatal("the second frame is a key frame; the test shows nothing")
	}
	if f, _ := picture.Next(true); !f.Key {
		t.Error("no key frame")
	}
	// Over and over: 60 frames on it is the same again.
	whole := picture.(*clip).frames
	if len(whole) != 60 {
		t.Fatalf("%d frames", len(whole))
	}
	at := picture.(*clip).at
	for range 60 {
		_, _ = picture.Next(false)
	}
	if picture.(*clip).at != at {
		t.Error("it does not go round")
	}

	sound, err := OpenSound("testdata/tones.ogg")
	if err != nil {
		t.Fatal(err)
	}
	total := time.Duration(0)
	for range sound.(*clip).frames {
		f, err := sound.Next(true)
		if err != nil || f.Lasts != 20*time.Millisecond || f.Key {
			t.Fatalf("%v, %v", f.Lasts, err)
		}
		total += f.Lasts
	}
	if total < 8*time.Second || total > 8100*time.Millisecond {
		t.Errorf("%v of sound", total)
	}
	if _, err := OpenSound("testdata/numbers.ivf"); !errors.Is(err, ogg.ErrFormat) {
		t.Errorf("a picture as sound: %v", err)
	}
	if _, err := OpenPicture("testdata/tones.ogg"); !errors.Is(err, ivf.ErrFormat) {
		t.Errorf("sound as a picture: %v", err)
	}
}

// TestRecorded: what is recorded is what came, frame for frame, and can be played again.
func TestRecorded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tape")
	r, err := NewRecorder(dir)
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) *clip {
		t.Helper()
		open := OpenPicture
		if strings.HasSuffix(name, ".ogg") {
			open = OpenSound
		}
		s, err := open(name)
		if err != nil {
			t.Fatal(err)
		}
		return s.(*clip)
	}
	picture, sound := read("testdata/numbers.ivf"), read("testdata/tones.ogg")
	one := client.Person{Leaf: 1, Device: meetings.ID{1}, Name: "../É mil/\x00"}
	two := client.Person{Leaf: 2, Device: meetings.ID{2}, Name: one.Name}
	take := func(p client.Person, audio bool, i int, f client.Frame, whole bool) {
		t.Helper()
		c, rate := client.Camera, uint32(9000)
		if audio {
			c, rate = client.Microphone, 960
		}
		if err := r.Take(client.Received{From: p, Context: c, Key: f.Key, Whole: whole, Data: f.Data, Timestamp: 0xffffff00 + uint32(i)*rate}); err != nil {
			t.Fatal(err)
		}
	}
	take(one, false, 0, client.Frame{Data: []byte{0x11}}, false) // of no use to a decoder: left out
	for i, f := range picture.frames {
		take(one, false, i, f, true)
		take(two, false, i, f, true)
	}
	for i, f := range sound.frames {
		if i < 5 || i >= 8 { // three are missing
			take(one, true, i, f, true)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if len(r.Files()) != 3 {
		t.Fatalf("files: %q", r.Files())
	}
	for _, name := range r.Files() {
		if filepath.Dir(name) != dir || strings.ContainsAny(filepath.Base(name), "/\x00 ") || strings.HasPrefix(filepath.Base(name), ".") {
			t.Errorf("an unsafe name: %q", name)
		}
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		got, want := read(name).frames, picture.frames
		if strings.HasSuffix(name, ".ogg") {
			want = sound.frames
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d frames, not %d", name, len(got), len(want))
		}
		for i := range want {
			same := bytes.Equal(got[i].Data, want[i].Data)
			if strings.HasSuffix(name, ".ogg") && i >= 5 && i < 8 {
				same = bytes.Equal(got[i].Data, ogg.Silence(want[4].Data)) || bytes.Equal(got[i].Data, ogg.Silence(want[8].Data))
			}
			if !same || got[i].Lasts != want[i].Lasts {
				t.Errorf("%s: frame %d is another, or at another time (%v)", name, i, got[i].Lasts)
			}
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v, %v", info, err)
	}
}
