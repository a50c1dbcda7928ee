package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type keys struct{ id string }

func (k keys) PepperID() string { return k.id }
func (k keys) Derive(label, pepper string) ([]byte, error) {
	if pepper != k.id {
		return nil, errors.New("another pepper")
	}
	sum := sha256.Sum256([]byte(label + pepper))
	return sum[:], nil
}

// A receiver is a real server over TLS that checks signatures by its own reading of Standard Webhooks.
type receiver struct {
	t       testing.TB
	tls     *httptest.Server
	secrets []string
	now     func() time.Time

	mu     sync.Mutex
	answer func(w http.ResponseWriter, r *http.Request)
	got    []Event
	bodies []string
	signed []int // how many signatures each request had
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{t: t}
	r.tls = httptest.NewTLSServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.tls.Close)
	return r
}

func (r *receiver) authority() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.tls.Certificate().Raw}))
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Error(err)
	}
	id, at := req.Header.Get("webhook-id"), req.Header.Get("webhook-timestamp")
	given := strings.Split(req.Header.Get("webhook-signature"), " ")
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, secret := range r.secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) != 32 {
			r.t.Errorf("secret %q", secret)
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + at + "." + string(body)))
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); !slices.Contains(given, want) {
			r.t.Errorf("no signature by secret %d among %q", i, given)
		}
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || r.now().Sub(time.Unix(seconds, 0)).Abs() > time.Minute {
		r.t.Errorf("timestamp %q at %v", at, r.now())
	}
	var e Event
	if err := json.Unmarshal(body, &e); err != nil || e.ID != id || req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("%s %v %q", req.Method, err, body)
	}
	r.got, r.bodies, r.signed = append(r.got, e), append(r.bodies, string(body)), append(r.signed, len(given))
	if r.answer != nil {
		r.answer(w, req)
	}
}

func (r *receiver) kinds() (list []Kind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.got {
		list = append(list, e.Type)
	}
	return list
}

func (r *receiver) behaves(f func(w http.ResponseWriter, r *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// A desk is the webhooks of an appliance, with a clock of its own.
type desk struct {
	*Hooks
	t    testing.TB
	db   *store.DB
	log  *audit.Log
	mu   sync.Mutex
	at   time.Time
	dial Dial
}

func newDesk(t testing.TB) *desk {
	d := &desk{t: t, at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	var err error
	d.db, err = store.Open(filepath.Join(t.TempDir(), "x.db"), store.Options{})
	must(t, err)
	t.Cleanup(func() { _ = d.db.Close() })
	must(t, d.db.Migrate([]store.Migration{{Version: 1, Name: "audit", Run: audit.CreateAll}, {Version: 2, Name: "webhooks", Run: CreateBuckets}}))
	d.log = audit.New(d.db)
	d.dial = func(context.Context, string, int) (net.Conn, error) { return nil, errors.New("nobody is there") }
	d.Hooks = New(Options{DB: d.db, Audit: d.log, Keys: keys{"p"}, Random: rand.Reader, Now: d.now, Log: slog.New(slog.DiscardHandler), Open: true,
		Dial: func(ctx context.Context, host string, port int) (net.Conn, error) { return d.dial(ctx, host, port) }})
	return d
}

func (d *desk) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

func (d *desk) wait(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = d.at.Add(by)
}

// to makes a webhook that leads to a receiver.
func (d *desk) to(r *receiver, events ...Kind) Hook {
	d.t.Helper()
	w := Wish{Name: "Supervision", URL: "https://example.com/hook?token=not-for-a-disk", Authority: r.authority()}
	for _, e := range events {
		w.Events = append(w.Events, string(e))
	}
	var made Hook
	must(d.t, d.db.Update(func(tx *store.Tx) error {
		hook, secret, err := d.Make(tx, w, d.now())
		made, r.secrets = hook, append(r.secrets, secret)
		return err
	}))
	r.now = d.now
	d.dial = func(ctx context.Context, host string, port int) (net.Conn, error) {
		if host != "example.com" || port != 443 {
			d.t.Errorf("dialled %s:%d", host, port)
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", r.tls.Listener.Addr().String())
	}
	return made
}

func (d *desk) record(action audit.Action, object string, details ...string) {
	d.t.Helper()
	e := audit.Event{Time: d.now(), Actor: "system", Action: action, Object: object, Detail: map[string]string{}}
	for i := 0; i+1 < len(details); i += 2 {
		e.Detail[details[i]] = details[i+1]
	}
	must(d.t, d.log.Write(e))
}

// turn feeds, delivers, and waits until that is done.
func (d *desk) turn() {
	d.t.Helper()
	for more := true; more; {
		var err error
		more, err = d.Feed(d.now())
		must(d.t, err)
	}
	must(d.t, d.Turn(d.t.Context(), d.now()))
	d.running.Wait()
}

func (d *desk) hook() Hook {
	d.t.Helper()
	list, err := d.List()
	must(d.t, err)
	if len(list) != 1 {
		d.t.Fatalf("%d webhooks", len(list))
	}
	return list[0]
}

func TestEventsArriveSigned(t *testing.T) {
	d, r := newDesk(t), newReceiver(t)
	d.record(audit.AccountCreated, "before") // nobody was there to be told
	made := d.to(r, AccountCreated, CallStarted, CallEnded)
	d.record(audit.AccountCreated, "A1", "role", "member", "source", "scim", "provisioner", "P1")
	d.record(audit.AccountDisabled, "A1") // not asked for
	d.record(audit.AccountRenamed, "A1")  // no event at all
	d.record(audit.CallStarted, "R1", "call", "C1")
	d.record(audit.CallMemberAdded, "R1", "call", "C1", "account", "A1")
	d.record(audit.CallMemberAdded, "R1", "call", "C1", "account", "A2")
	d.record(audit.CallMemberRemoved, "R1", "call", "C1", "account", "A1")
	d.record(audit.CallMemberAdded, "R1", "call", "C1", "account", "A3")
	d.record(audit.CallEnded, "R1", "call", "C1", "reason", "left")
	d.turn()
	if got := r.kinds(); !slices.Equal(got, []Kind{AccountCreated, CallStarted, CallEnded}) {
		t.Fatalf("%v", got)
	}
	for i, want := range []string{
		`{"id":"evt_2","type":"account.created","timestamp":"2026-03-02T09:00:00Z","entry":2,"data":{"account":"A1","role":"member","source":"scim"}}`,
		`{"id":"evt_5","type":"call.started","timestamp":"2026-03-02T09:00:00Z","entry":5,"data":{"call":"C1","room":"R1"}}`,
		`{"id":"evt_10","type":"call.ended","timestamp":"2026-03-02T09:00:00Z","entry":10,"data":{"call":"C1","joined":4,"most":3,"reason":"left","room":"R1"}}`,
	} {
		if r.bodies[i] != want {
			t.Errorf("%s\nwant %s", r.bodies[i], want)
		}
	}
	list, err := d.Deliveries(made.ID)
	if err != nil || len(list) != 3 || list[0].Kind != CallEnded || list[0].Outcome != Delivered || list[0].Status != 200 || list[0].Try != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if h := d.hook(); h.Waiting != 0 || h.Lost != 0 || !h.Good.Equal(d.now()) || !h.Since.IsZero() {
		t.Errorf("%+v", h)
	}
	d.turn()
	if len(r.got) != 3 {
		t.Error("told twice")
	}
	// Neither the secret nor the address, which holds one, can be read out of the database.
	must(t, d.db.View(func(tx *store.Tx) error {
		tx.Scan(hooksBucket, nil, nil, 0, func(_, v []byte) bool {
			if strings.Contains(string(v), "not-for-a-disk") || strings.Contains(string(v), strings.TrimPrefix(r.secrets[0], "whsec_")) {
				t.Error("a secret stands in the database")
			}
			return true
		})
		return nil
	}))
}

// TestTriedForADay: what a receiver refuses waits longer each time, and is given up after a day; what comes after it is tried too.
func TestTriedForADay(t *testing.T) {
	d, r := newDesk(t), newReceiver(t)
	made := d.to(r, AccountCreated, AccountDeleted)
	r.behaves(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	d.record(audit.AccountCreated, "A1")
	began := d.now()
	var at []time.Duration
	for len(r.got) < 40 && d.now().Sub(began) < 30*time.Hour {
		n := len(r.got)
		d.turn()
		if len(r.got) > n {
			at = append(at, d.now().Sub(began))
		}
		d.wait(time.Second * 5)
		if n > 8 {
			d.wait(5 * time.Minute)
		}
	}
	if len(at) < 8 || len(at) > 16 || at[len(at)-1] < Patience || at[len(at)-1] > Patience+5*time.Hour {
		t.Errorf("tries at %v", at)
	}
	for i := range at[1:] {
		if i > 1 && i < 7 && at[i+1]-at[i] < at[i]-at[i-1] {
			t.Errorf("the pauses don't grow: %v", at)
		}
	}
	list, err := d.Deliveries(made.ID)
	must(t, err)
	if !list[0].GivenUp || !list[0].Next.IsZero() || list[1].Next.IsZero() || list[0].Outcome != Answered || list[0].Status != 503 {
		t.Errorf("%+v", list[:2])
	}
	if h := d.hook(); h.Lost != 1 || h.Waiting != 0 || h.Since.IsZero() || h.Failed {
		t.Errorf("%+v", h)
	}
	// Three days in a row: it is turned off, once and for all to see.
	for i := range 20 {
		d.record(audit.AccountDeleted, "A"+strconv.Itoa(i))
		d.wait(4 * time.Hour)
		d.turn()
	}
	h := d.hook()
	if !h.Failed || h.Waiting != 0 {
		t.Errorf("%+v", h)
	}
	entries, err := d.log.List(0, 200)
	must(t, err)
	if n := slices.IndexFunc(entries, func(e audit.Entry) bool { return e.Action == audit.WebhookDisabled }); n < 0 || entries[n].Object != made.ID.String() || entries[n].Detail["reason"] != "answered" {
		t.Errorf("%+v", entries[0])
	}
	before := len(r.got)
	d.record(audit.AccountDeleted, "B")
	d.wait(time.Hour)
	d.turn()
	if len(r.got) != before || d.hook().Waiting != 0 {
		t.Error("a webhook that is off is told")
	}
	// A change turns it on again.
	must(t, d.db.Update(func(tx *store.Tx) error {
		_, err := d.Change(tx, made.ID, Wish{Name: "Supervision", URL: made.URL, Events: []string{"account.deleted"}, Authority: r.authority()}, false)
		return err
	}))
	r.behaves(nil)
	d.record(audit.AccountDeleted, "C")
	d.turn()
	if len(r.got) != before+1 || d.hook().Failed {
		t.Errorf("%d requests, want %d", len(r.got), before+1)
	}
}

// TestAllFollowsWhenItAnswersAgain: what waits for hours goes at once, in its order, when the receiver is there again.
func TestAllFollowsWhenItAnswersAgain(t *testing.T) {
	d, r := newDesk(t), newReceiver(t)
	d.to(r, AccountCreated)
	away := d.dial
	d.dial = func(context.Context, string, int) (net.Conn, error) { return nil, errors.New("no route") }
	for i := range 12 {
		d.record(audit.AccountCreated, "A"+strconv.Itoa(i))
		d.turn()
		d.wait(10 * time.Minute)
	}
	if h := d.hook(); h.Waiting != 12 || h.Since.IsZero() {
		t.Fatalf("%+v", h)
	}
	d.dial = away
	d.turn()
	if h := d.hook(); h.Waiting != 0 || len(r.got) != 12 || !h.Since.IsZero() {
		t.Errorf("%d came, %+v", len(r.got), h)
	}
}

func TestFailures(t *testing.T) {
	d, r := newDesk(t), newReceiver(t)
	made := d.to(r, AccountCreated)
	there := d.dial
	elsewhere := false
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere = true }))
	defer other.Close()
	hang := make(chan struct{})
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		dial   Dial
		want   Outcome
		status int
	}{
		"well":       {nil, there, Delivered, 200},
		"no content": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, there, Delivered, 204},
		"gone":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, there, Answered, 410},
		"redirect": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(307)
		}, there, Redirected, 307},
		"nobody":      {nil, func(context.Context, string, int) (net.Conn, error) { return nil, errors.New("refused") }, Unreachable, 0},
		"large":       {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) }, there, Delivered, 200},
		"long header": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<16)) }, there, Unreadable, 0},
		"no HTTP": {nil, func(context.Context, string, int) (net.Conn, error) {
			a, b := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, b) }()
			go func() { _, _ = b.Write([]byte("220 mail.example.org ESMTP\r\n")); _ = b.Close() }()
			return a, nil
		}, Unreadable, 0},
	} {
		r.behaves(c.answer)
		d.dial = c.dial
		got, err := d.Test(t.Context(), made.ID)
		must(t, err)
		if got.Outcome != c.want || got.Status != c.status || got.Kind != "webhook.test" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if elsewhere {
		t.Error("a redirect was followed")
	}
	// Who hangs is left after a while.
	r.behaves(func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-hang:
		case <-req.Context().Done():
		}
	})
	d.dial = there
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond) // as answerWithin, and sooner
	defer cancel()
	if got, err := d.Test(ctx, made.ID); err != nil || got.Outcome != Silent {
		t.Errorf("%+v, %v", got, err)
	}
	close(hang)
	r.behaves(nil)
	// A certificate for another name, or of another authority, is not believed.
	must(t, d.db.Update(func(tx *store.Tx) error {
		_, err := d.Change(tx, made.ID, Wish{Name: "x", URL: "https://example.com/", Events: []string{"account.created"}}, false)
		return err
	}))
	if got, err := d.Test(t.Context(), made.ID); err != nil || got.Outcome != Untrusted {
		t.Errorf("another authority: %+v, %v", got, err)
	}
	must(t, d.db.Update(func(tx *store.Tx) error {
		_, err := d.Change(tx, made.ID, Wish{Name: "x", URL: "https://example.org/", Events: []string{"account.created"}, Authority: r.authority()}, false)
		return err
	}))
	d.dial = func(ctx context.Context, _ string, port int) (net.Conn, error) {
		return there(ctx, "example.com", port)
	}
	if got, err := d.Test(t.Context(), made.ID); err != nil || got.Outcome != Untrusted {
		t.Errorf("another name: %+v, %v", got, err)
	}
	list, err := d.Deliveries(made.ID)
	if err != nil || len(list) != 11 {
		t.Errorf("%d tries in the list, %v", len(list), err)
	}
}

// TestTwoSecrets: for a day after a new one was made, both sign; then the new one alone.
func TestTwoSecrets(t *testing.T) {
	d, r := newDesk(t), newReceiver(t)
	made := d.to(r, AccountCreated)
	must(t, d.db.Update(func(tx *store.Tx) error {
		_, secret, err := d.Rotate(tx, made.ID, d.now())
		r.secrets = append(r.secrets, secret)
		return err
	}))
	send := func() {
		t.Helper()
		if got, err := d.Test(t.Context(), made.ID); err != nil || got.Outcome != Delivered {
			t.Errorf("%+v, %v", got, err)
		}
	}
	send()
	d.wait(Overlap)
	r.secrets = r.secrets[1:]
	send()
	if !slices.Equal(r.signed, []int{2, 1}) {
		t.Errorf("%v signatures", r.signed)
	}
}

// TestBounds: so many webhooks, so many events that wait for each, so many tries in its list. What is one too many is counted.
func TestBounds(t *testing.T) {
	d, r := newDesk(t), newReceiver(t)
	made := d.to(r, AccountCreated)
	must(t, d.db.Update(func(tx *store.Tx) error {
		hooks, err := all(tx)
		must(t, err)
		for i := range MostWaiting + 3 {
			must(t, tell(tx, hooks, Event{ID: strconv.Itoa(i), Type: AccountCreated, Time: d.now(), Data: map[string]any{}}, d.now()))
		}
		return put(tx, hooks[0])
	}))
	if h := d.hook(); h.Waiting != MostWaiting || h.Lost != 3 {
		t.Errorf("%+v", h)
	}
	must(t, d.db.Update(func(tx *store.Tx) error {
		for i := range MostLogged + 10 {
			must(t, note(tx, made.ID, Delivery{Event: strconv.Itoa(i)}))
		}
		return nil
	}))
	if list, err := d.Deliveries(made.ID); err != nil || len(list) != MostLogged || list[0].Event != strconv.Itoa(MostLogged+9) {
		t.Errorf("%d in the list, %v", len(list), err)
	}
	err := d.db.Update(func(tx *store.Tx) error {
		for {
			if _, _, err := d.Make(tx, Wish{Name: "x", URL: "https://example.com", Events: []string{"account.created"}}, d.now()); err != nil {
				return err
			}
		}
	})
	if !errors.Is(err, ErrTooMany) {
		t.Errorf("%v", err)
	}
	must(t, d.db.Update(func(tx *store.Tx) error {
		_, err := d.Delete(tx, made.ID)
		return err
	}))
	must(t, d.db.View(func(tx *store.Tx) error {
		for _, bucket := range []string{queueBucket, logBucket} {
			tx.Scan(bucket, nil, nil, 0, func(_, _ []byte) bool { t.Errorf("%s is not empty", bucket); return false })
		}
		return nil
	}))
}

// TestStopLosesNothing: a delivery that the stop cuts is made at the next start; a webhook of a database that was put back goes on.
func TestStopLosesNothing(t *testing.T) {
	d, r := newDesk(t), newReceiver(t)
	d.to(r, AccountCreated)
	d.record(audit.AccountCreated, "A1")
	more, err := d.Feed(d.now())
	if err != nil || more {
		t.Fatal(more, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r.behaves(func(_ http.ResponseWriter, req *http.Request) { stop(); <-req.Context().Done() })
	must(t, d.Turn(ctx, d.now()))
	d.running.Wait()
	if h := d.hook(); h.Waiting != 1 || !h.Since.IsZero() {
		t.Fatalf("%+v", h)
	}
	r.behaves(nil)
	again := New(d.o)
	must(t, again.Turn(t.Context(), d.now()))
	again.running.Wait()
	if len(r.got) != 2 || r.got[0].ID != r.got[1].ID {
		t.Errorf("%+v", r.got)
	}
	must(t, d.db.Update(func(tx *store.Tx) error { return setState(tx, "cursor", cursor{1 << 40}) }))
	d.turn()
	d.record(audit.AccountCreated, "A2")
	d.turn()
	if len(r.got) != 3 {
		t.Errorf("%d came", len(r.got))
	}
}

func TestRunTellsAndStops(t *testing.T) {
	d, r := newDesk(t), newReceiver(t)
	d.to(r, ServerStarted)
	d.record(audit.ServerStarted, "", "version", "1")
	quit, done, came := make(chan struct{}), make(chan struct{}), make(chan struct{})
	r.behaves(func(http.ResponseWriter, *http.Request) { close(came) })
	go func() { d.Run(quit, time.Millisecond); close(done) }()
	<-came
	close(quit)
	<-done
}

func TestRefusedSignInsInARow(t *testing.T) {
	d, r := newDesk(t), newReceiver(t)
	d.to(r, SignInRefused)
	for range burst - 1 {
		d.record(audit.LoginRefused, "", "reason", "unknown")
	}
	d.wait(burstIn + time.Second) // too slow to count together
	for range burst - 1 {
		d.record(audit.LoginRefused, "", "reason", "unknown")
	}
	d.turn()
	if len(r.got) != 0 {
		t.Fatal("told too early")
	}
	d.record(audit.LoginLimited, "", "by", "address")
	d.turn()
	for range 100 {
		d.record(audit.LoginRefused, "", "reason", "unknown")
	}
	d.turn()
	d.wait(burstQuiet)
	d.record(audit.LoginRefused, "", "reason", "unknown")
	d.turn()
	if len(r.got) != 2 || r.got[0].Data["count"] != float64(burst) || r.got[1].Data["count"] != float64(101) {
		t.Errorf("%+v", r.got)
	}
}

func TestCertificateThatEnds(t *testing.T) {
	d, r := newDesk(t), newReceiver(t)
	d.to(r, CertificateExpiring)
	ends := d.now().AddDate(0, 0, 40)
	for range 41 * 24 {
		must(t, d.Certificate(ends, d.now()))
		d.wait(time.Hour)
	}
	must(t, d.Certificate(d.now().AddDate(1, 0, 0), d.now())) // the next one
	d.turn()
	var days []any
	for _, e := range r.got {
		days = append(days, e.Data["days"])
	}
	if len(days) != len(warnings) || days[0] != float64(29) || days[len(days)-1] != float64(0) {
		t.Errorf("%v", days)
	}
}

// TestNothingOfPeopleLeaves: whatever the log says of names and addresses, an event has ids, words of ours, and numbers.
func TestNothingOfPeopleLeaves(t *testing.T) {
	for action := range forms {
		e := audit.Entry{Sequence: 7, Event: audit.Event{Time: time.Unix(0, 0), Actor: "Ada Admin", Action: action, Object: "ID", Result: audit.OK,
			Detail: map[string]string{"name": "Ada Admin", "email": "ada@example.org", "address": "192.0.2.1", "host": "x", "answer": "x", "by": "Ada Admin"}}}
		event, ok := of(e)
		b, err := json.Marshal(event)
		if !ok || err != nil || strings.Contains(string(b), "Ada Admin") || strings.Contains(string(b), "ada@") || strings.Contains(string(b), "192.0.2") {
			t.Errorf("%s: %s %v", action, b, err)
		}
		e.Result = audit.Refused
		if _, ok := of(e); ok && action != "backup.failed" {
			t.Errorf("%s: a refused try is an event", action)
		}
	}
}
