package choices

import (
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"huisclos/appliance/config"
	"huisclos/audit"
	"huisclos/store"
)

// ErrNoEntry says that the history has no such entry, or none of that far back any more.
var ErrNoEntry = errors.New("choices: no such entry of the history")

// A Prepare makes what the parts need for other settings, and changes nothing until apply is called, which can't fail. An error is
// a Fault of the settings. secret is where a secret of the console is had; "" is none.
type Prepare func(next config.Settings, secret func(name string) (string, error)) (apply func(), err error)

// A Fault is why a part can't be made for the settings of a table; Name is the setting that leads it.
type Fault struct {
	Table, Name string
	FR, EN      string // what then can't be done
	Err         error
}

func (f Fault) Error() string { return f.Err.Error() }
func (f Fault) Unwrap() error { return f.Err }

// wrong is a fault as the console is told of it.
func (f Fault) wrong() config.Wrong {
	return config.Wrong{Name: f.Name, Table: f.Table, Reason: config.Reason{FR: f.FR + " : " + f.Err.Error(), EN: f.EN + ": " + f.Err.Error()}}
}

// Options of Settings. Prepare is nil while there are no parts.
type Options struct {
	DB      *store.DB
	Audit   *audit.Log
	Keys    Keys
	Random  io.Reader
	Log     *slog.Logger
	Sources config.Sources
}

// Settings are those in force. Its methods may be called from any goroutine.
type Settings struct {
	o Options

	mu      sync.Mutex // owns the rest, and keeps changes one after the other
	sources config.Sources
	started config.Settings // with which the process was shut in
	wanted  config.Settings // what the files and the console say
	current config.Settings // of that, what is in force: the rest waits for a restart
	left    []config.Wrong  // chosen in the console, and not in force
	prepare Prepare
}

// By is who changes settings. An empty Account is whoever has a shell on the machine.
type By struct {
	Account string
	Client  netip.Addr
}

// Open reads what was chosen before, and notes how the files have changed since they were last read.
func Open(o Options, now time.Time) (*Settings, error) {
	s := &Settings{o: o, sources: o.Sources}
	if err := s.o.DB.Update(func(tx *store.Tx) error { return s.noteFiles(tx, now) }); err != nil {
		return nil, err
	}
	err := s.o.DB.View(func(tx *store.Tx) error {
		s.wanted, s.left = s.choose(tx)
		return nil
	})
	s.started, s.current = s.wanted, s.wanted
	return s, err
}

// choose works out what the files and the console say.
func (s *Settings) choose(tx *store.Tx) (config.Settings, []config.Wrong) {
	values, unread := load(tx, valuesBucket)
	wanted, left := s.sources.Choose(values)
	for _, name := range unread {
		left = append(left, config.Wrong{Name: name, Reason: config.Reason{FR: "La valeur gardée ne se lit pas.", EN: "the value that is kept can't be read"}})
	}
	return wanted, left
}

// InForce are the settings in force.
func (s *Settings) InForce() config.Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Use prepares the parts for the settings in force, and from now on for each change of them. Values of the console for which a part
// can't be made are left out, by whole tables; what the files alone say has to do. An error is theirs.
func (s *Settings) Use(prepare Prepare) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepare = prepare
	apply, err := s.tryAll(s.current)
	if err != nil {
		return err
	}
	apply()
	return nil
}

// waits reports whether a setting of a table holds only after a restart.
func (s *Settings) waits(table string) bool {
	return slices.ContainsFunc(s.wanted.Differences(s.current), func(name string) bool { return strings.HasPrefix(name, table+".") })
}

// tryAll prepares for the settings in force; where the console's are at fault, for those without them, table by table. before are those
// that the parts run with.
func (s *Settings) tryAll(before config.Settings) (func(), error) {
	if s.prepare == nil {
		return func() {}, nil
	}
	var values map[string]any
	err := s.o.DB.View(func(tx *store.Tx) error {
		values, _ = load(tx, valuesBucket)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for {
		apply, err := s.prepare(s.current, s.Secret)
		if err == nil {
			return apply, nil
		}
		var fault Fault
		if !errors.As(err, &fault) {
			return nil, err
		}
		if was := s.current.Keep(fault.Table, before); s.waits(fault.Table) && !reflect.DeepEqual(was, s.current) {
			s.current = was // what it needs can be read at the next start only
			continue
		}
		n := len(values)
		maps.DeleteFunc(values, func(name string, _ any) bool { return strings.HasPrefix(name, fault.Table+".") })
		if len(values) == n {
			return nil, err // the files' own
		}
		s.o.Log.Error("settings of the console are left out: they don't do", "table", fault.Table, "error", err)
		var more []config.Wrong
		s.wanted, more = s.sources.Choose(values)
		s.current = s.wanted.Until(s.started)
		s.left = append(append(s.left, fault.wrong()), more...)
	}
}

// Secret opens one that the console was given; "" is none.
func (s *Settings) Secret(name string) (secret string, err error) {
	err = s.o.DB.View(func(tx *store.Tx) error {
		secret, err = open(tx, s.o.Keys, name)
		return err
	})
	return secret, err
}

// bound are the secrets with the settings that say which server they are for.
var bound = map[string][]string{"mail.password": {"mail.host"}, "tls.acme_key": {"tls.acme_directory"}, "directory.bind_password": {"directory.url"}, "oidc.client_secret": {"oidc.issuer", "oidc.hosts"}}

// Change sets settings of the console, all or none; nil takes one back to what holds without it. What does not do is a config.Wrong.
// It is in force when Change returns.
func (s *Settings) Change(by By, changes map[string]any, now time.Time) error {
	return s.change(by, OfConsole, 0, now, func(*store.Tx, map[string]any) (map[string]any, error) { return changes, nil })
}

// change makes the changes that wish names, in one transaction with their record.
func (s *Settings) change(by By, source Source, to uint64, now time.Time, wish func(tx *store.Tx, values map[string]any) (map[string]any, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var wanted, next config.Settings
	var left []config.Wrong
	apply := func() {}
	err := s.o.DB.Update(func(tx *store.Tx) error {
		values, _ := load(tx, valuesBucket)
		changes, err := wish(tx, maps.Clone(values))
		if err != nil {
			return err
		}
		given := map[string]string{} // secrets
		var entry []Changed
		for _, name := range slices.Sorted(maps.Keys(changes)) {
			value := changes[name]
			if err := s.may(name, value, source); err != nil {
				return err
			}
			if text, ok := value.(string); ok && isSecret(name) {
				given[name], value = text, true
			}
			if reflect.DeepEqual(values[name], value) && given[name] == "" {
				continue
			}
			entry = append(entry, Changed{name, values[name], value})
			if values[name] = value; value == nil {
				delete(values, name)
			}
		}
		if entry, err = keepSecrets(entry, values, given, source); err != nil || len(entry) == 0 {
			return err
		}
		wanted, left = s.sources.Choose(values)
		next = wanted.Until(s.started)
		for _, l := range left {
			for _, c := range entry {
				if l.Name == c.Name || l.Table != "" && strings.HasPrefix(c.Name, l.Table+".") {
					return l
				}
			}
		}
		names := make([]string, 0, len(entry))
		for _, c := range entry {
			names = append(names, c.Name)
			if err := put(tx, valuesBucket, c.Name, c.After); err != nil {
				return err
			}
			switch secret, ok := given[c.Name]; {
			case ok:
				err = seal(tx, s.o.Keys, s.o.Random, c.Name, secret)
			case isSecret(c.Name) && c.After == nil:
				err = tx.Delete(secretsBucket, []byte(c.Name))
			}
			if err != nil {
				return err
			}
		}
		if s.prepare != nil {
			if apply, err = s.prepare(next, func(name string) (string, error) { return open(tx, s.o.Keys, name) }); err != nil {
				var fault Fault
				if errors.As(err, &fault) {
					return fault.wrong()
				}
				return err
			}
		}
		if err := note(tx, Entry{Time: now, Source: source, Author: by.Account, To: to, Changes: entry}); err != nil {
			return err
		}
		return s.record(tx, by, names, now)
	})
	if err != nil || next.From == nil { // nothing was changed
		return err
	}
	s.wanted, s.current, s.left = wanted, next, left
	apply()
	return nil
}

// may refuses a change that nobody can make in the console.
func (s *Settings) may(name string, value any, source Source) error {
	from := s.sources.Fixed(name)
	if from != "" && source == OfConsole && value != nil {
		return config.Wrong{Name: name, Reason: config.Reason{FR: "Ce réglage est fixé hors de la console (" + from + ") : changez-le là.", EN: "this setting is fixed outside the console (" + from + "): change it there"}}
	}
	if _, said := value.(bool); said && isSecret(name) && source == OfConsole {
		return config.Wrong{Name: name, Reason: config.Reason{FR: "Il faut un texte.", EN: "a text is needed"}}
	}
	return config.Known(name, value)
}

// keepSecrets takes care that a secret goes to no other server than the one it was given for: whoever changes the server gives it
// again, and a rollback forgets it.
func keepSecrets(entry []Changed, values map[string]any, given map[string]string, source Source) ([]Changed, error) {
	for _, secret := range slices.Sorted(maps.Keys(bound)) {
		moved := slices.ContainsFunc(entry, func(c Changed) bool { return slices.Contains(bound[secret], c.Name) && c.Before != nil })
		if _, again := given[secret]; !moved || again || values[secret] == nil {
			continue
		}
		if source == OfConsole && values[bound[secret][0]] != nil {
			return nil, config.Wrong{Name: secret, Reason: config.Reason{FR: "Donnez aussi le secret : celui qui est gardé ne part pas vers un autre serveur.",
				EN: "give the secret as well: the one that is kept does not go to another server"}}
		}
		delete(values, secret)
		entry = slices.DeleteFunc(entry, func(c Changed) bool { return c.Name == secret })
		entry = append(entry, Changed{secret, true, nil})
	}
	return entry, nil
}

func isSecret(name string) bool { return bound[name] != nil }

// maxKeys bounds the names in one entry of the audit log; the history has them all.
const maxKeys = 400

// record writes the names of what was changed into the audit log, never a value.
func (s *Settings) record(tx *store.Tx, by By, names []string, now time.Time) error {
	e := audit.Event{Time: now, Actor: by.Account, Client: by.Client, Action: audit.SettingsChanged, Result: audit.OK}
	if by.Account == "" {
		e.Actor = audit.ActorOperator
	}
	keys := strings.Join(names, " ")
	if len(keys) > maxKeys {
		keys = keys[:strings.LastIndex(keys[:maxKeys], " ")] + " …"
	}
	e.Detail = map[string]string{"keys": keys}
	return s.o.Audit.Record(tx, e)
}
