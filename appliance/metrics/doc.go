// Package metrics says what the appliance counts of itself, in the text format that Prometheus reads (version 0.0.4).
//
// It decides which figures there are, their names, units and labels, and keeps counters and distributions. It never sees a
// person, a room, an address or a key: a [State] has no field that could hold one, and every label's values are known here,
// so that no caller can put in more. Sockets and tokens belong to others.
//
// The format is written here, and not by the library of Prometheus: that one brings expvar, which registers a handler by itself, and
// reflection over protocol buffers, for what is a few lines of text. Prometheus' own promtool reads it in the tests.
package metrics
