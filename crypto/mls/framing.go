package mls

import (
	"crypto/hmac"
	"errors"
)

// Wire formats, RFC 9420 §17.2.
const (
	wirePublicMessage  uint16 = 1
	wirePrivateMessage uint16 = 2
	wireWelcome        uint16 = 3
	wireGroupInfo      uint16 = 4
	wireKeyPackage     uint16 = 5
)

type contentType uint8

const (
	contentApplication contentType = 1
	contentProposal    contentType = 2
	contentCommit      contentType = 3
)

// SenderType is RFC 9420 §6 SenderType.
type SenderType uint8

const (
	SenderMember            SenderType = 1
	SenderExternal          SenderType = 2
	SenderNewMemberProposal SenderType = 3
	SenderNewMemberCommit   SenderType = 4
)

// ErrMembershipTag says that a public message was not sent by a member.
var ErrMembershipTag = errors.New("membership tag does not verify")

type sender struct {
	kind  SenderType
	index uint32 // leaf_index or sender_index
}

func (s *sender) decode(d *decoder) {
	s.kind = SenderType(d.u8())
	switch s.kind {
	case SenderMember, SenderExternal:
		s.index = d.u32()
	case SenderNewMemberProposal, SenderNewMemberCommit:
	default:
		d.fail("sender type %d", s.kind)
	}
}

func (s *sender) encode(e *encoder) {
	e.u8(uint8(s.kind))
	if s.kind == SenderMember || s.kind == SenderExternal {
		e.u32(s.index)
	}
}

// framedContent is RFC 9420 §6 FramedContent. raw is its encoding: what is
// signed and hashed is what was sent, never a re-encoding.
type framedContent struct {
	groupID       []byte
	epoch         uint64
	sender        sender
	authenticated []byte // authenticated_data
	kind          contentType
	application   []byte
	proposal      *Proposal
	commit        *commit
	raw           []byte
}

func (c *framedContent) decodeBody(d *decoder) {
	switch c.kind {
	case contentApplication:
		c.application = d.vec()
	case contentProposal:
		c.proposal = &Proposal{}
		c.proposal.decode(d)
	case contentCommit:
		c.commit = &commit{}
		c.commit.decode(d)
	default:
		d.fail("content type %d", c.kind)
	}
}

func (c *framedContent) encodeBody(e *encoder) {
	switch c.kind {
	case contentApplication:
		e.vec(c.application)
	case contentProposal:
		c.proposal.encode(e)
	case contentCommit:
		c.commit.encode(e)
	}
}

func (c *framedContent) decode(d *decoder) {
	start := d.b
	c.groupID, c.epoch = d.vec(), d.u64()
	c.sender.decode(d)
	c.authenticated = d.vec()
	c.kind = contentType(d.u8())
	c.decodeBody(d)
	if d.err == nil {
		c.raw = start[:len(start)-len(d.b)]
	}
}

func (c *framedContent) seal() {
	c.raw = encoded(func(e *encoder) {
		e.vec(c.groupID)
		e.u64(c.epoch)
		c.sender.encode(e)
		e.vec(c.authenticated)
		e.u8(uint8(c.kind))
		c.encodeBody(e)
	})
}

// authenticatedContent is RFC 9420 §6 AuthenticatedContent.
type authenticatedContent struct {
	wireFormat      uint16
	content         framedContent
	signature       []byte
	confirmationTag []byte // only of a commit
}

func (a *authenticatedContent) decodeAuth(d *decoder) {
	a.signature = d.vec()
	if a.content.kind == contentCommit {
		a.confirmationTag = d.vec()
	}
}

func (a *authenticatedContent) encodeAuth(e *encoder) {
	e.vec(a.signature)
	if a.content.kind == contentCommit {
		e.vec(a.confirmationTag)
	}
}

func (a *authenticatedContent) decode(d *decoder) {
	a.wireFormat = d.u16()
	a.content.decode(d)
	a.decodeAuth(d)
}

func (a *authenticatedContent) encode(e *encoder) {
	e.u16(a.wireFormat)
	e.raw(a.content.raw)
	a.encodeAuth(e)
}

// tbs is FramedContentTBS (RFC 9420 §6.1).
func (a *authenticatedContent) tbs(context []byte) []byte {
	return encoded(func(e *encoder) {
		e.u16(protocolVersion)
		e.u16(a.wireFormat)
		e.raw(a.content.raw)
		if k := a.content.sender.kind; k == SenderMember || k == SenderNewMemberCommit {
			e.raw(context)
		}
	})
}

func (a *authenticatedContent) sign(signer Signer, context []byte) (err error) {
	a.content.seal()
	a.signature, err = signWithLabel(signer, "FramedContentTBS", a.tbs(context))
	return err
}

func (a *authenticatedContent) verify(s *suite, public, context []byte) error {
	return s.verifyWithLabel(public, "FramedContentTBS", a.tbs(context), a.signature)
}

// membershipTag is the MAC over AuthenticatedContentTBM (RFC 9420 §6.2).
func (a *authenticatedContent) membershipTag(s *suite, key, context []byte) []byte {
	e := encoder{b: a.tbs(context)}
	a.encodeAuth(&e)
	return s.mac(key, e.b)
}

func (a *authenticatedContent) ref(s *suite) []byte {
	return s.refHash("MLS 1.0 Proposal Reference", encoded(a.encode))
}

// publicMessage is RFC 9420 §6.2 PublicMessage.
type publicMessage struct {
	authenticatedContent
	tag []byte // membership_tag, only of a member
}

func (m *publicMessage) decode(d *decoder) {
	m.wireFormat = wirePublicMessage
	m.content.decode(d)
	m.decodeAuth(d)
	if m.content.sender.kind == SenderMember {
		m.tag = d.vec()
	}
}

func (m *publicMessage) encode(e *encoder) {
	e.raw(m.content.raw)
	m.encodeAuth(e)
	if m.content.sender.kind == SenderMember {
		e.vec(m.tag)
	}
}

// protectPublic: RFC 9420 §6, application data is never sent in the clear.
func (a *authenticatedContent) protectPublic(s *suite, membershipKey, context []byte) (*publicMessage, error) {
	if a.content.kind == contentApplication {
		return nil, errors.New("application data is sent as private message only")
	}
	m := &publicMessage{authenticatedContent: *a}
	if a.content.sender.kind == SenderMember {
		m.tag = a.membershipTag(s, membershipKey, context)
	}
	return m, nil
}

func (m *publicMessage) checkTag(s *suite, membershipKey, context []byte) error {
	if m.content.sender.kind == SenderMember && !hmac.Equal(m.tag, m.membershipTag(s, membershipKey, context)) {
		return ErrMembershipTag
	}
	return nil
}

// message is RFC 9420 §6 MLSMessage: exactly one field is set.
type message struct {
	public     *publicMessage
	private    *privateMessage
	welcome    *welcome
	groupInfo  *groupInfo
	keyPackage *KeyPackage
}

func (m *message) decode(d *decoder) {
	if v := d.u16(); v != protocolVersion && d.err == nil {
		d.fail("protocol version %d", v)
	}
	switch w := d.u16(); w {
	case wirePublicMessage:
		m.public = &publicMessage{}
		m.public.decode(d)
	case wirePrivateMessage:
		m.private = &privateMessage{}
		m.private.decode(d)
	case wireWelcome:
		m.welcome = &welcome{}
		m.welcome.decode(d)
	case wireGroupInfo:
		m.groupInfo = &groupInfo{}
		m.groupInfo.decode(d)
	case wireKeyPackage:
		m.keyPackage = decodeKeyPackage(d)
	default:
		d.fail("wire format %d", w)
	}
}

func (m *message) encode(e *encoder) {
	e.u16(protocolVersion)
	switch {
	case m.public != nil:
		e.u16(wirePublicMessage)
		m.public.encode(e)
	case m.private != nil:
		e.u16(wirePrivateMessage)
		m.private.encode(e)
	case m.welcome != nil:
		e.u16(wireWelcome)
		m.welcome.encode(e)
	case m.groupInfo != nil:
		e.u16(wireGroupInfo)
		m.groupInfo.encode(e)
	case m.keyPackage != nil:
		e.u16(wireKeyPackage)
		m.keyPackage.encode(e)
	}
}

func parseMessage(b []byte) (*message, error) {
	m := &message{}
	if err := decodeAll(b, m.decode); err != nil {
		return nil, err
	}
	return m, nil
}
