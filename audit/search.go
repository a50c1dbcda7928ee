package audit

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"huisclos/store"
)

// A Query says which entries are looked for; what is empty asks for nothing.
type Query struct {
	From, To time.Time // from this moment on, and before that one
	// Persons are account ids, or Actor constants, one of whom acted, was acted upon or is named in a detail.
	Persons []string
	// Action is an action ("login.ok") or, with a dot at its end, all of a family ("login.").
	Action string
	Object string
	Result Result
}

// Found is a part of what was looked for, the newest first.
type Found struct {
	Entries []Entry
	// Next is the sequence before which the search goes on; 0: it has come to the log's beginning.
	Next uint64
	// Reached is the time of the oldest entry that was looked at, found or not; zero when there was none.
	Reached time.Time
}

// searchMost bounds the entries that one Search looks at: so it answers within a fraction of a second, however rare what it is
// looking for, and the caller goes on from Next. Blocks that the index passes over do not count.
const searchMost = 100_000

// maxPersons bounds whom one query is about.
const maxPersons = 32

// Search returns up to limit entries (1 to MaxPage) older than the one with the sequence before; 0 begins with the newest. It looks at
// searchMost entries at most.
func (l *Log) Search(q Query, before uint64, limit int) (f Found, err error) {
	return l.search(q, before, limit, searchMost)
}

func (l *Log) search(q Query, before uint64, limit, most int) (f Found, err error) {
	if limit < 1 || limit > MaxPage {
		limit = MaxPage
	}
	if err := q.check(); err != nil {
		return f, err
	}
	f.Entries = make([]Entry, 0, min(limit, 64))
	err = l.db.View(func(tx *store.Tx) error {
		s := searching{tx: tx, query: q, hints: q.hints(), found: &f, limit: limit, left: most}
		newest := uint64(0)
		tx.ScanBack(entriesBucket, nil, nil, 1, func(k, _ []byte) bool { newest = sequenceOf(k); return true })
		if before == 0 || before > newest {
			before = newest + 1
		}
		for before > 1 && len(f.Entries) < limit && s.left > 0 {
			if before, err = s.block(before); err != nil {
				return err
			}
		}
		if f.Next = before; before <= 1 {
			f.Next = 0
		}
		return nil
	})
	return f, err
}

// searching is a search under way.
type searching struct {
	tx    *store.Tx
	query Query
	hints [][]byte
	found *Found
	limit int
	left  int // entries that may still be looked at
}

// block looks at the entries before one, back to the beginning of their block, and returns the entry before which it goes on.
func (s *searching) block(before uint64) (uint64, error) {
	number := (before - 2) / blockSize
	first := number*blockSize + 1
	if s.query.indexed() {
		if b := readBlock(s.tx, number); b != nil && b.passes(s.query) {
			s.found.Reached = b.earliest()
			return first, nil
		}
	}
	next := first // also where entries are missing: verification says so
	var last []byte
	var failed error
	s.tx.ScanBack(entriesBucket, nil, numbered(before), 0, func(k, v []byte) bool {
		sequence := sequenceOf(k)
		if sequence < first {
			return false
		}
		if s.left == 0 || len(s.found.Entries) == s.limit {
			next = sequence + 1
			return false
		}
		s.left--
		last = v
		if !hinted(v, s.hints) {
			return true
		}
		e, err := decode(k, v)
		if err != nil {
			failed = err
			return false
		}
		if s.query.wants(e) {
			s.found.Entries = append(s.found.Entries, e)
		}
		return true
	})
	if failed == nil && last != nil {
		var e Entry
		if e, failed = decode(numbered(1), last); failed == nil {
			s.found.Reached = e.Time
		}
	}
	return next, failed
}

// check refuses a query that no entry answers by its form.
func (q Query) check() error {
	if len(q.Persons) > maxPersons || len(q.Object) > maxValue || len(q.Action) > 2*maxKey+1 {
		return ErrQuery
	}
	if a := strings.TrimSuffix(q.Action, "."); a != "" && !validAction(Action(a)) || q.Action == "." {
		return ErrQuery
	}
	switch q.Result {
	case "", OK, Refused, Failed:
		return nil
	}
	return ErrQuery
}

// wants reports whether the entry is looked for.
func (q Query) wants(e Entry) bool {
	switch {
	case !q.From.IsZero() && e.Time.Before(q.From), !q.To.IsZero() && !e.Time.Before(q.To),
		q.Object != "" && e.Object != q.Object, q.Result != "" && e.Result != q.Result,
		q.Action != "" && !q.acts(e.Action), len(q.Persons) > 0 && !slices.ContainsFunc(q.Persons, func(p string) bool { return concerns(e, p) }):
		return false
	}
	return true
}

func (q Query) acts(a Action) bool {
	if strings.HasSuffix(q.Action, ".") {
		return strings.HasPrefix(string(a), q.Action)
	}
	return string(a) == q.Action
}

func concerns(e Entry, person string) bool {
	if e.Actor == person || e.Object == person {
		return true
	}
	for _, v := range e.Detail {
		if v == person {
			return true
		}
	}
	return false
}

// hints are pieces of text that an entry has when it is looked for: most of a long log is passed over without being decoded. JSON
// writes the same text in more than one way, so what could be written in another gives no hint.
func (q Query) hints() (list [][]byte) {
	one := ""
	if len(q.Persons) == 1 {
		one = q.Persons[0]
	}
	for _, text := range []string{one, q.Object, strings.TrimSuffix(q.Action, ".")} {
		if text != "" && plain(text) {
			list = append(list, []byte(`"`+text))
		}
	}
	if q.Result != "" {
		list = append(list, []byte(`"`+string(q.Result)+`"`))
	}
	return list
}

func hinted(v []byte, hints [][]byte) bool {
	for _, h := range hints {
		if !bytes.Contains(v, h) {
			return false
		}
	}
	return true
}

// plain reports whether encoding/json writes the text as it is.
func plain(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}
