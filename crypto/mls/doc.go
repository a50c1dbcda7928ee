// Package mls is Messaging Layer Security (RFC 9420) as Huis Clos uses it: one
// implementation for the browser (compiled to WASM), the server and the native
// client.
//
// It decides who is in a group, which commits take a group to its next epoch,
// and every secret that an epoch yields. [Group] is one member's view with its
// secrets. [Observer] is what somebody without secrets can check: signatures,
// the ratchet tree, the transcript. [Policy] is the product's rule about
// commits, run identically by the server and by every member.
//
// It never sees sockets, clocks or storage: the time and the source of
// randomness are parameters, messages are bytes in and bytes out, and the
// private signature key may live behind a [Signer].
//
// It follows RFC 9420 and, for the two hybrid suites,
// draft-ietf-mls-pq-ciphersuites, on the standard library's crypto/hpke.
package mls
