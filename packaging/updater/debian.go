package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"huisclos/appliance/update"
	"huisclos/appliance/update/install"
)

const (
	pkg = "huisclos"
	// healthWithin is how long one question to the service may take.
	healthWithin = 10 * time.Second
	// lockFor is how long another installation is waited for.
	lockFor = time.Minute
	// frontend is the lock that programs take which run dpkg more than once (/usr/share/doc/dpkg/spec/frontend-api.txt).
	frontend = "/var/lib/dpkg/lock-frontend"
)

// debian is a machine with dpkg and systemd.
type debian struct {
	home    string
	control string // socket of the service's commands
}

// command runs a program and returns what it prints. What a failed one said goes into the error.
func command(ctx context.Context, name string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root", "DEBIAN_FRONTEND=noninteractive", "DPKG_FRONTEND_LOCKED=1"}
	c.Dir = "/"
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	// Killed in the middle, dpkg leaves a package half in place: it ends by itself, or with the machine.
	c.Cancel = func() error { return nil }
	if err := c.Run(); err != nil {
		text := strings.TrimSpace(said.String() + "\n" + out.String())
		return nil, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, text[max(0, len(text)-1000):])
	}
	return out.Bytes(), nil
}

func (d *debian) Installed(ctx context.Context) (version, architecture string, err error) {
	out, err := command(ctx, "dpkg-query", "-W", "-f", "${db:Status-Status} ${Version} ${Architecture}", pkg)
	if err != nil {
		return "", "", err
	}
	f := strings.Fields(string(out))
	if len(f) != 3 || f[0] == "not-installed" || f[0] == "config-files" {
		return "", "", fmt.Errorf("the package %s is %q", pkg, out)
	}
	return f[1], f[2], nil
}

// Lock takes the lock that apt and others take; their work is waited for a little.
func (d *debian) Lock(ctx context.Context) (release func(), err error) {
	f, err := os.OpenFile(frontend, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	for waited := time.Duration(0); ; waited += time.Second {
		err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart})
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil
		case !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EACCES):
			return nil, errors.Join(err, f.Close())
		case waited >= lockFor || ctx.Err() != nil:
			return nil, errors.Join(install.ErrBusy, f.Close())
		}
		pause(ctx, time.Second)
	}
}

func (d *debian) Free(folder string) (octets, disk uint64, err error) {
	var s syscall.Statfs_t
	var at syscall.Stat_t
	if err := errors.Join(syscall.Statfs(folder, &s), syscall.Stat(folder, &at)); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", folder, err)
	}
	return s.Bavail * uint64(s.Bsize), at.Dev, nil
}

func (d *debian) Check(ctx context.Context, file string, h update.Header) error {
	for field, want := range map[string]string{"Package": pkg, "Version": h.Version, "Architecture": h.Architecture} {
		out, err := command(ctx, "dpkg-deb", "--field", file, field)
		if err != nil {
			return err
		}
		if got := strings.TrimSpace(string(out)); got != want {
			return fmt.Errorf("the package's %s is %q, and the update says %q", field, got, want)
		}
	}
	return nil
}

// sockets are those by which somebody could start the service again; the latter two only where an administrator has opened them.
var (
	sockets  = []string{"huisclos.socket", "huisclos-media.socket", "huisclos-outward.socket"}
	optional = []string{"huisclos-redirect.socket", "huisclos-metrics.socket"}
)

func (d *debian) Stop(ctx context.Context) error {
	_, err := command(ctx, "systemctl", append(append([]string{"stop", "huisclos.service", "huisclos-outward.service"}, sockets...), optional...)...)
	return err
}

// Install leaves files of settings that an administrator has changed as they are.
func (d *debian) Install(ctx context.Context, file string) error {
	_, err := command(ctx, "dpkg", "--force-confdef", "--force-confold", "--install", file)
	return err
}

func (d *debian) Start(ctx context.Context) error {
	if _, err := command(ctx, "systemctl", "daemon-reload"); err != nil {
		return err
	}
	start := append([]string{"start"}, sockets...)
	for _, unit := range optional {
		if _, err := command(ctx, "systemctl", "is-enabled", "--quiet", unit); err == nil {
			start = append(start, unit)
		}
	}
	if _, err := command(ctx, "systemctl", start...); err != nil {
		return err
	}
	// What the package's own scripts have started runs with the files of before only if it was not replaced: started anew in any case.
	_, err := command(ctx, "systemctl", "restart", "huisclos.service")
	return err
}

// Health asks over the socket of the commands: its file lets root and the service in alone. The two questions are a promise from one
// version to the next: hardening/docs/updates.md.
func (d *debian) Health(ctx context.Context) (version string, ready bool, err error) {
	var status struct {
		Status *struct {
			Version string `json:"version"`
		} `json:"status"`
	}
	if err := d.ask(ctx, "status", &status); err != nil {
		return "", false, err
	}
	if status.Status == nil {
		return "", false, errors.New("the service does not say its version")
	}
	var health struct {
		Error  string `json:"error"`
		Result *struct {
			Ready bool `json:"ready"`
		} `json:"result"`
	}
	if err := d.ask(ctx, "update-health", &health); err != nil {
		return "", false, err
	}
	if health.Result == nil { // a version from before this question: that it answers is all that it says
		return status.Status.Version, strings.HasPrefix(health.Error, "there is no act"), nil
	}
	return status.Status.Version, health.Result.Ready, nil
}

func (d *debian) ask(ctx context.Context, act string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", d.control)
	if err != nil {
		return err
	}
	defer c.Close()
	if at, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(at); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(c, "{\"act\":%q}\n", act); err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(c, 1<<20)).ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, into)
}

func (d *debian) Keep(ctx context.Context, file string) error {
	tree := filepath.Join(d.home, "kept.tree")
	if err := os.RemoveAll(tree); err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	if err := d.gather(ctx, tree); err != nil {
		return err
	}
	// Little time, and enough: it is read once, if at all.
	_, err := command(ctx, "dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, file)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Sync(), f.Close())
}
