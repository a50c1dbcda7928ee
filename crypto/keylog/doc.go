// Package keylog is an append-only log: a Merkle tree over records (RFC 6962 §2.1, as Go's checksum database has it), proofs that a
// record is in it and that it only grew, and signed statements of its state (checkpoints), which witnesses sign as well.
//
// It decides how a tree is hashed, what a proof and a checkpoint look like, and which signatures count. It never sees what a record
// means, where hashes are kept nor who a key belongs to: those are its caller's. Formats are those of C2SP: signed-note,
// tlog-checkpoint and, for what a witness is given, tlog-witness. Signatures are ECDSA P-256 with SHA-256 (FIPS 186-5), for which
// signed-note has no type of its own: they stand under its type for others, 0xff, with a name of ours.
package keylog
