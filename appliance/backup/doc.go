// Package backup is the one file in which an appliance is saved, and the way back from it.
//
// It decides how that file is laid out, for whom it is encrypted, when one is due, which are kept, and that nothing of a
// file counts before all of it was read, decrypted and compared. It never sees what a record of the database means, and it
// holds no key that opens what it writes: for a public key the private half is somebody else's, and a passphrase is forgotten
// when the file is written.
//
// The file: one line that names the format, one line of JSON that says what it is (versions, time, for which keys; nothing of
// people), then a stream of age (age-encryption.org/v1) over a tar archive (POSIX.1-2001). In it stand the files, and at the
// end a manifest with the SHA-256 of each, and of the two lines in clear: so no octet of the file can be another one unseen.
package backup
