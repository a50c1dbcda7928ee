package appliance

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"huisclos/appliance/metrics"
	"huisclos/appliance/web"
	"huisclos/hardening"
)

const (
	// certificateSoon is when somebody should renew a certificate of their own. One that we make renews itself.
	certificateSoon = 21 * 24 * time.Hour
	certificateLast = 3 * 24 * time.Hour
	// The disk is short below a tenth of it or a gibibyte, but never while there are ten; below a quarter of one writes will soon fail.
	diskShort, diskLast, diskAmple = 1 << 30, 256 << 20, 10 << 30
	diskPart                       = 0.1
	// loadHigh leaves some room below the load at which no call begins any more (transport.Server.Busy).
	loadHigh, loadFull = 0.6, 0.75
	memoryHigh         = 0.8
	// jumpFrom is the difference between two clocks that no correction of time makes by itself.
	jumpFrom = 30 * time.Second
	// jumpFor is how long a jump is told.
	jumpFor = 24 * time.Hour
	// attentionFor is how long what was found is given again: several consoles ask every few seconds.
	attentionFor = 5 * time.Second
)

// clocks compares the machine's clock with one that nobody sets.
type clocks struct {
	mu         sync.Mutex
	wall       time.Time
	steady     time.Duration
	by         time.Duration // the last jump; zero: none
	at         time.Time     // when it was found, by the clock after it
	seen       bool
	found      []web.Attention // see attentionFor
	foundUntil time.Duration
	foundEmpty bool // whether the appliance emptied then: an administrator who changes that sees it at once
}

// compare takes what both clocks say and returns by how much the first has jumped since the last time.
func (c *clocks) compare(wall time.Time, steady time.Duration) (jump time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if wall = wall.Round(0); c.seen {
		off := wall.Sub(c.wall) - (steady - c.steady)
		if off.Abs() >= jumpFrom {
			jump, c.by, c.at = off, off, wall
		}
	}
	c.wall, c.steady, c.seen = wall, steady, true
	return jump
}

// jumped is the last jump and when it was, as long as it is told.
func (c *clocks) jumped(now time.Time) (by time.Duration, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == 0 || now.Sub(c.at) > jumpFor || now.Before(c.at.Add(-jumpFor)) {
		return 0, time.Time{}
	}
	return c.by, c.at
}

// diskState says how short the room on a disk is.
func diskState(d metrics.Disk) (short, last bool) {
	if d.Size == 0 {
		return false, false // not known
	}
	short = d.Free < diskShort || float64(d.Free) < diskPart*float64(d.Size) && d.Free < diskAmple
	return short, d.Free < diskLast
}

// clockLine is what "huisclos check" says of jumps. The room on the disk the command looks at by itself.
func (a *Appliance) clockLine() hardening.Line {
	l := hardening.Line{Name: "clock-steady", State: hardening.OK, Detail: hardening.Text{FR: "pas de saut depuis un jour.", EN: "no jump within a day."},
		Why: hardening.Text{FR: "Liens, codes, sessions et certificats comptent sur l'heure juste.", EN: "Links, codes, sessions and certificates rely on the right time."},
		Do:  hardening.Text{FR: "Vérifiez la date et le service d'heure (timedatectl).", EN: "Check the date and the time service (timedatectl)."}}
	if by, at := a.clocks.jumped(a.settings.now()); by != 0 {
		l.State = hardening.Missing
		l.Detail = hardening.Text{FR: fmt.Sprintf("l'horloge a sauté de %s à %s.", by.Round(time.Second), at.UTC().Format(time.RFC3339)),
			EN: fmt.Sprintf("the clock jumped by %s at %s.", by.Round(time.Second), at.UTC().Format(time.RFC3339))}
	}
	return l
}

// Attention is what somebody should look after, what is worst first.
func (w *watch) Attention(now time.Time) []web.Attention {
	c := &w.a.clocks
	steady, draining := time.Since(w.a.began), w.a.hall.Draining()
	c.mu.Lock()
	found, until, was := c.found, c.foundUntil, c.foundEmpty
	c.mu.Unlock()
	if steady < until && was == draining {
		return found
	}
	found = w.look(now)
	c.mu.Lock()
	c.found, c.foundUntil, c.foundEmpty = found, steady+attentionFor, draining
	c.mu.Unlock()
	return found
}

func (w *watch) look(now time.Time) (list []web.Attention) {
	a := w.a
	add := func(found bool, at web.Attention) {
		if found {
			list = append(list, at)
		}
	}
	unwritten := notWritten(w.db.Writable())
	add(unwritten != "", web.Attention{Code: unwritten, Grave: true})
	if disk, err := metrics.ReadDisk(a.settings.Data); err == nil {
		short, last := diskState(disk)
		add(short && unwritten != "disk-full", web.Attention{Code: "disk", Grave: last, Number: float64(disk.Free)})
	}
	add(a.devices.Fault() != nil, web.Attention{Code: "device-log", Grave: true})
	left := a.keeper.Expires().Sub(now)
	add(left <= 0, web.Attention{Code: "certificate-expired", Grave: true, Since: a.keeper.Expires()})
	add(left > 0 && left < certificateSoon && !a.keeper.SelfSigned(), web.Attention{Code: "certificate-soon", Grave: left < certificateLast, Number: float64(left / (24 * time.Hour)), Since: a.keeper.Expires()})
	if post, err := a.post.status(); err == nil && !post.Failing.IsZero() {
		add(true, web.Attention{Code: "mail", Since: post.Failing, FR: post.StepFR, EN: post.StepEN})
	}
	if s, err := a.forwarder.Status(); err == nil && s.Failing != nil {
		fr, en := s.Failing.Step.Sentence()
		add(true, web.Attention{Code: "forwarding", Grave: true, Since: s.Failing.Since, Number: float64(s.Waiting), FR: fr, EN: en})
	}
	if directory := a.followed(); directory != nil {
		s := directory.Status()
		if s.Failure != nil {
			detail, _ := failureText(s.Failure)
			add(true, web.Attention{Code: "directory", Grave: true, Since: s.Good, FR: detail.FR, EN: detail.EN})
		}
		add(s.Failure == nil && s.Report.Held, web.Attention{Code: "directory-held", Number: float64(s.Report.Missing)})
	}
	if provider := a.made.Load().provider; provider != nil {
		if s := provider.Status(); s.Failure != nil {
			detail, _ := providerFailure(s.Failure)
			add(true, web.Attention{Code: "provider", Grave: true, Since: s.Since, FR: detail.FR, EN: detail.EN})
		}
	}
	list = append(list, w.backupAttention(now)...)
	add(a.hall.Draining(), web.Attention{Code: "drain"})
	if hooks, err := a.hooks.List(); err == nil {
		var shut []string
		for _, h := range hooks {
			if h.Failed {
				shut = append(shut, h.Name)
			}
		}
		add(len(shut) > 0, web.Attention{Code: "webhook", Number: float64(len(shut)), What: shut})
	}
	load := w.server.Load()
	add(load > loadHigh, web.Attention{Code: "load", Grave: load > loadFull, Number: load})
	if p := metrics.ReadProcess("/proc"); p.MemoryLimit > 0 {
		part := float64(p.Memory) / float64(p.MemoryLimit)
		add(part > memoryHigh, web.Attention{Code: "memory", Number: part})
	}
	if by, at := a.clocks.jumped(now); by != 0 {
		add(true, web.Attention{Code: "clock", Number: by.Seconds(), Since: at})
	}
	if open := a.openings(); len(open) > 0 {
		add(true, web.Attention{Code: "sandbox", Grave: true, What: open})
	}
	if waiting := a.choices.NeedsRestart(); len(waiting) > 0 {
		add(true, web.Attention{Code: "settings", Number: float64(len(waiting)), What: waiting})
	}
	slices.SortStableFunc(list, func(x, y web.Attention) int {
		switch {
		case x.Grave == y.Grave:
			return 0
		case x.Grave:
			return -1
		}
		return 1
	})
	return list
}

// unusedFor is how long an appliance may be tried out before it is said that nothing of it is backed up.
const unusedFor = 24 * time.Hour

// backupAttention is what somebody should look after about backups: one that fails, one that is late, and none at all.
func (w *watch) backupAttention(now time.Time) []web.Attention {
	s, err := w.a.backups.state()
	if err != nil {
		return nil // the part "database" says so
	}
	f, age := w.a.backups.facts(), now.Sub(s.Good)
	late := f.On && !s.Good.IsZero() && age > 2*f.Every
	switch {
	case s.failing() && s.Reason == backupNotCopied:
		return []web.Attention{{Code: "backup-copy", Grave: s.Copied.IsZero() || now.Sub(s.Copied) > 3*f.Every, Since: s.Copied}}
	case s.failing():
		return []web.Attention{{Code: "backup", Grave: s.Good.IsZero() || age > 3*f.Every, Since: s.Good, What: []string{s.Reason}}}
	case late:
		return []web.Attention{{Code: "backup-late", Grave: age > 3*f.Every, Since: s.Good}}
	case !f.On && (s.Good.IsZero() || age > 7*24*time.Hour):
		first, err := w.a.trail.List(2, 1)
		if err == nil && len(first) == 1 && now.Sub(first[0].Time) > unusedFor {
			return []web.Attention{{Code: "backup-off", Since: s.Good}}
		}
	}
	return nil
}

// openings are the protections that should be in force and are not: the process's own, and as a service also those of its unit.
func (a *Appliance) openings() (names []string) {
	if a.settings.confine == nil {
		return nil // a test's appliance, which is not shut in
	}
	for _, l := range a.selfCheck() {
		own := slices.Contains(ownProtections, l.Name)
		if l.State == hardening.Missing && (own || a.settings.given.web != nil && slices.Contains(metrics.Protections, l.Name)) {
			names = append(names, l.Name)
		}
	}
	return names
}

// ownProtections are those that the process gives itself.
var ownProtections = []string{"no-new-privileges", "not-dumpable", "no-core-dump", "landlock", "plain-tcp"}
