// Package relay is the way of last resort: TURN (RFC 8656) for people whose network lets nothing out but TLS to one port.
// It decides who may allocate, which peer a client may name and how much of everything there is. It never sees who a
// person is (an account is a tag here), nor what is relayed.
//
// The relay opens no socket at all. The one peer that a client may name is the appliance's own media port, so a relayed
// transport address is a queue in memory: what a client sends to the media port is handed to the media plane as a datagram
// from that address (see Media), and what media sends to that address goes back to the client. The LAN, loopback and
// everything else cannot be reached, because there is nothing that reaches; whoever asks is refused with 403 besides.
//
// Clients come over a stream (TLS, taken off by the caller; see ServeConn) or over UDP (see FromClient). A gate of our own
// stands before pion/turn: it hands on only messages whose every length is right and whose method we have, it refuses what
// we do not have with the code that the RFC has for it, and it bounds what strangers may ask. pion keeps the state of
// allocations, permissions and channels. Not offered: TCP allocations (RFC 6062), EVEN-PORT and RESERVATION-TOKEN,
// DONT-FRAGMENT, mobility (RFC 8016).
package relay
