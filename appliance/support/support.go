// Package support makes the support bundle: what somebody who helps needs to know of an appliance, in one file that its operator looks
// at before it is given away.
//
// It decides what may stand in that file. It is made of lists of what goes in, never of what stays out: of the settings, the names of those that
// are set and the values of those that are named here; of the database, how many of what there are. No name, address or id of a
// person, no name of a room, no secret, no file of the data directory. The service's own latest log lines come as the service wrote
// them, with clients' addresses masked. Nothing leaves the machine: it is a file, mode 0600.
package support

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"huisclos/appliance/config"
	"huisclos/appliance/control"
	"huisclos/hardening"
)

// Act is the name under which the running appliance is asked for [Running].
const Act = "support"

// Running is what only the running appliance knows.
type Running struct {
	Counters map[string]uint64 `json:"counters"`
	Log      []string          `json:"log"` // the latest lines, the oldest first
}

// A file of the bundle.
type file struct {
	name string
	what hardening.Text
	text []byte
}

// Found is what a bundle is made of.
type Found struct {
	Version  string
	Settings config.Settings
	Status   *control.Status  // nil: no appliance answers
	Running  *Running         // nil likewise
	Report   hardening.Report // of huisclos check
	Now      time.Time
	Read     func(name string) ([]byte, error) // os.ReadFile
}

// shown are the settings whose values go in, each with a text of it. Whatever is not here goes in by its name alone.
func shown(s config.Settings) map[string]string {
	host := func(text string) string { // no user and password of an address, and no path
		u, err := url.Parse(text)
		if err != nil {
			return "?"
		}
		return u.Scheme + "://" + u.Host
	}
	out := map[string]string{"listen": s.Listen, "media_port": fmt.Sprint(s.MediaPort), "log.level": s.LogLevel.String(), "hostnames": fmt.Sprint(len(s.Hostnames)), "addresses": fmt.Sprint(len(s.Addresses)),
		"public_addresses": fmt.Sprint(len(s.PublicAddresses)), "trusted_proxies": fmt.Sprint(len(s.TrustedProxies)), "mail.port": fmt.Sprint(s.Mail.Port), "mail.security": string(s.Mail.Security),
		"accounts.deletion_days": s.DeletionDelay.String(), "calls.history_days": s.CallHistory.String(), "limits.calls": fmt.Sprint(s.Limits.Calls), "limits.people": fmt.Sprint(s.Limits.People),
		"limits.rooms": fmt.Sprint(s.Limits.Rooms), "limits.sessions": fmt.Sprint(s.Limits.Sessions), "limits.call_mbps": fmt.Sprint(s.Limits.CallMbps), "limits.person_kbps": fmt.Sprint(s.Limits.PersonKbps)}
	if s.Directory.On() {
		out["directory.url"] = fmt.Sprintf("TLS %v, port %d", s.Directory.TLS, s.Directory.Port)
	}
	if s.OIDC.On() {
		out["oidc.issuer"] = host(s.OIDC.Issuer)
	}
	return out
}

type setting struct {
	Name  string  `json:"name"`
	From  string  `json:"from"`            // a file, or the command line
	Value *string `json:"value,omitempty"` // of a list: how many; absent: it is not shown
}

func settings(s config.Settings) (list []setting) {
	values := shown(s)
	for name, from := range s.From {
		one := setting{Name: name, From: from}
		if v, ok := values[name]; ok {
			one.Value = &v
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b setting) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// machine are the files of the system that go in.
var machine = []string{"/etc/os-release", "/proc/version", "/proc/loadavg", "/proc/meminfo", "/proc/sys/kernel/osrelease"}

// maxSystemFile bounds what is read of each.
const maxSystemFile = 64 << 10

// gather makes the files, in the order in which they are listed.
func gather(f Found) ([]file, error) {
	var failed error
	asJSON := func(v any) []byte {
		text, err := json.MarshalIndent(v, "", "  ")
		if err != nil && failed == nil {
			failed = fmt.Errorf("support: %w", err)
		}
		return append(text, '\n')
	}
	modules := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			modules[m.Path] = m.Version
		}
	}
	list := []file{
		{"versions.json", hardening.Text{FR: "version de Huis Clos, de Go et des modules", EN: "versions of Huis Clos, Go and the modules"},
			asJSON(map[string]any{"huisclos": f.Version, "go": runtime.Version(), "architecture": runtime.GOARCH, "processors": runtime.NumCPU(), "made": f.Now.UTC().Format(time.RFC3339), "modules": modules})},
		{"check.json", hardening.Text{FR: "ce que dit « huisclos check »", EN: "what “huisclos check” says"}, asJSON(f.Report)},
		{"settings.json", hardening.Text{FR: "réglages donnés, sans leur valeur sauf quelques-unes sans secret", EN: "settings that are given, without their values but for a few that hold no secret"}, asJSON(settings(f.Settings))},
	}
	var system bytes.Buffer
	for _, name := range machine {
		text, err := f.Read(name)
		fmt.Fprintf(&system, "== %s\n", name)
		if err != nil {
			fmt.Fprintln(&system, "?")
			continue
		}
		system.Write(text[:min(len(text), maxSystemFile)])
	}
	list = append(list, file{"machine.txt", hardening.Text{FR: "système, noyau, mémoire, charge", EN: "system, kernel, memory, load"}, system.Bytes()})
	if s := f.Status; s != nil {
		list = append(list, file{"status.json", hardening.Text{FR: "ce que fait l'appliance en marche", EN: "what the running appliance does"}, asJSON(map[string]any{
			"since": s.Since, "calls": s.Calls, "people": s.People, "port": s.Port, "certificateUntil": s.Expires, "selfSigned": s.SelfSigned, "setupNeeded": s.SetupNeeded,
			"needsRestart": s.NeedsRestart, "draining": s.Draining, "mailWaiting": waiting(s)})})
	}
	if r := f.Running; r != nil {
		list = append(list, file{"counters.json", hardening.Text{FR: "compteurs : comptes, salles, mémoire, paquets refusés", EN: "counters: accounts, rooms, memory, packets refused"}, asJSON(r.Counters)},
			file{"log.txt", hardening.Text{FR: "dernières lignes du journal du service, adresses masquées", EN: "latest lines of the service's log, addresses masked"}, []byte(strings.Join(r.Log, ""))})
	}
	return list, failed
}

func waiting(s *control.Status) int {
	if s.Mail == nil {
		return 0
	}
	return s.Mail.Waiting
}

// write packs the files as a tar archive, compressed by gzip (RFC 1952).
func write(w io.Writer, list []file, now time.Time) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, f := range list {
		h := &tar.Header{Name: "huisclos-support/" + f.name, Mode: 0o600, Size: int64(len(f.text)), ModTime: now.UTC().Truncate(time.Second), Typeflag: tar.TypeReg}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("support: %w", err)
		}
		if _, err := t.Write(f.text); err != nil {
			return fmt.Errorf("support: %w", err)
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("support: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("support: %w", err)
	}
	return nil
}

// save writes the bundle to a file that nobody else can read, and that was not there; it leaves none that is not whole.
func save(path string, list []file, now time.Time) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("support: %w", err)
	}
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = fmt.Errorf("support: %w", e)
		}
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	if err := write(f, list, now); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("support: %w", err)
	}
	return nil
}
