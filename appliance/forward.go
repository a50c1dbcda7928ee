package appliance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"huisclos/appliance/control"
	"huisclos/appliance/forwarding"
	"huisclos/appliance/metrics"
	"huisclos/appliance/outward"
	"huisclos/appliance/web"
	"huisclos/audit"
	"huisclos/hardening"
	"huisclos/store"
)

// errCollector is what every error of the collector's settings and files wraps.
var errCollector = errors.New("audit.syslog")

// addForwarding makes what the audit log's index and its forwarding keep.
func addForwarding(tx *store.Tx) error {
	if err := audit.AddIndex(tx); err != nil {
		return err
	}
	return forwarding.CreateBuckets(tx)
}

// newCollector is where the audit log is forwarded to; nil: nowhere.
func (s settings) newCollector() (*forwarding.Collector, error) {
	if !s.Syslog.On() {
		return nil, nil
	}
	dialer, at := outward.Dialer{Path: s.OutwardPath()}, s.Syslog.At
	c := &forwarding.Collector{Host: at.Host, Address: at.String(), Format: forwarding.Format(s.Syslog.Format), From: s.Hostname(), Version: Version, Now: s.now,
		Dial: func(ctx context.Context) (net.Conn, error) {
			return dialer.DialTo(ctx, outward.Syslog, at.Host, at.Port)
		}}
	text, err := s.authorities(s.Syslog.CA, "audit.syslog.ca_file", s.Syslog.CAFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCollector, err)
	}
	if text == nil {
		if c.Roots, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("%w: the system's authorities: %w", errCollector, err)
		}
	} else if c.Roots = x509.NewCertPool(); !c.Roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%w: audit.syslog.ca_file: %s holds no certificate (PEM)", errCollector, s.Syslog.CAFile)
	}
	if c.Certificate, err = s.collectorPair(); err != nil {
		return nil, fmt.Errorf("%w: %w", errCollector, err)
	}
	return c, nil
}

// collectorPair is our certificate for a collector that asks for one; nil: there is none. It is read once, before the process is shut in.
func (s settings) collectorPair() (*tls.Certificate, error) {
	if s.Syslog.Certificate == "" {
		return nil, nil
	}
	certificate, err := s.kept.once(s.Syslog.Certificate, func() ([]byte, error) { return os.ReadFile(s.Syslog.Certificate) })
	if err != nil {
		return nil, fmt.Errorf("audit.syslog.certificate: %w", err)
	}
	key, err := s.kept.once(s.Syslog.Key, func() ([]byte, error) {
		info, err := os.Stat(s.Syslog.Key)
		if err == nil && info.Mode().Perm()&0o007 != 0 {
			err = fmt.Errorf("others may read %s; run: chmod o= %s", s.Syslog.Key, s.Syslog.Key)
		}
		if err != nil {
			return nil, err
		}
		return os.ReadFile(s.Syslog.Key)
	})
	if err != nil {
		return nil, fmt.Errorf("audit.syslog.key: %w", err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("audit.syslog.certificate, audit.syslog.key: %w", err)
	}
	return &pair, nil
}

// forwardingLine is what the self-check says of the collector; nil without one.
func (a *Appliance) forwardingLine() hardening.Report {
	s, err := a.forwarder.Status()
	if err != nil || !s.On {
		return nil
	}
	l := hardening.Line{Name: "syslog", State: hardening.Unknown, Detail: hardening.Text{FR: "rien n'a encore été envoyé au collecteur.", EN: "nothing has been sent to the collector yet."},
		Why: hardening.Text{FR: "Le journal d'audit attend sur cette machine, et part dès que le collecteur répond.", EN: "The audit log waits on this machine, and goes out once the collector answers."}}
	switch {
	case s.Failing != nil:
		l.State = hardening.Missing
		fr, en := s.Failing.Step.Sentence()
		l.Detail, l.Do = hardening.Text{FR: fr + ".", EN: en + "."}, hardening.Text{FR: "Cause : " + s.Failing.Detail, EN: "Cause: " + s.Failing.Detail}
	case s.Sequence > 0:
		l.State = hardening.OK
		l.Detail = hardening.Text{FR: fmt.Sprintf("le collecteur a les entrées jusqu'à la %d.", s.Sequence), EN: fmt.Sprintf("the collector has the entries up to %d.", s.Sequence)}
	}
	return hardening.Report{l}
}

// forwardingSteps are the lines of "huisclos check syslog", in the order of a message's way.
var forwardingSteps = []struct {
	step   forwarding.Step
	fr, en string // when it went well
}{
	{forwarding.StepConnect, "le collecteur est joint.", "the collector is reached."},
	{forwarding.StepTLS, "la connexion est chiffrée.", "the connection is encrypted."},
	{forwarding.StepCertificate, "son certificat convient.", "its certificate does."},
	{forwarding.StepOwn, "il ne demande pas d'autre certificat de notre part.", "it asks for no other certificate of ours."},
	{forwarding.StepSend, "un message d'essai est parti.", "a test message has gone out."},
	{forwarding.StepConfirm, "le collecteur l'a reçu.", "the collector has received it."},
}

// tryCollector goes the way of a message, and says how far it came.
func (a *Appliance) tryCollector(ctx context.Context) hardening.Report {
	c := a.made.Load().collector
	if c == nil {
		return hardening.Report{{Name: "syslog", State: hardening.Missing, Detail: hardening.Text{FR: "le journal d'audit n'est envoyé nulle part : audit.syslog.address n'est pas réglé.", EN: "the audit log is forwarded nowhere: audit.syslog.address is not set."},
			Why: hardening.Text{FR: "Qui prend cette machine a aussi la seule copie du journal.", EN: "Whoever takes this machine over has the only copy of the log as well."},
			Do:  hardening.Text{FR: "Réglez [audit.syslog] dans un fichier, ou dans la console.", EN: "Set [audit.syslog] in a file, or in the console."}}}
	}
	err := c.Check(ctx)
	var f *forwarding.Failure
	if err != nil && !errors.As(err, &f) {
		f = &forwarding.Failure{Step: forwarding.StepConnect, Err: err}
	}
	var r hardening.Report
	for _, l := range forwardingSteps {
		if f != nil && f.Step == l.step {
			fr, en := f.Step.Sentence()
			bad := hardening.Line{Name: "syslog-" + string(l.step), State: hardening.Missing, Detail: hardening.Text{FR: fr + ".", EN: en + "."},
				Why: hardening.Text{FR: "Le journal d'audit attend sur cette machine.", EN: "The audit log waits on this machine."}, Do: causeText(f.Err)}
			return append(r, bad)
		}
		r = append(r, hardening.Line{Name: "syslog-" + string(l.step), State: hardening.OK, Detail: hardening.Text{FR: l.fr, EN: l.en}})
	}
	return r
}

const tryCollectorWithin = time.Minute

// probeCollector is tryCollector for "huisclos check syslog".
func (a *Appliance) probeCollector() hardening.Report {
	ctx, cancel := context.WithTimeout(context.Background(), tryCollectorWithin)
	defer cancel()
	return a.tryCollector(ctx)
}

// forwardingStatus is what "huisclos status" says of it; nil where the log is forwarded nowhere.
func (a *Appliance) forwardingStatus() *control.Forwarding {
	s, err := a.forwarder.Status()
	if err != nil || !s.On {
		return nil
	}
	c := &control.Forwarding{Collector: s.Address, Sequence: s.Sequence, Confirmed: s.Confirmed, Waiting: s.Waiting}
	if f := s.Failing; f != nil {
		c.Failing, c.Detail = f.Since, f.Detail
		c.Step.FR, c.Step.EN = f.Step.Sentence()
	}
	return c
}

// forwardingShown is what the console says of it.
func (a *Appliance) forwardingShown() (web.ForwardingStatus, error) {
	s, err := a.forwarder.Status()
	if err != nil || !s.On {
		return web.ForwardingStatus{}, err
	}
	w := web.ForwardingStatus{On: true, Collector: s.Address, Sequence: s.Sequence, Confirmed: s.Confirmed, Waiting: s.Waiting}
	if f := s.Failing; f != nil {
		w.Failing, w.LastWord = f.Since, f.Detail
		w.StepFR, w.StepEN = f.Step.Sentence()
	}
	return w, nil
}

// forwardingWord is what the page of metrics says of it.
func (a *Appliance) forwardingWord() (w metrics.Word, waiting uint64) {
	s, err := a.forwarder.Status()
	if err != nil || !s.On {
		return metrics.Absent, 0
	}
	return wordOf(s.Failing != nil, s.Sequence > 0), s.Waiting
}
