package appliance

import (
	"fmt"
	"sync"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/metrics"
	"huisclos/appliance/metrics/series"
	used "huisclos/appliance/metrics/usage"
	"huisclos/hardening"
	"huisclos/media/transport"
	"huisclos/meetings"
	"huisclos/store"
)

// watch is what the console and the page of metrics are given of the appliance.
type watch struct {
	*observer
	metrics.Access
	a      *Appliance
	db     *store.DB
	server *transport.Server

	noting sync.Mutex
	last   sample // of the minute before; guarded by noting
}

// sample is what differences are made of.
type sample struct {
	at     time.Time
	totals transport.Totals
	cpu    time.Duration
}

func (w *watch) Allowed(token string) error                         { return w.Access.Check(token) }
func (w *watch) TokenMade() (time.Time, error)                      { return w.Access.Made() }
func (w *watch) MakeToken(by string, now time.Time) (string, error) { return w.Access.Make(by, now) }
func (w *watch) RevokeToken(by string, now time.Time) error         { return w.Access.Revoke(by, now) }

// Page is everything that is counted.
func (w *watch) Page(now time.Time) metrics.Page { return w.state().Page(now) }

// Ready says of each part that people need whether it answers; of the calls, whether any may begin (huisclos drain).
func (w *watch) Ready() map[string]bool {
	_, err := w.a.accounts.SetupNeeded()
	running := true
	select {
	case <-w.a.quit:
		running = false
	default:
	}
	return map[string]bool{"database": err == nil && w.db.Writable() == nil, "listeners": !w.a.door.shut(), "rooms": !w.server.Closed(), "running": running, "calls": !w.a.hall.Draining()}
}

func (w *watch) Series(tier series.Tier, from, to time.Time) (list []series.Point, err error) {
	err = w.db.View(func(tx *store.Tx) error {
		list, err = series.Read(tx, tier, from, to)
		return err
	})
	return list, err
}

func (w *watch) Usage(from, to string) (list []used.Day, err error) {
	err = w.db.View(func(tx *store.Tx) error {
		list, err = used.Days(tx, from, to)
		return err
	})
	return list, err
}

// state gathers everything that is counted. It asks every room and every call, as the console's list of calls does.
func (w *watch) state() metrics.State {
	a := w.a
	s := metrics.State{Version: Version, Started: a.started, Ready: w.Ready(), People: map[string]int{}, Relayed: a.relay.Allocations(), Sockets: a.pages.Load().Lines(),
		Certificate: a.keeper.Expires(), Waiting: len(a.choices.NeedsRestart()), Closed: map[string]bool{}, Process: metrics.ReadProcess("/proc")}
	for _, c := range a.hall.Calls() {
		s.Calls++
		for _, m := range c.Members {
			if !m.Connected {
				continue
			}
			if m.Transport == "" {
				m.Transport = "none"
			}
			s.People[m.Transport]++
		}
	}
	w.counted(&s)
	s.Media = w.media()
	// What can't be read stays zero: the part "database" says so.
	s.Accounts, _ = a.accounts.Count()
	s.Rooms, _ = a.rooms.Count()
	s.Database, s.Free, _ = w.db.Size()
	s.Reserved = w.db.Reserved()
	s.Disk, _ = metrics.ReadDisk(a.settings.Data)
	if head, err := a.trail.Head(); err == nil {
		s.AuditHead = head.Sequence
	}
	s.Devices = a.deviceFacts().Size
	backup := a.backups.facts()
	s.Backup, s.BackupFailing = backup.Good, backup.Failed
	if backup.On {
		s.BackupEvery = backup.Every
	}
	if post, err := a.post.status(); err == nil && post.On {
		s.Mail, s.MailQueue, s.MailLost = metrics.Good, post.Waiting, post.GivenUp
		if !post.Failing.IsZero() {
			s.Mail = metrics.Failing
		}
	}
	s.Forwarding, s.ForwardingWait = a.forwardingWord()
	s.Directory, s.Provider = w.directory(), w.provider()
	s.Attention = map[string]int{}
	for _, one := range w.Attention(a.settings.now()) {
		s.Attention[one.Code] = 1
		if one.Grave {
			s.Attention[one.Code] = 2
		}
	}
	for _, l := range a.selfCheck() {
		if l.State != hardening.Unknown {
			s.Closed[l.Name] = l.State == hardening.OK
		}
	}
	return s
}

func (w *watch) media() metrics.Media {
	t := w.server.Totals()
	m := metrics.Media{Received: t.Received, ReceivedOctets: t.ReceivedOctets, Forwarded: t.Forwarded, ForwardedOctets: t.SentOctets, Refused: counts(t.Refused),
		Lines: map[string]int{}, Losses: map[string]int{}, Load: w.server.Load()}
	for _, l := range w.server.Lines() {
		m.Lines[metrics.LineClass(int64(l.Limit))]++
		m.Losses[metrics.LossClass(l.Loss)]++
	}
	return m
}

func (w *watch) directory() metrics.Word {
	directory := w.a.followed()
	if directory == nil {
		return metrics.Absent
	}
	s := directory.Status()
	return wordOf(s.Failure != nil, !s.Good.IsZero())
}

func (w *watch) provider() metrics.Word {
	provider := w.a.made.Load().provider
	if provider == nil {
		return metrics.Absent
	}
	s := provider.Status()
	return wordOf(s.Failure != nil, !s.Good.IsZero())
}

func wordOf(failing, good bool) metrics.Word {
	switch {
	case failing:
		return metrics.Failing
	case good:
		return metrics.Good
	}
	return metrics.Waiting
}

// note keeps the minute that ends now: one transaction, a few short records.
func (w *watch) note(now time.Time) error {
	w.noting.Lock()
	defer w.noting.Unlock()
	process, totals := metrics.ReadProcess("/proc"), w.server.Totals()
	was := w.last
	w.last = sample{now, totals, process.CPU}
	elapsed := now.Sub(was.at).Seconds()
	if was.at.IsZero() || elapsed <= 0 {
		return nil // the first look, or the clock was set back
	}
	rate := func(is, was uint64) float64 { return float64(is-min(was, is)) / elapsed }
	var refused, refusedBefore uint64
	for _, n := range totals.Refused {
		refused += n
	}
	for _, n := range was.totals.Refused {
		refusedBefore += n
	}
	people, present, calls := 0, []used.Present(nil), w.a.hall.Calls()
	inCall := map[meetings.CallID]int{}
	for _, c := range calls {
		seen := map[[16]byte]bool{}
		_, test := w.a.canaries.card(c.Room)
		for _, m := range c.Members {
			if !m.Connected {
				continue
			}
			people++
			if !test && !seen[m.Account] {
				present = append(present, used.Present{Account: m.Account})
			}
			seen[m.Account] = true
		}
		inCall[c.Call] = len(seen)
	}
	ended := w.looked(inCall)
	values := valuesOf(map[string]float64{"calls": float64(len(calls)), "people": float64(people),
		"sent": 8 * rate(totals.SentOctets, was.totals.SentOctets), "received": 8 * rate(totals.ReceivedOctets, was.totals.ReceivedOctets),
		"forwarded": rate(totals.Forwarded, was.totals.Forwarded), "refused": rate(refused, refusedBefore),
		"cpu":    min((process.CPU-was.cpu).Seconds()/elapsed/float64(max(process.Cores, 1)), 1),
		"memory": float64(process.Memory), "load": w.server.Load()})
	err := w.db.Update(func(tx *store.Tx) error {
		if err := series.Add(tx, now, values); err != nil {
			return err
		}
		for i := range present {
			for _, g := range accounts.GroupsOf(tx, present[i].Account) {
				present[i].Groups = append(present[i].Groups, g)
			}
		}
		return used.Add(tx, now, used.Minute{Present: present, Ended: ended}, w.Random)
	})
	if err != nil {
		w.restore(ended)
		return fmt.Errorf("series of a minute: %w", err)
	}
	return nil
}

// valuesOf puts the values in the order of the measures.
func valuesOf(by map[string]float64) []float64 {
	list := make([]float64, 0, len(series.Names))
	for _, name := range series.Names {
		list = append(list, by[name])
	}
	return list
}
