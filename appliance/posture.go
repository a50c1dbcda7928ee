package appliance

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	adminui "huisclos/admin-ui"
	"huisclos/appliance/control"
	"huisclos/appliance/posture"
	"huisclos/crypto/mls"
	"huisclos/hardening"
	"huisclos/hardening/bill"
)

// handshakes count what connections agreed on by TLS since the start. There are few kinds: the configuration offers few.
type handshakes struct {
	mu sync.Mutex
	by map[posture.Handshakes]uint64 // with N zero
}

// counted is a configuration whose connections are counted.
func (h *handshakes) counted(c *tls.Config) *tls.Config {
	c.VerifyConnection = func(s tls.ConnectionState) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.by == nil {
			h.by = map[posture.Handshakes]uint64{}
		}
		h.by[posture.Handshakes{Version: s.Version, Suite: s.CipherSuite, Group: s.CurveID}]++
		return nil
	}
	return c
}

func (h *handshakes) list() (list []posture.Handshakes) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for kind, n := range h.by {
		kind.N = n
		list = append(list, kind)
	}
	return list
}

// Posture is what is sealed by which mechanism right now.
func (w *watch) Posture(now time.Time) posture.Report { return w.facts(now).Report() }

func (w *watch) facts(now time.Time) posture.Facts {
	a := w.a
	totals, expires := w.server.Totals(), a.keeper.Expires()
	f := posture.Facts{Now: now, Self: append(a.selfCheck(), hardening.ClockKept()), TLS: a.agreed.list(),
		Gate:        posture.Gate{Received: totals.Received, Forwarded: totals.Forwarded, Refused: counts(totals.Refused)},
		Keys:        posture.Keys{Suite: mls.Default.String(), Calls: w.begun.Load(), Now: len(a.hall.Calls()), Epochs: w.epochs.Load()},
		Certificate: posture.Certificate{Expires: expires, SelfSigned: a.keeper.SelfSigned(), Soon: expires.Sub(now) < certificateSoon},
		Audit:       w.auditFacts(), Devices: a.deviceFacts(), Backup: a.backups.facts(), Program: programFacts()}
	for kind, n := range totals.Sealed {
		f.DTLS = append(f.DTLS, posture.Count{Name: kind.DTLS + " · " + kind.SRTP, N: n})
	}
	if _, err := os.Lstat(filepath.Join(a.settings.Data, pepperFile)); err == nil {
		f.Pepper = posture.File
	} else if os.IsNotExist(err) {
		f.Pepper = posture.Given // without either, the appliance does not start
	}
	return f
}

func (w *watch) auditFacts() (f posture.Audit) {
	head, err := w.a.trail.Head()
	if err != nil {
		return f
	}
	last, err := w.a.trail.Last()
	if err != nil {
		return f
	}
	verified, err := w.a.trail.LastVerified()
	if err != nil {
		return f
	}
	f.Entries, f.Size, f.Signed = head.Sequence, last.Size, last.Time
	if verified != nil {
		f.Verified, f.Fault = verified.Time, verified.Fault != nil
	}
	if last.Size < head.Sequence {
		list, err := w.a.trail.List(last.Size+2, 1)
		if err != nil || len(list) != 1 {
			return posture.Audit{}
		}
		f.Waiting = list[0].Time
	}
	f.Known = true
	return f
}

// facts of the backups, for who looks at how the appliance is doing.
func (b *backups) facts() posture.Backup {
	s, err := b.state()
	set := b.settings().Backup
	return posture.Backup{Known: err == nil, On: set.On(), Every: periodOf(set.EveryHours), Good: s.Good, Failed: s.failing()}
}

// periodOf is the time from one backup to the next; 0 hours is a day.
func periodOf(hours int) time.Duration {
	if hours == 0 {
		hours = 24
	}
	return time.Duration(hours) * time.Hour
}

// programFacts are what the linker recorded of this program.
func programFacts() posture.Program {
	p := posture.Program{Version: Version, Platform: runtime.GOOS + "/" + runtime.GOARCH, Test: testBuild}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return p
	}
	p.Go = info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "CGO_ENABLED":
			p.CGO = s.Value == "1"
		case "-trimpath":
			p.Trimmed = s.Value == "true"
		case "vcs.modified":
			p.Altered = s.Value == "true"
		}
	}
	p.Modules = len(bill.Modules(info))
	if packages, err := bill.Packages(adminui.Lock()); err == nil {
		p.Packages = len(packages)
	}
	return p
}

// Bill is the list of components of this program (CycloneDX 1.5).
func (w *watch) Bill() ([]byte, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, fmt.Errorf("bill: the linker recorded nothing")
	}
	packages, err := bill.Packages(adminui.Lock())
	if err != nil {
		return nil, fmt.Errorf("bill: %w", err)
	}
	var b bytes.Buffer
	err = bill.Write(&b, "application", append(bill.Modules(info), packages...))
	return b.Bytes(), err
}

// actPosture is the control socket's name of it.
const actPosture = "posture"

// tellPosture answers an operator.
func (a *Appliance) tellPosture(json.RawMessage) (any, error) {
	return a.watched.Posture(a.settings.now()), nil
}

// areaNames are the headings of the areas for an operator.
var areaNames = map[posture.Area][2]string{posture.Process: {"Programme", "Process"}, posture.Kernel: {"Noyau", "Kernel"}, posture.Links: {"Connexions", "Connections"},
	posture.Media: {"Réunions", "Meetings"}, posture.Secrets: {"Secrets", "Secrets"}, posture.Records: {"Journal, sauvegarde, heure", "Log, backup, time"}, posture.Build: {"Fabrication", "Build"}}

var levelNames = map[posture.Level]string{posture.Green: "ok", posture.Attention: "à voir / look", posture.Red: "NON / NO", posture.Unknown: "?"}

// Posture prints what is sealed by which mechanism, asked of the running appliance and filled in with what is seen from here. Exit codes: 0
// nothing is red, 1 something is, 2 the command line was not understood.
func Posture(_ context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("posture", args, stderr, 0, 0, nil)
	if l == nil {
		return code
	}
	var r posture.Report
	if err := l.Ask(actPosture, nil, &r); err != nil {
		return l.Fail(err)
	}
	r = r.Fill(append(hardening.Machine("/proc"), hardening.ClockKept())).PepperSealed(pepperSealed("/"))
	if l.JSON {
		if code := printJSON(stdout, map[string]any{"worst": r.Worst(), "lines": r}); code != 0 {
			return code
		}
	} else {
		showPosture(stdout, r)
	}
	if r.Worst() == posture.Red {
		return 1
	}
	return 0
}

// pepperSealed looks below root for the credential of the pepper in the order in which systemd does (systemd.exec(5), LoadCredentialEncrypted),
// and reads no more than its beginning. Where none is, or root's folders can't be read by who asks, it is not known.
func pepperSealed(root string) posture.Sealed {
	for _, store := range []string{"etc", "run", "usr/local/lib", "usr/lib"} {
		f, err := os.Open(filepath.Join(root, store, "credstore.encrypted", pepperCredential))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return ""
		}
		head := make([]byte, 64)
		n, err := io.ReadFull(f, head)
		_ = f.Close()
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return ""
		}
		return posture.SealedWith(head[:n])
	}
	return ""
}

func showPosture(w io.Writer, r posture.Report) {
	var area posture.Area
	for _, l := range r {
		if l.Area != area {
			area = l.Area
			fmt.Fprintf(w, "\n%s / %s\n", areaNames[area][0], areaNames[area][1])
		}
		fmt.Fprintf(w, "  %-14s  %-32s %s\n%-50s %s\n", levelNames[l.Level], l.Name, l.Detail.FR, "", l.Detail.EN)
		for _, c := range l.Counts {
			fmt.Fprintf(w, "%-52s %d × %s\n", "", c.N, c.Name)
		}
		if l.Level == posture.Red || l.Level == posture.Attention {
			fmt.Fprintf(w, "%-16s→ %s\n%-16s  %s\n", "", l.Do.FR, "", l.Do.EN)
		}
	}
	n := r.Counted()
	fmt.Fprintf(w, "\n%d en ordre, %d à voir, %d à corriger, %d non mesurés. / %d in order, %d to look at, %d to mend, %d not measured.\n", n[posture.Green], n[posture.Attention], n[posture.Red], n[posture.Unknown],
		n[posture.Green], n[posture.Attention], n[posture.Red], n[posture.Unknown])
}
