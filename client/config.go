package client

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"huisclos/crypto/sframe"
	"huisclos/meetings"
)

// Streams of a participant, by the context that is part of their keys' names
// (hardening/docs/e2ee-protocol.md §5).
const (
	Microphone sframe.Context = 0
	Camera     sframe.Context = 1
)

// Link is a room's link: https://host[:port]/r/{room}#{owner}.
type Link struct {
	Origin string // "https://host[:port]"
	Room   meetings.ID
	// Owner stands in the fragment, which no server sees: a group of another
	// owner is refused.
	Owner meetings.ID
}

// ErrLayers says that a picture has neither one layer nor three.
var ErrLayers = errors.New("a picture has one layer or three")

// ErrLink says that a text is no room's link.
var ErrLink = errors.New("not a room's link")

var roomPath = regexp.MustCompile(`^/r/([A-Za-z0-9_-]{22})$`)

// ParseLink reads a room's link in its one form.
func ParseLink(text string) (Link, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return Link{}, ErrLink
	}
	m := roomPath.FindStringSubmatch(u.Path)
	if m == nil {
		return Link{}, ErrLink
	}
	l := Link{Origin: "https://" + strings.TrimSuffix(strings.ToLower(u.Host), ":443")}
	if l.Room.UnmarshalText([]byte(m[1])) != nil || l.Owner.UnmarshalText([]byte(u.Fragment)) != nil {
		return Link{}, ErrLink
	}
	return l, nil
}

func (l Link) String() string { return l.Origin + "/r/" + l.Room.String() + "#" + l.Owner.String() }

// Fingerprint is the SHA-256 of a certificate in DER.
type Fingerprint [sha256.Size]byte

// ParseFingerprint reads 64 hexadecimal digits, with or without colons between
// the octets, as huisclos status prints them.
func ParseFingerprint(text string) (f Fingerprint, err error) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(b) != len(f) {
		return f, errors.New("a SHA-256 fingerprint has 64 hexadecimal digits")
	}
	return Fingerprint(b), nil
}

// Config is what a participant is given.
type Config struct {
	Link Link
	// Account (an e-mail address) and Passphrase sign in; or Session, the token
	// of a session that is there already.
	Account, Passphrase string
	Session             string
	// Code is asked, once, for the code of a second factor where the account has
	// one; nil: nobody can be asked.
	Code func(context.Context) (string, error)
	// PIN is asked, once, for the PIN of a room that has one which this account
	// has not given lately; nil: nobody can be asked.
	PIN func(context.Context) (string, error)
	// As is who the session is of; nil: the appliance is asked. The two of a
	// test call have no account that could be asked about.
	As *Account
	// Pinned is the appliance's certificate; nil: the system's roots decide.
	Pinned *Fingerprint
	// State is the directory that keeps the device's key between calls; empty:
	// the device is made for this one.
	State string
	// AcceptLog forgets what this machine has seen of the appliance's key log: the person knows that it was restored from a backup.
	AcceptLog bool
	// TakeOver takes the place of the same device's other connection.
	TakeOver bool
	// Admit lets everybody in who knocks, where this account is a host.
	Admit bool

	Picture, Sound Source // what is played; nil: nothing
	// Smaller are the picture's two lower layers, the lowest first, or none:
	// simulcast as browsers do it, of which the server sends each receiver one.
	Smaller []Source
	Sink    Sink // gets what was opened; nil: nobody
	// Transport is how media may go: "udp", "tcp", or "" for whichever works,
	// UDP first.
	Transport string
	// Height is how high other people's pictures are wanted; 0: none, which
	// costs the server least. Default 360.
	Height *int

	Log   *slog.Logger
	Event func(Event) // hears what happens, in order; nil: nobody
}

// Frame is an encoded frame.
type Frame struct {
	Key  bool // of a picture: decodable by itself
	Data []byte
	// Lasts is the time until the next frame.
	Lasts time.Duration
}

// A Source gives the frames of a stream, one after the other, without end or
// until io.EOF.
type Source interface {
	// Next is the next frame. key: somebody waits for a key frame, and the
	// source skips to its next one.
	Next(key bool) (Frame, error)
}

// Received is a frame that opened.
type Received struct {
	From      Person
	Context   sframe.Context
	Key       bool
	Whole     bool // decodable: nothing is missing since the last key frame
	Data      []byte
	Timestamp uint32 // RTP: 90 kHz for pictures, 48 kHz for sound
	Epoch     uint64
	At        time.Time // of the arrival
}

// Person is a leaf of the group, as its device signed it.
type Person struct {
	Leaf    uint32
	Account meetings.ID
	Device  meetings.ID
	Name    string
}

// A Sink takes frames. Calls do not overlap, and must not ask anything of the Call.
type Sink interface{ Take(Received) error }

// EventKind says what happened.
type EventKind string

// What happens to a participant.
const (
	SignedIn     EventKind = "signed-in"
	Waiting      EventKind = "waiting" // Detail: host-absent, lobby, locked
	InCall       EventKind = "in-call"
	NextEpoch    EventKind = "epoch"
	Joined       EventKind = "joined" // Person came
	Gone         EventKind = "gone"   // Person went
	Reconnecting EventKind = "reconnecting"
	Connected    EventKind = "media"       // Detail: "publish udp", …
	FirstFrame   EventKind = "first-frame" // the first frame of anybody's opened
	Refused      EventKind = "refused"     // the gate refused own packets; Detail: reasons
	Ended        EventKind = "ended"       // Detail: why
)

// Event is something that happened.
type Event struct {
	Kind   EventKind
	At     time.Time
	Person *Person
	Detail string
	Epoch  uint64
}

// Error says why a participant is not, or no more, in the call. Code is a
// stable token.
type Error struct {
	Code   string
	Detail string
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return "call: " + e.Code
	}
	return fmt.Sprintf("call: %s: %s", e.Code, e.Detail)
}

// Code is the stable token of why something failed: an [Error]'s, the
// appliance's own ("bad-credentials"), "certificate", "unreachable", or "".
func Code(err error) string {
	var own *Error
	var said *refusal
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var network *net.OpError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &own):
		return own.Code
	case errors.As(err, &said):
		return said.code
	case errors.Is(err, errPinned), errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid):
		return "certificate"
	case errors.As(err, &network):
		return "unreachable"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "no-time-left"
	}
	return "other"
}
