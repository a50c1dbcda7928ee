package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"huisclos/appliance/config"
	"huisclos/appliance/control"
	"huisclos/appliance/logs"
	"huisclos/appliance/outward"
	"huisclos/hardening"
)

// idleOutward is how long the process that connects outward waits for another question, when the service manager starts it for
// each: it isn't there while nothing goes out, and reads settings and the resolver's file anew when something does.
const idleOutward = time.Minute

// Outward runs the one process that connects to others: on a question over its socket it connects to what the settings name, in the
// files or, where these leave it open, in the console, and hands the connection over. It holds no secret, has no data directory and sees nothing of what is said.
func Outward(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if err := hardening.NoDumps(); err != nil {
		explain(stderr, err, settings{Settings: config.Defaults()})
		return 1
	}
	return runOutward(ctx, args, stdout, stderr, surroundings{os.Getenv, os.Getpid(), firstGiven, hardening.Confine})
}

func runOutward(ctx context.Context, args []string, stdout, stderr io.Writer, around surroundings) int {
	s, err := readSettings(args)
	if err != nil {
		explain(stderr, err, s)
		return 2
	}
	destinations := destinationsOf(s.Settings)
	log := slog.New(logs.New(logs.Options{Out: stderr, Level: s.LogLevel, Journal: isJournal(stderr, around.getenv)}))
	l, owner, err := givenOutward(around)
	given := l != nil
	if err == nil && !given {
		if len(destinations) == 0 && len(s.Destinations) == 0 && !s.ConsoleDestinations {
			return 0 // nothing to do, and nobody asks
		}
		l, err = listenOutward(s)
		owner = os.Geteuid()
	}
	if err != nil {
		explain(stderr, err, s)
		return 1
	}
	defer l.Close()
	if around.confine != nil {
		if err := around.confine(outwardPolicy(s.Settings)); err != nil {
			explain(stderr, err, s)
			return 1
		}
	}
	server := &outward.Server{Destinations: destinations, Open: s.ConsoleDestinations, Also: placesOf(s.Settings), Accounts: []int{os.Geteuid(), owner}, Log: log.With("part", "outward")}
	if given {
		server.Idle = idleOutward
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	if err := server.Serve(l); err != nil {
		explain(stderr, err, s)
		return 1
	}
	return 0
}

// OutwardPorts prints the TCP ports at which [Outward] may connect under these settings, for a packet filter that lets out nothing else:
// one line, in their order, apart by commas, as nft(8) takes them. They are those of its own Landlock policy.
func OutwardPorts(_ context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := readSettings(args)
	if err != nil {
		explain(stderr, err, s)
		return 2
	}
	var list []string
	for _, port := range outwardPolicy(s.Settings).Ports {
		list = append(list, strconv.Itoa(int(port)))
	}
	fmt.Fprintln(stdout, strings.Join(list, ", "))
	return 0
}

// destinationsOf are those that the settings files fix. This process sees no other settings.
func destinationsOf(s config.Settings) map[string]outward.Destination {
	list := map[string]outward.Destination{}
	if s.Mail.On() {
		list[outward.Mail] = outward.Destination{Host: s.Mail.Host, Port: s.Mail.At()}
	}
	if s.Directory.On() {
		list[outward.Directory] = outward.Destination{Host: s.Directory.Host, Port: s.Directory.Port}
	}
	if s.Syslog.On() {
		list[outward.Syslog] = outward.Destination{Host: s.Syslog.At.Host, Port: s.Syslog.At.Port}
	}
	switch s.Backup.Target {
	case config.ToSFTP:
		list[outward.SFTP] = outward.Destination{Host: s.Backup.SFTP.Host, Port: s.Backup.SFTP.Port}
	case config.ToS3:
		list[outward.S3] = outward.Destination{Host: s.Backup.S3.Host, Port: s.Backup.S3.Port}
	}
	// The console may choose another authority, unless a file has chosen.
	if from := s.From["tls.acme_directory"]; s.CertificateMode() == config.ByACME && (s.From["tls.mode"] != "" || from != "") {
		at := s.ACME.Place()
		list[outward.ACME] = outward.Destination{Host: at.Host, Port: at.Port}
	}
	names, places := providerDestinations(s.OIDC)
	for i, at := range places {
		list[names[i]] = outward.Destination{Host: at.Host, Port: at.Port}
	}
	return list
}

// placesOf are those that the files name for the console to choose from.
func placesOf(s config.Settings) map[string][]outward.Destination {
	list := map[string][]outward.Destination{}
	for _, d := range s.Destinations {
		list[d.Kind] = append(list[d.Kind], outward.Destination{Host: d.Host, Port: d.Port})
	}
	return list
}

// outwardPolicy leaves the files by which names are resolved (resolv.conf(5), hosts(5), nsswitch.conf(5)), the ports of the
// destinations, those of each kind where the console may choose hosts, and the DNS over TCP.
func outwardPolicy(s config.Settings) hardening.Policy {
	p := hardening.Policy{Ports: []uint16{53}}
	for _, file := range []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"} {
		p.ReadFiles = append(p.ReadFiles, resolved(file))
	}
	add := func(port int) {
		if !slices.Contains(p.Ports, uint16(port)) {
			p.Ports = append(p.Ports, uint16(port))
		}
	}
	for _, d := range destinationsOf(s) {
		add(d.Port)
	}
	for _, d := range s.Destinations {
		add(d.Port)
	}
	if s.ConsoleDestinations {
		for _, kind := range outward.Kinds() {
			for _, port := range outward.Ports(kind) {
				add(port)
			}
		}
	}
	slices.Sort(p.Ports)
	return p
}

// givenOutward takes the one socket that the service manager opened (sd_listen_fds(3)), nil when there is none, and whose its file
// is: that account, and no other, may connect to it, and asks.
func givenOutward(around surroundings) (l *net.UnixListener, owner int, err error) {
	if around.getenv("LISTEN_PID") != strconv.Itoa(around.pid) {
		return nil, 0, nil
	}
	if n := around.getenv("LISTEN_FDS"); n != "1" {
		return nil, 0, fmt.Errorf("%w: LISTEN_FDS is %q, and one socket is needed", errSockets, n)
	}
	f := os.NewFile(uintptr(around.firstGiven), "outward")
	defer f.Close()
	syscall.CloseOnExec(around.firstGiven)
	found, err := net.FileListener(f)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", errSockets, err)
	}
	l, ok := found.(*net.UnixListener)
	if !ok {
		_ = found.Close()
		return nil, 0, fmt.Errorf("%w: a socket of unix(7) is needed", errSockets)
	}
	l.SetUnlinkOnClose(false) // it is the manager's
	info, err := os.Stat(l.Addr().String())
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("%w: %w", errSockets, err), l.Close())
	}
	at, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, 0, errors.Join(fmt.Errorf("%w: nobody owns %s", errSockets, l.Addr()), l.Close())
	}
	return l, int(at.Uid), nil
}

func listenOutward(s settings) (*net.UnixListener, error) {
	if err := os.MkdirAll(filepath.Dir(s.OutwardPath()), 0o700); err != nil {
		return nil, fmt.Errorf("socket of the way outward: %w", err)
	}
	l, err := control.Listen(s.OutwardPath())
	if err != nil {
		return nil, err
	}
	return l.(interface{ Unix() *net.UnixListener }).Unix(), nil
}
