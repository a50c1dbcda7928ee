// Program probe asks a running appliance what the scanners of Debian 12 can't: which key agreement and versions its TLS
// takes, whether its UDP port answers a stranger, and who gets what from each route. It decides nothing about the product
// and ships nowhere.
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	switch {
	case len(args) == 4 && args[0] == "tls":
		pool, err := authority(args[3])
		if err != nil {
			return err
		}
		return probeTLS(out, args[1], args[2], pool)
	case len(args) == 3 && args[0] == "stun":
		return probeSTUN(out, net.JoinHostPort(args[1], args[2]), 2*time.Second)
	case len(args) == 6 && args[0] == "slow":
		pool, err := authority(args[3])
		if err != nil {
			return err
		}
		return slow(args[1], args[2], pool, args[4], args[5])
	case len(args) == 7 && args[0] == "web":
		pool, err := authority(args[3])
		if err != nil {
			return err
		}
		// As browsers write it: the usual port is left out.
		return probeWeb(out, strings.TrimSuffix("https://"+net.JoinHostPort(args[1], args[2]), ":443"), pool, args[4], args[5], args[6])
	}
	return errors.New("usage: probe tls HOST PORT CA | stun HOST PORT | web HOST PORT CA ROUTES.GO SETUP-CODE FOLDER | slow HOST PORT CA LISTEN STATUSES")
}

func authority(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in the CA file")
	}
	return pool, nil
}

// --- TLS ---------------------------------------------------------------------------------------------------------------

// Lines that begin with "finding" are what the gate counts; the others are what was seen.
func probeTLS(out io.Writer, host, port string, pool *x509.CertPool) error {
	address := net.JoinHostPort(host, port)
	dial := func(low, high uint16, groups ...tls.CurveID) (tls.ConnectionState, error) {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", address,
			&tls.Config{ServerName: host, RootCAs: pool, MinVersion: low, MaxVersion: high, CurvePreferences: groups})
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer func() { _ = c.Close() }()
		return c.ConnectionState(), nil
	}
	// As browsers do: the hybrid and classical groups together.
	state, err := dial(tls.VersionTLS13, tls.VersionTLS13, tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384)
	switch {
	case err != nil:
		return err // Nothing can be said of a server that isn't there.
	case state.CurveID != tls.X25519MLKEM768:
		fmt.Fprintf(out, "finding tls-hybrid-not-preferred %v\n", state.CurveID)
	default:
		fmt.Fprintf(out, "seen tls-1.3 %v\n", state.CurveID)
	}
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12} {
		state, err := dial(v, v)
		name := strings.ReplaceAll(strings.ToLower(tls.VersionName(v)), " ", "-")
		if err != nil {
			// A connection that broke is not a refusal.
			var alert tls.AlertError
			if !errors.As(err, &alert) && !strings.Contains(err.Error(), "protocol version") {
				return err
			}
			fmt.Fprintf(out, "seen %s refused\n", name)
			continue
		}
		suite := tls.CipherSuiteName(state.CipherSuite)
		if v != tls.VersionTLS12 || !strings.HasPrefix(suite, "TLS_ECDHE_") || !strings.Contains(suite, "GCM") && !strings.Contains(suite, "POLY1305") {
			fmt.Fprintf(out, "finding %s-%s accepted\n", name, suite)
		} else {
			fmt.Fprintf(out, "seen %s %s\n", name, suite)
		}
	}
	answer, err := client(pool).Get("https://" + address + "/")
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if hsts := answer.Header.Get("Strict-Transport-Security"); !regexp.MustCompile(`^max-age=[0-9]{8,}(;|$)`).MatchString(hsts) {
		fmt.Fprintf(out, "finding hsts-missing-or-short %q\n", hsts)
	} else {
		fmt.Fprintf(out, "seen hsts %s\n", hsts)
	}
	return nil
}

func client(pool *x509.CertPool) *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// --- STUN --------------------------------------------------------------------------------------------------------------

// probeSTUN sends Binding requests of somebody who has no call here: bare, and with a user name and an integrity that
// can't be right. By design neither is answered.
func probeSTUN(out io.Writer, address string, patience time.Duration) error {
	for _, name := range []string{"bare", "forged"} {
		c, err := net.Dial("udp", address)
		if err != nil {
			return err
		}
		said := "silent"
		if _, err = c.Write(bindingRequest(name == "forged")); err == nil {
			_ = c.SetReadDeadline(time.Now().Add(patience))
			if _, err = c.Read(make([]byte, 1500)); err == nil {
				said = "answered"
			}
		}
		_ = c.Close()
		switch {
		case said == "answered":
			fmt.Fprintf(out, "finding stun-%s answered\n", name)
		case errors.Is(err, os.ErrDeadlineExceeded):
			fmt.Fprintf(out, "seen stun-%s silent\n", name)
		default: // The port is closed: nothing was probed.
			fmt.Fprintf(out, "finding stun-%s unreachable\n", name)
		}
	}
	return nil
}

func bindingRequest(forged bool) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0, 1, 0, 0}, 0x2112a442)
	b = append(b, make([]byte, 12)...)
	_, _ = rand.Read(b[8:20])
	if forged {
		b = append(b, 0, 6, 0, 8)
		b = append(b, "nobody:x"...)
		b = append(b, 0, 8, 0, 20)
		b = append(b, make([]byte, 20)...)
		b[3] = byte(len(b) - 20 + 8)
		b = append(b, 0x80, 0x28, 0, 4)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[:len(b)-4])^0x5354554e)
	}
	return b
}

// --- routes ------------------------------------------------------------------------------------------------------------

var quotedPath = regexp.MustCompile(`"(/[^"]*)"`)

// routes are the addresses in the router's source, without repetition.
func routes(source []byte) []string {
	var list []string
	for _, m := range quotedPath.FindAllSubmatch(source, -1) {
		list = append(list, string(m[1]))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// parameters gives the scanner something to attack: those that the handler reads, or one that nobody reads.
func parameters(route string) string {
	if route == "/api/admin/audit" {
		return "?after=1&limit=5"
	}
	return "?q=1"
}

// slow stands between a scanner and the appliance and lets as many requests of the API through as one session may make
// (appliance/web: 20 a second), for an attack that was refused unread shows nothing. It counts the answers by status.
func slow(host, port string, pool *x509.CertPool, listen, statuses string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	target := &url.URL{Scheme: "https", Host: net.JoinHostPort(host, port)}
	turn := time.NewTicker(time.Second / 18)
	var counting sync.Mutex
	counts := map[int]int{}
	s := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			if strings.HasPrefix(r.In.URL.Path, "/api/") {
				<-turn.C
			}
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
		ModifyResponse: func(r *http.Response) error {
			counting.Lock()
			defer counting.Unlock()
			counts[r.StatusCode]++
			return nil
		},
	})
	_ = s.Listener.Close()
	s.Listener = l
	s.StartTLS()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	counting.Lock()
	defer counting.Unlock()
	var text strings.Builder
	for status, n := range counts {
		fmt.Fprintf(&text, "%d %d\n", status, n)
	}
	return os.WriteFile(statuses, []byte(text.String()), 0o600)
}

type person struct {
	*http.Client
	base, csrf string
}

func (p *person) call(method, where string, body any) (int, map[string]any, error) {
	var data []byte
	if body != nil {
		data, _ = json.Marshal(body)
	}
	r, err := http.NewRequest(method, p.base+where, bytes.NewReader(data))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Origin", p.base)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("X-Huisclos-CSRF", p.csrf)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := p.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	var said map[string]any
	_ = json.NewDecoder(answer.Body).Decode(&said)
	if token, ok := said["csrf"].(string); ok {
		p.csrf = token
	}
	return answer.StatusCode, said, nil
}

func (p *person) must(method, where string, body any) (map[string]any, error) {
	if p.csrf == "" && method != http.MethodGet {
		if _, _, err := p.call(http.MethodGet, "/api/me", nil); err != nil {
			return nil, err
		}
	}
	status, said, err := p.call(method, where, body)
	if err == nil && (status < 200 || status > 299) {
		err = fmt.Errorf("%s %s: %d %v", method, where, status, said)
	}
	return said, err
}

// probeWeb sets a new appliance up, asks every route as three people and leaves in folder the addresses and the cookies
// for the scanner.
func probeWeb(out io.Writer, base string, pool *x509.CertPool, source, code, folder string) error {
	text, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	someone := func() *person { return &person{Client: client(pool), base: base} }
	nobody, member, admin := someone(), someone(), someone()
	secret := make([]byte, 16)
	_, _ = rand.Read(secret)
	phrase := fmt.Sprintf("gravier lampe %x", sha256.Sum256(secret))
	if _, err = admin.must("POST", "/api/setup", map[string]string{"code": code, "name": "Ada Admin", "email": "ada@example.test", "passphrase": phrase}); err != nil {
		return err
	}
	// An administrator does nothing before a second factor is there.
	begun, err := admin.must("POST", "/api/account/totp", map[string]string{"passphrase": phrase})
	if err != nil {
		return err
	}
	now, err := codeOf(fmt.Sprint(begun["secret"]), time.Now())
	if err != nil {
		return err
	}
	if _, err = admin.must("POST", "/api/account/totp/confirm", map[string]string{"code": now}); err != nil {
		return err
	}
	admin.csrf = ""
	made, err := admin.must("POST", "/api/admin/accounts", map[string]string{"name": "Max Membre", "email": "max@example.test", "role": "organiser"})
	if err != nil {
		return err
	}
	activation, _ := made["activation"].(map[string]any)
	link, _ := activation["url"].(string)
	account, _ := made["account"].(map[string]any)
	_, token, _ := strings.Cut(link, "#")
	if _, err = someone().must("POST", "/api/activate", map[string]string{"token": token, "passphrase": phrase}); err != nil {
		return err
	}
	if _, err = member.must("POST", "/api/login", map[string]string{"email": "max@example.test", "passphrase": phrase}); err != nil {
		return err
	}
	member.csrf = ""
	room, err := member.must("POST", "/api/rooms", map[string]string{"name": "Salle"})
	if err != nil {
		return err
	}
	fill := strings.NewReplacer(":room", fmt.Sprint(room["id"]), ":account", fmt.Sprint(account["id"]), ":session", "AAAAAAAAAAAAAAAAAAAAAA", ":proposal", "AAAAAAAAAAAAAAAAAAAAAA",
		":epoch", "1", ":file", "none.js", ":section", "accounts", ":item", "1")
	var addresses, attacked []string
	for _, route := range routes(text) {
		where := fill.Replace(route)
		addresses = append(addresses, where)
		line := "seen route " + route
		for _, who := range []struct {
			name string
			*person
		}{{"nobody", nobody}, {"member", member}, {"administrator", admin}} {
			status, _, err := who.call(http.MethodGet, where, nil)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %s=%d", who.name, status)
			if status >= 500 || status == http.StatusTooManyRequests {
				fmt.Fprintf(out, "finding route-%d %s %s\n", status, who.name, route)
			}
		}
		fmt.Fprintln(out, line)
		// What takes no GET has nothing in its address to attack.
		if !strings.HasSuffix(line, "administrator=405") {
			attacked = append(attacked, where+parameters(route))
		}
	}
	if len(addresses) < 20 {
		return errors.New("the router's source has too few addresses: has its form changed?")
	}
	at, err := url.Parse(base)
	if err != nil {
		return err
	}
	for name, p := range map[string]*person{"nobody": nobody, "member": member, "administrator": admin} {
		var pairs []string
		for _, c := range p.Jar.Cookies(at) {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
		if err := os.WriteFile(filepath.Join(folder, "cookie-"+name), []byte(strings.Join(pairs, "; ")), 0o600); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "attacked"), []byte(strings.Join(attacked, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "addresses"), []byte(strings.Join(addresses, "\n")+"\n"), 0o600)
}
