package appearance

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// Colour is one of sRGB.
type Colour [3]uint8

// ParseColour reads "#rrggbb". ErrColour.
func ParseColour(s string) (c Colour, err error) {
	digits, ok := strings.CutPrefix(s, "#")
	if !ok || len(digits) != 6 {
		return c, ErrColour
	}
	if _, err := hex.Decode(c[:], []byte(digits)); err != nil {
		return c, ErrColour
	}
	return c, nil
}

func (c Colour) String() string { return "#" + hex.EncodeToString(c[:]) }

// MarshalText makes JSON of it.
func (c Colour) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// luminance is WCAG 2.2's relative luminance.
func (c Colour) luminance() float64 {
	linear := func(v uint8) float64 {
		f := float64(v) / 255
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is WCAG 2.2's contrast ratio, 1 to 21.
func contrast(a, b Colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// towards mixes in as much of other as part says, 0 to 1.
func (c Colour) towards(other Colour, part float64) Colour {
	for i := range c {
		c[i] = uint8(math.Round(float64(c[i])*(1-part) + float64(other[i])*part))
	}
	return c
}

// least is the lowest contrast with any of the others.
func (c Colour) least(others []Colour) float64 {
	l := math.Inf(1)
	for _, o := range others {
		l = min(l, contrast(c, o))
	}
	return l
}

// until goes towards other, a hundredth at a time, as far as the contrast with all of backs needs it.
func (c Colour) until(other Colour, backs []Colour) Colour {
	for i := range 101 {
		if at := c.towards(other, float64(i)/100); at.least(backs) >= enough {
			return at
		}
	}
	return other
}

// enough is the contrast of text (WCAG 2.2, 1.4.3), with a hair more, so that rounding never falls below it.
const enough = 4.51

var (
	white, black = Colour{0xff, 0xff, 0xff}, Colour{}
	// The grounds on which the accent stands, of ui-kit/src/css/tokens.css (a test compares): ground, surface, sunken and hover of
	// paper; of slate, and of the stage with what is raised on it.
	paper = []Colour{{0xf6, 0xf5, 0xf1}, {0xff, 0xff, 0xff}, {0xec, 0xea, 0xe4}, {0xef, 0xed, 0xe7}}
	slate = []Colour{{0x12, 0x18, 0x1e}, {0x19, 0x21, 0x29}, {0x0d, 0x12, 0x17}, {0x22, 0x2c, 0x36},
		{0x0b, 0x10, 0x15}, {0x15, 0x1c, 0x23}, {0x07, 0x0a, 0x0e}, {0x2c, 0x38, 0x43}, {0x21, 0x2b, 0x35}}
)

// Shades are the tokens that an accent gives in one world: itself and under the pointer, what stands on it, its soft ground and the
// ink on that.
type Shades struct {
	Accent Colour `json:"accent"`
	Hover  Colour `json:"hover"`
	On     Colour `json:"on"`
	Soft   Colour `json:"soft"`
	Ink    Colour `json:"ink"`
}

// Palette is an accent in both worlds.
type Palette struct {
	Light Shades `json:"light"`
	Dark  Shades `json:"dark"`
}

// ErrContrast says that a colour can't be read on paper, and proposes the nearest of its hue that can.
type ErrContrast struct {
	Ratio    float64
	Proposal Colour
}

func (e ErrContrast) Error() string {
	return fmt.Sprintf("appearance: the colour's contrast is %.2f; %s has enough", e.Ratio, e.Proposal)
}

// PaletteOf makes the tokens of both worlds out of one colour. On paper it stands as it is, so it has to be dark enough (ErrContrast);
// on slate it is made as light as it must be.
func PaletteOf(c Colour) (Palette, error) {
	if at := c.least(paper); at < 4.5 {
		return Palette{}, ErrContrast{Ratio: at, Proposal: c.until(black, paper)}
	}
	var p Palette
	l := &p.Light
	l.Accent, l.Hover, l.On, l.Soft = c, c.towards(black, 0.2), white, white.towards(c, 0.14)
	l.Ink = c.until(black, []Colour{l.Soft})
	d := &p.Dark
	d.Accent = c.until(white, slate)
	d.Hover, d.Soft = d.Accent.towards(white, 0.25), slate[0].towards(c, 0.3)
	d.On = c.until(black, []Colour{d.Accent, d.Hover})
	d.Ink = d.Accent.towards(white, 0.3).until(white, []Colour{d.Soft})
	return p, nil
}
