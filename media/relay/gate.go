package relay

import (
	"time"

	"github.com/pion/stun/v4"
)

// fate is what becomes of a message at the gate.
type fate int

const (
	drop   fate = iota
	pass        // to pion
	refuse      // with an error code, if its author knows the password
)

// judge decides about a message of a client, whose allocation is nil if it has none. Codes are those of RFC 8656.
func (r *Relay) judge(m *message, a *allocation) (fate, stun.ErrorCode) {
	if m.isChannelData {
		if a == nil {
			return drop, 0
		}
		return pass, 0
	}
	switch {
	case m.class == classIndication && m.method == methodSend:
		// §11.2: nothing answers an indication.
		if a == nil || len(m.peers) != 1 || !r.isMedia(m.peers[0]) {
			return drop, 0
		}
		return pass, 0
	case m.class != classRequest:
		return drop, 0
	}
	switch m.method {
	case methodBinding:
		return pass, 0
	case methodAllocate, methodRefresh, methodCreatePermission, methodChannelBind:
		if !m.integrity {
			return pass, 0 // pion tells realm and nonce: 401
		}
	default:
		return drop, 0
	}
	if m.method == methodAllocate {
		switch {
		case a != nil: // the same transaction again, or 437: pion knows
		case m.protocol != 0 && m.protocol != protocolUDP: // §7.2, 3.
			return refuse, stun.CodeUnsupportedTransProto
		case m.reserves: // §7.2, 5. and 6.: no token is ever valid, no even port is ever free
			return refuse, stun.CodeInsufficientCapacity
		}
		return pass, 0
	}
	if a == nil { // §5: all other requests need one
		return refuse, stun.CodeAllocMismatch
	}
	if m.username != nil {
		if n, ok := parseUsername(string(m.username)); ok && n.account != a.account {
			return refuse, stun.CodeWrongCredentials // §5: who made it
		}
	}
	if m.method == methodRefresh {
		return pass, 0
	}
	for _, peer := range m.peers {
		// §10.2: the port of a permission counts for nothing, and a client that has none to say may say zero.
		if !r.isMedia(peer) && !(m.method == methodCreatePermission && peer.Port() == 0 && r.mayReach(peer.Addr())) {
			return refuse, stun.CodeForbidden
		}
	}
	if m.method == methodChannelBind && (len(m.peers) != 1 || m.channel < firstChannel || m.channel > lastChannel) { // §12.2
		return refuse, stun.CodeBadRequest
	}
	return pass, 0
}

// refusal is the answer to a request that the gate refuses, or nil if its author does not know the password: pion, which
// then gets it, has the same opinion and says 401, or 438 for a nonce that is too old.
func (r *Relay) refusal(m *message, code stun.ErrorCode, now time.Time) []byte {
	_, key, ok := r.issuer.check(string(m.username), now)
	if !ok {
		return nil
	}
	request := &stun.Message{Raw: append([]byte(nil), m.raw...)}
	if request.Decode() != nil || stun.MessageIntegrity(key).Check(request) != nil {
		return nil
	}
	answer, err := stun.Build(request, stun.NewType(stun.Method(m.method), stun.ClassErrorResponse), code, stun.MessageIntegrity(key))
	if err != nil {
		return nil
	}
	return answer.Raw
}
