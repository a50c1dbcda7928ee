// Package client is a native participant without a screen: it signs in at an
// appliance, joins a sealed call by a room's link, plays frames out of files
// and records the frames that it opens.
//
// It ties the parts together: the line to the server, the sealed group
// (client/group), the frame keys (client/frames) and two WebRTC connections by
// pion. Where they disagree the sealed group wins: no membership, no media.
// The certificate of the appliance is checked by the system's roots or by its
// fingerprint; there is no way round that.
package client
