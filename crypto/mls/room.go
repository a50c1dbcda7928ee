package mls

const (
	// ExtensionRoom is the group context extension that holds [Room],
	// ExtensionName the leaf extension with a person's display name. Both are
	// private-use types (RFC 9420 §17.3).
	ExtensionRoom ExtensionType = 0xF0C1
	ExtensionName ExtensionType = 0xF0C2
)

// CheckCall applies the product's rules about a group's state, if it is a
// call's: joiners and observers run it before they trust a group that they did
// not follow.
func (p *publicState) CheckCall() error { return nil }
