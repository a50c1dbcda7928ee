// Package signalling is the client protocol of meetings: JSON messages over one
// WebSocket (RFC 6455) for each client, subprotocol "huisclos.2".
//
// It decides what a message may look like, how big and how frequent it may be,
// and when a silent client is dead. It never sees a rule of a meeting: a decoded
// request goes to the room, what the room says goes out in order. The messages
// themselves are types of package meetings; docs/protocol-signalling.md lists
// them.
package signalling
