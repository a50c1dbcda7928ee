package web

import (
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/metrics"
	"huisclos/appliance/metrics/series"
	"huisclos/appliance/metrics/usage"
	"huisclos/appliance/posture"
)

// Observation is what the appliance knows of how it is doing.
type Observation interface {
	// Allowed is metrics.ErrToken for a token that doesn't open the page of metrics.
	Allowed(token string) error
	// Page is everything that is counted.
	Page(now time.Time) metrics.Page
	// Ready says of each part that people need whether it answers.
	Ready() map[string]bool
	// Served counts a request; took is zero where the time says nothing.
	Served(class string, status int, took time.Duration)
	// Attention is what somebody should look after, what is worst first.
	Attention(now time.Time) []Attention
	// Posture is what is sealed by which mechanism right now; Bill the list of what the program is made of, in CycloneDX.
	Posture(now time.Time) posture.Report
	Bill() ([]byte, error)
	Series(tier series.Tier, from, to time.Time) ([]series.Point, error)
	Usage(from, to string) ([]usage.Day, error)
	// TokenMade says when the token of the page was made; zero: there is none. MakeToken voids the one before.
	TokenMade() (time.Time, error)
	MakeToken(by string, now time.Time) (string, error)
	RevokeToken(by string, now time.Time) error
}

// Attention is one thing that somebody should look after.
type Attention struct {
	Code   string    `json:"code"`            // that the console has a sentence for
	Grave  bool      `json:"grave"`           // people feel it, or will soon
	Number float64   `json:"number,omitzero"` // days, octets, a part of 1, seconds or how many; by the code
	What   []string  `json:"what,omitempty"`  // names of settings or protections
	Since  time.Time `json:"since,omitzero"`
	FR     string    `json:"fr,omitempty"` // what the part itself says of it
	EN     string    `json:"en,omitempty"`
}

// Scrapes that have the token: every few seconds from a few collectors.
const scrapesPerSecond, scrapesBurst = 2, 20

const codeBadMetricsToken code = "bad-metrics-token"

// classOf is the class under which requests of a route are counted.
func (rt route) classOf() string {
	switch {
	case rt.kind == socket:
		return "socket"
	case rt.kind == machine:
		return "scim"
	case rt.kind == foreign:
		return "provider"
	case slices.Contains([]string{"/metrics", "/readyz", "/healthz"}, rt.path):
		return "metrics"
	case rt.kind == page:
		return "page"
	case strings.HasPrefix(rt.path, "/api/admin/"):
		return "console"
	}
	return "api"
}

// served counts a request that a route answered. A signalling connection lasts, and whoever knocks at the door waits on purpose.
func (v *visit) served(rt route, began time.Time) {
	if v.srv.Observation == nil {
		return
	}
	took := v.srv.Now().Sub(began)
	if rt.kind == socket || rt.atDoor() {
		took = 0
	}
	v.srv.Observation.Served(rt.classOf(), v.w.Status, took)
}

// metered reports whether the request has the token. Whoever tries wrong ones is slowed down, by network.
func (v *visit) metered() error {
	token, given := bearer(v.r)
	if !given || v.srv.Observation == nil {
		return v.strange(v.srv.unsigned, codeBadMetricsToken, `Bearer realm="metrics"`) // RFC 6750 §3
	}
	switch err := v.srv.Observation.Allowed(token); {
	case errors.Is(err, metrics.ErrToken):
		v.srv.Log.Info("a token for the metrics that doesn't count", "client", v.srv.Mask(v.client))
		return v.strange(v.srv.meters, codeBadMetricsToken, `Bearer realm="metrics", error="invalid_token"`)
	case err != nil:
		return err
	}
	if wait, ok := v.srv.scrapes.take("", v.now); !ok {
		v.w.Header().Set("Retry-After", seconds(wait))
		return refusal{codeTooFast}
	}
	return nil
}

// metrics is the page that Prometheus reads.
func (s *Server) metrics(v *visit) error {
	if err := v.metered(); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", metrics.ContentType)
	v.w.WriteHeader(http.StatusOK)
	_ = s.Observation.Page(v.now).Write(v.w) // the connection is gone: nobody to tell
	return nil
}

// ready says whether people may be sent here. Which part doesn't answer is for who has the token of the metrics.
func (s *Server) ready(v *visit) error {
	var failing []string
	if s.Observation != nil {
		for part, ok := range s.Observation.Ready() {
			if !ok {
				failing = append(failing, part)
			}
		}
	}
	slices.Sort(failing)
	status, text := http.StatusOK, "ready\n"
	if len(failing) > 0 {
		status, text = http.StatusServiceUnavailable, "not ready\n"
		if _, given := bearer(v.r); given {
			if err := v.metered(); err != nil {
				return err
			}
			text += strings.Join(failing, "\n") + "\n"
		}
	}
	v.w.Header().Set("Content-Type", mediaTypes[".txt"])
	v.w.WriteHeader(status)
	_, _ = v.w.Write([]byte(text))
	return nil
}

// attention is the part of the status that says what to look after.
func (s *Server) attention(now time.Time) []Attention {
	if s.Observation == nil {
		return []Attention{}
	}
	return append([]Attention{}, s.Observation.Attention(now)...) // not nil: it is written as JSON
}

type postureJSON struct {
	At    time.Time             `json:"at"`
	Since time.Time             `json:"since"` // that it counts from: the start
	Worst posture.Level         `json:"worst"`
	Count map[posture.Level]int `json:"count"` // of lines, by level
	Lines posture.Report        `json:"lines"`
}

// getPosture answers with what is sealed by which mechanism right now.
func (s *Server) getPosture(v *visit) error {
	if s.Observation == nil {
		return refusal{codeNotFound}
	}
	r := s.Observation.Posture(v.now)
	return v.json(http.StatusOK, postureJSON{At: v.now.UTC(), Since: s.Status().Started, Worst: r.Worst(), Count: r.Counted(), Lines: append(posture.Report{}, r...)})
}

// getBill answers with the list of what the program is made of, as a file.
func (s *Server) getBill(v *visit) error {
	if s.Observation == nil {
		return refusal{codeNotFound}
	}
	text, err := s.Observation.Bill()
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/vnd.cyclonedx+json; version=1.5")
	v.w.Header().Set("Content-Disposition", `attachment; filename="huisclos-`+s.Status().Version+`.cdx.json"`)
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(text)
	return nil
}

// spans are how far back a question for series goes, and how finely.
var spans = map[string]struct {
	tier series.Tier
	back time.Duration
}{
	"hour": {series.Minutes, time.Hour}, "day": {series.Minutes, 24 * time.Hour}, "week": {series.Quarters, 7 * 24 * time.Hour},
	"month": {series.Quarters, 31 * 24 * time.Hour}, "year": {series.Days, 366 * 24 * time.Hour}, "years": {series.Days, 2 * 366 * 24 * time.Hour},
}

type seriesJSON struct {
	Step   int                     `json:"step"` // seconds
	From   time.Time               `json:"from"`
	To     time.Time               `json:"to"`
	Times  []int64                 `json:"times"` // Unix seconds at which a step begins
	Values map[string]measuresJSON `json:"values"`
}

// measuresJSON are as many as there are times; null where nothing was measured.
type measuresJSON struct {
	Mean []*float64 `json:"mean"`
	Most []*float64 `json:"most"`
}

// getSeries answers with how the appliance was doing.
func (s *Server) getSeries(v *visit) error {
	span, ok := spans[v.r.URL.Query().Get("span")]
	if !ok || s.Observation == nil {
		return refusal{codeBadRequest}
	}
	from := v.now.Add(-span.back).Truncate(span.tier.Step())
	list, err := s.Observation.Series(span.tier, from, v.now)
	if err != nil {
		return err
	}
	j := seriesJSON{Step: int(span.tier.Step().Seconds()), From: from.UTC(), To: v.now.UTC(), Times: []int64{}, Values: map[string]measuresJSON{}}
	for _, p := range list {
		j.Times = append(j.Times, p.Start.Unix())
	}
	for i, name := range series.Names {
		m := measuresJSON{Mean: []*float64{}, Most: []*float64{}}
		for _, p := range list {
			m.Mean, m.Most = append(m.Mean, finite(p.Mean[i])), append(m.Most, finite(p.Most[i]))
		}
		j.Values[name] = m
	}
	return v.json(http.StatusOK, j)
}

func finite(f float64) *float64 {
	if f != f {
		return nil // NaN: not measured then
	}
	return &f
}

type groupUsageJSON struct {
	Group   string `json:"group"`
	Name    string `json:"name"` // "": the group is no more
	People  int    `json:"people"`
	Minutes int    `json:"minutes"`
	Days    int    `json:"days"` // on which enough of its people took part
}

// getStatistics answers with how much was used from one day to another, 400 days at most.
func (s *Server) getStatistics(v *visit) error {
	q := v.r.URL.Query()
	from, err1 := time.Parse(time.DateOnly, q.Get("from"))
	to, err2 := time.Parse(time.DateOnly, q.Get("to"))
	if err1 != nil || err2 != nil || to.Before(from) || to.Sub(from) > 400*24*time.Hour || s.Observation == nil {
		return refusal{codeBadRequest}
	}
	days, err := s.Observation.Usage(q.Get("from"), q.Get("to"))
	if err != nil {
		return err
	}
	names := map[string]string{}
	groups, err := s.Accounts.Groups("", 0)
	if err != nil {
		return err
	}
	for _, g := range groups {
		names[hex.EncodeToString(g.ID[:])] = g.Name
	}
	sums, order := map[string]*groupUsageJSON{}, []*groupUsageJSON{}
	for i := range days {
		for _, g := range days[i].Groups {
			sum := sums[g.Group]
			if sum == nil {
				sum = &groupUsageJSON{Group: g.Group, Name: names[g.Group]}
				sums[g.Group], order = sum, append(order, sum)
			}
			sum.People, sum.Minutes, sum.Days = max(sum.People, g.People), sum.Minutes+g.Minutes, sum.Days+1
		}
		days[i].Groups = nil
	}
	slices.SortStableFunc(order, func(a, b *groupUsageJSON) int { return b.Minutes - a.Minutes })
	if days == nil {
		days = []usage.Day{}
	}
	return v.json(http.StatusOK, map[string]any{"days": days, "sizes": usage.Sizes, "groups": order, "floor": usage.Floor})
}

// getMetricsToken says whether there is a token for the page of metrics, and since when.
func (s *Server) getMetricsToken(v *visit) error {
	if s.Observation == nil {
		return refusal{codeNotFound}
	}
	made, err := s.Observation.TokenMade()
	if err != nil {
		return err
	}
	j := map[string]any{"made": nil, "address": s.base(v.r) + "/metrics"}
	if !made.IsZero() {
		j["made"] = made
	}
	return v.json(http.StatusOK, j)
}

// makeMetricsToken makes another token, shown once. It takes a proof: whoever has it reads how the house works.
func (s *Server) makeMetricsToken(v *visit) error {
	if err := v.metricsGrave(); err != nil {
		return err
	}
	token, err := s.Observation.MakeToken(v.account.ID.String(), v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusCreated, map[string]any{"token": token})
}

// metricsGrave refuses who has not proved lately that it is them.
func (v *visit) metricsGrave() error {
	switch {
	case v.srv.Observation == nil:
		return refusal{codeNotFound}
	case v.session.Proved.IsZero() || !v.now.Before(v.session.Proved.Add(accounts.ProofLifetime)):
		return refusal{codeProofNeeded}
	}
	return nil
}

func (s *Server) revokeMetricsToken(v *visit) error {
	if err := v.metricsGrave(); err != nil {
		return err
	}
	err := s.Observation.RevokeToken(v.account.ID.String(), v.now)
	if errors.Is(err, metrics.ErrToken) {
		return refusal{codeNotFound}
	}
	if err != nil {
		return err
	}
	return v.done()
}
