// Package meetings decides what a room does: who may start a call, who waits in
// the lobby, which commit takes the call's MLS group to its next epoch and who
// is asked to make it, when somebody's media is admitted or cut, and when a call
// is over.
//
// [Room] is the rule: Apply(event, now) returns effects, and touches no socket,
// clock, file or goroutine. [Hall] runs rooms: one goroutine for each room that
// somebody is connected to, timers, connections, the media plane.
//
// It never sees a key that opens media or messages. It follows a call's group as
// a public observer (RFC 9420 §16.2 calls this the delivery service): it checks
// what crypto/mls.Observer and crypto/mls.Policy can check without secrets, and
// asks members for every change. It makes no proposal and no commit itself, and
// stores nothing of a call.
package meetings
