package audit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"huisclos/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newLog(t *testing.T) (*Log, *store.DB) {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate([]store.Migration{{Version: 1, Name: "audit", Run: CreateAll}, {Version: 2, Name: "acts", Run: func(tx *store.Tx) error {
		return tx.CreateBucket("acts")
	}}}); err != nil {
		t.Fatal(err)
	}
	return New(db), db
}

func event(i int) Event {
	return Event{
		Time: noon.Add(time.Duration(i) * time.Second), Actor: "AAAAAAAAAAAAAAAAAAAAAA", Client: netip.MustParseAddr("192.0.2.1"),
		Action: RoomCreated, Object: fmt.Sprint("room ", i), Result: OK, Detail: map[string]string{"call": fmt.Sprint(i)},
	}
}

func fill(t *testing.T, l *Log, n int) {
	t.Helper()
	must(t, l.db.Update(func(tx *store.Tx) error {
		for i := range n {
			if err := l.Record(tx, event(i+1)); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestRecordedAsGiven(t *testing.T) {
	// ASVS 16.2.1
	l, _ := newLog(t)
	want := Event{
		Time: noon, Actor: ActorAnonymous, Client: netip.MustParseAddr("2001:db8::1"), Action: LoginRefused,
		Object: "AAAAAAAAAAAAAAAAAAAAAA", Result: Refused, Detail: map[string]string{"reason": "passphrase", "failures": "2"},
	}
	if err := l.Write(want); err != nil {
		t.Fatal(err)
	}
	if err := l.Write(Event{Time: noon.In(time.FixedZone("", 7200)), Actor: ActorSystem, Action: ServerStarted}); err != nil {
		t.Fatal(err)
	}
	list, err := l.List(0, 10)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d entries, %v", len(list), err)
	}
	if got := list[1].Event; !reflect.DeepEqual(got, want) {
		t.Errorf("recorded %+v, want %+v", got, want)
	}
	if got := list[0].Event; got.Result != OK || got.Client.IsValid() || !got.Time.Equal(noon) || got.Detail != nil {
		t.Errorf("recorded %+v", got)
	}
	if list[0].Previous != list[1].Hash || list[1].Previous != (Hash{}) || list[0].Sequence != 2 {
		t.Error("the entries are not chained")
	}
	head, err := l.Head()
	if err != nil || head != (Head{2, list[0].Hash}) {
		t.Errorf("head %v, %v", head, err)
	}
	if again, err := ParseHash(head.Hash.String()); err != nil || again != head.Hash {
		t.Errorf("ParseHash: %v", err)
	}
}

func TestPaging(t *testing.T) {
	l, _ := newLog(t)
	fill(t, l, 25)
	var got []uint64
	for before := uint64(0); ; {
		page, err := l.List(before, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			got = append(got, e.Sequence)
		}
		if len(page) < 10 {
			break
		}
		before = page[len(page)-1].Sequence
	}
	if len(got) != 25 {
		t.Fatalf("%d entries in all pages", len(got))
	}
	for i, n := range got {
		if n != uint64(25-i) {
			t.Errorf("entry %d stands at place %d", n, i)
		}
	}
	if page, err := l.List(1, 10); err != nil || len(page) != 0 {
		t.Errorf("before the first: %d entries, %v", len(page), err)
	}
	if page, err := l.List(0, -1); err != nil || len(page) != 25 {
		t.Errorf("without a limit: %d entries, %v", len(page), err)
	}
}

func TestWithTheActOrNotAtAll(t *testing.T) {
	// ASVS 2.3.3
	l, db := newLog(t)
	fill(t, l, 1)
	stop := errors.New("stop")
	act := func(e Event, after error) error {
		return db.Update(func(tx *store.Tx) error {
			if err := tx.Put("acts", []byte("done"), nil); err != nil {
				return err
			}
			if err := l.Record(tx, e); err != nil {
				return err
			}
			return after
		})
	}
	done := func() (is bool) {
		if err := db.View(func(tx *store.Tx) error { is = tx.Get("acts", []byte("done")) != nil; return nil }); err != nil {
			t.Fatal(err)
		}
		return is
	}
	if err := act(event(2), stop); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if list, _ := l.List(0, 10); len(list) != 1 || done() {
		t.Error("an act that failed is recorded")
	}
	if err := act(Event{Time: noon, Actor: ActorSystem, Action: "Not A Name"}, nil); err == nil || done() {
		t.Errorf("an act that cannot be recorded happened (%v)", err)
	}
	if err := act(event(2), nil); err != nil || !done() {
		t.Errorf("a recorded act: %v", err)
	}
}

func TestRefusesWhatCannotBeRead(t *testing.T) {
	l, _ := newLog(t)
	good := event(1)
	for name, change := range map[string]func(*Event){
		"no time":       func(e *Event) { e.Time = time.Time{} },
		"far time":      func(e *Event) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"no action":     func(e *Event) { e.Action = "" },
		"upper case":    func(e *Event) { e.Action = "Login.ok" },
		"empty part":    func(e *Event) { e.Action = "login." },
		"long action":   func(e *Event) { e.Action = Action(strings.Repeat("a", 65)) },
		"no actor":      func(e *Event) { e.Actor = "" },
		"detail's name": func(e *Event) { e.Detail = map[string]string{"Two Words": ""} },
		"a passphrase":  func(e *Event) { e.Detail = map[string]string{"passphrase": "x"} },
		"a token":       func(e *Event) { e.Detail = map[string]string{"token": "x"} },
		"many details": func(e *Event) {
			e.Detail = map[string]string{}
			for i := range maxDetails + 1 {
				e.Detail[fmt.Sprint("d", i)] = ""
			}
		},
	} {
		e := good
		change(&e)
		if err := l.Write(e); err == nil {
			t.Errorf("%s: recorded", name)
		}
	}
	if h, err := l.Head(); err != nil || h.Sequence != 0 {
		t.Errorf("head %v, %v", h, err)
	}
}

func TestLongAndBrokenTextIsCut(t *testing.T) {
	// ASVS 1.3.3
	l, _ := newLog(t)
	e := event(1)
	e.Object = "bad \xff bytes"
	e.Detail = map[string]string{"reason": strings.Repeat("é", 1000), "exact": strings.Repeat("a", maxValue)}
	if err := l.Write(e); err != nil {
		t.Fatal(err)
	}
	list, err := l.List(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := list[0]
	if got.Object != "bad \uFFFD bytes" {
		t.Errorf("object %q", got.Object)
	}
	if r := got.Detail["reason"]; len(r) > maxValue || !utf8.ValidString(r) || !strings.HasSuffix(r, "é…") {
		t.Errorf("reason has %d bytes: %q", len(r), r)
	}
	if got.Detail["exact"] != e.Detail["exact"] {
		t.Error("a value of just the greatest length was cut")
	}
	if _, err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Each way to change the log without rewriting all of it is found, at the first entry that is not as recorded.
func TestVerifyFinds(t *testing.T) {
	// ASVS 16.4.2
	entry := func(tx *store.Tx, n uint64) []byte { return tx.Get(entriesBucket, key(n)) }
	put := func(tx *store.Tx, n uint64, v []byte) error { return tx.Put(entriesBucket, key(n), v) }
	forge := func(tx *store.Tx, n uint64, previous Hash, object string) (Hash, error) {
		e := event(int(n))
		e.Object = object
		body, err := encode(Entry{Sequence: n, Event: e, Previous: previous})
		if err != nil {
			return Hash{}, err
		}
		h := chain(previous, body)
		return h, put(tx, n, append(h[:], body...))
	}
	for name, c := range map[string]struct {
		change func(tx *store.Tx) error
		at     uint64
	}{
		"a byte of an entry altered": {func(tx *store.Tx) error {
			v := entry(tx, 7)
			i := strings.Index(string(v), "room 7") + 5
			v[i] = '8'
			return put(tx, 7, v)
		}, 7},
		"a byte of a hash altered": {func(tx *store.Tx) error {
			v := entry(tx, 7)
			v[3] ^= 1
			return put(tx, 7, v)
		}, 7},
		"an entry written anew with its right hash": {func(tx *store.Tx) error {
			e, err := decode(key(7), entry(tx, 7))
			if err != nil {
				return err
			}
			_, err = forge(tx, 7, e.Previous, "room 1000")
			return err
		}, 7},
		"two entries exchanged": {func(tx *store.Tx) error {
			a, b := entry(tx, 7), entry(tx, 8)
			if err := put(tx, 7, b); err != nil {
				return err
			}
			return put(tx, 8, a)
		}, 7},
		"an entry deleted inside": {func(tx *store.Tx) error { return tx.Delete(entriesBucket, key(7)) }, 7},
		"the first entry deleted": {func(tx *store.Tx) error { return tx.Delete(entriesBucket, key(1)) }, 1},
		"the last entry deleted":  {func(tx *store.Tx) error { return tx.Delete(entriesBucket, key(20)) }, 20},
		"the tail cut": {func(tx *store.Tx) error {
			for n := uint64(15); n <= 20; n++ {
				if err := tx.Delete(entriesBucket, key(n)); err != nil {
					return err
				}
			}
			return nil
		}, 15},
		"all entries deleted": {func(tx *store.Tx) error {
			for n := uint64(1); n <= 20; n++ {
				if err := tx.Delete(entriesBucket, key(n)); err != nil {
					return err
				}
			}
			return nil
		}, 1},
		"an entry put in before the first": {func(tx *store.Tx) error { return put(tx, 0, entry(tx, 1)) }, 1},
		"an entry put behind the last": {func(tx *store.Tx) error {
			e, err := decode(key(20), entry(tx, 20))
			if err != nil {
				return err
			}
			_, err = forge(tx, 21, e.Hash, "room 21")
			return err
		}, 21},
		"an entry deleted and the rest moved up": {func(tx *store.Tx) error {
			for n := uint64(7); n < 20; n++ {
				if err := put(tx, n, entry(tx, n+1)); err != nil {
					return err
				}
			}
			return tx.Delete(entriesBucket, key(20))
		}, 7},
		"an entry cut short": {func(tx *store.Tx) error { return put(tx, 7, entry(tx, 7)[:40]) }, 7},
		"an entry emptied":   {func(tx *store.Tx) error { return put(tx, 7, nil) }, 7},
		"a key of another length": {func(tx *store.Tx) error {
			return tx.Put(entriesBucket, key(7)[:7], entry(tx, 7))
		}, 1},
		"the head deleted": {func(tx *store.Tx) error { return tx.Delete(headBucket, headKey) }, 21},
		"the head cut":     {func(tx *store.Tx) error { return tx.Put(headBucket, headKey, []byte("short")) }, 20},
		"the head set back": {func(tx *store.Tx) error {
			e, err := decode(key(19), entry(tx, 19))
			if err != nil {
				return err
			}
			return tx.Put(headBucket, headKey, append(key(19), e.Hash[:]...))
		}, 21},
	} {
		t.Run(name, func(t *testing.T) {
			l, db := newLog(t)
			fill(t, l, 20)
			if _, err := l.Verify(t.Context()); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			if err := db.Update(c.change); err != nil {
				t.Fatal(err)
			}
			_, err := l.Verify(t.Context())
			var fault *Fault
			if !errors.As(err, &fault) || fault.Sequence != c.at {
				t.Errorf("Verify returns %v, want a fault at entry %d", err, c.at)
			}
		})
	}
}

// A chain that was written anew as a whole is right in itself; a head noted elsewhere shows it.
func TestNotedHeadsFindARewrittenLog(t *testing.T) {
	// ASVS 16.4.2
	l, db := newLog(t)
	fill(t, l, 10)
	noted, err := l.Head()
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, 5)
	head, err := l.Verify(t.Context(), noted, Head{})
	if err != nil || head.Sequence != 15 {
		t.Fatalf("with the true head: %v, %v", head, err)
	}
	wrong := noted
	wrong.Hash[0] ^= 1
	for name, heads := range map[string][]Head{
		"another hash":     {wrong},
		"a later entry":    {{Sequence: 16, Hash: noted.Hash}},
		"two that differ":  {noted, wrong},
		"nothing but hash": {{Hash: noted.Hash}},
	} {
		var fault *Fault
		if _, err := l.Verify(t.Context(), heads...); !errors.As(err, &fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Cut to nothing with its head and tree, and begun again.
	if err := db.Update(func(tx *store.Tx) error {
		for n := uint64(1); n <= 15; n++ {
			if err := errors.Join(tx.Delete(entriesBucket, key(n)), tx.Delete(treeBucket, key(n))); err != nil {
				return err
			}
		}
		return tx.Delete(headBucket, headKey)
	}); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if err := l.Write(event(100 + i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Verify(t.Context()); err != nil {
		t.Fatalf("a rewritten chain by itself: %v", err)
	}
	var fault *Fault
	if _, err := l.Verify(t.Context(), noted); !errors.As(err, &fault) || fault.Sequence != 10 {
		t.Errorf("a rewritten chain with a noted head: %v", err)
	}
}

func TestRecordDoesNotWriteOverAnEntry(t *testing.T) {
	l, db := newLog(t)
	fill(t, l, 3)
	if err := db.Update(func(tx *store.Tx) error { return tx.Delete(headBucket, headKey) }); err != nil {
		t.Fatal(err)
	}
	if err := l.Write(event(9)); err == nil || !strings.Contains(err.Error(), "set back") {
		t.Errorf("with the head gone: %v", err)
	}
}

func TestVerifyReadsInPagesAndStops(t *testing.T) {
	l, db := newLog(t)
	if err := db.Update(func(tx *store.Tx) error {
		for i := range verifyPage*2 + 1 {
			if err := l.Record(tx, event(i)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	head, err := l.Verify(t.Context())
	if err != nil || head.Sequence != verifyPage*2+1 {
		t.Errorf("%v, %v", head, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Verify(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

// The names in events.go are all well formed, and each stands there once.
func TestDocumentedActions(t *testing.T) {
	source, err := os.ReadFile("events.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`Action += "([^"]*)"|Action = "([^"]*)"`).FindAllStringSubmatch(string(source), -1) {
		name := m[1] + m[2]
		if !validAction(Action(name)) {
			t.Errorf("%q is no name of an action", name)
		}
		if seen[name] {
			t.Errorf("%q stands twice", name)
		}
		seen[name] = true
	}
	if len(seen) < 40 {
		t.Errorf("found only %d actions", len(seen))
	}
}

// Every family of actions stands once in the table of themes of the logging documents, which an auditor compares with the guide's list of
// events, and nothing else does.
func TestEveryActionHasATheme(t *testing.T) {
	source, err := os.ReadFile("events.go")
	must(t, err)
	families := map[string]bool{}
	for _, m := range regexp.MustCompile(`Action += "([a-z0-9-]+)`).FindAllStringSubmatch(string(source), -1) {
		families[m[1]] = true
	}
	for _, document := range []string{"logging.md", "logging.fr.md"} {
		text, err := os.ReadFile("../hardening/docs/" + document)
		must(t, err)
		_, rest, found := strings.Cut(string(text), "TestEveryActionHasATheme`)")
		part, _, _ := strings.Cut(rest, "\n## ")
		if !found {
			t.Fatalf("%s has no table of themes", document)
		}
		times := map[string]int{}
		for _, m := range regexp.MustCompile("`([a-z0-9-]+)`").FindAllStringSubmatch(part, -1) {
			times[m[1]]++
		}
		for family := range families {
			if times[family] != 1 {
				t.Errorf("%s: the family %q stands %d times in the table of themes", document, family, times[family])
			}
		}
		for family := range times {
			if !families[family] {
				t.Errorf("%s: there are no actions of the family %q", document, family)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	body, err := encode(Entry{Sequence: 1, Event: event(1)})
	if err != nil {
		f.Fatal(err)
	}
	h := chain(Hash{}, body)
	f.Add(key(1), append(h[:], body...))
	f.Add(key(1), h[:])
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, k, v []byte) {
		last := Head{}
		if _, err := verifyEntry(&last, k, v); err != nil {
			var fault *Fault
			if !errors.As(err, &fault) {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		if last.Sequence != 1 || chain(Hash{}, v[len(Hash{}):]) != last.Hash {
			t.Fatal("accepted an entry whose hash does not fit")
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add("login.ok", "actor", "object", "reason", "value", int64(0))
	f.Add("\xff", "", "\x00", "Reason", strings.Repeat("\xf0\x9f\x98\x80", 100), int64(1)<<60)
	f.Fuzz(func(t *testing.T, action, actor, object, name, value string, at int64) {
		e := Event{Time: time.Unix(at, 0), Actor: actor, Action: Action(action), Object: object, Detail: map[string]string{name: value}}
		if check(&e) != nil {
			return
		}
		body, err := encode(Entry{Sequence: 1, Event: e})
		if err != nil {
			t.Fatal(err)
		}
		h := chain(Hash{}, body)
		got, err := decode(key(1), append(h[:], body...))
		if err != nil {
			t.Fatal(err)
		}
		if got.Actor != e.Actor || got.Object != e.Object || got.Detail[name] != e.Detail[name] || !got.Time.Equal(e.Time) {
			t.Fatalf("%+v reads as %+v", e, got.Event)
		}
	})
}
