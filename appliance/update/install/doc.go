// Package install is root's part of an update: it takes a request up, looks at the file once more with root's own keys, keeps what is
// there, puts the new version in place, waits until that one does well, and otherwise puts everything back.
//
// It decides in which order that happens, and that whatever ends in the middle leads back to the former version with its database. It
// never sees what a record of the database means, and starts nothing itself: what the machine does stands behind Machine. The folder of
// the service is taken for an enemy's: what is read there is a plain file below it or nothing, and it is copied before it is looked at.
package install
