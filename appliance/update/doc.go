// Package update is the form of an update: one signed file, what it says of itself, and who may sign it.
//
// It decides whether a file is an update that this appliance may take: its signature first, over the whole file and before anything in
// it is read, then what it says of versions. It never sees a database, a socket or a person, and starts nothing: what is done with an
// update is appliance/update/install's. hardening/docs/updates.md describes the format, the keys and what they protect from.
package update
