package web

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/metrics"
	"huisclos/appliance/metrics/series"
	"huisclos/appliance/metrics/usage"
	"huisclos/appliance/posture"
	"huisclos/audit"
	"huisclos/store"
)

// watch is the Observation of the test house: its stores are real, what it counts is what routes tell it.
type watch struct {
	metrics.Access
	db       *store.DB
	requests metrics.Counts
	mu       sync.Mutex
	missing  []string // parts that don't answer
}

func createWatch(tx *store.Tx) error {
	for _, f := range []func(*store.Tx) error{metrics.CreateBuckets, series.CreateBuckets, usage.CreateBuckets} {
		if err := f(tx); err != nil {
			return err
		}
	}
	return nil
}

func (h *house) watch() *watch {
	return &watch{Access: metrics.Access{DB: h.db, Audit: h.audit, Random: rand.Reader}, db: h.db}
}

func (w *watch) Allowed(token string) error    { return w.Check(token) }
func (w *watch) TokenMade() (time.Time, error) { return w.Made() }
func (w *watch) Page(now time.Time) metrics.Page {
	return metrics.State{Version: "test", Accounts: 3}.Page(now)
}

func (w *watch) MakeToken(by string, now time.Time) (string, error) { return w.Make(by, now) }

func (w *watch) RevokeToken(by string, now time.Time) error { return w.Revoke(by, now) }

func (w *watch) Ready() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	ready := map[string]bool{"database": true}
	for _, part := range w.missing {
		ready[part] = false
	}
	return ready
}

func (w *watch) Served(class string, status int, took time.Duration) {
	w.requests.Add(class + " " + http.StatusText(status))
}

func (w *watch) Posture(now time.Time) posture.Report {
	return posture.Facts{Now: now, TLS: []posture.Handshakes{{Version: 0x0304, N: 1}}}.Report()
}

func (w *watch) Bill() ([]byte, error) { return []byte(`{"bomFormat":"CycloneDX"}`), nil }

func (w *watch) Attention(time.Time) []Attention {
	return []Attention{{Code: "disk", Grave: true, Number: 12}}
}

func (w *watch) Series(tier series.Tier, from, to time.Time) (list []series.Point, err error) {
	err = w.db.View(func(tx *store.Tx) error {
		list, err = series.Read(tx, tier, from, to)
		return err
	})
	return list, err
}

func (w *watch) Usage(from, to string) (list []usage.Day, err error) {
	err = w.db.View(func(tx *store.Tx) error {
		list, err = usage.Days(tx, from, to)
		return err
	})
	return list, err
}

// as asks for the page as a program does: with a token and no cookie.
func (h *house) scrape(path, token string) (int, string, http.Header) {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodGet, h.tls.URL+path, nil)
	must(h.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Host = "localhost"
	res, err := h.tls.Client().Do(req)
	must(h.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(h.t, err)
	return res.StatusCode, string(body), res.Header
}

// withMetricsToken is the address of a token that there is.
func withMetricsToken(s *scene) string {
	_, err := s.server.Observation.MakeToken(audit.ActorOperator, s.now)
	must(s.t, err)
	return "/api/admin/metrics-token"
}

func read(t *testing.T, what string, a answer, status int, into any) {
	t.Helper()
	expect(t, what, a, status, "")
	must(t, json.Unmarshal(a.body, into))
}

func TestMetricsNeedTheirToken(t *testing.T) {
	h := newHouse(t)
	status, _, header := h.scrape("/metrics", "")
	if status != http.StatusUnauthorized || !strings.HasPrefix(header.Get("WWW-Authenticate"), `Bearer realm="metrics"`) {
		t.Errorf("without a token: %d %q", status, header.Get("WWW-Authenticate"))
	}
	b := h.asAdministrator()
	var made struct{ Token string }
	read(t, "a token", b.do("POST", "/api/admin/metrics-token", nothing), http.StatusCreated, &made)
	status, page, header := h.scrape("/metrics", made.Token)
	if status != http.StatusOK || header.Get("Content-Type") != metrics.ContentType || !strings.Contains(page, "\nhuisclos_accounts 3\n") {
		t.Errorf("with it: %d %q\n%s", status, header.Get("Content-Type"), page)
	}
	if strings.Contains(h.log.String(), made.Token) {
		t.Error("the token is in the log")
	}
	var again struct{ Token string }
	read(t, "another", b.do("POST", "/api/admin/metrics-token", nothing), http.StatusCreated, &again)
	if status, _, _ := h.scrape("/metrics", made.Token); status != http.StatusUnauthorized {
		t.Errorf("the one before: %d", status)
	}
	expect(t, "taken away", b.do("DELETE", "/api/admin/metrics-token", nil), http.StatusNoContent, "")
	if status, _, _ := h.scrape("/metrics", again.Token); status != http.StatusUnauthorized {
		t.Errorf("one that was taken away: %d", status)
	}
	expect(t, "taken away twice", b.do("DELETE", "/api/admin/metrics-token", nil), http.StatusNotFound, "not-found")
	entries, err := h.audit.List(0, 3)
	must(t, err)
	if entries[0].Action != audit.MetricsTokenRevoked || entries[1].Action != audit.MetricsTokenMade || entries[1].Actor != h.administrator.ID.String() {
		t.Errorf("audit: %v", entries)
	}
	// Whoever goes on trying waits.
	var last int
	for range strangersBurst + 1 {
		last, _, _ = h.scrape("/metrics", "huisclos_metrics_wrong")
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("after many wrong ones: %d", last)
	}
	// Without a recent proof nobody makes a token.
	h.advance(15 * time.Minute)
	expect(t, "late", b.do("POST", "/api/admin/metrics-token", nothing), http.StatusForbidden, "proofNeeded")
}

func TestReadyNamesItsPartsToWhoMayKnow(t *testing.T) {
	h := newHouse(t)
	w := h.server.Observation.(*watch)
	if status, body, _ := h.scrape("/readyz", ""); status != http.StatusOK || body != "ready\n" {
		t.Errorf("%d %q", status, body)
	}
	token, err := w.Make(audit.ActorOperator, h.now)
	must(t, err)
	w.mu.Lock()
	w.missing = []string{"rooms"}
	w.mu.Unlock()
	if status, body, _ := h.scrape("/readyz", ""); status != http.StatusServiceUnavailable || body != "not ready\n" {
		t.Errorf("to a stranger: %d %q", status, body)
	}
	if status, body, _ := h.scrape("/readyz", token); status != http.StatusServiceUnavailable || body != "not ready\nrooms\n" {
		t.Errorf("with the token: %d %q", status, body)
	}
	if status, _, _ := h.scrape("/readyz", "another"); status != http.StatusUnauthorized {
		t.Errorf("with another: %d", status)
	}
}

func TestSeriesAndStatistics(t *testing.T) {
	h := newHouse(t)
	group, err := h.accounts.CreateGroup(accounts.Operator(), "Direction", h.now)
	must(t, err)
	var present []usage.Present
	for n := range byte(usage.Floor) {
		present = append(present, usage.Present{Account: [16]byte{n}, Groups: [][16]byte{group.ID}})
	}
	values := make([]float64, len(series.Names))
	values[0] = 3
	must(t, h.db.Update(func(tx *store.Tx) error {
		if err := series.Add(tx, h.now, values); err != nil {
			return err
		}
		for i := range 61 { // an hour, and the next day, which ends the first
			if err := usage.Add(tx, h.now.Add(time.Duration(i/60)*24*time.Hour), usage.Minute{Present: present}, rand.Reader); err != nil {
				return err
			}
		}
		return nil
	}))
	h.advance(time.Minute)
	b := h.asAdministrator()
	var s struct {
		Times  []int64
		Step   int
		Values map[string]struct{ Mean, Most []*float64 }
	}
	read(t, "series", b.do("GET", "/api/admin/series?span=day", nil), http.StatusOK, &s)
	if len(s.Times) != 1 || s.Step != 60 || *s.Values["calls"].Mean[0] != 3 || len(s.Values) != len(series.Names) {
		t.Errorf("%+v", s)
	}
	expect(t, "another span", b.do("GET", "/api/admin/series?span=century", nil), http.StatusBadRequest, "bad-request")
	var u struct {
		Days   []usage.Day
		Groups []groupUsageJSON
		Floor  int
	}
	date := h.now.UTC().Format(time.DateOnly)
	read(t, "statistics", b.do("GET", "/api/admin/statistics?from="+date+"&to="+h.now.Add(48*time.Hour).UTC().Format(time.DateOnly), nil), http.StatusOK, &u)
	if len(u.Days) != 2 || u.Days[0].People != usage.Floor || len(u.Groups) != 1 || u.Groups[0].Name != "Direction" || u.Groups[0].Minutes != 300 || u.Floor != usage.Floor {
		t.Errorf("%+v", u)
	}
	for _, q := range []string{"", "?from=2026-01-02&to=2026-01-01", "?from=2020-01-01&to=2026-01-01", "?from=x&to=y"} {
		expect(t, q, b.do("GET", "/api/admin/statistics"+q, nil), http.StatusBadRequest, "bad-request")
	}
}

func TestRequestsAreCountedByClass(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	b.do("GET", "/api/admin/status", nil)
	b.do("GET", "/api/me", nil)
	h.scrape("/healthz", "")
	h.scrape("/scim/v2/Users", "")
	h.scrape("/", "")
	counted := h.server.Observation.(*watch).requests.Values()
	for _, want := range []string{"console OK", "api OK", "metrics OK", "scim Unauthorized", "page OK"} {
		if counted[want] == 0 {
			t.Errorf("%q is not counted: %v", want, counted)
		}
	}
}

// TestPosture: who watches reads what is in force and takes the list of components along; nobody else does (matrix).
func TestPosture(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	a := b.do("GET", "/api/admin/posture", nil)
	expect(t, "posture", a, http.StatusOK, "")
	for _, want := range []string{`"worst":"attention"`, `"name":"tls"`, `"level":"unknown"`, `"count":{`, `"n":1`} {
		if !strings.Contains(string(a.body), want) {
			t.Errorf("without %s: %s", want, a.body)
		}
	}
	a = b.do("GET", "/api/admin/sbom", nil)
	expect(t, "list of components", a, http.StatusOK, "")
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/vnd.cyclonedx+json") || !strings.Contains(a.header.Get("Content-Disposition"), ".cdx.json") {
		t.Errorf("%v", a.header)
	}
}
