package appliance

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/certs"
	"huisclos/appliance/certs/order"
	"huisclos/appliance/choices"
	"huisclos/appliance/config"
	"huisclos/appliance/outward"
	"huisclos/appliance/web"
	"huisclos/audit"
)

const (
	// orderEvery is how often it is looked whether a certificate by ACME is due.
	orderEvery  = time.Minute
	orderFolder = "acme"
	// orderWithin bounds an attempt that somebody asked for; the one of the package is shorter, twice.
	orderWithin = 15 * time.Minute
)

// certificates is what administrators do with the certificate, in the console and on the command line. Each act stands in the audit log
// before it is carried out, and once more if it then fails: what can't be recorded isn't done.
type certificates struct {
	keeper  *certs.Keeper
	renewer *order.Renewer
	trail   *audit.Log
	inForce func() config.Settings
	secret  func(name string) (string, error) // that the console was given
	plain   bool                              // port 80 comes to us too
	log     func(msg string, args ...any)
	now     func() time.Time

	ctx     context.Context // ends with the process
	running sync.WaitGroup

	served string // fingerprint that was noted last; owned by note
	mu     sync.Mutex
}

// certsOptions are those of the settings.
func certsOptions(s config.Settings) certs.Options {
	return certs.Options{Directory: filepath.Join(s.Data, certificateFolder), Mode: certs.Mode(s.CertificateMode()), Certificate: s.Certificate, Key: s.Key, Hostnames: s.Hostnames, Addresses: s.Reachable()}
}

// orderSettings say which authority is asked. secret opens the key of the external account that the console was given.
func orderSettings(s config.Settings, file func(string) ([]byte, error), secret func(name string) (string, error)) (order.Settings, error) {
	o := order.Settings{Directory: s.ACME.Directory, Contact: s.ACME.Contact, Terms: s.ACME.Terms, KeyID: s.ACME.KeyID, Names: s.Hostnames}
	var err error
	if o.Roots, err = authorityRoots(s.ACME.CA, s.ACME.CAFile, file); err != nil {
		return o, err
	}
	if o.KeyID == "" {
		return o, nil
	}
	var key string
	if s.ACME.KeyFile != "" {
		text, err := file(s.ACME.KeyFile)
		if err != nil {
			return o, fmt.Errorf("tls.acme_key_file: %w", err)
		}
		key = string(text)
	} else if key, err = secret("tls.acme_key"); err != nil {
		return o, err
	}
	// RFC 8555 §7.3.4: base64url; some authorities write the padding.
	if o.HMAC, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(key), "=")); err != nil {
		return o, errors.New("the key of the external account is not base64url")
	}
	return o, nil
}

// authorityRoots are whom an authority's own certificate must lead to: the given ones, else the system's.
func authorityRoots(text, path string, file func(string) ([]byte, error)) (*x509.CertPool, error) {
	given := []byte(text)
	if text == "" && path != "" {
		var err error
		if given, err = file(path); err != nil {
			return nil, fmt.Errorf("tls.acme_ca_file: %w", err)
		}
	}
	if len(given) == 0 {
		return x509.SystemCertPool()
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(given) {
		return nil, errors.New("the authorities of the ACME server hold no certificate (PEM)")
	}
	return pool, nil
}

// newRenewer makes what orders certificates by ACME. plain takes the answers for port 80; nil: nobody listens there.
func newRenewer(keeper *certs.Keeper, folder string, dial order.Dialer, plain func(path, text string)) *order.Renewer {
	return &order.Renewer{
		Client: order.Client{Folder: filepath.Join(folder, orderFolder), Dial: dial, Secure: keeper.Answer, Plain: plain, Random: rand.Reader, Agent: "huisclos/" + Version},
		Leaf:   keeper.ACMELeaf,
		Keep: func(m certs.Material, now time.Time) error {
			pair, err := certs.Assemble(m, nil, now)
			if err != nil {
				return &order.Failure{Kind: order.Unusable, Detail: err.Error()}
			}
			return keeper.Issued(pair, now)
		},
	}
}

// toAuthority connects to an authority's hosts, through the process that connects outward.
func toAuthority(d outward.Dialer) order.Dialer {
	return func(ctx context.Context, host string, port int) (net.Conn, error) {
		return d.DialTo(ctx, outward.ACME, host, port)
	}
}

// record writes the entry of an act, before it is done. again writes the one that it failed.
func (c *certificates) record(by accounts.Actor, action audit.Action, object string, detail map[string]string, now time.Time) (again func(error) error, err error) {
	actor := audit.ActorOperator
	if by.Account != (accounts.ID{}) {
		actor = by.Account.String()
	}
	e := audit.Event{Time: now, Actor: actor, Client: by.Client, Action: action, Object: object, Detail: detail}
	if err := c.trail.Write(e); err != nil {
		return nil, err
	}
	return func(err error) error {
		if err != nil {
			e.Result = audit.Failed
			return errors.Join(err, c.trail.Write(e))
		}
		return nil
	}, nil
}

func (c *certificates) Import(by accounts.Actor, p *certs.Pair, now time.Time) error {
	f := c.keeper.FactsOf(p, now)
	again, err := c.record(by, audit.CertificateImported, short(f.Fingerprint), map[string]string{"ends": f.Ends.Format(time.DateOnly), "issuer": f.Issuer}, now)
	if err != nil {
		return err
	}
	if err := again(c.keeper.Store(p, now)); err != nil {
		return err
	}
	c.note(now)
	return nil
}

func (c *certificates) Examine(m certs.Material, now time.Time) (*certs.Pair, certs.Facts, error) {
	p, err := c.keeper.Examine(m, now)
	if err != nil {
		return nil, certs.Facts{}, err
	}
	return p, c.keeper.FactsOf(p, now), nil
}

func (c *certificates) Request(by accounts.Actor, w certs.Wish, now time.Time) (certs.Request, error) {
	again, err := c.record(by, audit.CertificateRequested, "", map[string]string{"names": strings.Join(c.inForce().Hostnames, " ")}, now)
	if err != nil {
		return certs.Request{}, err
	}
	r, err := c.keeper.Request(w, now)
	return r, again(err)
}

func (c *certificates) Withdraw(by accounts.Actor, id string, now time.Time) error {
	again, err := c.record(by, audit.CertificateWithdrawn, "", map[string]string{"request": id}, now)
	if err != nil {
		return err
	}
	return again(c.keeper.Withdraw(id))
}

// Order starts an attempt that goes on by itself; State says how it goes.
func (c *certificates) Order(by accounts.Actor, now time.Time) error {
	if c.keeper.Mode() != certs.ModeACME {
		return &certs.Refusal{Reason: certs.NotByACME}
	}
	if _, err := c.record(by, audit.CertificateOrdered, "", nil, now); err != nil {
		return err
	}
	c.running.Go(func() { _ = c.tend(true, now) })
	return nil
}

// OrderNow is Order to its end.
func (c *certificates) OrderNow(by accounts.Actor, now time.Time) error {
	if c.keeper.Mode() != certs.ModeACME {
		return &certs.Refusal{Reason: certs.NotByACME}
	}
	if _, err := c.record(by, audit.CertificateOrdered, "", nil, now); err != nil {
		return err
	}
	return c.tend(true, now)
}

// tend orders a certificate where that is the mode and it is due, or at once.
func (c *certificates) tend(atOnce bool, now time.Time) error {
	if c.keeper.Mode() != certs.ModeACME {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, orderWithin)
	defer cancel()
	s, err := orderSettings(c.inForce(), os.ReadFile, c.secret)
	if err != nil {
		c.log("no certificate is ordered: the settings of the authority do not do", "error", err)
		return &order.Failure{Kind: order.BadDirectory, Detail: err.Error()}
	}
	before, _ := c.renewer.Status()
	got, err := c.renewer.Tend(ctx, s, atOnce, now)
	var f *order.Failure
	switch {
	case c.ctx.Err() != nil: // the process stops; the order is gone on with at the next start
	case errors.As(err, &f):
		c.log("no certificate from the authority; the one before stays in use", "kind", f.Kind, "error", err)
		if before.Failures == 0 || atOnce {
			if e := c.trail.Write(audit.Event{Time: now, Actor: audit.ActorSystem, Action: audit.CertificateFailed, Result: audit.Failed, Detail: map[string]string{"reason": string(f.Kind)}}); e != nil {
				c.log("not in the audit log", "error", e)
			}
		}
	case got:
		c.note(now)
	}
	return err
}

// note writes into the audit log that another certificate is served.
func (c *certificates) note(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.keeper.Facts(now)
	if f.Fingerprint == c.served {
		return
	}
	first := c.served == ""
	c.served = f.Fingerprint
	if first {
		return // the start serves what was served before
	}
	e := audit.Event{Time: now, Actor: audit.ActorSystem, Action: audit.CertificateServed, Object: short(f.Fingerprint), Detail: map[string]string{"mode": string(c.keeper.Mode()), "ends": f.Ends.Format(time.DateOnly), "issuer": f.Issuer}}
	if err := c.trail.Write(e); err != nil {
		c.log("not in the audit log", "error", err)
	}
}

// short is a fingerprint as the audit log names a certificate: without colons.
func short(fingerprint string) string {
	return strings.ToLower(strings.ReplaceAll(fingerprint, ":", ""))
}

// State is what the console shows.
func (c *certificates) State(now time.Time) (web.CertificateState, error) {
	list, err := c.keeper.Requests()
	if err != nil {
		return web.CertificateState{}, err
	}
	s := c.inForce()
	out := web.CertificateState{Mode: c.keeper.Mode(), Names: s.Hostnames, Serves: c.keeper.Facts(now), Requests: list, Port80: c.plain, Strict: c.keeper.StrictTransport(now)}
	if f, ok := c.keeper.Stored(now); ok {
		out.Stored = &f
	}
	out.ACME, out.Ordering = c.renewer.Status()
	if leaf := c.keeper.ACMELeaf(); leaf != nil {
		out.RenewAt = out.ACME.RenewAt(leaf)
	}
	return out, nil
}

func (c *certificates) Look(ctx context.Context, directory, ca string, now time.Time) (order.Authority, error) {
	roots, err := authorityRoots(ca, "", nil)
	if err != nil {
		return order.Authority{}, &order.Failure{Kind: order.Untrusted, Detail: err.Error()}
	}
	return c.renewer.Look(ctx, order.Settings{Directory: directory, Roots: roots}, now)
}

// openCertificates reads the certificate and makes what orders one. plain: port 80 comes here too.
func (a *Appliance) openCertificates(plain bool) error {
	s := a.settings
	o := certsOptions(s.Settings)
	o.Random = rand.Reader
	var err error
	if o.Roots, err = x509.SystemCertPool(); err != nil {
		a.log.Warn("the system's authorities are not known", "error", err)
	}
	if a.keeper, err = certs.Open(o, s.now()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var answer func(path, text string)
	if plain {
		answer = a.plain.set
	}
	c := &certificates{keeper: a.keeper, renewer: newRenewer(a.keeper, o.Directory, toAuthority(outward.Dialer{Path: s.OutwardPath()}), answer), trail: a.trail, plain: plain,
		inForce: a.choices.InForce, secret: a.choices.Secret, log: a.log.With("part", "certificate").Warn, now: s.now, ctx: ctx}
	c.note(s.now())
	a.tls = c
	a.onStop(func() {
		cancel()
		c.running.Wait()
	})
	return nil
}

// does says whether the settings do, before they are taken over. nil is a start, at which a self-signed certificate stands in.
func (c *certificates) does(next config.Settings, secret func(name string) (string, error)) error {
	if c == nil {
		return nil
	}
	if next.CertificateMode() == config.Stored {
		if _, ok := c.keeper.Stored(c.now()); !ok {
			fr, en := (&certs.Refusal{Reason: certs.NothingStored}).Sentence()
			return config.Wrong{Name: "tls.mode", Table: "tls", Reason: config.Reason{FR: fr, EN: en}}
		}
	}
	if next.CertificateMode() != config.ByACME {
		return nil
	}
	if _, err := orderSettings(next, os.ReadFile, secret); err != nil {
		return choices.Fault{Table: "tls", Name: "tls.mode", FR: "Aucun certificat ne peut être commandé ainsi", EN: "no certificate can be ordered like this", Err: err}
	}
	return nil
}

// use takes over other settings. What is served goes on where they turn out not to do: the log says so.
func (c *certificates) use(next config.Settings) {
	if c == nil {
		return
	}
	now := c.now()
	if _, err := c.keeper.Use(certsOptions(next), now); err != nil {
		c.log("another certificate is not taken over; the one before stays in use", "error", err)
		return
	}
	c.running.Go(func() { c.note(now) }) // not in the transaction of the settings
}

func (a *Appliance) strictTransport() bool { return a.keeper.StrictTransport(a.settings.now()) }
