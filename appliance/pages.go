package appliance

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
)

// serveWeb answers TLS with the pages, or hands it to the relay, and plain HTTP with the way to them. HTTP/1.1 only: WebSocket needs it, and a
// handful of hashed files gain nothing from HTTP/2.
// redirect, if there is one, is a port that speaks plain HTTP only; metrics another, for the page of metrics and nothing else.
func (a *Appliance) serveWeb(conns, redirect, metrics net.Listener) {
	secure, plain := splitWeb(conns)
	one := new(http.Protocols)
	one.SetHTTP1(true)
	server := func(h http.Handler) *http.Server {
		return &http.Server{Handler: h, Protocols: one, ReadHeaderTimeout: headerWithin, ReadTimeout: readWithin, WriteTimeout: writeWithin,
			IdleTimeout: idleWithin, MaxHeaderBytes: headerBytes, ErrorLog: log.New(httpLog{a.log, func() bool { return a.inForce().FullAddresses }}, "", 0)}
	}
	main, hint := server(a.answers()), server(toHTTPS(func(r *http.Request) bool { return a.pages.Load().OwnHost(r) }))
	hint.SetKeepAlivesEnabled(false)
	away := server(a.plain.before(fromOtherPort(a.port, hint.Handler)))
	away.SetKeepAlivesEnabled(false)
	main.TLSConfig = a.agreed.counted(a.keeper.TLS())
	run := func(serve func() error) {
		a.running.Go(func() {
			if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				a.failed <- err
			}
		})
	}
	run(func() error { return main.Serve(splitSecure(secure, main.TLSConfig, a.relay.ServeConn, main.ErrorLog)) })
	run(func() error { return hint.Serve(plain) })
	figures := server(onlyMetrics(a.answers()))
	if metrics != nil {
		run(func() error { return figures.Serve(newLimitedListener(metrics, maxCollectors, a.maxFrom)) })
	}
	if redirect != nil {
		run(func() error { return away.Serve(newLimitedListener(redirect, maxConnections, a.maxFrom)) })
	}
	a.onStop(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		_, _, _ = hint.Close(), away.Close(), figures.Close()
		if err := main.Shutdown(ctx); err != nil {
			_ = main.Close() // what is still open after ten seconds is cut
		}
	})
}
