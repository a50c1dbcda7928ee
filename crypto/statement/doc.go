// Package statement is what accounts say of their devices in the key log, and what calls make of it.
//
// It decides what a record of that log is (a [Statement]), how a device shows in its leaf that its statement is in the log
// ([Evidence]), what a group says of the log that it goes by ([View]), which commits and groups are acceptable on that account
// ([Checker]), and when what a device is shown goes together with what it has seen before ([Enter], [Chain]). How a tree is hashed,
// proved and signed is crypto/keylog's, everything else about commits [mls.Policy]'s. It never sees storage, sockets or clocks.
//
// What this is for: neither the server nor its administrator can let a device of an account into a call that stands not in the log
// for ever, show different logs to different people, or take the log back to an older state, unless every device that they meet in a
// call from then on is kept from finding it out as well.
package statement
