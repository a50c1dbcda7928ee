package appliance

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"huisclos/appliance/reach"
	"huisclos/crypto/certtest"
)

// network makes namespaces and acts in them.
type network struct {
	t              *testing.T
	router, client int // processes that are in them
	made           bool
	hostsFile      string
}

// failed ends the test: as one that can't be done here, until the network stands.
func (n *network) failed(what string, err error, out []byte) {
	n.t.Helper()
	if !n.made {
		what = "CANNOT " + what
	}
	n.t.Fatalf("%s: %v %s", what, err, out)
}

func (n *network) run(pid int, line string) {
	n.t.Helper()
	args := strings.Fields(line)
	if pid != 0 {
		args = append([]string{"nsenter", "-t", fmt.Sprint(pid), "-n"}, args...)
	}
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		n.failed(line, err, out)
	}
}

func (n *network) rules(pid int, text string) {
	n.t.Helper()
	args := []string{"nft", "-f", "-"}
	if pid != 0 {
		args = append([]string{"nsenter", "-t", fmt.Sprint(pid), "-n"}, args...)
	}
	c := exec.Command(args[0], args[1:]...)
	c.Stdin = strings.NewReader("flush ruleset\n" + text)
	if out, err := c.CombinedOutput(); err != nil {
		n.failed(text, err, out)
	}
}

func (n *network) idle() int {
	c := again("idle")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	must(n.t, c.Start())
	n.t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return c.Process.Pid
}

func newNetwork(t *testing.T) *network {
	n := &network{t: t}
	n.router, n.client = n.idle(), n.idle()
	for _, step := range []struct {
		in   int
		line string
	}{
		{0, "mount --make-rprivate /"},
		{0, "ip link set lo up"}, {n.router, "ip link set lo up"}, {n.client, "ip link set lo up"},
		{0, fmt.Sprintf("ip link add inside type veth peer name inside netns %d", n.router)},
		{n.router, fmt.Sprintf("ip link add outside type veth peer name outside netns %d", n.client)},
		{0, "ip addr add 10.0.0.2/24 dev inside"}, {0, "ip link set inside up"},
		{n.router, "ip addr add 10.0.0.1/24 dev inside"}, {n.router, "ip link set inside up"},
		{0, "ip route add default via 10.0.0.1"},
		{n.router, "ip addr add 203.0.113.1/24 dev outside"}, {n.router, "ip addr add " + natPublic + "/32 dev outside"},
		{n.router, "ip addr add " + natProxy + "/32 dev outside"}, {n.router, "ip link set outside up"},
		{n.client, "ip addr add 203.0.113.20/24 dev outside"}, {n.client, "ip link set outside up"},
	} {
		n.run(step.in, step.line)
	}
	if out, err := exec.Command("nsenter", "-t", fmt.Sprint(n.router), "-n", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward").CombinedOutput(); err != nil {
		n.failed("forward", err, out)
	}
	n.hosts("10.0.0.2")
	n.translate(true)
	// A connection that one set of rules let fall is remembered with its port, for two minutes by default: a later one from the same
	// port would fall as well, whatever the rules are by then.
	for _, what := range []string{"tcp_timeout_syn_sent", "udp_timeout"} {
		if out, err := exec.Command("nsenter", "-t", fmt.Sprint(n.router), "-n", "sh", "-c", "echo 1 > /proc/sys/net/netfilter/nf_conntrack_"+what).CombinedOutput(); err != nil {
			n.failed("forget", err, out)
		}
	}
	n.rules(0, "table inet own {\n}")
	n.made = true
	return n
}

// translate makes the router's 1:1 NAT; hairpin is whether it also serves those inside.
func (n *network) translate(hairpin bool) {
	post := "ip saddr 10.0.0.2 oifname outside snat to " + natPublic
	if hairpin {
		post += "\n ip saddr 10.0.0.0/24 ip daddr 10.0.0.2 masquerade"
	}
	n.rules(n.router, `table ip nat {
 chain pre { type nat hook prerouting priority dstnat;
 ip daddr `+natPublic+` dnat to 10.0.0.2
 }
 chain post { type nat hook postrouting priority srcnat;
 `+post+`
 }
}`)
}

// hosts makes the name lead somewhere, in this test's mount namespace and nowhere else.
func (n *network) hosts(addrs ...string) {
	n.t.Helper()
	text := "127.0.0.1 localhost\n"
	for _, a := range addrs {
		text += a + " " + natName + "\n"
	}
	if n.hostsFile == "" {
		n.hostsFile = filepath.Join(n.t.TempDir(), "hosts")
		must(n.t, os.WriteFile(n.hostsFile, []byte(text), 0o600))
		n.run(0, "mount --bind "+n.hostsFile+" /etc/hosts")
		n.t.Cleanup(func() { _ = exec.Command("umount", "/etc/hosts").Run() })
	}
	must(n.t, os.WriteFile(n.hostsFile, []byte(text), 0o600)) // in place
}

// lookFrom looks at an address of the appliance from the client's namespace, with a probe of its control socket's.
func (n *network) lookFrom(a *Appliance, address string) (v verdict) {
	n.t.Helper()
	service := a.network()
	service.Names, service.Public, service.Named = nil, nil, []netip.Addr{netip.MustParseAddr(address)}
	text, err := json.Marshal(service)
	must(n.t, err)
	c := again("client", serviceEnv+"="+string(text))
	c.Args = append([]string{"nsenter", "-t", fmt.Sprint(n.client), "-n"}, c.Args...)
	c.Path, err = exec.LookPath("nsenter")
	must(n.t, err)
	out, err := c.CombinedOutput()
	must(n.t, err)
	seen(n.t, out, &v.Findings)
	return v
}

// seen reads what a part of the network printed.
func seen(t *testing.T, out []byte, into any) {
	t.Helper()
	_, text, _ := bytes.Cut(out, []byte("SEEN "))
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(into); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
}

func lookFromOutside(t *testing.T) {
	var s reach.Service
	must(t, json.Unmarshal([]byte(os.Getenv(serviceEnv)), &s))
	text, err := json.Marshal(reach.Judge(reach.Look(t.Context(), s, "/none")))
	must(t, err)
	fmt.Printf("SEEN %s\n", text)
}

func (n *network) startProxy() {
	c := again("proxy")
	c.Args = append([]string{"nsenter", "-t", fmt.Sprint(n.router), "-n"}, c.Args...)
	var err error
	c.Path, err = exec.LookPath("nsenter")
	must(n.t, err)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := c.StdoutPipe()
	must(n.t, err)
	must(n.t, c.Start())
	n.t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	b := make([]byte, 4096)
	for text := ""; !strings.Contains(text, "READY"); {
		k, err := said.Read(b)
		must(n.t, err)
		text += string(b[:k])
	}
}

// serveProxy is a reverse proxy for HTTPS with a certificate of its own, as many stand before a service.
func serveProxy(t *testing.T) {
	own := certtest.SelfSigned(t, certtest.For{Names: []string{natName}})
	l, err := tls.Listen("tcp", fmt.Sprintf("%s:%d", natProxy, natPort), &tls.Config{Certificates: []tls.Certificate{own.TLS}})
	must(t, err)
	inside := &url.URL{Scheme: "https", Host: fmt.Sprintf("10.0.0.2:%d", natPort)}
	p := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(inside)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}, ErrorLog: log.New(io.Discard, "", 0)}
	fmt.Println("READY")
	_ = (&http.Server{Handler: p, ErrorLog: log.New(io.Discard, "", 0)}).Serve(l) // until the test ends it
}
