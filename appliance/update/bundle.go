package update

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"
	"unicode/utf8"
)

// The file: magic, signature, and what is signed: the length of the header (32 bits, big-endian), the header (JSON), the payload.
const (
	magic         = "huisclos-update\x01"
	signatureSize = ed25519.SignatureSize
	bodyAt        = int64(len(magic) + signatureSize)
	lengthSize    = 4

	// context parts these signatures from every other that a key could make (RFC 8032 §5.1, Ed25519ph).
	context = "huisclos update 1"

	// MaxHeader bounds the header.
	MaxHeader = 64 << 10
	// MaxSize bounds a whole file: the package is some 20 MB.
	MaxSize = 512 << 20
	// Suffix is how the name of such a file ends.
	Suffix = ".update"

	product = "huisclos"
	debian  = "deb"
)

// Reason is why a file is no update for this appliance.
type Reason string

// The reasons.
const (
	NotABundle  Reason = "not-a-bundle" // it does not begin as one
	NoKeys      Reason = "no-keys"      // there is no key to check one with
	Unsigned    Reason = "signature"    // none of the keys has signed it as it is
	Malformed   Reason = "malformed"    // signed, and still not understood: it is for a later program
	TooLarge    Reason = "too-large"
	WrongPlace  Reason = "architecture" // for another kind of machine
	Older       Reason = "older"        // its version is not above the one that is installed
	BelowData   Reason = "below-data"   // the database is newer than it knows
	StepMissing Reason = "step-missing" // the database is too old for it: another version comes first
)

// Error is a refusal. Err is its cause, for an operator.
type Error struct {
	Reason Reason
	Err    error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return "update: " + string(e.Reason)
	}
	return "update: " + string(e.Reason) + ": " + e.Err.Error()
}
func (e *Error) Unwrap() error { return e.Err }

func refuse(r Reason, format string, args ...any) error {
	return &Error{r, fmt.Errorf(format, args...)}
}

// Header is what an update says of itself. Nobody reads one whose signature was not checked.
type Header struct {
	Product      string    `json:"product"` // huisclos
	Version      string    `json:"version"` // deb-version(7)
	Kind         string    `json:"kind"`    // of the payload: deb
	Architecture string    `json:"architecture"`
	Database     int       `json:"database"`      // the version of the database that it knows, and leaves
	FromDatabase int       `json:"from_database"` // the lowest that it brings up
	Made         time.Time `json:"made"`
	Size         int64     `json:"size"`   // of the payload, octets
	SHA256       string    `json:"sha256"` // of the payload
	French       string    `json:"notes_fr,omitempty"`
	English      string    `json:"notes_en,omitempty"`
}

// A Bundle is an update whose signature holds. Its payload is what was signed.
type Bundle struct {
	Header Header
	Key    Key // that signed it
	at     int64
	from   io.ReaderAt
}

// Payload is what is installed.
func (b *Bundle) Payload() io.Reader { return io.NewSectionReader(b.from, b.at, b.Header.Size) }

// Open checks the signature over the whole file with each of the keys, and only then reads what the file says of itself. What it refuses
// is an *Error. The file must not change while the bundle is used: whoever does not own it copies it first.
func Open(file io.ReaderAt, size int64, keys []Key) (*Bundle, error) {
	if size > MaxSize {
		return nil, refuse(TooLarge, "%d octets, at most %d", size, int64(MaxSize))
	}
	head := make([]byte, bodyAt)
	if size < bodyAt {
		return nil, refuse(NotABundle, "%d octets", size)
	}
	if _, err := file.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("update: read: %w", err)
	}
	if string(head[:len(magic)]) != magic {
		return nil, refuse(NotABundle, "it begins otherwise")
	}
	if len(keys) == 0 {
		return nil, &Error{Reason: NoKeys}
	}
	digest := sha512.New()
	if _, err := io.Copy(digest, io.NewSectionReader(file, bodyAt, size-bodyAt)); err != nil {
		return nil, fmt.Errorf("update: read: %w", err)
	}
	sum := digest.Sum(nil)
	for _, key := range keys {
		if ed25519.VerifyWithOptions(key.Public, sum, head[len(magic):], signing) == nil {
			return read(file, size, key)
		}
	}
	return nil, refuse(Unsigned, "%d keys were tried", len(keys))
}

var signing = &ed25519.Options{Hash: crypto.SHA512, Context: context}

// read reads a file whose signature holds.
func read(file io.ReaderAt, size int64, key Key) (*Bundle, error) {
	var length [lengthSize]byte
	if size < bodyAt+lengthSize {
		return nil, refuse(Malformed, "no header")
	}
	if _, err := file.ReadAt(length[:], bodyAt); err != nil {
		return nil, fmt.Errorf("update: read: %w", err)
	}
	n := int64(binary.BigEndian.Uint32(length[:]))
	if n > MaxHeader || n > size-bodyAt-lengthSize {
		return nil, refuse(Malformed, "a header of %d octets", n)
	}
	text := make([]byte, n)
	if _, err := file.ReadAt(text, bodyAt+lengthSize); err != nil {
		return nil, fmt.Errorf("update: read: %w", err)
	}
	b := &Bundle{Key: key, at: bodyAt + lengthSize + n, from: file}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&b.Header)
	if err == nil && d.InputOffset() != n {
		err = errors.New("something follows the header")
	}
	if err == nil {
		err = b.Header.check()
	}
	if err != nil {
		return nil, &Error{Malformed, err}
	}
	if b.Header.Size != size-b.at {
		return nil, refuse(Malformed, "a payload of %d octets, and %d are there", b.Header.Size, size-b.at)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, b.Payload()); err != nil {
		return nil, fmt.Errorf("update: read: %w", err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != b.Header.SHA256 {
		return nil, refuse(Malformed, "its payload has another SHA-256 than it says")
	}
	return b, nil
}

// Versions and architectures go into file names and onto command lines.
var (
	versionForm      = regexp.MustCompile(`^[0-9][0-9A-Za-z.+~-]{0,63}$`)
	architectureForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,15}$`)
)

func (h Header) check() error {
	switch {
	case h.Product != product:
		return fmt.Errorf("of the product %q", h.Product)
	case h.Kind != debian:
		return fmt.Errorf("of the kind %q", h.Kind)
	case !versionForm.MatchString(h.Version):
		return fmt.Errorf("version %q", h.Version)
	case !architectureForm.MatchString(h.Architecture):
		return fmt.Errorf("architecture %q", h.Architecture)
	case h.Database < 1 || h.FromDatabase < 0 || h.FromDatabase > h.Database || h.Database > 1<<20:
		return fmt.Errorf("database %d, from %d", h.Database, h.FromDatabase)
	case h.Size < 1:
		return errors.New("no payload")
	case !utf8.ValidString(h.French) || !utf8.ValidString(h.English) || len(h.French) > MaxHeader || len(h.English) > MaxHeader:
		return errors.New("notes that are no text")
	}
	return nil
}

// Here is where an update would be installed.
type Here struct {
	Version      string
	Architecture string
	Database     int // the version of the database that is there; 0: not known, or none
}

// Fits reports why an update does not go here: an *Error. rollback is the way back to the version that was kept, the one case where an
// older one is wanted; then the database is the caller's to look after.
func (h Header) Fits(at Here) error {
	switch {
	case h.Architecture != at.Architecture:
		return refuse(WrongPlace, "for %s, this is %s", h.Architecture, at.Architecture)
	case Compare(h.Version, at.Version) <= 0:
		return refuse(Older, "version %s, and %s is installed", h.Version, at.Version)
	case h.Database < at.Database:
		return refuse(BelowData, "it knows database %d, and %d is there", h.Database, at.Database)
	case at.Database > 0 && at.Database < h.FromDatabase:
		return refuse(StepMissing, "it takes databases from %d on, and %d is there", h.FromDatabase, at.Database)
	}
	return nil
}

// Write makes an update: header, signature and payload. Product, kind, size and sum of the header are filled in. The payload is read twice.
func Write(to io.Writer, h Header, payload io.ReadSeeker, key ed25519.PrivateKey) error {
	sum := sha256.New()
	size, err := io.Copy(sum, payload)
	if err != nil {
		return fmt.Errorf("update: read: %w", err)
	}
	h.Product, h.Kind, h.Size, h.SHA256 = product, debian, size, hex.EncodeToString(sum.Sum(nil))
	if err := h.check(); err != nil {
		return fmt.Errorf("update: header: %w", err)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("update: header: %w", err)
	}
	if len(text) > MaxHeader || bodyAt+lengthSize+int64(len(text))+size > MaxSize {
		return &Error{TooLarge, errors.New("header or payload")}
	}
	front := append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
	if _, err := payload.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("update: read: %w", err)
	}
	digest := sha512.New()
	digest.Write(front)
	if _, err := io.Copy(digest, payload); err != nil {
		return fmt.Errorf("update: read: %w", err)
	}
	signature, err := key.Sign(nil, digest.Sum(nil), signing)
	if err != nil {
		return fmt.Errorf("update: sign: %w", err)
	}
	if _, err := payload.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("update: read: %w", err)
	}
	_, err = io.Copy(to, io.MultiReader(bytes.NewReader([]byte(magic)), bytes.NewReader(signature), bytes.NewReader(front), payload))
	if err != nil {
		return fmt.Errorf("update: write: %w", err)
	}
	return nil
}
