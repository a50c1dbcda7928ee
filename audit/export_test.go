package audit

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/crypto/keylog"
	"huisclos/store"
)

func exported(t testing.TB, l *Log, from, to time.Time) []byte {
	t.Helper()
	var b bytes.Buffer
	_, err := l.Export(t.Context(), &b, JSONL, from, to, "")
	must(t, err)
	return b.Bytes()
}

// A file is checked with what was noted and nothing else; each change of each line is found.
func TestExportedFile(t *testing.T) {
	// ASVS 16.4.2
	s := newSealedLog(t)
	noted := Noted{Keys: []keylog.PublicKey{s.public}, Witnesses: []keylog.PublicKey{s.witness}, Checkpoints: [][]byte{s.kept}}
	file := exported(t, s.log, time.Time{}, time.Time{})
	r, err := VerifyExport(bytes.NewReader(file), noted)
	must(t, err)
	head, err := s.log.Head()
	must(t, err)
	if r.Head != head || r.Covered.Size != s.signed || r.Unsigned || r.Notes != 1 || r.Origin != s.public.Name() {
		t.Errorf("%+v", r)
	}
	if r, err = VerifyExport(bytes.NewReader(file), Noted{}); err != nil || !r.Unsigned || r.Head != head {
		t.Errorf("without a key: %+v, %v", r, err)
	}
	lines := bytes.SplitAfter(file, []byte("\n"))
	lines = lines[:len(lines)-1] // after the last line's end
	for name, change := range tampers {
		for at := range lines {
			altered := change(slices.Clone(lines), at)
			if at == len(lines)-1 && name == "alter" {
				altered[at] = bytes.Replace(altered[at], []byte(`"end":`), []byte(`"end":1`), 1)
			}
			if at == 0 && name == "alter" {
				altered[at] = bytes.Replace(altered[at], []byte(`"first":1`), []byte(`"first":2`), 1)
			}
			_, err := VerifyExport(bytes.NewReader(bytes.Join(altered, nil)), noted)
			var fault *Fault
			// The last entry stands behind the last checkpoint: nothing but the chain before it vouches for its content.
			free := name == "alter" && at == len(lines)-2
			if err == nil && !free || err != nil && !errors.As(err, &fault) && !errors.Is(err, ErrExport) {
				t.Errorf("%s line %d: %v", name, at+1, err)
			}
		}
	}
	if _, err := VerifyExport(bytes.NewReader(file[:len(file)-3]), noted); err == nil {
		t.Error("a last line that is cut is taken")
	}
	// The log of somebody else, and our own made anew.
	other := newSealedLog(t)
	if _, err := VerifyExport(bytes.NewReader(exported(t, other.log, time.Time{}, time.Time{})), noted); !errors.Is(err, keylog.ErrUnsigned) {
		t.Errorf("another log: %v", err)
	}
	again := s
	again.forge(t, s.values(t), withOwnKey)
	if _, err := VerifyExport(bytes.NewReader(exported(t, s.log, time.Time{}, time.Time{})), noted); !errors.Is(err, keylog.ErrUnsigned) {
		t.Errorf("signed with another key: %v", err)
	}
}

// A part of the log, of any beginning and end, proves itself under the last checkpoint.
func TestExportOfAPart(t *testing.T) {
	s := newSealedLog(t)
	noted := Noted{Keys: []keylog.PublicKey{s.public}}
	for first := 1; first <= 11; first++ { // entries of events, which have times a second apart
		for last := first - 1; last <= 11; last++ {
			file := exported(t, s.log, noon.Add(time.Duration(first)*time.Second), noon.Add(time.Duration(last)*time.Second+1))
			r, err := VerifyExport(bytes.NewReader(file), noted)
			if err != nil {
				t.Fatalf("%d to %d: %v", first, last, err)
			}
			if want := last - first + 1 + 2; bytes.Count(file, []byte("\n")) != want && last >= first {
				t.Errorf("%d to %d: %d lines, want %d", first, last, bytes.Count(file, []byte("\n")), want)
			}
			if last >= first && r.Head.Sequence != uint64(last+2) {
				t.Errorf("%d to %d: %+v", first, last, r.Head)
			}
		}
	}
	file := exported(t, s.log, noon.Add(3*time.Second), noon.Add(5*time.Second))
	if _, err := VerifyExport(bytes.NewReader(bytes.Replace(file, []byte("room 4"), []byte("room 5"), 1)), noted); err == nil {
		t.Error("an altered part is taken")
	}
}

func TestCEF(t *testing.T) {
	e := Entry{Sequence: 7, Event: Event{Time: noon, Actor: "abc", Client: netip.MustParseAddr("192.0.2.1"), Action: LoginRefused, Object: `a|b\c=d`, Result: Refused,
		Detail: map[string]string{"reason": "x=y\nz", "failures": "2"}}}
	want := `CEF:0|Huis Clos|huisclos|1\|2|login.refused|login.refused|5|rt=1772366400000 externalId=7 suid=abc src=192.0.2.1 act=login.refused outcome=refused duid=a|b\\c\=d cs1Label=detail cs1=failures\=2; reason\=x\=y\nz cs2Label=hash cs2=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`
	if got := string(AppendCEF(nil, e, "1|2")); got != want {
		t.Errorf("\n%s\n%s", got, want)
	}
	e.Client = netip.MustParseAddr("2001:db8::1")
	if got := string(AppendCEF(nil, e, "1")); !strings.Contains(got, "c6a2=2001:db8::1") || strings.Contains(got, "\n") {
		t.Error(got)
	}
	s := newSealedLog(t)
	var b bytes.Buffer
	n, err := s.log.Export(t.Context(), &b, CEF, time.Time{}, time.Time{}, "1")
	must(t, err)
	if n != s.size || bytes.Count(b.Bytes(), []byte("CEF:0|")) != int(n) {
		t.Errorf("%d entries: %s", n, b.String())
	}
}

func TestSearch(t *testing.T) {
	l, db := newLog(t)
	must(t, db.Update(func(tx *store.Tx) error {
		for i := range 500 {
			e := event(i)
			e.Object = "room"
			switch {
			case i%100 == 7:
				e.Action, e.Result, e.Detail = LoginRefused, Refused, map[string]string{"by": "somebody"}
			case i%100 == 8:
				e.Actor, e.Object = "somebody", "a \"quoted\" object"
			}
			if err := l.Record(tx, e); err != nil {
				return err
			}
		}
		return nil
	}))
	count := func(q Query, most int) (list []uint64, turns int) {
		t.Helper()
		for before := uint64(0); ; turns++ {
			f, err := l.search(q, before, 3, most)
			must(t, err)
			for _, e := range f.Entries {
				list = append(list, e.Sequence)
			}
			if f.Next == 0 {
				return list, turns
			}
			if before != 0 && f.Next >= before || f.Reached.IsZero() {
				t.Fatalf("%+v does not go on", f)
			}
			before = f.Next
		}
	}
	for name, tt := range map[string]struct {
		q    Query
		want int
	}{
		"all": {Query{}, 500}, "result": {Query{Result: Refused}, 5}, "family": {Query{Action: "login."}, 5}, "action": {Query{Action: "login.refused"}, 5},
		"another action": {Query{Action: "login.ok"}, 0}, "half a word": {Query{Action: "log."}, 0}, "person": {Query{Persons: []string{"somebody"}}, 10}, "object": {Query{Object: `a "quoted" object`}, 5},
		"time": {Query{From: noon.Add(100 * time.Second), To: noon.Add(200 * time.Second)}, 100}, "together": {Query{Result: OK, Persons: []string{"somebody"}, To: noon.Add(250 * time.Second)}, 3},
	} {
		for _, most := range []int{1, 7, 499, 500, 501, searchMost} {
			list, turns := count(tt.q, most)
			if len(list) != tt.want || !slices.IsSortedFunc(list, func(a, b uint64) int { return int(b) - int(a) }) {
				t.Errorf("%s, looking at %d: %d entries", name, most, len(list))
			}
			if most == 1 && turns < 499 {
				t.Errorf("%s: looked at more than was allowed", name)
			}
		}
	}
	for _, q := range []Query{{Action: "Not A Name"}, {Action: "."}, {Result: "maybe"}, {Persons: make([]string, 33)}} {
		if _, err := l.Search(q, 0, 10); !errors.Is(err, ErrQuery) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// The log goes on after a restore, and whoever holds a later state is told by the entry why it does not fit.
func TestRestored(t *testing.T) {
	s := newSealedLog(t)
	var snapshot bytes.Buffer
	must(t, s.db.Snapshot(&snapshot))
	fill(t, s.log, 5) // which the restore loses
	signer := openSigner(t, s.log, "pepper")
	lost, err := signer.Sign(noon.Add(time.Hour))
	must(t, err)

	path := t.TempDir() + "/db"
	must(t, os.WriteFile(path, snapshot.Bytes(), 0o600))
	db, err := store.Open(path, store.Options{})
	must(t, err)
	defer db.Close()
	l := New(db)
	must(t, l.Write(Event{Time: noon.Add(2 * time.Hour), Actor: ActorOperator, Action: Restored}))
	after := openSigner(t, l, "pepper")
	if !after.Public().Equal(s.public) {
		t.Error("the restored log signs with another key")
	}
	list, err := l.List(0, 1)
	must(t, err)
	if e := list[0]; e.Action != Restored || e.Sequence != s.size+1 {
		t.Errorf("%+v", e)
	}
	fill(t, l, 8)
	st, err := after.Sign(noon.Add(3 * time.Hour))
	must(t, err)
	r, err := l.Examine(t.Context(), Noted{Keys: []keylog.PublicKey{s.public}, Checkpoints: [][]byte{s.kept, st.Note}}, nil)
	if err != nil || r.Head.Sequence != 22 {
		t.Errorf("%+v, %v", r, err)
	}
	var fault *Fault
	if _, err := l.Examine(t.Context(), Noted{Checkpoints: [][]byte{lost.Note}}, nil); !errors.As(err, &fault) {
		t.Errorf("a checkpoint that was lost: %v", err)
	}
	// Without the pepper it signs with a new key under the old name.
	fresh := openSigner(t, l, "another")
	if fresh.Public().Equal(s.public) || fresh.Public().Name() != s.public.Name() {
		t.Errorf("%s after %s", fresh.Public(), s.public)
	}
	keys, err := l.PublicKeys()
	if err != nil || len(keys) != 2 {
		t.Errorf("%v, %v", keys, err)
	}
	if _, err := fresh.Sign(noon.Add(4 * time.Hour)); err != nil {
		t.Error(err)
	}
	if _, err := l.Examine(t.Context(), Noted{}, nil); err != nil {
		t.Error(err)
	}
}

func TestCheckpointsAreDue(t *testing.T) {
	l, _ := newLog(t)
	s := openSigner(t, l, "pepper")
	due := func(after time.Duration, want bool) {
		t.Helper()
		if got, err := s.Due(noon.Add(after)); err != nil || got != want {
			t.Errorf("after %v: %v, %v", after, got, err)
		}
	}
	due(0, true) // of the key's own entry
	_, err := s.Sign(noon)
	must(t, err)
	due(time.Hour, false)
	fill(t, l, 1)
	due(checkpointAfter-time.Second, false)
	due(checkpointAfter, true)
	due(-time.Hour, true)
	fill(t, l, checkpointEntries-1)
	due(time.Second, true)
	st, err := s.Sign(noon)
	must(t, err)
	if again, err := s.Sign(noon.Add(time.Hour)); err != nil || again.Size != st.Size || !again.Time.Equal(st.Time) {
		t.Errorf("signed twice: %+v, %v", again, err)
	}
}

// An older database gets its tree, and goes on as if it had always had one.
func TestTreeOverAnOlderLog(t *testing.T) {
	path := t.TempDir() + "/db"
	db, err := store.Open(path, store.Options{})
	must(t, err)
	defer db.Close()
	must(t, db.Migrate([]store.Migration{{Version: 1, Name: "audit", Run: CreateBuckets}}))
	l := New(db)
	var last Head
	must(t, db.Update(func(tx *store.Tx) error { // as it was written before there was a tree
		for i := range 9 {
			body, err := encode(Entry{Sequence: last.Sequence + 1, Event: event(i), Previous: last.Hash})
			must(t, err)
			last = Head{last.Sequence + 1, chain(last.Hash, body)}
			must(t, tx.Put(entriesBucket, numbered(last.Sequence), append(last.Hash[:], body...)))
		}
		return tx.Put(headBucket, headKey, append(numbered(last.Sequence), last.Hash[:]...))
	}))
	must(t, db.Migrate([]store.Migration{{Version: 1, Name: "audit", Run: CreateBuckets}, {Version: 2, Name: "tree", Run: AddTree}, {Version: 3, Name: "index", Run: AddIndex}}))
	fill(t, l, 9)
	head, err := l.Verify(t.Context(), last)
	if err != nil || head.Sequence != 18 {
		t.Errorf("%v, %v", head, err)
	}
}

func TestWitnesses(t *testing.T) {
	s := newSealedLog(t)
	e := Event{Time: noon, Actor: "officer"}
	if _, err := s.log.Enrol(s.witness.String(), e); !errors.Is(err, ErrKnownWitness) {
		t.Errorf("twice: %v", err)
	}
	for _, key := range []string{"", "x", s.public.String()} {
		if _, err := s.log.Enrol(key, e); !errors.Is(err, ErrWitnessKey) {
			t.Errorf("%q: %v", key, err)
		}
	}
	before, err := s.log.Head()
	must(t, err)
	if _, err := s.log.Cosign(s.kept[:len(s.kept)-8], e); !errors.Is(err, ErrCosignature) {
		t.Errorf("cut: %v", err)
	}
	w, err := s.log.Cosign(s.kept, e)
	must(t, err)
	if !w.Key.Equal(s.witness) || w.Size != 8 {
		t.Errorf("%+v", w)
	}
	if _, err = s.log.Cosign(s.kept, e); err != nil {
		t.Errorf("again: %v", err)
	}
	after, err := s.log.Head()
	must(t, err)
	if after.Sequence != before.Sequence+1 {
		t.Errorf("%d entries for one cosignature", after.Sequence-before.Sequence)
	}
	list, err := s.log.Witnesses()
	must(t, err)
	if len(list) != 1 || list[0].Size != 8 || !list[0].Time.Equal(noon) {
		t.Errorf("%+v", list)
	}
	note, err := s.log.Cosigned()
	must(t, err)
	if got, err := keylog.Open(note, []keylog.PublicKey{s.public}, []keylog.PublicKey{s.witness}); err != nil || len(got.Witnesses) != 1 {
		t.Errorf("%s: %v", note, err)
	}
	r, err := s.log.Examine(t.Context(), Noted{}, nil)
	if err != nil || r.Cosigned != 8 || len(r.Witnesses) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	// A cosigned checkpoint of another log.
	other := newSealedLog(t)
	if _, err := s.log.Cosign(other.kept, e); !errors.Is(err, ErrCosignature) {
		t.Errorf("of another log: %v", err)
	}
	g, err := s.log.Growth(8)
	must(t, err)
	seen, err := keylog.Peek(s.kept)
	must(t, err)
	if grown, err := g.Check(seen, s.public); err != nil || grown.Size != 12 {
		t.Errorf("%+v, %v", grown, err)
	}
	if _, err := s.log.Growth(99); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("beyond: %v", err)
	}
	must(t, s.log.Dismiss(s.witness.ID(), e))
	if err := s.log.Dismiss(s.witness.ID(), e); !errors.Is(err, ErrNoWitness) {
		t.Errorf("twice: %v", err)
	}
	if _, err := s.log.Cosign(s.kept, e); !errors.Is(err, ErrCosignature) {
		t.Errorf("dismissed: %v", err)
	}
}

// FuzzVerifyExport: whatever a file holds, it is refused, or is the log that was signed.
func FuzzVerifyExport(f *testing.F) {
	s := newSealedLog(f)
	whole := exported(f, s.log, time.Time{}, time.Time{})
	f.Add(whole)
	f.Add(exported(f, s.log, noon.Add(5*time.Second), noon.Add(7*time.Second)))
	f.Add([]byte(`{"export":"huisclos audit 1","first":18446744073709551615,"previous":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","edge":[]}`))
	noted := Noted{Keys: []keylog.PublicKey{s.public}}
	first := bytes.SplitAfter(whole, []byte("\n"))[1]
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := VerifyExport(bytes.NewReader(text), noted)
		if err == nil && !r.Unsigned && r.Covered.Size != s.signed {
			t.Fatalf("%+v", r)
		}
		if err == nil && !r.Unsigned && bytes.Contains(text, []byte(`"seq":1,`)) && !bytes.Contains(text, first) {
			t.Fatal("another first entry is taken")
		}
	})
}
