package mls

import (
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"unicode"
	"unicode/utf8"
)

const (
	// ExtensionRoom is the group context extension that holds [Room],
	// ExtensionName the leaf extension with a person's display name,
	// ExtensionStatement the leaf extension that shows the device's statement in
	// the key log (package statement). All are private-use types (RFC 9420 §17.3).
	ExtensionRoom      ExtensionType = 0xF0C1
	ExtensionName      ExtensionType = 0xF0C2
	ExtensionStatement ExtensionType = 0xF0C3

	// RoomVersion is the version of the room extension, and of what every leaf of a call holds.
	RoomVersion = 3

	credentialVersion = 1
	credentialSize    = 1 + 16 + 16 + 8

	maxName       = 128
	maxHosts      = 256
	maxAdmits     = 4096
	maxCheckpoint = 4096
)

type (
	// AccountID, DeviceID and RoomID are random; their text is base64url
	// without padding.
	AccountID [16]byte
	DeviceID  [16]byte
	RoomID    [16]byte
)

func (a AccountID) String() string { return base64.RawURLEncoding.EncodeToString(a[:]) }
func (d DeviceID) String() string  { return base64.RawURLEncoding.EncodeToString(d[:]) }
func (r RoomID) String() string    { return base64.RawURLEncoding.EncodeToString(r[:]) }

// ParseAccountID reads what String writes, and nothing else.
func ParseAccountID(s string) (AccountID, error) { return parseID[AccountID](s) }

// ParseDeviceID reads what String writes, and nothing else.
func ParseDeviceID(s string) (DeviceID, error) { return parseID[DeviceID](s) }

// ParseRoomID reads what String writes, and nothing else.
func ParseRoomID(s string) (RoomID, error) { return parseID[RoomID](s) }

func parseID[T ~[16]byte](s string) (T, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 16 || len(s) != 22 {
		return T{}, fmt.Errorf("%w: id %q", ErrMalformed, s)
	}
	return T(b), nil
}

// DeviceCredential is the identity of a call member's basic credential: which
// device of which account, and the key-log statement that vouches for it.
type DeviceCredential struct {
	Account   AccountID
	Device    DeviceID
	Statement uint64
}

// Marshal writes the fixed 41 bytes.
func (c DeviceCredential) Marshal() []byte {
	return encoded(func(e *encoder) {
		e.u8(credentialVersion)
		e.raw(c.Account[:])
		e.raw(c.Device[:])
		e.u64(c.Statement)
	})
}

// Credential is c as a basic credential.
func (c DeviceCredential) Credential() Credential { return BasicCredential(c.Marshal()) }

// ParseDeviceCredential reads what Marshal writes.
func ParseDeviceCredential(b []byte) (c DeviceCredential, err error) {
	if len(b) != credentialSize {
		return c, fmt.Errorf("%w: device credential of %d bytes", ErrMalformed, len(b))
	}
	err = decodeAll(b, func(d *decoder) {
		if v := d.u8(); v != credentialVersion {
			d.fail("device credential version %d", v)
		}
		copy(c.Account[:], d.take(16))
		copy(c.Device[:], d.take(16))
		c.Statement = d.u64()
	})
	return c, err
}

// Device reads the device credential of a member.
func (m Member) Device() (DeviceCredential, error) { return ParseDeviceCredential(m.Identity) }

// Name is the member's display name.
func (m Member) Name() (string, error) { return NameOf(m.Extensions) }

// NameExtension is the leaf extension of a display name: UTF-8, 1 to 128
// bytes, no control characters.
func NameExtension(name string) (Extension, error) {
	if err := checkName(name); err != nil {
		return Extension{}, err
	}
	return Extension{ExtensionName, []byte(name)}, nil
}

// NameOf finds the display name among a leaf's extensions.
func NameOf(exts []Extension) (string, error) {
	data, ok := findExtension(exts, ExtensionName)
	if !ok {
		return "", invalid("leaf without a name")
	}
	return string(data), checkName(string(data))
}

func checkName(name string) error {
	if len(name) == 0 || len(name) > maxName || !utf8.ValidString(name) {
		return invalid("name of %d bytes", len(name))
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return invalid("control character in a name")
		}
	}
	return nil
}

// Room is the group context extension that every member, and the server,
// agree on. Only a host's commit changes it.
type Room struct {
	Version    uint8
	ID         RoomID
	Hosts      []AccountID
	Profile    Profile
	Locked     bool
	Checkpoint []byte      // of the key log, as the creator saw it (statement.View); no commit changes it
	Admits     []AccountID // accounts that enter without a knock
	Owner      AccountID   // stands in the fragment of the room's link
}

// IsHost says whether an account may change the room and admit.
func (r Room) IsHost(a AccountID) bool { return slices.Contains(r.Hosts, a) }

// AdmitsAccount says whether an account enters without a knock.
func (r Room) AdmitsAccount(a AccountID) bool { return slices.Contains(r.Admits, a) }

func (r Room) encode(e *encoder) {
	e.u8(r.Version)
	e.raw(r.ID[:])
	r.Profile.encode(e)
	e.optional(r.Locked)
	e.raw(r.Owner[:])
	for _, list := range [][]AccountID{r.Hosts, r.Admits} {
		e.length(16 * len(list))
		for _, a := range list {
			e.raw(a[:])
		}
	}
	e.vec(r.Checkpoint)
}

// Marshal writes the extension's data.
func (r Room) Marshal() []byte { return encoded(r.encode) }

// Extension is r for a group context.
func (r Room) Extension() Extension { return Extension{ExtensionRoom, r.Marshal()} }

// ParseRoom reads and checks a room extension's data.
func ParseRoom(b []byte) (r Room, err error) {
	err = decodeAll(b, func(d *decoder) {
		r.Version = d.u8()
		copy(r.ID[:], d.take(16))
		r.Profile = decodeProfile(d)
		r.Locked = d.optional()
		copy(r.Owner[:], d.take(16))
		r.Hosts = decodeAccounts(d, maxHosts)
		r.Admits = decodeAccounts(d, maxAdmits)
		r.Checkpoint = d.vec()
	})
	if err == nil {
		err = r.check()
	}
	if err != nil {
		return Room{}, fmt.Errorf("room: %w", err)
	}
	return r, nil
}

func decodeAccounts(d *decoder, most int) []AccountID {
	var out []AccountID
	d.each(most, func(d *decoder) {
		var a AccountID
		copy(a[:], d.take(16))
		out = append(out, a)
	})
	return out
}

func (r Room) check() error {
	if err := r.Profile.Check(); err != nil {
		return err
	}
	switch {
	case r.Version != RoomVersion:
		return invalid("version %d", r.Version)
	case len(r.Hosts) == 0 || len(r.Hosts) > maxHosts:
		return invalid("%d hosts", len(r.Hosts))
	case len(r.Admits) > maxAdmits:
		return invalid("%d admitted accounts", len(r.Admits))
	case len(r.Checkpoint) > maxCheckpoint:
		return invalid("checkpoint of %d bytes", len(r.Checkpoint))
	}
	for _, list := range [][]AccountID{r.Hosts, r.Admits} {
		seen := make(map[AccountID]bool, len(list))
		for _, a := range list {
			if seen[a] {
				return invalid("account %v twice", a)
			}
			seen[a] = true
		}
	}
	return nil
}

// RoomOf finds the room among a group's extensions.
func RoomOf(exts []Extension) (Room, error) {
	data, ok := findExtension(exts, ExtensionRoom)
	if !ok {
		return Room{}, invalid("group without a room")
	}
	return ParseRoom(data)
}

// callCapabilities are required of every member of a call.
func callCapabilities() RequiredCapabilities {
	return RequiredCapabilities{
		Extensions:  []ExtensionType{ExtensionRoom, ExtensionName, ExtensionStatement},
		Credentials: []CredentialType{CredentialBasic},
	}
}

// NewCallGroup creates the group of a call under a policy that holds [Policy]
// at least. The creator must be a device of one of the room's hosts.
func NewCallGroup(room Room, id Identity, suite CipherSuite, groupID []byte, rand io.Reader, policy PolicyFunc) (*Group, error) {
	if room.Version == 0 {
		room.Version = RoomVersion
	}
	if err := room.check(); err != nil {
		return nil, fmt.Errorf("room: %w", err)
	}
	g, err := NewGroup(GroupOptions{
		Suite: suite, GroupID: groupID, Identity: id, Rand: rand, Policy: policy,
		Extensions: []Extension{room.Extension(), callCapabilities().Extension()},
	})
	if err != nil {
		return nil, err
	}
	return g, g.CheckCall()
}

// Room is the group's room extension.
func (p *publicState) Room() (Room, error) { return RoomOf(p.context.extensions) }

// CheckCall applies the product's rules about a state that commits alone don't
// show: joiners and observers run it before they trust a group that they did
// not follow. JoinWelcome and NewObserver do so by themselves where the group
// has a room.
func (p *publicState) CheckCall() error {
	room, err := p.Room()
	if err != nil {
		return err
	}
	if p.suite.id != room.Profile.suite() {
		return invalid("suite %v is not the profile's", p.suite.id)
	}
	if most := int(room.Profile.Members); most != 0 && len(p.Members()) > most {
		return invalid("%d members, the profile allows %d", len(p.Members()), most)
	}
	want := callCapabilities().Extension()
	if got, _ := findExtension(p.context.extensions, want.Type); string(got) != string(want.Data) || len(p.context.extensions) != 2 {
		return invalid("group extensions are not those of a call")
	}
	devices := map[DeviceID]bool{}
	for _, m := range p.Members() {
		device, err := m.Device()
		if err != nil {
			return fmt.Errorf("leaf %d: %w", m.Leaf, err)
		}
		if devices[device.Device] {
			return invalid("device %v twice", device.Device)
		}
		devices[device.Device] = true
		if _, err := m.Name(); err != nil {
			return fmt.Errorf("leaf %d: %w", m.Leaf, err)
		}
		// At epoch 0 the one member is the creator.
		if p.context.epoch == 0 && !room.IsHost(device.Account) {
			return invalid("the creator is not a host")
		}
	}
	return nil
}

func (p *publicState) checkIfCall() error {
	if _, call := findExtension(p.context.extensions, ExtensionRoom); !call {
		return nil
	}
	return p.CheckCall()
}
