package mls

import "fmt"

// groupContext is RFC 9420 §8.1 GroupContext.
type groupContext struct {
	suite      CipherSuite
	groupID    []byte
	epoch      uint64
	treeHash   []byte
	confirmed  []byte // confirmed_transcript_hash
	extensions []Extension
}

func (c *groupContext) decode(d *decoder) {
	if v := d.u16(); v != protocolVersion && d.err == nil {
		d.fail("group context version %d", v)
	}
	c.suite = CipherSuite(d.u16())
	c.groupID, c.epoch = d.vec(), d.u64()
	c.treeHash, c.confirmed = d.vec(), d.vec()
	c.extensions = decodeExtensions(d)
}

func (c *groupContext) encode(e *encoder) {
	e.u16(protocolVersion)
	e.u16(uint16(c.suite))
	e.vec(c.groupID)
	e.u64(c.epoch)
	e.vec(c.treeHash)
	e.vec(c.confirmed)
	encodeExtensions(e, c.extensions)
}

func (c *groupContext) bytes() []byte { return encoded(c.encode) }

// epochSecrets are the secrets of one epoch (RFC 9420 §8, table 4).
type epochSecrets struct {
	senderData    []byte
	encryption    []byte // consumed by the secret tree
	exporter      []byte
	authenticator []byte
	external      []byte
	confirmation  []byte
	membership    []byte
	resumption    []byte
	init          []byte
}

// joinerSecret is the first half of the key schedule.
func (s *suite) joinerSecret(init, commit, context []byte) []byte {
	mixed := s.extract(init, commit)
	defer wipe(mixed)
	return s.expandWithLabel(mixed, "joiner", context, s.size)
}

// epochFromJoiner is the second half, which a joiner runs too. The welcome
// secret leaves with it because both hang off the same extract.
func (s *suite) epochFromJoiner(joiner, psk, context []byte) (secrets *epochSecrets, welcome []byte) {
	mixed := s.extract(joiner, psk)
	defer wipe(mixed)
	epoch := s.expandWithLabel(mixed, "epoch", context, s.size)
	defer wipe(epoch)
	return s.epochSecrets(epoch), s.deriveSecret(mixed, "welcome")
}

// welcomeSecret serves the joiner, who needs it before it knows the context.
func (s *suite) welcomeSecret(joiner, psk []byte) []byte {
	mixed := s.extract(joiner, psk)
	defer wipe(mixed)
	return s.deriveSecret(mixed, "welcome")
}

func (s *suite) epochSecrets(epoch []byte) *epochSecrets {
	return &epochSecrets{
		senderData:    s.deriveSecret(epoch, "sender data"),
		encryption:    s.deriveSecret(epoch, "encryption"),
		exporter:      s.deriveSecret(epoch, "exporter"),
		authenticator: s.deriveSecret(epoch, "authentication"),
		external:      s.deriveSecret(epoch, "external"),
		confirmation:  s.deriveSecret(epoch, "confirm"),
		membership:    s.deriveSecret(epoch, "membership"),
		resumption:    s.deriveSecret(epoch, "resumption"),
		init:          s.deriveSecret(epoch, "init"),
	}
}

func (e *epochSecrets) all() [][]byte {
	return [][]byte{e.senderData, e.encryption, e.exporter, e.authenticator, e.external,
		e.confirmation, e.membership, e.resumption, e.init}
}

// export is RFC 9420 §8.5 MLS-Exporter.
func (s *suite) export(exporter []byte, label string, context []byte, n int) ([]byte, error) {
	if n < 0 || n > 255*s.size {
		return nil, fmt.Errorf("export of %d bytes", n)
	}
	derived := s.deriveSecret(exporter, label)
	defer wipe(derived)
	return s.expandWithLabel(derived, "exported", s.digest(context), n), nil
}

// confirmedTranscript and interimTranscript are RFC 9420 §8.2.
func (s *suite) confirmedTranscript(interimBefore []byte, c *authenticatedContent) []byte {
	return s.digest(interimBefore, encoded(func(e *encoder) {
		e.u16(c.wireFormat)
		e.raw(c.content.raw)
		e.vec(c.signature)
	}))
}

func (s *suite) interimTranscript(confirmed, confirmationTag []byte) []byte {
	return s.digest(confirmed, encoded(func(e *encoder) { e.vec(confirmationTag) }))
}
