package web

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"huisclos/appliance/appearance"
)

// maxLogoBody bounds a logo in Base64, and the JSON around it.
const maxLogoBody = appearance.MaxPicture*4/3 + 1024

// maxAppearanceBody bounds two texts in two languages, with what JSON adds by escapes.
const maxAppearanceBody = 64 << 10

// appearanceJSON is what everybody may read, signed in or not: it is shown at the door.
type appearanceJSON struct {
	Name    string              `json:"name"` // of the organisation, as it calls the appliance
	Accent  string              `json:"accent"`
	Palette *appearance.Palette `json:"palette,omitempty"` // absent: the product's own
	Logo    string              `json:"logo"`              // its address; "" there is none
	Legal   appearance.Text     `json:"legal"`
	Privacy appearance.Text     `json:"privacy"`
	Contact string              `json:"contact"`
}

func (s *Server) appearanceNow() appearanceJSON {
	a := s.Appearance.Now()
	j := appearanceJSON{Name: s.Organisation(), Accent: a.Accent, Legal: a.Legal, Privacy: a.Privacy, Contact: a.Contact}
	if a.Logo != "" {
		j.Logo = logoPath + a.Logo + ".png"
	}
	if c, err := appearance.ParseColour(a.Accent); err == nil {
		if p, err := appearance.PaletteOf(c); err == nil {
			j.Palette = &p
		}
	}
	return j
}

func (s *Server) getAppearance(v *visit) error { return v.json(http.StatusOK, s.appearanceNow()) }

const logoPath = "/logo/"

// logo answers with the organisation's picture. Its address holds its hash, so it never changes; it is a PNG that this program has
// drawn itself, and a browser takes it for nothing else.
func (s *Server) logo(v *visit) error {
	hash, ok := strings.CutSuffix(v.c.Param("file"), ".png")
	if !ok {
		return v.refuse(codeNotFound)
	}
	picture, err := s.Appearance.Picture(hash)
	if err != nil {
		return err
	}
	if picture == nil {
		return v.refuse(codeNotFound)
	}
	serveAsset(v.w, v.r, asset{data: picture, media: mediaTypes[".png"], policy: policyNone})
	return nil
}

func (v *visit) shownBy() appearance.By {
	return appearance.By{Account: v.account.ID.String(), Client: v.client}
}

// appearanceRefusal is the sentence of why something can't be shown.
func (v *visit) appearanceRefusal(err error) error {
	var pale appearance.ErrContrast
	switch {
	case errors.As(err, &pale):
		return v.refuseWith(codePaleAccent, map[string]any{"proposal": pale.Proposal, "ratio": float64(int(pale.Ratio*100)) / 100})
	case errors.Is(err, appearance.ErrColour):
		return refusal{codeBadColour}
	case errors.Is(err, appearance.ErrText):
		return refusal{codeBadText}
	case errors.Is(err, appearance.ErrLogo):
		return refusal{codeBadLogo}
	}
	return err
}

func (s *Server) changeAppearance(v *visit) error {
	var b struct {
		Accent  *string          `json:"accent"`
		Legal   *appearance.Text `json:"legal"`
		Privacy *appearance.Text `json:"privacy"`
		Contact *string          `json:"contact"`
	}
	if err := v.decodeUpTo(&b, maxAppearanceBody); err != nil {
		return err
	}
	if err := s.Appearance.Change(appearance.Change(b), v.shownBy(), v.now); err != nil {
		return v.appearanceRefusal(err)
	}
	return s.getAppearance(v)
}

// tryAccent says how a colour would look in both worlds, and changes nothing.
func (s *Server) tryAccent(v *visit) error {
	var b struct {
		Accent string `json:"accent"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	c, err := appearance.ParseColour(b.Accent)
	if err != nil {
		return v.appearanceRefusal(err)
	}
	p, err := appearance.PaletteOf(c)
	if err != nil {
		return v.appearanceRefusal(err)
	}
	return v.json(http.StatusOK, map[string]any{"palette": p})
}

func (s *Server) setLogo(v *visit) error {
	var b struct {
		Picture string `json:"picture"` // PNG or JPEG, in Base64
	}
	if err := v.decodeUpTo(&b, maxLogoBody); err != nil {
		return err
	}
	picture, err := base64.StdEncoding.DecodeString(b.Picture)
	if err != nil {
		return refusal{codeBadLogo}
	}
	if err := s.Appearance.SetLogo(picture, v.shownBy(), v.now); err != nil {
		return v.appearanceRefusal(err)
	}
	return s.getAppearance(v)
}

func (s *Server) removeLogo(v *visit) error {
	if err := s.Appearance.SetLogo(nil, v.shownBy(), v.now); err != nil {
		return err
	}
	return s.getAppearance(v)
}
