package operator

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/control"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/crypto/passhash"
	"huisclos/meetings"
	"huisclos/store"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hall is calls that run in some rooms. Drain is the empty hall's below it.
type hall struct {
	*meetings.Hall
	names   map[mls.RoomID]string
	ended   []mls.RoomID
	deleted []mls.RoomID
}

func (h *hall) Calls() (list []meetings.CallInfo) {
	for id, name := range h.names {
		list = append(list, meetings.CallInfo{Room: id, Name: name, Since: time.Unix(1e9, 0), Members: []meetings.MemberInfo{{Connected: true}, {}}})
	}
	return list
}

func (h *hall) Live(room mls.RoomID) (int, bool) {
	_, live := h.names[room]
	return len(h.names), live
}

func (h *hall) EndAsOperator(room mls.RoomID) bool {
	_, live := h.names[room]
	h.ended = append(h.ended, room)
	delete(h.names, room)
	return live
}
func (h *hall) Deleted(room mls.RoomID) { h.deleted = append(h.deleted, room) }

// world is an appliance without a network.
type world struct {
	t    testing.TB
	o    Options
	hall *hall
	path string
	log  *bytes.Buffer
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(filepath.Join(dir, "db", "huisclos.db"), store.Options{})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	must(t, db.Migrate(append([]store.Migration{
		{Version: 1, Name: "audit", Run: audit.CreateAll}, {Version: 2, Name: "meetings", Run: meetings.CreateBuckets}, {Version: 3, Name: "rules", Run: meetings.AddRules},
		{Version: 4, Name: "schedules", Run: meetings.AddSchedules}, {Version: 5, Name: "profiles", Run: meetings.CreateProfiles},
		{Version: 6, Name: "history", Run: meetings.AddHistory},
	}, accounts.Migrations(7)...)))
	trail := audit.New(db)
	cheap := passhash.Params{Memory: 8, Time: 1, Threads: 1}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Refusal: cheap})
	must(t, err)
	rooms := meetings.NewRooms(db, trail, rand.Reader)
	people, err := accounts.New(db, trail, hasher, rand.Reader, accounts.Options{MemberHash: cheap, AdministratorHash: cheap, CarryOut: rooms.CarryOut})
	must(t, err)
	w := &world{t: t, hall: &hall{Hall: meetings.NewHall(meetings.HallOptions{Audit: trail}), names: map[mls.RoomID]string{}}, path: filepath.Join(dir, "s"), log: &bytes.Buffer{}}
	t.Cleanup(w.hall.Close)
	level := new(slog.LevelVar)
	log := slog.New(slog.NewTextHandler(w.log, nil))
	w.o = Options{Accounts: people, Rooms: rooms, Hall: w.hall, Trail: trail, Level: level, Settled: func() slog.Level { return slog.LevelWarn }, Now: time.Now, Log: log}
	l, err := control.Listen(w.path)
	must(t, err)
	done := make(chan struct{})
	acts := control.Acts{Other: Acts(w.o), Status: func() control.Status { return control.Status{Addresses: []string{"https://a.example/"}} }}
	go func() { control.Serve(l, acts, log); close(done) }()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return w
}

func (w *world) run(do run, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = do(context.Background(), append(slices.Clone(args), "--control", w.path), &o, &e)
	return code, o.String(), e.String()
}

// ok runs a command that has to go well.
func (w *world) ok(do run, args ...string) string {
	w.t.Helper()
	code, out, errs := w.run(do, args...)
	if code != 0 || errs != "" {
		w.t.Fatalf("%q: %d %s", args, code, errs)
	}
	return out
}

// recorded returns the actors of an action, the latest first.
func (w *world) recorded(action audit.Action) (actors []string) {
	w.t.Helper()
	list, err := w.o.Trail.List(0, 100)
	must(w.t, err)
	for _, e := range list {
		if e.Action == action {
			actors = append(actors, e.Actor)
		}
	}
	return actors
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

// TestLongLists: a list of many pages comes whole, once each, in the order of the names.
func TestLongLists(t *testing.T) {
	w := newWorld(t)
	const n = 2*pageLimit + 7
	rows := make([]accounts.ImportRow, n)
	for i := range rows {
		rows[i] = accounts.ImportRow{Line: i + 2, Name: fmt.Sprintf("Person %04d", i), Email: fmt.Sprintf("p%04d@example.org", i), Role: accounts.Member}
	}
	_, err := w.o.Accounts.Import(accounts.Operator(), rows, false, time.Now())
	must(t, err)
	got := lines(w.ok(ListUsers))
	if len(got) != n || !slices.IsSorted(got) || !strings.HasPrefix(got[n-1], "p0406@example.org ") {
		t.Errorf("%d lines, the last is %q", len(got), got[len(got)-1])
	}
	for _, line := range lines(w.ok(ListUsers, "--json")) {
		var u User
		must(t, json.Unmarshal([]byte(line), &u))
	}
	if got := lines(w.ok(ListUsers, "person", "0012")); len(got) != 1 {
		t.Errorf("%q", got)
	}
	w.ok(AddGroup, "Everybody")
	g, err := w.o.Accounts.FindGroup("everybody")
	must(t, err)
	all, _, err := w.o.Accounts.List("", "", pageLimit)
	must(t, err)
	ids := make([]accounts.ID, 0, len(all))
	for _, a := range all {
		ids = append(ids, a.ID)
	}
	_, err = w.o.Accounts.ChangeMembers(accounts.Operator(), g.ID, ids, nil, time.Now())
	must(t, err)
	w.ok(GroupMembers, "Everybody", "--add", "p0406@example.org", "--add", "p0405@example.org")
	if got := lines(w.ok(GroupMembers, "Everybody")); len(got) != pageLimit+2 {
		t.Errorf("%d members", len(got))
	}
	for i := range pageLimit + 3 {
		_, err := w.o.Rooms.Create(accounts.Actor{Account: all[i%50].ID}, fmt.Sprintf("Room %d", i), time.Now())
		must(t, err)
	}
	if got := lines(w.ok(ListRooms)); len(got) != pageLimit+3 || strings.Contains(strings.Join(got, " "), "Room") {
		t.Errorf("%d rooms, the first is %q", len(got), got[0])
	}
	if got := w.ok(ListRooms, "--names"); strings.Count(got, "Room ") != pageLimit+3 {
		t.Errorf("%d names", strings.Count(got, "Room "))
	}
}

// TestPrivileged: an officer agrees to what administrators do to officers, but whoever has the shell has the data: the operator's act is
// done, and is loud.
func TestPrivileged(t *testing.T) {
	// ASVS 8.3.1
	w := newWorld(t)
	link := regexpLink(w.ok(AddUser, "olga@example.org", "Olga", "--role", "officer"))
	_, _, err := w.o.Accounts.Activate(context.Background(), link, "quatorze gerboises sur la dune", accounts.Client{}, time.Now())
	must(t, err)
	w.ok(AddUser, "otto@example.org", "Otto", "--role", "officer")
	w.ok(DisableUser, "olga@example.org")
	if out := w.ok(ShowUser, "olga@example.org"); !strings.Contains(out, "disabled") {
		t.Error(out)
	}
	if by := w.recorded(audit.AccountDisabled); !slices.Equal(by, []string{audit.ActorOperator}) {
		t.Errorf("recorded as %q", by)
	}
	if n := strings.Count(w.log.String(), "level=WARN"); n != 3 || strings.Contains(w.log.String(), "example.org") {
		t.Errorf("%d lines: %s", n, w.log)
	}
	w.ok(EnableUser, "olga@example.org")
	if code, _, errs := w.run(DeleteUser, "olga@example.org"); code != control.ExitNotSaid || !strings.Contains(errs, "Olga") {
		t.Errorf("%d %s", code, errs)
	}
	w.ok(DeleteUser, "olga@example.org", "--yes")
	if by := w.recorded(audit.AccountDeleted); !slices.Equal(by, []string{audit.ActorOperator}) {
		t.Errorf("recorded as %q", by)
	}
}

func regexpLink(out string) string {
	_, token, _ := strings.Cut(out, "https://a.example/activate#")
	token, _, _ = strings.Cut(token, "\n")
	return token
}

func TestSessionsOfOne(t *testing.T) {
	w := newWorld(t)
	link := regexpLink(w.ok(AddUser, "zoe@example.org", "Zoé", "Martin"))
	a, first, err := w.o.Accounts.Activate(context.Background(), link, "quinze lapins sous la lune", accounts.Client{Agent: "a browser of hers"}, time.Now())
	must(t, err)
	_, session, err := w.o.Accounts.Session(first.Reveal(), time.Now())
	must(t, err)
	out := w.ok(ListSessions, a.ID.String())
	if !strings.Contains(out, session.ID.String()) || strings.Contains(out, "browser") {
		t.Error(out)
	}
	if code, _, errs := w.run(EndSessions, "zoe@example.org", session.ID.String(), "--all"); code != 2 {
		t.Errorf("%d %s", code, errs)
	}
	w.ok(EndSessions, "zoe@example.org", session.ID.String())
	if _, _, err := w.o.Accounts.Session(first.Reveal(), time.Now()); err == nil {
		t.Error("the session goes on")
	}
	if by := w.recorded(audit.SessionEnded); !slices.Equal(by, []string{audit.ActorOperator}) {
		t.Errorf("recorded as %q", by)
	}
	// The link of a reset chooses a passphrase; the one before counts until then.
	again := regexpLink(w.ok(ResetUser, "zoe@example.org"))
	if _, err := w.o.Accounts.Login(context.Background(), "zoe@example.org", accounts.Proof{Passphrase: "quinze lapins sous la lune"}, accounts.Client{}, time.Now()); err != nil {
		t.Error(err)
	}
	_, _, err = w.o.Accounts.Activate(context.Background(), again, "seize renards dans la neige", accounts.Client{}, time.Now())
	must(t, err)
}

func TestRoomsAndCalls(t *testing.T) {
	w := newWorld(t)
	zoe, _, err := w.o.Accounts.Create(accounts.Operator(), "Zoé", "zoe@example.org", accounts.Organiser, time.Now())
	must(t, err)
	r, err := w.o.Rooms.Create(accounts.Actor{Account: zoe.ID}, "Fusion avec\u202eAcme", time.Now())
	must(t, err)
	w.hall.names[r.ID] = r.Name
	for _, out := range []string{w.ok(ListCalls), w.ok(ListRooms), w.ok(ListCalls, "--json"), w.ok(ListRooms, "--json")} {
		if !strings.Contains(out, r.ID.String()) || strings.Contains(out, "Fusion") {
			t.Error(out)
		}
	}
	if out := w.ok(ShowRoom, r.ID.String()); !strings.Contains(out, "Fusion avec\ufffdAcme\n") || !strings.Contains(out, "zoe@example.org") {
		t.Error(out) // and no character turns the terminal's line around
	}
	if code, _, errs := w.run(EndCall, r.ID.String()); code != control.ExitNotSaid || !strings.Contains(errs, "1 personne") || strings.Contains(errs, "Fusion") {
		t.Errorf("%d %s", code, errs)
	}
	w.ok(EndCall, r.ID.String(), "--yes")
	if code, _, errs := w.run(EndCall, r.ID.String(), "--yes"); code != control.ExitUnknown || !strings.Contains(errs, "no call in this room") {
		t.Errorf("%d %s", code, errs)
	}
	if code, _, errs := w.run(DeleteRoom, r.ID.String()); code != control.ExitNotSaid || !strings.Contains(errs, "Fusion") {
		t.Errorf("%d %s", code, errs)
	}
	w.ok(DeleteRoom, r.ID.String(), "--yes")
	if !slices.Equal(w.hall.ended, []mls.RoomID{r.ID}) || !slices.Equal(w.hall.deleted, []mls.RoomID{r.ID}) {
		t.Errorf("%v %v", w.hall.ended, w.hall.deleted)
	}
	if by := w.recorded(audit.RoomDeleted); !slices.Equal(by, []string{audit.ActorOperator}) {
		t.Errorf("recorded as %q", by)
	}
}

// TestDrainAndLevel: each change is recorded once, and what is so already is not.
func TestDrainAndLevel(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		w.ok(Drain)
	}
	if !w.hall.Draining() || len(w.recorded(audit.ServerDrained)) != 1 {
		t.Errorf("%v %q", w.hall.Draining(), w.recorded(audit.ServerDrained))
	}
	w.ok(Resume)
	if w.hall.Draining() || len(w.recorded(audit.ServerResumed)) != 1 {
		t.Errorf("%v %q", w.hall.Draining(), w.recorded(audit.ServerResumed))
	}
	w.ok(LogLevel, "debug")
	w.ok(LogLevel, "settings")
	if w.o.Level.Level() != slog.LevelWarn || len(w.recorded(audit.LogLevelSet)) != 2 {
		t.Errorf("%v %q", w.o.Level.Level(), w.recorded(audit.LogLevelSet))
	}
}

// FuzzActs: whatever an act is told, it answers or refuses, and changes nothing that it doesn't understand.
func FuzzActs(f *testing.F) {
	w := newWorld(f)
	acts := Acts(w.o)
	names := make([]string, 0, len(acts))
	for name := range acts {
		names = append(names, name)
	}
	slices.Sort(names)
	f.Add(0, []byte(`{"who":"zoe@example.org"}`))
	f.Add(5, []byte(`{"room":"AAAAAAAAAAAAAAAAAAAAAA","names":true}`))
	f.Add(9, []byte(`{"after":"AAAA","limit":-1}`))
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		name := names[((which%len(names))+len(names))%len(names)]
		out, err := acts[name](body)
		if err != nil && out != nil {
			t.Errorf("%s: both an answer and %v", name, err)
		}
	})
}
