package appearance

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
)

// Bounds of a logo. The page that sends one makes it smaller first.
const (
	MaxPicture = 256 << 10 // octets that are read
	maxWidth   = 1024
	maxHeight  = 512
	minSide    = 16
	maxStored  = 512 << 10 // octets that are kept and served
)

// redraw decodes a PNG or JPEG picture and encodes its pixels anew as PNG: of the file that was sent nothing is ever served, neither
// text nor what another program might read in it. Nothing is decoded before its size is known. ErrLogo.
func redraw(picture []byte) ([]byte, error) {
	if len(picture) > MaxPicture {
		return nil, fmt.Errorf("%w: more than %d octets", ErrLogo, MaxPicture)
	}
	size, decode := png.DecodeConfig, png.Decode
	if bytes.HasPrefix(picture, []byte{0xff, 0xd8, 0xff}) {
		size, decode = jpeg.DecodeConfig, jpeg.Decode
	}
	c, err := size(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLogo, err)
	}
	if c.Width < minSide || c.Height < minSide || c.Width > maxWidth || c.Height > maxHeight {
		return nil, fmt.Errorf("%w: %d × %d pixels", ErrLogo, c.Width, c.Height)
	}
	from, err := decode(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLogo, err)
	}
	to := image.NewNRGBA(image.Rect(0, 0, c.Width, c.Height))
	draw.Draw(to, to.Bounds(), from, from.Bounds().Min, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLogo, err)
	}
	if out.Len() > maxStored {
		return nil, fmt.Errorf("%w: %d octets once drawn anew", ErrLogo, out.Len())
	}
	return out.Bytes(), nil
}
