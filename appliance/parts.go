package appliance

import (
	"context"
	"net/http"
	"net/netip"
	"reflect"

	"huisclos/accounts/ldap"
	"huisclos/accounts/oidc"
	"huisclos/appliance/choices"
	"huisclos/appliance/config"
	"huisclos/appliance/forwarding"
	"huisclos/appliance/outbox"
)

// parts are what connects to others as the settings say; each is nil where the settings name no server. One whose settings stay the
// same is the same one after a change of others.
type parts struct {
	mail      *outbox.Server
	directory *ldap.Client
	provider  *oidc.Client
	collector *forwarding.Collector
	made      [4]any // what each was made of
}

// of is what a part is made of: when it stays the same, so does the part.
type of struct {
	table  any
	secret string
	also   any
}

// newParts makes them, and connects to nobody; those of before are kept whose settings are the same. An error is a choices.Fault.
func (s settings) newParts(before *parts) (p parts, err error) {
	secretOf := func(of secret) string {
		text, _ := s.secret(of) // where it is needed and can't be had, the part says so
		return text
	}
	p.made = [4]any{of{s.Mail, secretOf(s.mailSecret()), s.Hostname()}, of{s.Directory, secretOf(s.directorySecret()), nil}, of{s.Provider(), secretOf(s.providerSecretOf()), nil}, of{s.Syslog, "", s.Hostname()}}
	same := func(i int) bool { return before != nil && reflect.DeepEqual(before.made[i], p.made[i]) }
	if same(0) {
		p.mail = before.mail
	} else if p.mail, err = s.mailServer(); err != nil {
		return p, choices.Fault{Table: "mail", Name: "mail.host", FR: "Le courriel ne peut pas partir ainsi", EN: "mail can't leave like this", Err: err}
	}
	if same(1) {
		p.directory = before.directory
	} else if p.directory, err = s.newDirectory(); err != nil {
		return p, choices.Fault{Table: "directory", Name: "directory.url", FR: "L’annuaire ne peut pas être lu ainsi", EN: "the directory can't be read like this", Err: err}
	}
	if same(2) {
		p.provider = before.provider
	} else if p.provider, err = s.newProvider(); err != nil {
		return p, choices.Fault{Table: "oidc", Name: "oidc.issuer", FR: "Le fournisseur d’identité ne peut pas servir ainsi", EN: "the identity provider can't be used like this", Err: err}
	}
	if same(3) {
		p.collector = before.collector
	} else if p.collector, err = s.newCollector(); err != nil {
		return p, choices.Fault{Table: "audit.syslog", Name: "audit.syslog.address", FR: "Le journal d’audit ne peut pas être envoyé ainsi", EN: "the audit log can't be forwarded like this", Err: err}
	}
	return p, nil
}

// with are the same surroundings with other settings.
func (s settings) with(next config.Settings, secret func(name string) (string, error)) settings {
	s.Settings, s.chosen = next, secret
	return s
}

// inForce are the settings in force.
func (a *Appliance) inForce() settings { return *a.current.Load() }

// maxFrom is how many connections one address may have.
func (a *Appliance) maxFrom(from netip.Addr) int { return a.inForce().maxFrom(from) }

// answers hands each request to the routes of the settings in force. One that is being answered goes on with those it began with.
func (a *Appliance) answers() http.Handler {
	return a.probation.before(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.pages.Load().ServeHTTP(w, r) }))
}

// prepare makes the parts for other settings; apply puts them in the place of those before. No call notices: media, rooms and sockets
// stay as they are.
func (a *Appliance) prepare(next config.Settings, secret func(name string) (string, error)) (apply func(), err error) {
	s, before := a.settings.with(next, secret), a.made.Load()
	p, err := s.newParts(before)
	if err == nil {
		err = a.tls.does(next, secret)
	}
	if err != nil {
		return nil, err
	}
	return func() {
		s.chosen = a.choices.Secret // secret is of the transaction that ended
		a.current.Store(&s)
		a.made.Store(&p)
		if s.level != nil {
			s.level.Set(s.LogLevel)
		}
		a.follow(&p)
		a.useLimits(s.Settings)
		a.post.use(s, p.mail, s.base(a.port))
		a.tls.use(s.Settings)
		a.pages.Store(a.pages.Load().With(a.webConfig(s)))
	}, nil
}

// following is what goes on with the directory, the provider and the collector of the settings in force.
type following struct {
	directory *ldap.Sync // nil: there is none
	provider  *oidc.Client
	collector *forwarding.Collector
	stop      [3]context.CancelFunc
	ended     [3]chan struct{}
}

// followed is the directory that accounts come from; nil: there is none.
func (a *Appliance) followed() *ldap.Sync {
	a.following.Lock()
	defer a.following.Unlock()
	return a.follows.directory
}

// follow begins with the directory, the provider and the collector of p, after what went on with others has ended.
func (a *Appliance) follow(p *parts) {
	a.following.Lock()
	defer a.following.Unlock()
	f := &a.follows
	s := a.inForce()
	if p.directory == nil {
		a.accounts.Follows(nil, s.DeletionDelay)
	} else {
		a.accounts.Follows(p.directory, s.DeletionDelay)
	}
	if f.directory == nil && p.directory != nil || f.directory != nil && f.directory.Client != p.directory {
		was := f.directory
		f.directory = nil
		if p.directory != nil {
			f.directory = &ldap.Sync{Client: p.directory, Accounts: a.accounts, Audit: a.trail, Log: a.log.With("part", "directory"), Now: s.now, Within: syncWithin}
			if was != nil {
				f.directory.Follow(was)
			}
		}
		next := f.directory
		a.instead(0, next != nil, func(ctx context.Context) { a.followDirectory(ctx, next) }, func() {
			if was != nil {
				was.Client.Close()
			}
		})
	}
	if f.provider != p.provider {
		was := f.provider
		f.provider = p.provider
		a.instead(1, p.provider != nil, func(ctx context.Context) { a.followProvider(ctx, p.provider) }, func() {
			if was != nil {
				was.Close()
			}
		})
	}
	if f.collector != p.collector {
		f.collector = p.collector
		a.instead(2, p.collector != nil, func(ctx context.Context) { a.forwarder.Run(ctx, p.collector) }, func() {})
	}
}

// instead stops what goes on in a place, and once it has ended goes on there with run. a.following is held.
func (a *Appliance) instead(place int, is bool, run func(context.Context), after func()) {
	f := &a.follows
	stop, ended := f.stop[place], f.ended[place]
	ctx, cancel := context.WithCancel(context.Background())
	f.stop[place], f.ended[place] = cancel, make(chan struct{})
	done := f.ended[place]
	if stop != nil {
		stop()
	}
	a.running.Go(func() {
		defer close(done)
		if ended != nil {
			<-ended
		}
		after()
		if is {
			run(ctx)
		}
	})
}

// unfollow ends what goes on with the directory, the provider and the collector. What the collector was sent is confirmed, and noted,
// before the database closes.
func (a *Appliance) unfollow() {
	a.following.Lock()
	defer a.following.Unlock()
	for _, stop := range a.follows.stop {
		if stop != nil {
			stop()
		}
	}
	if ended := a.follows.ended[2]; ended != nil {
		<-ended
	}
	if d := a.follows.directory; d != nil {
		d.Client.Close()
	}
	if p := a.follows.provider; p != nil {
		p.Close()
	}
}
