package reach

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"huisclos/hardening"
)

var (
	inner   = netip.MustParseAddr("192.0.2.10")
	public  = netip.MustParseAddr("203.0.113.9")
	strange = netip.MustParseAddr("198.51.100.7")
	inner6  = netip.MustParseAddr("2001:db8::10")
)

const (
	print      = "AA:BB"
	otherPrint = "CC:DD"
)

// open is an address at which everything answers.
func open(a netip.Addr) Way {
	return Way{Addr: a, TCP: Answered, TLS: Answered, Fingerprint: print, Status: 200, Ours: true, ICETCP: Answered, UDP: Answered, UDPFrom: a}
}

func but(w Way, change func(*Way)) Way { change(&w); return w }

func silent(a netip.Addr) Way { return Way{Addr: a, TCP: Silent, ICETCP: Silent, UDP: Silent} }

func behind(a netip.Addr) Way { // a reverse proxy
	return Way{Addr: a, TCP: Answered, TLS: Answered, Fingerprint: otherPrint, Status: 200, Ours: true, ICETCP: Other, UDP: Silent}
}

// TestJudge: what is seen, and the codes that are said of it. "!" marks what keeps clients out, "~" advice, "?" what can't be judged.
func TestJudge(t *testing.T) {
	all := Listening{Known: true, TCP: []netip.Addr{netip.IPv6Unspecified()}, UDP: []netip.Addr{netip.IPv6Unspecified()}, Second: []netip.Addr{netip.IPv6Unspecified()}}
	service := func(names ...string) Service {
		return Service{Port: 443, Fingerprint: print, Names: names, Probe: Probe{Ufrag: "u", Password: "p"}}
	}
	nat := service("visio.example")
	nat.Public = []netip.Addr{public}
	named := func(addrs ...netip.Addr) []Name { return []Name{{Name: "visio.example", Addrs: addrs}} }
	own := []netip.Addr{inner}
	private := netip.MustParseAddr("10.0.0.10")
	lan, second := []netip.Addr{private}, service()
	second.MediaPort = 10443

	for name, tt := range map[string]struct {
		f    Facts
		want string
		says string // a part of what is said in English
	}{
		"all well": {Facts{Service: service("visio.example"), Resolved: named(inner), Own: own, Listening: all, Ways: []Way{open(inner)}},
			"name page udp ice-tcp ?outside", "leads here"},
		"no name": {Facts{Service: service(), Own: own, Listening: all, Ways: []Way{open(inner)}}, "page udp ice-tcp ?outside", "https://192.0.2.10/test"},
		"name not known": {Facts{Service: service("visio.example"), Resolved: []Name{{Name: "visio.example", Unknown: true}}, Own: own, Listening: all, Ways: []Way{open(inner)}},
			"!name-unknown page udp ice-tcp ?outside", "does not exist in the DNS"},
		"resolver silent": {Facts{Service: service("visio.example"), Resolved: []Name{{Name: "visio.example"}}, Own: own, Listening: all, Ways: []Way{open(inner)}},
			"?name-no-answer page udp ice-tcp ?outside", "gave no answer"},
		"split DNS as it should be": {Facts{Service: nat, Resolved: named(inner), Own: own, Listening: all, Ways: []Way{silent(public), open(inner)}},
			"name-split-dns ?not-judged page udp ice-tcp ?outside", "outside it must lead to 203.0.113.9"},
		"name leads elsewhere": {Facts{Service: nat, Resolved: named(strange), Own: own, Listening: all, Ways: []Way{open(public), open(inner), silent(strange)}},
			"!name-elsewhere page udp ice-tcp page udp ice-tcp ?outside", "neither an address of this machine nor in public_addresses"},
		"NAT that nobody declared": {Facts{Service: service("visio.example"), Resolved: named(public), Own: own, Listening: all, Ways: []Way{open(inner), open(public)}},
			"!address-undeclared page udp ice-tcp page udp ice-tcp ?outside", `public_addresses = ["203.0.113.9"]`},
		"NAT with hairpin": {Facts{Service: nat, Resolved: named(public), Own: own, Listening: all, Ways: []Way{open(public), open(inner)}},
			"name page udp ice-tcp page udp ice-tcp ?outside", "through the address translation"},
		"NAT without hairpin": {Facts{Service: nat, Resolved: named(public), Own: own, Listening: all, Ways: []Way{silent(public), open(inner)}},
			"name ?not-judged page udp ice-tcp ?outside", "can't be judged from here"},
		"NAT with half a hairpin": {Facts{Service: nat, Resolved: named(public), Own: own, Listening: all,
			Ways: []Way{but(open(public), func(w *Way) { w.UDPFrom = inner }), open(inner)}}, "name page ~?udp-hairpin ice-tcp page udp ice-tcp ?outside", "makes no U-turn"},
		"NAT forwards no UDP": {Facts{Service: nat, Resolved: named(public), Own: own, Listening: all,
			Ways: []Way{but(open(public), func(w *Way) { w.UDP = Silent }), open(inner)}}, "name page ~udp-filtered ice-tcp page udp ice-tcp ?outside", "On the router or firewall, forward UDP 443"},
		"NAT forwards no TCP": {Facts{Service: nat, Resolved: named(public), Own: own, Listening: all,
			Ways: []Way{but(silent(public), func(w *Way) { w.UDP, w.UDPFrom = Answered, public }), open(inner)}}, "name !tcp-filtered page udp ice-tcp ?outside", "UDP passes at this address and TCP does not"},
		"NAT refuses": {Facts{Service: nat, Resolved: named(public), Own: own, Listening: all,
			Ways: []Way{{Addr: public, TCP: Refused, ICETCP: Refused, UDP: Refused}, open(inner)}}, "name !tcp-refused page udp ice-tcp ?outside", "refuses the connection instead of forwarding"},
		"own firewall drops UDP": {Facts{Service: service(), Own: own, Listening: all, Ways: []Way{but(open(inner), func(w *Way) { w.UDP = Silent })}},
			"page ~udp-filtered ice-tcp ?outside", "the input chain must accept UDP 443"},
		"own firewall drops TCP": {Facts{Service: service(), Own: own, Listening: all, Ways: []Way{but(silent(inner), func(w *Way) { w.UDP, w.UDPFrom = Answered, inner })}},
			"!tcp-filtered ?outside", "firewall of this machine"},
		"own firewall rejects TCP": {Facts{Service: service(), Own: own, Listening: all, Ways: []Way{{Addr: inner, TCP: Refused, ICETCP: Refused, UDP: Silent}}}, "!tcp-refused ?outside", "rejects it"},
		"no TCP socket": {Facts{Service: service(), Own: own, Listening: Listening{Known: true, UDP: all.UDP}, Ways: []Way{{Addr: inner, TCP: Refused, ICETCP: Refused, UDP: Answered, UDPFrom: inner}}},
			"!socket-missing ?outside", "huisclos.socket"},
		"no UDP socket": {Facts{Service: service(), Own: own, Listening: Listening{Known: true, TCP: all.TCP}, Ways: []Way{but(open(inner), func(w *Way) { w.UDP = Refused })}},
			"page ~udp-socket-missing ice-tcp ?outside", "huisclos-media.socket"},
		"UDP answered from elsewhere": {Facts{Service: service(), Own: []netip.Addr{inner, strange}, Listening: all,
			Ways: []Way{open(inner), but(open(strange), func(w *Way) { w.UDPFrom = inner })}}, "page udp ice-tcp page ~udp-other-address ice-tcp ?outside", "Browsers drop an answer"},
		"only TLS passes": {Facts{Service: nat, Resolved: named(public), Own: own, Listening: all,
			Ways: []Way{but(open(public), func(w *Way) { w.ICETCP = Other }), open(inner)}}, "name page udp ~ice-tcp-filtered page udp ice-tcp ?outside", "lets only TLS pass"},
		"only TLS passes, and no UDP": {Facts{Service: nat, Resolved: named(public), Own: own, Listening: all,
			Ways: []Way{but(open(public), func(w *Way) { w.ICETCP, w.UDP = Other, Silent }), open(inner)}}, "name page !udp-filtered !ice-tcp-filtered page udp ice-tcp ?outside", "Nobody has sound or picture"},
		"no TLS": {Facts{Service: service(), Own: own, Listening: all, Ways: []Way{{Addr: inner, TCP: Answered, TLS: Other, ICETCP: Other}}}, "!not-tls ?outside", "openssl s_client"},
		"another server": {Facts{Service: nat, Resolved: named(public), Own: own, Listening: all, Ways: []Way{but(behind(public), func(w *Way) { w.Ours = false }), open(inner)}},
			"name !other-server page udp ice-tcp ?outside", "another server answers"},
		"the right certificate, another page": {Facts{Service: service(), Own: own, Listening: all, Ways: []Way{but(open(inner), func(w *Way) { w.Ours, w.Status = false, 421 })}},
			"!page-wrong udp ice-tcp ?outside", "HTTP 421"},
		"reverse proxy, no address for media": {Facts{Service: service("visio.example"), Resolved: named(strange), Own: own, Listening: all, Ways: []Way{open(inner), behind(strange)}},
			"name page udp ice-tcp !proxy ?outside", "told no address"},
		"reverse proxy in the same private network": {Facts{Service: service("visio.example"), Resolved: named(private), Own: own, Listening: all, Ways: []Way{open(inner), behind(private)}},
			"name page udp ice-tcp ~proxy ?outside", "what remains is UDP and ICE-TCP straight to "},
		"reverse proxy, media by another address": {Facts{Service: func() Service { s := nat; s.Public = []netip.Addr{public}; return s }(), Resolved: named(strange), Own: own, Listening: all,
			Ways: []Way{open(public), open(inner), behind(strange)}}, "name page udp ice-tcp page udp ice-tcp ~proxy ?outside", "what remains is UDP and ICE-TCP straight to 203.0.113.9"},
		"reverse proxy, UDP beside it": {Facts{Service: nat, Resolved: named(public), Own: own, Listening: all,
			Ways: []Way{but(behind(public), func(w *Way) { w.UDP, w.UDPFrom = Answered, public }), open(inner)}}, "name ~proxy page udp ice-tcp ?outside", "bare TCP"},
		"reverse proxy, UDP beside it, undeclared": {Facts{Service: service("visio.example"), Resolved: named(public), Own: own, Listening: all,
			Ways: []Way{open(inner), but(behind(public), func(w *Way) { w.UDP, w.UDPFrom = Answered, public })}}, "name page udp ice-tcp !proxy ?outside", "public_addresses does not name it"},
		"reverse proxy that nobody trusts": {Facts{Service: nat, Resolved: named(strange), Own: own, Listening: all,
			Ways: []Way{open(public), open(inner), but(behind(strange), func(w *Way) { w.Peer = strange })}}, "name page udp ice-tcp page udp ice-tcp ~proxy ~proxy-untrusted ?outside", `trusted_proxies = ["198.51.100.7"]`},
		"reverse proxy that says nothing of clients": {Facts{Service: nat, Resolved: named(strange), Own: own, Listening: all,
			Ways: []Way{open(public), open(inner), but(behind(strange), func(w *Way) { w.Peer, w.Trusted, w.Client = strange, true, strange })}}, "name page udp ice-tcp page udp ice-tcp ~proxy ~proxy-unnamed ?outside", "X-Forwarded-For $remote_addr"},
		"reverse proxy as it should be": {Facts{Service: nat, Resolved: named(strange), Own: own, Listening: all,
			Ways: []Way{open(public), open(inner), but(behind(strange), func(w *Way) { w.Peer, w.Trusted, w.Client = strange, true, inner })}}, "name page udp ice-tcp page udp ice-tcp ~proxy proxy-client ?outside", "is believed"},
		"reverse proxy with another Host": {Facts{Service: nat, Resolved: named(strange), Own: own, Listening: all,
			Ways: []Way{open(public), open(inner), but(behind(strange), func(w *Way) { w.Peer, w.Trusted, w.Client, w.OtherHost = strange, true, inner, true })}},
			"name page udp ice-tcp page udp ice-tcp ~proxy !proxy-host proxy-client ?outside", "every sign-in is refused"},
		"reverse proxy with the appliance's certificate": {Facts{Service: nat, Resolved: named(strange), Own: own, Listening: all,
			Ways: []Way{open(public), open(inner), but(behind(strange), func(w *Way) { w.Fingerprint, w.Peer, w.Trusted, w.Client = print, strange, true, inner })}},
			"name page udp ice-tcp page udp ice-tcp ~proxy proxy-client ?outside", "what remains is UDP and ICE-TCP straight"},
		"reverse proxy that lets media pass": {Facts{Service: nat, Resolved: named(public), Own: own, Listening: all,
			Ways: []Way{but(behind(public), func(w *Way) {
				w.ICETCP, w.UDP, w.UDPFrom, w.Peer, w.Trusted, w.Client = Answered, Answered, public, public, true, inner
			}), open(inner)}},
			"name proxy proxy-client page udp ice-tcp ?outside", "lets ICE-TCP pass beside them"},
		"AAAA without IPv6": {Facts{Service: service("visio.example"), Resolved: named(inner, inner6), Own: own, Listening: all, Ways: []Way{open(inner), {Addr: inner6, TCP: Unreachable, ICETCP: Unreachable, UDP: Unreachable}}},
			"name !ipv6-missing page udp ice-tcp ?outside", "this machine has none"},
		"IPv6 without AAAA": {Facts{Service: service("visio.example"), Resolved: named(inner), Own: []netip.Addr{inner, inner6}, Listening: all, Ways: []Way{open(inner), open(inner6)}},
			"name ~aaaa-missing page udp ice-tcp page udp ice-tcp ?outside", "no AAAA record"},
		"unique local IPv6 needs no AAAA": {Facts{Service: service("visio.example"), Resolved: named(inner), Own: []netip.Addr{inner, netip.MustParseAddr("fd00::10")}, Listening: all, Ways: []Way{open(inner)}},
			"name page udp ice-tcp ?outside", ""},
		"private address": {Facts{Service: second, Own: lan, Listening: all, Ways: []Way{but(open(private), func(w *Way) { w.Second = Answered })}}, "page udp ice-tcp second-port ?outside", "10.0.0.10:10443"},
		"private address, second port dropped": {Facts{Service: second, Own: lan, Listening: all, Ways: []Way{but(open(private), func(w *Way) { w.Second = Silent })}},
			"page udp ice-tcp ~second-port-filtered ?outside", "go through the relay, by UDP at port 443"},
		"private address, second port forwarded by nobody": {Facts{Service: func() Service { s := second; s.Public = lan; return s }(), Listening: all, Ways: []Way{but(open(private), func(w *Way) { w.Second = Refused })}},
			"page udp ice-tcp ~second-port-filtered ?outside", "forward UDP 10443 of 10.0.0.10"},
		"private address, no UDP at all": {Facts{Service: second, Own: lan, Listening: all, Ways: []Way{but(open(private), func(w *Way) { w.UDP, w.Second = Silent, Silent })}},
			"page ~udp-filtered ice-tcp !second-port-filtered ?outside", "go through the relay, by TCP at port 443"},
		"private address, no second socket": {Facts{Service: second, Own: lan, Listening: Listening{Known: true, TCP: all.TCP, UDP: all.UDP}, Ways: []Way{but(open(private), func(w *Way) { w.Second = Refused })}},
			"page udp ice-tcp ~second-port-socket-missing ?outside", "ListenDatagram=10443"},
		"private address, no second port":    {Facts{Service: service(), Own: lan, Listening: all, Ways: []Way{open(private)}}, "page udp ice-tcp !second-port-off ?outside", "neither sound nor picture by this address"},
		"public address, with a second port": {Facts{Service: second, Own: own, Listening: all, Ways: []Way{open(inner)}}, "page udp ice-tcp ?outside", ""},
		"nothing":                            {Facts{Service: service()}, "!no-address ?outside", "no name and no address"},
	} {
		got := Judge(tt.f)
		var codes []string
		var said strings.Builder
		for _, f := range got {
			mark := map[hardening.State]string{hardening.OK: "", hardening.Missing: "!", hardening.Unknown: "?"}[f.State]
			switch {
			case f.Advice && f.State == hardening.Missing:
				mark = "~"
			case f.Advice:
				mark = "~" + mark
			}
			codes = append(codes, mark+f.Name)
			for _, s := range []hardening.Text{f.Detail, f.Why, f.Do} {
				said.WriteString(s.EN + "\n")
				if f.State != hardening.OK && (s.FR == "" || s.EN == "" || s.FR == s.EN) || strings.ContainsAny(s.FR+s.EN, "!") {
					t.Errorf("%s: %s: a sentence is missing or shouts: %+v", name, f.Name, s)
				}
			}
		}
		if c := strings.Join(codes, " "); c != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", name, c, tt.want)
		}
		if !strings.Contains(said.String(), tt.says) {
			t.Errorf("%s: nothing says %q:\n%s", name, tt.says, said.String())
		}
		if KeepsOut(got) != strings.Contains(tt.want, "!") {
			t.Errorf("%s: keeps out: %v", name, KeepsOut(got))
		}
	}
}

// TestSeen: what the appliance says of how a request arrived; what is garbled says nothing.
func TestSeen(t *testing.T) {
	for header, want := range map[string]Way{
		"visio.example 192.0.2.20 198.51.100.7":      {Peer: netip.MustParseAddr("192.0.2.20"), Trusted: true, Client: strange},
		"VISIO.example 192.0.2.20 -":                 {Peer: netip.MustParseAddr("192.0.2.20")},
		"192.0.2.10:8443 192.0.2.20 192.0.2.20":      {OtherHost: true, Peer: netip.MustParseAddr("192.0.2.20"), Trusted: true, Client: netip.MustParseAddr("192.0.2.20")},
		"":                                           {},
		"visio.example 192.0.2.20":                   {},
		"visio.example 192.0.2.20 198.51.100.7 more": {},
		"visio.example nobody -":                     {},
	} {
		var w Way
		w.seen(header, "visio.example")
		if w != want {
			t.Errorf("%q: %+v", header, w)
		}
	}
}

func TestTargets(t *testing.T) {
	f := Facts{Service: Service{Public: []netip.Addr{public}}, Own: []netip.Addr{inner, inner6}, Resolved: []Name{{Addrs: []netip.Addr{public, strange}}}}
	if got := f.Targets(); !slices.Equal(got, []netip.Addr{public, inner, inner6, strange}) {
		t.Errorf("%v", got)
	}
	f.Named = []netip.Addr{inner}
	if got := f.Targets(); !slices.Equal(got, []netip.Addr{public, inner, strange}) {
		t.Errorf("named: %v", got)
	}
}
