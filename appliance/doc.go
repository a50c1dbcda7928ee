// Package appliance puts the parts together: it reads the settings, opens the database and the sockets, starts the
// rooms, the media plane and the web, and stops them in order.
//
// It decides what listens where and what a start prints. It never sees a meeting's secrets: it hands connections from
// one part to the other.
package appliance
