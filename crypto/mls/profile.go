package mls

import (
	"encoding/json"
	"unicode"
	"unicode/utf8"
)

// MaxProfileName bounds the name of a profile, in bytes.
const MaxProfileName = 64

// Condition is one that a profile sets. Each makes a room stricter, so that a
// profile with fewer of them is a weaker one.
type Condition uint32

// The conditions of this version. A room with another bit is refused: a client
// does not take part under rules that it does not know.
const (
	// TwoFactors: whoever takes part has signed in with two factors. The server
	// sees to it; clients cannot.
	TwoFactors Condition = 1 << iota
	// NoGuests, NoMembers: accounts of these roles are not let in. The server
	// sees to it.
	NoGuests
	NoMembers
	// Compared: a client sends no pictures and no messages before its person
	// has compared the words with everybody who is there. Each client sees to it.
	Compared
	// Padded: frames of sound have one size and leave at one pace, whatever is
	// said. Each client sees to it for what it sends.
	Padded

	allConditions = TwoFactors | NoGuests | NoMembers | Compared | Padded
)

// Has says whether all of these are set.
func (c Condition) Has(o Condition) bool { return c&o == o }

// Profile is a room's security profile: the conditions under which its calls
// are held. It stands in the group context, where its creator put it and no
// commit changes it: everybody in a call sees the same profile, and who lowers
// it must begin another call.
type Profile struct {
	Name       string    `json:"name"` // what people call it; 1 to MaxProfileName bytes of UTF-8, no control characters
	Conditions Condition `json:"conditions"`
	Members    uint16    `json:"members,omitempty"` // most leaves of a call, 2 or more; 0: the profile sets no bound
}

// Standard is the profile of a room for which none was chosen.
func Standard() Profile { return Profile{Name: "Standard"} }

// AtLeast says whether p demands everything that o does.
func (p Profile) AtLeast(o Profile) bool {
	return p.Conditions.Has(o.Conditions) && (o.Members == 0 || p.Members != 0 && p.Members <= o.Members)
}

// Full says whether a call of so many leaves takes no more.
func (p Profile) Full(leaves int) bool { return p.Members != 0 && leaves >= int(p.Members) }

// Check says what is wrong with a profile.
func (p Profile) Check() error {
	switch {
	case len(p.Name) == 0 || len(p.Name) > MaxProfileName || !utf8.ValidString(p.Name):
		return invalid("profile name of %d bytes", len(p.Name))
	case p.Conditions&^allConditions != 0:
		return invalid("profile with unknown conditions %#x", uint32(p.Conditions))
	case p.Members == 1:
		return invalid("profile for one member")
	}
	for _, r := range p.Name {
		if unicode.IsControl(r) {
			return invalid("control character in a profile's name")
		}
	}
	return nil
}

func (p Profile) encode(e *encoder) {
	e.vec([]byte(p.Name))
	e.u32(uint32(p.Conditions))
	e.u16(p.Members)
}

func decodeProfile(d *decoder) Profile {
	return Profile{Name: string(d.vec()), Conditions: Condition(d.u32()), Members: d.u16()}
}

// suite is the one suite of a profile.
func (p Profile) suite() CipherSuite { return Default }

// conditionNames are what conditions are called in JSON.
var conditionNames = []struct {
	condition Condition
	name      string
}{
	{TwoFactors, "twoFactors"}, {NoGuests, "noGuests"}, {NoMembers, "noMembers"}, {Compared, "compared"}, {Padded, "padded"},
}

// Names lists the conditions that are set, in a fixed order.
func (c Condition) Names() []string {
	list := []string{}
	for _, n := range conditionNames {
		if c.Has(n.condition) {
			list = append(list, n.name)
		}
	}
	return list
}

// ParseConditions reads what Names writes, in any order.
func ParseConditions(names []string) (c Condition, err error) {
	for _, name := range names {
		found := false
		for _, n := range conditionNames {
			if n.name == name {
				c, found = c|n.condition, true
			}
		}
		if !found {
			return 0, invalid("condition %q", name)
		}
	}
	return c, nil
}

// MarshalJSON writes the names.
func (c Condition) MarshalJSON() ([]byte, error) { return json.Marshal(c.Names()) }

// UnmarshalJSON reads a list of names; a name that this version does not know is an error.
func (c *Condition) UnmarshalJSON(b []byte) error {
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return err
	}
	read, err := ParseConditions(names)
	*c = read
	return err
}
