package appliance

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"huisclos/hardening"
)

func from(env map[string]string) func(string) string { return func(k string) string { return env[k] } }

// layDescriptors puts copies of sockets at consecutive descriptors, far from those in use.
func layDescriptors(t *testing.T, sockets ...interface{ File() (*os.File, error) }) (first int) {
	t.Helper()
	const far = 700
	for i, f := range files(t, sockets...) {
		must(t, syscall.Dup3(int(f.Fd()), far+i, 0))
		t.Cleanup(func() { _ = syscall.Close(far + i) }) // taken over and closed already, or not
	}
	return far
}

type socket interface{ File() (*os.File, error) }

// none is a second port that there isn't.
func none(int) int { return 0 }

func TestTakeSockets(t *testing.T) {
	open := func(multipath bool, address string) *net.TCPListener {
		var c net.ListenConfig
		c.SetMultipathTCP(multipath)
		l, err := c.Listen(t.Context(), "tcp", address)
		must(t, err)
		t.Cleanup(func() { _ = l.Close() })
		return l.(*net.TCPListener)
	}
	pair, err := openSockets("127.0.0.1:0", none)
	must(t, err)
	t.Cleanup(pair.close)
	web, media, lonely := pair.tcp.(*net.TCPListener), pair.udp[0].(*net.UDPConn), open(false, "127.0.0.1:0")
	otherUDP, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	defer otherUDP.Close()
	thirdUDP, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	defer thirdUDP.Close()
	local, err := net.ListenUnix("unix", &net.UnixAddr{Name: t.TempDir() + "/s", Net: "unix"})
	must(t, err)
	defer local.Close()
	client, err := net.Dial("tcp", web.Addr().String())
	must(t, err)
	defer client.Close()

	for name, c := range map[string]struct {
		names   string
		sockets []socket
		want    string // in the error; "" when they fit
	}{
		"two":                     {"web:media", []socket{web, media}, ""},
		"several for media":       {"media:media:web", []socket{media, media, web}, ""},
		"a second number":         {"web:media:media", []socket{web, media, otherUDP}, ""},
		"two of a second number":  {"media:web:media:media", []socket{otherUDP, web, otherUDP, media}, ""},
		"a third number":          {"web:media:media:media", []socket{web, media, otherUDP, thirdUDP}, "at most one other"},
		"only the second number":  {"web:media", []socket{web, otherUDP}, "it must be the same number"},
		"three, in another order": {"redirect:media:web", []socket{lonely, media, web}, ""},
		"no media":                {"web", []socket{web}, "one TCP socket named web and one UDP socket named media"},
		"no web":                  {"media:redirect", []socket{media, lonely}, "one TCP socket named web"},
		"exchanged":               {"media:web", []socket{web, media}, "media is not a UDP socket"},
		"twice":                   {"web:web", []socket{web, lonely}, "there are two named web"},
		"no names":                {"", []socket{web, media}, "2 of them"},
		"another name":            {"huisclos.socket:media", []socket{web, media}, `"huisclos.socket" is none of the names`},
		"other numbers":           {"web:media", []socket{lonely, media}, "it must be the same number"},
		"a file socket":           {"web:media", []socket{local, media}, "web is not an IP socket"},
		"a connection":            {"web:media", []socket{client.(*net.TCPConn), media}, "web is not a listening TCP socket"},
	} {
		first := layDescriptors(t, asFiles(c.sockets)...)
		env := map[string]string{"LISTEN_PID": "77", "LISTEN_FDS": strconv.Itoa(len(c.sockets)), "LISTEN_FDNAMES": c.names}
		g, err := takeSockets(from(env), 77, first)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "" && (g.web == nil || len(g.media) != strings.Count(c.names, "media") || portOf(g.web.Addr()) != pair.port() || (g.redirect != nil) != strings.Contains(c.names, "redirect")):
			t.Errorf("%s: %+v", name, g)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !g.none()):
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		g.close()
	}

	multi := open(true, "127.0.0.1:0")
	if p, err := hardening.Protocol(multi); err == nil && p != syscall.IPPROTO_TCP {
		_, err := takeSockets(from(map[string]string{"LISTEN_PID": "77", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"}), 77, layDescriptors(t, multi))
		if err == nil || !strings.Contains(err.Error(), "does not speak TCP") {
			t.Errorf("MPTCP: %v", err)
		}
	}
	for name, env := range map[string]map[string]string{
		"nothing": {}, "another process": {"LISTEN_PID": "78", "LISTEN_FDS": "2"}, "none": {"LISTEN_PID": "77", "LISTEN_FDS": "0"},
	} {
		if g, err := takeSockets(from(env), 77, 700); err != nil || !g.none() {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
	for _, n := range []string{"", "-1", "x", "17"} {
		if _, err := takeSockets(from(map[string]string{"LISTEN_PID": "77", "LISTEN_FDS": n}), 77, 700); err == nil {
			t.Errorf("LISTEN_FDS=%s is accepted", n)
		}
	}
}

func (g given) none() bool { return g.web == nil && g.redirect == nil && g.media == nil }

func asFiles(in []socket) (out []interface{ File() (*os.File, error) }) {
	for _, s := range in {
		out = append(out, s)
	}
	return out
}

// TestListenMustFit: a port in the settings that is not the one that was handed over is an error.
func TestListenMustFit(t *testing.T) {
	for listen, fits := range map[string]bool{"": true, "port": true, "127.0.0.1:1": false} {
		pair, err := openSockets("127.0.0.1:0", none)
		must(t, err)
		s := testSettings(t)
		s.given = given{web: pair.tcp, media: pair.udp}
		s.From = map[string]string{}
		if listen != "" {
			s.Listen, s.From["listen"] = listen, "huisclos.toml"
		}
		if listen == "port" {
			s.Listen = fmt.Sprintf(":%d", pair.port())
		}
		got, err := s.sockets()
		if fits != (err == nil) {
			t.Errorf("listen %q: %v", listen, err)
		}
		if err == nil {
			got.close()
		}
	}
}

// TestMediaPortMustFit: a second port in the settings that is not the one that was handed over is an error as well, and so is one
// that was handed over against the settings.
func TestMediaPortMustFit(t *testing.T) {
	for name, tt := range map[string]struct {
		given bool
		says  string // "": nothing
		fits  bool
	}{
		"given, not said": {true, "", true}, "given and said": {true, "its", true}, "given, another said": {true, "1024", false}, "given, none said": {true, "0", false},
		"not given, not said": {false, "", true}, "not given, none said": {false, "0", true}, "not given, said": {false, "1024", false},
	} {
		pair, err := openSockets("127.0.0.1:0", none)
		must(t, err)
		other, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		must(t, err)
		t.Cleanup(func() { _ = other.Close() })
		s := testSettings(t)
		s.given, s.From = given{web: pair.tcp, media: pair.udp}, map[string]string{}
		want := 0
		if tt.given {
			s.given.media, want = append(s.given.media, other), portOf(other.LocalAddr())
		}
		if tt.says != "" {
			s.From["media_port"] = "huisclos.toml"
			if s.MediaPort, err = strconv.Atoi(tt.says); err != nil {
				s.MediaPort = want
			}
		}
		got, err := s.sockets()
		if tt.fits != (err == nil) || err == nil && got.second() != want {
			t.Errorf("%s: second port %d, %v", name, got.second(), err)
		}
		if err == nil {
			got.close()
		}
	}
}

// TestSecondPort: it is opened beside a port that browsers refuse, and beside no other.
func TestSecondPort(t *testing.T) {
	free, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	number := portOf(free.LocalAddr())
	if _, err := openSockets("127.0.0.1:0", func(int) int { return number }); !errors.Is(err, errSecond) {
		t.Errorf("a second port that is taken: %v", err)
	}
	must(t, free.Close())
	s, err := openSockets("127.0.0.1:0", func(int) int { return number })
	must(t, err)
	defer s.close()
	if s.second() != number || len(s.udp) != 2 {
		t.Errorf("second port %d of %d sockets, want %d", s.second(), len(s.udp), number)
	}
	settings := testSettings(t)
	settings.MediaPort = 10443
	for port, want := range map[int]int{443: 10443, 1023: 10443, 1024: 0, 8443: 0, 10443: 0} {
		if got := settings.Second(port); got != want {
			t.Errorf("beside %d: %d", port, got)
		}
	}
}

// TestListenersSpeakTCP: Landlock's rules for ports do not hold for MPTCP, which Go listens with unless told not to.
func TestListenersSpeakTCP(t *testing.T) {
	a, _ := start(t, testSettings(t))
	if len(a.listeners) != 1 {
		t.Fatalf("%d listeners", len(a.listeners))
	}
	for _, l := range a.listeners {
		if p, err := hardening.Protocol(l); err != nil || p != syscall.IPPROTO_TCP {
			t.Errorf("a listener speaks protocol %d, %v", p, err)
		}
	}
}
