package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// A server that takes old TLS, no hybrid and sends no HSTS is found out.
func TestBadTLSIsFound(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, CurvePreferences: []tls.CurveID{tls.CurveP256},
		CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}
	s.StartTLS()
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	host, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	var out strings.Builder
	if err := probeTLS(&out, host, port, pool); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"tls-hybrid-not-preferred", "finding tls-1.2-", "finding tls-1.1-", "finding tls-1.0-", "finding hsts-"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

// A port that answers strangers, and one that is closed, are found out.
func TestAnsweringSTUNIsFound(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := c.LocalAddr().String()
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(b[:n], from)
		}
	}()
	var out strings.Builder
	if err := probeSTUN(&out, address, time.Second); err != nil || strings.Count(out.String(), "answered") != 2 {
		t.Errorf("%v\n%s", err, out.String())
	}
	_ = c.Close()
	out.Reset()
	if err := probeSTUN(&out, address, time.Second); err != nil || strings.Count(out.String(), "unreachable") != 2 {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestRoutes(t *testing.T) {
	text, err := os.ReadFile("../../../appliance/web/routes.go")
	if err != nil {
		t.Fatal(err)
	}
	list := routes(text)
	for _, want := range []string{"/", "/healthz", "/api/me", "/api/rooms/:room/tree/:epoch", "/api/admin/status", "/console/:section/:item", "/r/:room"} {
		if !slices.Contains(list, want) {
			t.Errorf("%s is missing", want)
		}
	}
}
