package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"huisclos/client"
)

// server is the program that is measured, in a process of its own; or, with
// cmd nil, an appliance elsewhere that has not been set up yet.
type server struct {
	cmd    *exec.Cmd
	dir    string
	origin string
	code   string
	pin    client.Fingerprint
	ask    string // for one elsewhere: the command that says what it uses

	admin    *visitor
	accounts []account // so far; the first is the administrator's
}

// elsewhere is an appliance that runs already, on another machine. Ask is a
// shell command that prints its process's /proc/PID/stat and, after it, its
// /proc/PID/status, the machine's /proc/stat and /proc/meminfo: the way into
// that machine is its caller's.
func elsewhere(ctx context.Context, origin, code, ask string) (*server, error) {
	s := &server{origin: origin, code: code, ask: ask}
	return s, s.look(ctx)
}

// told is what /proc says of the appliance's process: stat, then status; of one
// elsewhere all that ask prints.
func (s *server) told() []byte {
	if s.cmd == nil {
		text, _ := exec.Command("sh", "-c", s.ask).Output()
		return text
	}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	return append(stat, status...)
}

func startServer(ctx context.Context, binary string) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "huisclos-room-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, origin: "https://" + at}
	s.cmd = exec.CommandContext(ctx, binary, "serve", "--listen", at, "--data", filepath.Join(dir, "data"), "--log-level", "warn")
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd.Stderr = log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (make bench-room builds it)", err)
	}
	code := regexp.MustCompile(`Set-up code\s+(\S.*\S)`)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := code.FindStringSubmatch(lines.Text()); m != nil {
			s.code = m[1]
		}
		if strings.Contains(lines.Text(), "Ctrl+C") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return s, s.look(ctx)
		}
	}
	s.stop()
	return nil, errors.New("the server did not start")
}

// look takes the certificate's fingerprint as an operator does: from this very machine.
func (s *server) look(ctx context.Context) error {
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // the process that was just started, on loopback
	host := strings.TrimPrefix(s.origin, "https://")
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), "443")
	}
	c, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	defer c.Close()
	s.pin = sha256.Sum256(c.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw)
	return nil
}

func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.dir)
}

type account struct {
	account client.Account
	token   string
}

// furnish sees that there are n accounts with a session each, and makes a room
// of the first.
func (s *server) furnish(ctx context.Context, n int) (list []account, link client.Link, err error) {
	var me struct{ Account client.Account }
	if s.admin == nil {
		admin := s.visitor()
		const phrase = "gravier lampe orage violon"
		if err := admin.ask(ctx, "POST", "/api/setup", map[string]string{"code": s.code, "name": "Room 0", "email": "r0@example.org", "passphrase": phrase}, &me); err != nil {
			return nil, link, err
		}
		// An administrator does nothing before a second factor is there.
		var begun struct{ Secret string }
		if err := admin.ask(ctx, "POST", "/api/account/totp", map[string]string{"passphrase": phrase}, &begun); err != nil {
			return nil, link, err
		}
		code, err := codeOf(begun.Secret, time.Now())
		if err != nil {
			return nil, link, err
		}
		if err := admin.ask(ctx, "POST", "/api/account/totp/confirm", map[string]string{"code": code}, &struct{}{}); err != nil {
			return nil, link, err
		}
		s.admin, s.accounts = admin, []account{{me.Account, admin.token()}}
	}
	for i := len(s.accounts); i < n; i++ {
		var made struct{ Activation struct{ URL string } }
		if err := s.admin.ask(ctx, "POST", "/api/admin/accounts", map[string]string{"name": fmt.Sprintf("Room %d", i), "email": fmt.Sprintf("r%d@example.org", i), "role": "member"}, &made); err != nil {
			return nil, link, err
		}
		_, token, _ := strings.Cut(made.Activation.URL, "#")
		v := s.visitor()
		if err := v.ask(ctx, "POST", "/api/activate", map[string]string{"token": token, "passphrase": fmt.Sprintf("cascade %d mousse verrou talus", i)}, &me); err != nil {
			return nil, link, err
		}
		s.accounts = append(s.accounts, account{me.Account, v.token()})
	}
	var room struct{ ID string }
	if err := s.admin.ask(ctx, "POST", "/api/rooms", map[string]string{"name": "Room"}, &room); err != nil {
		return nil, link, err
	}
	link, err = client.ParseLink(s.origin + "/r/" + room.ID + "#" + s.accounts[0].account.ID.String())
	return s.accounts[:n], link, err
}

// visitor is one user of the HTTP interface.
type visitor struct {
	s    *server
	c    *http.Client
	csrf string
}

func (s *server) visitor() *visitor {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &visitor{s: s, c: &http.Client{Jar: jar, Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}}
}

func (v *visitor) token() string {
	u, _ := url.Parse(v.s.origin) // ours
	for _, c := range v.c.Jar.Cookies(u) {
		if c.Name == "__Host-huisclos" {
			return c.Value
		}
	}
	return ""
}

func (v *visitor) ask(ctx context.Context, method, path string, body, into any) error {
	if v.csrf == "" && method != http.MethodGet {
		if err := v.ask(ctx, http.MethodGet, "/api/me", nil, &struct{}{}); err != nil && v.csrf == "" {
			return err
		}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if method == http.MethodGet {
		data = nil
	}
	r, err := http.NewRequestWithContext(ctx, method, v.s.origin+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	r.Header.Set("Origin", v.s.origin)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Huisclos-CSRF", v.csrf)
	res, err := v.c.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	var said struct{ CSRF string }
	_ = json.Unmarshal(text, &said)
	if said.CSRF != "" {
		v.csrf = said.CSRF
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, text)
	}
	return json.Unmarshal(text, into)
}

// cpu is the processor time that the server has used.
func (s *server) cpu() time.Duration { return processorTime(s.told()) }

// processorTime is that of a process, by its /proc/PID/stat (proc_pid_stat(5)).
func processorTime(text []byte) time.Duration {
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	const tick = 100 // USER_HZ, the same on every Linux that Go runs on
	return time.Duration(user+system) * time.Second / tick
}

// machine is a whole machine, by its /proc/stat and /proc/meminfo.
type machine struct {
	busy, of int64   // ticks of all its processors
	taken    float64 // of its memory, MiB, that can't be given to anybody
}

func machineOf(text []byte) (m machine) {
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 9 || f[0] != "cpu" {
			continue
		}
		for i, ticks := range f[1:9] { // user, nice, system, idle, iowait, irq, softirq, steal
			n, _ := strconv.ParseInt(ticks, 10, 64)
			if m.of += n; i != 3 && i != 4 {
				m.busy += n
			}
		}
	}
	m.taken = mib(text, "MemTotal:") - mib(text, "MemAvailable:")
	return m
}

// scheduled is how long the server's threads that are there now have run, and waited for a processor (the kernel's
// Documentation/scheduler/sched-stats.rst).
func (s *server) scheduled() (ran, waited time.Duration) {
	if s.cmd == nil {
		return 0, 0
	}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.cmd.Process.Pid))
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		var a, b int64
		if _, err := fmt.Sscan(string(text), &a, &b); err == nil {
			ran, waited = ran+time.Duration(a), waited+time.Duration(b)
		}
	}
	return ran, waited
}

func ownMemory() float64 {
	text, _ := os.ReadFile("/proc/self/status")
	return resident(text)
}

// resident is what a process has in memory, in MiB, by its /proc/PID/status.
func resident(text []byte) float64 { return mib(text, "VmRSS:") }

// mib is a line of /proc/PID/status or /proc/meminfo, which are in KiB.
func mib(text []byte, name string) float64 {
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == name {
			kib, _ := strconv.Atoi(f[1])
			return float64(kib) / 1024
		}
	}
	return 0
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
