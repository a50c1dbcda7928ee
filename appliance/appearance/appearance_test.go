package appearance

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

var now = time.Date(2026, 2, 2, 9, 0, 0, 0, time.UTC)

func keeper(t *testing.T) (*Keeper, *store.DB, *audit.Log) {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate([]store.Migration{{Version: 1, Name: "audit log", Run: audit.CreateBuckets}, {Version: 2, Name: "tree", Run: audit.AddTree}, {Version: 3, Name: "appearance", Run: CreateBuckets}}); err != nil {
		t.Fatal(err)
	}
	trail := audit.New(db)
	k, err := Open(db, trail)
	if err != nil {
		t.Fatal(err)
	}
	return k, db, trail
}

func drawn(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for x := range w {
		for y := range h {
			m.Set(x, y, color.NRGBA{uint8(x), uint8(y), 90, 200})
		}
	}
	return m
}

func encoded(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, drawn(w, h)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestChangesAreKeptAndRecorded(t *testing.T) {
	k, db, trail := keeper(t)
	accent, contact := "#7A1F5C", "  support@example.test\r\nposte 4242 "
	if err := k.Change(Change{Accent: &accent, Contact: &contact, Legal: &Text{FR: "Mentions"}}, By{Account: "ada"}, now); err != nil {
		t.Fatal(err)
	}
	want := Appearance{Accent: "#7a1f5c", Contact: "support@example.test\nposte 4242", Legal: Text{FR: "Mentions"}}
	if got := k.Now(); got != want {
		t.Errorf("%+v", got)
	}
	if err := k.SetLogo(encoded(t, 64, 32), By{Account: "ada"}, now); err != nil {
		t.Fatal(err)
	}
	again, err := Open(db, trail)
	if err != nil {
		t.Fatal(err)
	}
	if again.Now() != k.Now() || k.Now().Logo == "" {
		t.Errorf("after a start: %+v, before: %+v", again.Now(), k.Now())
	}
	picture, err := again.Picture(k.Now().Logo)
	if err != nil || len(picture) == 0 {
		t.Errorf("the logo: %d octets, %v", len(picture), err)
	}
	if other, _ := again.Picture(strings.Repeat("0", 64)); other != nil {
		t.Error("another hash has a picture")
	}
	// Back to the default; nothing changed is nothing recorded.
	none := ""
	for range 2 {
		if err := errors.Join(k.Change(Change{Accent: &none, Contact: &none, Legal: &Text{}}, By{Account: "ada"}, now), k.SetLogo(nil, By{Account: "ada"}, now)); err != nil {
			t.Fatal(err)
		}
	}
	if k.Now() != (Appearance{}) {
		t.Errorf("%+v", k.Now())
	}
	list, err := trail.List(0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range list {
		said = append(said, string(e.Action)+" "+e.Detail["keys"])
	}
	if got := strings.Join(said, ", "); got != "appearance.changed logo, appearance.changed accent contact legal, appearance.changed logo, appearance.changed accent contact legal" {
		t.Errorf("recorded: %s", got)
	}
}

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	k, _, trail := keeper(t)
	fine := "support"
	for name, c := range map[string]struct {
		change Change
		want   error
	}{
		"a long text":     {Change{Contact: &fine, Legal: &Text{EN: strings.Repeat("é", MaxText+1)}}, ErrText},
		"a control":       {Change{Contact: new("a\x00b")}, ErrText},
		"a bidi override": {Change{Privacy: &Text{FR: "a\u202eb"}}, ErrText},
		"no UTF-8":        {Change{Contact: new("\xff")}, ErrText},
		"no colour":       {Change{Contact: &fine, Accent: new("red")}, ErrColour},
		"css":             {Change{Accent: new("#0;}*{a")}, ErrColour},
	} {
		if err := k.Change(c.change, By{}, now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var pale ErrContrast
	if err := k.Change(Change{Contact: &fine, Accent: new("#ffcc00")}, By{}, now); !errors.As(err, &pale) || pale.Ratio > 2 {
		t.Errorf("a pale colour: %v", err)
	}
	if k.Now() != (Appearance{}) {
		t.Errorf("%+v", k.Now())
	}
	if list, _ := trail.List(0, 1); len(list) != 0 {
		t.Errorf("recorded: %v", list)
	}
}

func TestLogos(t *testing.T) {
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, drawn(200, 60), nil); err != nil {
		t.Fatal(err)
	}
	small := encoded(t, 40, 40)
	behind := append(bytes.Clone(small), "<script>alert(1)</script>"...)
	for name, c := range map[string]struct {
		in   []byte
		fits bool
	}{
		"png": {small, true}, "jpeg": {photo.Bytes(), true}, "what stands behind the picture goes": {behind, true},
		"svg": {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), false}, "html": {[]byte("<html>"), false}, "gif": {[]byte("GIF89a\x01\x00\x01\x00"), false},
		"too wide": {encoded(t, maxWidth+1, 20), false}, "too small": {encoded(t, 15, 40), false}, "cut": {small[:len(small)/2], false}, "empty": {[]byte{}, false},
		"too many octets": {append(bytes.Clone(small), make([]byte, MaxPicture)...), false},
	} {
		out, err := redraw(c.in)
		if c.fits != (err == nil) || err != nil && !errors.Is(err, ErrLogo) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err != nil {
			continue
		}
		if _, err := png.Decode(bytes.NewReader(out)); err != nil || bytes.Contains(out, []byte("script")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzLogo(f *testing.F) {
	var b bytes.Buffer
	_ = png.Encode(&b, drawn(20, 20))
	f.Add(b.Bytes())
	b.Reset()
	_ = jpeg.Encode(&b, drawn(20, 20), nil)
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := redraw(in)
		if err != nil {
			return
		}
		again, err := redraw(out)
		if len(out) <= MaxPicture && (err != nil || !bytes.Equal(out, again)) {
			t.Errorf("drawn anew, a picture changes: %v", err)
		}
	})
}

// Every colour gives a palette that can be read, or a proposal that does.
func TestEveryAccentCanBeRead(t *testing.T) {
	for r := 0; r < 256; r += 17 {
		for g := 0; g < 256; g += 17 {
			for b := 0; b < 256; b += 17 {
				c := Colour{uint8(r), uint8(g), uint8(b)}
				p, err := PaletteOf(c)
				var pale ErrContrast
				if errors.As(err, &pale) {
					if pale.Ratio >= 4.5 {
						t.Fatalf("%s is refused with %.2f", c, pale.Ratio)
					}
					p, err = PaletteOf(pale.Proposal)
				}
				if err != nil {
					t.Fatalf("%s: %v", c, err)
				}
				ink, ink2 := Colour{0x17, 0x21, 0x2b}, Colour{0xea, 0xee, 0xf1}
				for what, at := range map[string]float64{
					"light accent": p.Light.Accent.least(paper), "light on": p.Light.On.least([]Colour{p.Light.Accent, p.Light.Hover}), "light ink": contrast(p.Light.Ink, p.Light.Soft), "ink on light soft": contrast(ink, p.Light.Soft),
					"dark accent": p.Dark.Accent.least(slate), "dark on": p.Dark.On.least([]Colour{p.Dark.Accent, p.Dark.Hover}), "dark ink": contrast(p.Dark.Ink, p.Dark.Soft), "ink on dark soft": contrast(ink2, p.Dark.Soft),
				} {
					if at < 4.5 {
						t.Errorf("%s: %s has %.2f", c, what, at)
					}
				}
			}
		}
	}
}

// The grounds are those of the tokens.
func TestGroundsAreTheTokens(t *testing.T) {
	css, err := os.ReadFile("../../ui-kit/src/css/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	root, stage, ok := strings.Cut(string(css), ".stage {")
	if !ok {
		t.Fatal("tokens.css has no stage")
	}
	find := func(in, format, name string) []string {
		m := regexp.MustCompile(fmt.Sprintf(format, name)).FindStringSubmatch(in)
		if m == nil {
			t.Fatalf("tokens.css has no --%s", name)
		}
		return m[1:]
	}
	for i, name := range []string{"ground", "surface", "sunken", "hover"} {
		pair := find(root, `--%s: light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);`, name)
		if paper[i].String() != pair[0] || slate[i].String() != pair[1] {
			t.Errorf("--%s is %v, here %s and %s", name, pair, paper[i], slate[i])
		}
	}
	for i, name := range []string{"ground", "surface", "sunken", "hover", "raised"} {
		if got := find(stage, `--%s: (#[0-9a-f]{6});`, name)[0]; slate[4+i].String() != got {
			t.Errorf("--%s of the stage is %s, here %s", name, got, slate[4+i])
		}
	}
}
