// Package srtp seals and opens RTP and RTCP packets in place with
// AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 3711, RFC 7714).
//
// It decides what a sealed packet looks like, which packet index it has, and
// that no nonce is used twice and no packet is taken twice. It never sees
// sockets, clocks, payload formats or who a person is.
//
// A sealed RTP packet is
//
//	header, CSRCs, extension ‖ ciphertext ‖ tag
//
// and a sealed RTCP packet is
//
//	first 8 octets ‖ ciphertext ‖ tag ‖ E and SRTCP index
//
// What stands in the clear is authenticated. The RFCs' options that WebRTC
// doesn't negotiate with these profiles are absent, not switched off: no MKI, no
// key derivation rate, no packet that is only authenticated.
//
// A context ([Sealer], [Opener]) belongs to one owner at a time. It allocates
// when it meets an SSRC for the first time and never otherwise.
package srtp
