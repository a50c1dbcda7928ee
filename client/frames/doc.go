// Package frames is the frame side of a native participant: which epoch's key a
// frame is sealed with, which may open, how long one waits for its key, and how
// frames become RTP payloads and are put together again.
//
// It decides what the browser's frame worker decides (crypto/e2ee/src/epochs.ts,
// seal.ts, open.ts), by the same rules and constants: both are held to
// hardening/docs/e2ee-protocol.md §5. Time is a parameter. It never sees sockets,
// names or the group's secrets beyond each epoch's frame key.
//
// There is no way through it for a frame that is not sealed, or does not open.
package frames
