package appliance

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"huisclos/appliance/config"
	"huisclos/appliance/posture"
	"huisclos/appliance/web"
	"huisclos/audit"
)

func postureLine(t *testing.T, r posture.Report, name string) posture.Line {
	t.Helper()
	for _, l := range r {
		if l.Name == name {
			return l
		}
	}
	t.Fatalf("no line %s", name)
	return posture.Line{}
}

// What an appliance says of its protections is what it has measured: before anybody has come nothing of connections and meetings is known,
// and a change of the records is seen at once.
func TestPostureOfAnAppliance(t *testing.T) {
	s := testSettings(t)
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	s.now = func() time.Time { return now }
	a, _ := start(t, s)
	level := func(name string) posture.Level {
		t.Helper()
		return postureLine(t, a.watched.Posture(a.settings.now()), name).Level
	}
	for name, want := range map[string]posture.Level{"dtls-srtp": posture.Unknown, "mls": posture.Unknown, "gate": posture.Unknown, "pepper": posture.Attention, "certificate": posture.Attention,
		"audit-verified": posture.Attention, "backup": posture.Attention} {
		if got := level(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	before := postureLine(t, a.watched.Posture(now), "tls")
	conn, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(a.port)), &tls.Config{InsecureSkipVerify: true}) // of no matter which name
	must(t, err)
	_ = conn.Close()
	for until := time.Now().Add(10 * time.Second); len(a.agreed.list()) == 0 && time.Now().Before(until); {
		time.Sleep(5 * time.Millisecond) // the server finishes after its client
	}
	after := postureLine(t, a.watched.Posture(now), "tls")
	sum := func(l posture.Line) (n uint64) {
		for _, c := range l.Counts {
			n += c.N
		}
		return n
	}
	if sum(after) <= sum(before) || after.Level == posture.Unknown || !strings.HasPrefix(after.Counts[0].Name, "TLS 1.3 · TLS_") {
		t.Errorf("before a connection %+v, after it %+v", before, after)
	}
	_, err = a.signer.Sign(now)
	must(t, err)
	if got := level("audit-signed"); got != posture.Green {
		t.Errorf("a signed log is %s", got)
	}
	must(t, a.trail.Write(audit.Event{Time: now.Add(-11 * time.Minute), Actor: audit.ActorSystem, Action: audit.ServerStarted}))
	if got := level("audit-signed"); got != posture.Red {
		t.Errorf("with an entry that has waited for eleven minutes it is %s", got)
	}
	text, err := a.watched.Bill()
	if err == nil { // the clients were built
		var list struct {
			BOMFormat  string
			Components []struct{ Name string }
		}
		must(t, json.Unmarshal(text, &list))
		if list.BOMFormat != "CycloneDX" || len(list.Components) < 2 {
			t.Errorf("%s", text[:min(len(text), 200)])
		}
	}
}

// The command shows each line in both languages, with what to do where something is not green.
func TestShowPosture(t *testing.T) {
	var out bytes.Buffer
	r := posture.Facts{Now: time.Now(), TLS: []posture.Handshakes{{Version: 0x0303, N: 2}}, Gate: posture.Gate{Received: 5, Forwarded: 5}}.Report()
	showPosture(&out, r)
	for _, want := range []string{"Connexions / Connections", "NON / NO", "2 connexions d'avant TLS 1.3.", "2 connections from before TLS 1.3.", "2 × TLS 1.2", "→ Le programme", "1 en ordre", "not measured."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("without %q:\n%s", want, out.String())
		}
	}
}

// Backups, draining and stopped webhooks are told first, each as it is.
func TestAttentionOfBackups(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	s := testSettings(t)
	s.now = func() time.Time { return now }
	a, _ := start(t, s)
	codes := func(at time.Time) (list []string) {
		for _, x := range a.watched.look(at) {
			list = append(list, x.Code)
		}
		return list
	}
	has := func(at time.Time, code string) bool {
		for _, c := range codes(at) {
			if c == code {
				return true
			}
		}
		return false
	}
	if has(now, "backup-off") {
		t.Error("an appliance that was just set up is told that it has no backup")
	}
	if !has(now.Add(25*time.Hour), "backup-off") {
		t.Errorf("after a day without backups: %v", codes(now.Add(25*time.Hour)))
	}
	if has(now, "drain") {
		t.Error("it drains")
	}
	_, err := a.hall.Drain(true, audit.Event{Time: now, Actor: audit.ActorOperator})
	must(t, err)
	if !has(now, "drain") {
		t.Error("that it drains is not said")
	}

	public, _ := keyed(t)
	set := a.settings
	set.Backup.Recipients = []string{public}
	a.backups.settings = func() config.Settings { return set.Settings }
	must(t, a.backups.record(audit.Event{Time: now, Actor: audit.ActorSystem, Action: audit.BackupMade}, func(b *backupState) { b.Good = now }))
	find := func(at time.Time, code string) web.Attention {
		t.Helper()
		for _, x := range a.watched.look(at) {
			if x.Code == code {
				return x
			}
		}
		t.Errorf("no %s among %v", code, codes(at))
		return web.Attention{}
	}
	if has(now.Add(47*time.Hour), "backup-late") {
		t.Error("a backup of yesterday is late")
	}
	if x := find(now.Add(49*time.Hour), "backup-late"); x.Grave || !x.Since.Equal(now) {
		t.Errorf("%+v", x)
	}
	if x := find(now.Add(73*time.Hour), "backup-late"); !x.Grave {
		t.Errorf("%+v", x)
	}
	a.backups.now = func() time.Time { return now.Add(time.Hour) }
	a.backups.failed(audit.ActorSystem, &backupFailure{backupNoSpace, errBackup})
	if x := find(now.Add(2*time.Hour), "backup"); x.Grave || len(x.What) != 1 || x.What[0] != backupNoSpace {
		t.Errorf("%+v", x)
	}
	if got := a.watched.state(); !got.Backup.Equal(now) || got.BackupEvery != 24*time.Hour || !got.BackupFailing {
		t.Errorf("measured: %v, %v, %v", got.Backup, got.BackupEvery, got.BackupFailing)
	}
	a.backups.failed(audit.ActorSystem, &backupFailure{backupNotCopied, errBackup})
	if x := find(now.Add(2*time.Hour), "backup-copy"); !x.Grave {
		t.Errorf("%+v", x)
	}
}

// TestPepperSealed: the first credential that systemd would take tells; no other, and no file that can't be read.
func TestPepperSealed(t *testing.T) {
	const tpm, host = "DHzAexF2RZGcSwvqCLwg/gAAAAAAAAAAAAAA", "Whxqht+dQJax1aZeCGLxmiAAAAABAAAADAAA" // as systemd-creds writes them
	root := t.TempDir()
	put := func(store, text string) {
		t.Helper()
		dir := filepath.Join(root, store, "credstore.encrypted")
		must(t, os.MkdirAll(dir, 0o700))
		must(t, os.WriteFile(filepath.Join(dir, pepperCredential), []byte(text), 0o600))
	}
	for _, step := range []struct {
		store, text string
		want        posture.Sealed
	}{
		{"usr/lib", "no credential", ""}, {"run", tpm + strings.Repeat("A", 500), posture.ByTPM}, {"etc", host, posture.ByHost}, {"etc", "", ""},
	} {
		put(step.store, step.text)
		if got := pepperSealed(root); got != step.want {
			t.Errorf("with %s: %q, want %q", step.store, got, step.want)
		}
	}
	if got := pepperSealed(t.TempDir()); got != "" {
		t.Errorf("nowhere: %q", got)
	}
}
