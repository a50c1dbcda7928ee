// Package batch reads and writes UDP datagrams many at a time: recvmmsg(2) with UDP_GRO, sendmmsg(2) with UDP_SEGMENT (udp(7)).
//
// It decides how datagrams are put together for the kernel and taken apart again, and what happens when the kernel refuses
// one of them. It never sees what a datagram means (the filter knows STUN by its first octets), opens no socket, starts no goroutine and allocates nothing per packet.
// Waiting, deadlines and Close stay with Go's poller: whoever made the socket keeps it. During a flood a socket filter keeps
// strangers out (Conn.Admit); who they are is for its caller to say.
//
// Linux on amd64 and arm64 only.
package batch
