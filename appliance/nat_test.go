package appliance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"huisclos/appliance/control"
	"huisclos/appliance/reach"
)

// The network of these tests, in namespaces of their own that end with their processes:
//
//	this machine 10.0.0.2 ── 10.0.0.1 router 203.0.113.1 ── 203.0.113.20 a client outside
//
// The router holds 203.0.113.10, which it translates 1:1 to this machine, and a reverse proxy at 203.0.113.11.
const (
	natPort     = 8443
	natPublic   = "203.0.113.10"
	natProxy    = "203.0.113.11"
	natName     = "visio.test"
	partEnv     = "HUISCLOS_TEST_NETWORK"
	serviceEnv  = "HUISCLOS_TEST_LOOKED_AT"
	dataEnv     = "HUISCLOS_TEST_DATA"
	natTestName = "TestCheckNetworkInNamespaces"
)

// again runs this test's binary as one of the network's parts.
func again(part string, more ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], "-test.run=^"+natTestName+"$", "-test.v")
	c.Env = append(append(os.Environ(), partEnv+"="+part), more...)
	return c
}

func TestCheckNetworkInNamespaces(t *testing.T) {
	switch os.Getenv(partEnv) {
	case "":
		for _, tool := range []string{"ip", "nft", "nsenter", "mount"} {
			if _, err := exec.LookPath(tool); err != nil {
				t.Skipf("%s is needed to make the network: %v", tool, err)
			}
		}
		if os.Getuid() != 0 {
			t.Skip("network namespaces with firewalls and /etc/hosts of their own are made by root only")
		}
		t.Parallel() // most of it is waiting for what does not come
		c := again("machine")
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
		out, err := c.CombinedOutput()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || bytes.Contains(out, []byte("CANNOT")) {
			t.Skipf("no network namespace can be made here: %v %s", err, out)
		}
		t.Logf("%s", out)
		if err != nil {
			t.Error(err)
		}
	case "idle":
		time.Sleep(5 * time.Minute) // a namespace lasts as long as somebody is in it
	case "proxy":
		serveProxy(t)
	case "check":
		var out, errs bytes.Buffer
		code := control.CheckNetwork(context.Background(), []string{"--data", os.Getenv(dataEnv), "--json"}, &out, &errs)
		if errs.Len() > 0 || (code == 0) != bytes.HasPrefix(out.Bytes(), []byte(`{"ok":true`)) {
			t.Fatalf("%d %s %s", code, out.String(), errs.String())
		}
		fmt.Printf("SEEN %s\n", out.String())
	case "client":
		lookFromOutside(t)
	case "machine":
		inNamespaces(t)
	}
}

type verdict struct {
	OK       bool
	Findings []reach.Finding
}

func (v verdict) at(addr string) (codes []string) {
	for _, f := range v.Findings {
		if f.At == addr {
			codes = append(codes, f.Name)
		}
	}
	return codes
}

func (v verdict) says(code string) string {
	for _, f := range v.Findings {
		if f.Name == code {
			return f.Detail.EN + " " + f.Why.EN + " " + f.Do.EN
		}
	}
	return ""
}

func inNamespaces(t *testing.T) {
	n := newNetwork(t)
	at := netip.MustParseAddr
	// In a process of its own, as the command is: Go keeps /etc/hosts for some seconds.
	check := func(t *testing.T, a *Appliance) (v verdict) {
		t.Helper()
		out, err := again("check", dataEnv+"="+a.settings.Data).CombinedOutput()
		must(t, err)
		seen(t, out, &v)
		return v
	}
	expect := func(t *testing.T, v verdict, at string, codes ...string) {
		t.Helper()
		if got := v.at(at); !slices.Equal(got, codes) {
			t.Errorf("at %q: %q, want %q\n%+v", at, got, codes, v.Findings)
		}
	}
	appliance := func(t *testing.T, public ...string) *Appliance {
		s := testSettings(t)
		s.Listen, s.Hostnames = fmt.Sprintf(":%d", natPort), []string{natName}
		for _, p := range public {
			s.PublicAddresses = append(s.PublicAddresses, at(p))
		}
		a, _ := start(t, s)
		return a
	}
	drop := func(what string) string {
		return "table inet own {\n chain in { type filter hook input priority 0;\n " + what + "\n }\n}"
	}
	open := []string{"page", "udp", "ice-tcp"}

	run := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { n.t = t; f(t) })
	}
	run("its own firewall", func(t *testing.T) {
		n.hosts("10.0.0.2")
		a := appliance(t)
		v := check(t, a)
		expect(t, v, natName, "name")
		expect(t, v, "10.0.0.2", open...)
		if !v.OK {
			t.Errorf("all is well, and it says %+v", v.Findings)
		}
		n.rules(0, drop(fmt.Sprintf("udp dport %d drop", natPort)))
		v = check(t, a)
		expect(t, v, "10.0.0.2", "page", "udp-filtered", "ice-tcp")
		if !v.OK || !strings.Contains(v.says("udp-filtered"), "the input chain must accept UDP 8443") {
			t.Errorf("no UDP: %+v", v)
		}
		n.rules(0, drop(fmt.Sprintf("udp dport %d drop\n tcp dport %d drop", natPort, natPort)))
		v = check(t, a)
		expect(t, v, "10.0.0.2", "tcp-filtered")
		if v.OK || !strings.Contains(v.says("tcp-filtered"), "It is the firewall of this machine") {
			t.Errorf("no TCP: %+v", v)
		}
		n.rules(0, drop(fmt.Sprintf("tcp dport %d reject with tcp reset", natPort)))
		expect(t, check(t, a), "10.0.0.2", "tcp-refused")
		n.rules(0, drop(fmt.Sprintf("udp dport %d reject", natPort)))
		v = check(t, a)
		expect(t, v, "10.0.0.2", "page", "udp-filtered", "ice-tcp")
		if !strings.Contains(v.says("udp-filtered"), "refused") {
			t.Errorf("UDP rejected: %+v", v)
		}
		n.rules(0, "")
	})

	run("1:1 NAT with hairpin", func(t *testing.T) {
		n.hosts(natPublic)
		n.translate(true)
		a := appliance(t, natPublic)
		v := check(t, a)
		expect(t, v, natName, "name")
		expect(t, v, natPublic, open...)
		expect(t, v, "10.0.0.2", open...)
		if !v.OK || !strings.Contains(v.says("page"), "through the address translation") {
			t.Errorf("%+v", v)
		}
		// The same from where clients are, by the address that they are told.
		if got := n.lookFrom(a, natPublic); !slices.Equal(got.at(natPublic), open) {
			t.Errorf("from outside: %+v", got)
		}
		// What clients are told: the public address first, then the way by which they came.
		if got := a.settings.Candidates(at("10.0.0.2")); !slices.Equal(got, []netip.Addr{at(natPublic), at("10.0.0.2")}) {
			t.Errorf("candidates: %v", got)
		}
	})

	run("1:1 NAT without hairpin", func(t *testing.T) {
		n.translate(false)
		a := appliance(t, natPublic)
		n.hosts(natPublic)
		v := check(t, a)
		expect(t, v, natPublic, "not-judged")
		expect(t, v, "10.0.0.2", open...)
		if !v.OK || !strings.Contains(v.says("not-judged"), "https://visio.test:8443/test") {
			t.Errorf("%+v", v)
		}
		n.hosts("10.0.0.2") // split DNS: inside it leads inside
		v = check(t, a)
		expect(t, v, natName, "name-split-dns")
		if got := n.lookFrom(a, natPublic); !slices.Equal(got.at(natPublic), open) {
			t.Errorf("from outside: %+v", got)
		}
	})

	run("1:1 NAT that nobody declared", func(t *testing.T) {
		n.translate(true)
		n.hosts(natPublic)
		v := check(t, appliance(t))
		expect(t, v, natName, "address-undeclared")
		if v.OK || !strings.Contains(v.says("address-undeclared"), `public_addresses = ["203.0.113.10"]`) {
			t.Errorf("%+v", v)
		}
	})

	run("a router that forwards TCP alone", func(t *testing.T) {
		n.hosts(natPublic)
		n.rules(n.router, `table ip nat {
 chain pre { type nat hook prerouting priority dstnat;
 ip daddr `+natPublic+` dnat to 10.0.0.2
 }
 chain post { type nat hook postrouting priority srcnat;
 ip saddr 10.0.0.0/24 ip daddr 10.0.0.2 masquerade
 }
}
table ip filter {
 chain forward { type filter hook forward priority 0;
 meta l4proto udp drop
 }
}`)
		a := appliance(t, natPublic)
		v := check(t, a)
		expect(t, v, natPublic, "page", "udp-filtered", "ice-tcp")
		if !v.OK || !strings.Contains(v.says("udp-filtered"), "On the router or firewall, forward UDP 8443 of 203.0.113.10") {
			t.Errorf("%+v", v)
		}
	})

	run("a name that leads elsewhere", func(t *testing.T) {
		n.translate(true)
		n.hosts("203.0.113.99")
		v := check(t, appliance(t, natPublic))
		expect(t, v, natName, "name-elsewhere")
		if v.OK {
			t.Errorf("%+v", v)
		}
	})

	run("a reverse proxy", func(t *testing.T) {
		n.translate(true)
		n.hosts(natProxy)
		n.startProxy()
		v := check(t, appliance(t))
		expect(t, v, natProxy, "proxy", "proxy-untrusted")
		if v.OK || !strings.Contains(v.says("proxy"), "ICE-TCP can't pass through an HTTP proxy, and clients are told no address") || !strings.Contains(v.says("proxy-untrusted"), `trusted_proxies = ["10.0.0.1"]`) {
			t.Errorf("%+v", v)
		}
	})

	run("a reverse proxy, and media by a public address", func(t *testing.T) {
		n.translate(true)
		n.hosts(natProxy)
		n.startProxy()
		s := testSettings(t)
		s.Listen, s.Hostnames, s.PublicAddresses = fmt.Sprintf(":%d", natPort), []string{natName}, []netip.Addr{at(natPublic)}
		s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")} // where it connects from
		a, _ := start(t, s)
		v := check(t, a)
		expect(t, v, natProxy, "proxy", "proxy-client")
		expect(t, v, natPublic, open...)
		if !v.OK || !strings.Contains(v.says("proxy"), "straight to 203.0.113.10") {
			t.Errorf("%+v", v)
		}
	})

	run("a second address of the machine", func(t *testing.T) {
		n.rules(n.router, "")
		n.run(0, "ip addr add 10.0.0.3/24 dev inside")
		n.run(n.client, "ip route add default via 203.0.113.1")
		n.hosts("10.0.0.2")
		// What is asked at it must be answered from it. From the machine itself the kernel would do that by itself.
		a := appliance(t)
		for _, own := range []string{"10.0.0.2", "10.0.0.3"} {
			if got := n.lookFrom(a, own); !slices.Equal(got.at(own), open) {
				t.Errorf("from outside, %s: %+v", own, got)
			}
		}
		n.run(0, "ip addr del 10.0.0.3/24 dev inside")
	})

	run("IPv6", func(t *testing.T) {
		n.rules(n.router, "")
		n.hosts("10.0.0.2", "2001:db8:9::9")
		a := appliance(t)
		v := check(t, a)
		expect(t, v, natName, "name", "ipv6-missing")
		if v.OK {
			t.Errorf("a AAAA record and no IPv6: %+v", v)
		}
		n.run(0, "ip -6 addr add 2001:db8:1::2/64 dev inside nodad")
		n.hosts("10.0.0.2", "2001:db8:1::2")
		v = check(t, a)
		expect(t, v, natName, "name")
		expect(t, v, "2001:db8:1::2", open...)
		if !v.OK {
			t.Errorf("%+v", v)
		}
		n.hosts("10.0.0.2")
		expect(t, check(t, a), natName, "name", "aaaa-missing")
	})
}
