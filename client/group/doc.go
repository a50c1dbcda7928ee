// Package group follows the sealed group of one call as a device lives it:
// creates it, or knocks and is welcomed; takes every commit in the server's
// order; makes the commits that the server asks for.
//
// It decides which requests of the server are carried out (never a change of
// the room that was not asked for here, never its own removal), and what happens when something does not
// open: a commit that breaks the Policy ends in "not safe" without a way back,
// one that merely can't be processed is reported and the device enters anew.
// It is the native twin of meeting-ui/src/call/session.ts, on the same core
// (crypto/e2ee/session). It never sees sockets, clocks, media or files: what
// there is to do comes back as effects.
package group
