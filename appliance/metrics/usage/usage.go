// Package usage keeps how much the appliance is used: for each day how many calls, people and hours, and how large the calls were.
//
// It decides what may be said of it: figures of the house, and of a group only where enough of its people took part that nobody is
// singled out. Who took part is remembered for the day only, as a keyed hash whose key goes with the day; who met whom, in
// which room and about what, is never given to this package. A day is one of UTC.
package usage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"huisclos/store"
)

const (
	daysBucket  = "metrics.usage" // date → Day
	todayBucket = "metrics.today" // "key", "d" → working; 'p', hash → nothing; 'g', group, hash → nothing

	// Floor is how many people of a group must have taken part on a day so that the group has figures for it.
	Floor = 5
	// roundPeople and roundMinutes blur a group's figures, so that the difference of two groups tells next to nothing of one person.
	roundPeople  = 5
	roundMinutes = 60
	// keepDays is how long a day is kept.
	keepDays = 2 * 366
	// maxGroups bounds what a day says of groups.
	maxGroups = 2000
	hashed    = 12
)

// CreateBuckets is this package's migration.
func CreateBuckets(tx *store.Tx) error {
	if err := tx.CreateBucket(daysBucket); err != nil {
		return err
	}
	return tx.CreateBucket(todayBucket)
}

// Sizes are the classes of calls by their most participants at once: each holds those up to its number and above the one before;
// what is larger than all is in one more class.
var Sizes = []int{1, 2, 4, 9, 24, 49, 99}

// SizeClass is where a call of that many participants is counted.
func SizeClass(participants int) int {
	for i, most := range Sizes {
		if participants <= most {
			return i
		}
	}
	return len(Sizes)
}

// Day is what is kept of one.
type Day struct {
	Date    string       `json:"date"` // 2026-11-29
	Calls   int          `json:"calls"`
	People  int          `json:"people"`  // that took part
	Minutes int          `json:"minutes"` // that they spent in calls, added up
	Most    int          `json:"most"`    // people at once
	Sizes   []int        `json:"sizes"`   // calls by SizeClass
	Groups  []GroupUsage `json:"groups,omitempty"`
}

// GroupUsage is what is said of a group: blurred, and only from Floor people on.
type GroupUsage struct {
	Group   string `json:"group"` // its id
	People  int    `json:"people"`
	Minutes int    `json:"minutes"`
}

// Present is somebody connected to a call in this minute. It is not kept.
type Present struct {
	Account [16]byte
	Groups  [][16]byte
}

// Minute is what is noted of one.
type Minute struct {
	Present []Present
	Ended   []int // calls that ended, by their most participants at once
}

// working is the day in progress.
type working struct {
	Day
	// InGroups are the minutes of each group, by its id in 32 hexadecimal digits.
	InGroups map[string]int `json:"inGroups,omitempty"`
}

// Add notes a minute. The first of a day closes the day before.
func Add(tx *store.Tx, now time.Time, m Minute, random io.Reader) error {
	date := now.UTC().Format(time.DateOnly)
	w, err := today(tx)
	if err != nil {
		return err
	}
	if w.Date != date {
		if w.Date != "" {
			if err := w.close(tx); err != nil {
				return err
			}
		}
		key := make([]byte, sha256.Size)
		if _, err := io.ReadFull(random, key); err != nil {
			return fmt.Errorf("usage: randomness: %w", err)
		}
		if err := tx.Put(todayBucket, []byte("key"), key); err != nil {
			return err
		}
		w = working{Day: Day{Date: date, Sizes: make([]int, len(Sizes)+1)}}
	}
	if err := w.add(tx, m); err != nil {
		return err
	}
	text, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	return tx.Put(todayBucket, []byte("d"), text)
}

func (w *working) add(tx *store.Tx, m Minute) error {
	for _, n := range m.Ended {
		w.Calls++
		w.Sizes[SizeClass(n)]++
	}
	key := tx.Get(todayBucket, []byte("key"))
	seen := map[[16]byte]bool{}
	for _, p := range m.Present {
		if seen[p.Account] {
			continue // on two devices
		}
		seen[p.Account] = true
		mac := hmac.New(sha256.New, key)
		mac.Write(p.Account[:])
		person := mac.Sum(nil)[:hashed]
		fresh, err := note(tx, append([]byte("p"), person...))
		if err != nil {
			return err
		}
		if fresh {
			w.People++
		}
		for _, g := range p.Groups {
			id := fmt.Sprintf("%x", g)
			if w.InGroups == nil {
				w.InGroups = map[string]int{}
			}
			if _, known := w.InGroups[id]; !known && len(w.InGroups) >= maxGroups {
				continue
			}
			w.InGroups[id]++
			if _, err := note(tx, slices.Concat([]byte("g"), g[:], person)); err != nil {
				return err
			}
		}
	}
	w.Most, w.Minutes = max(w.Most, len(seen)), w.Minutes+len(seen)
	return nil
}

// note puts a key where there is none and reports whether there was none.
func note(tx *store.Tx, key []byte) (bool, error) {
	if tx.Get(todayBucket, key) != nil {
		return false, nil
	}
	return true, tx.Put(todayBucket, key, []byte{1})
}

// close keeps the day and forgets who took part.
func (w *working) close(tx *store.Tx) error {
	w.Groups = w.groups(tx)
	text, err := json.Marshal(w.Day)
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	if err := tx.Put(daysBucket, []byte(w.Date), text); err != nil {
		return err
	}
	// Keys of a scan are read before they are deleted: a bucket must not change under its scan.
	var gone [][]byte
	tx.Scan(todayBucket, nil, nil, 0, func(k, _ []byte) bool {
		gone = append(gone, slices.Clone(k))
		return true
	})
	for _, k := range gone {
		if err := tx.Delete(todayBucket, k); err != nil {
			return err
		}
	}
	gone = nil
	day, err := time.Parse(time.DateOnly, w.Date)
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	oldest := day.AddDate(0, 0, -keepDays).Format(time.DateOnly)
	tx.Scan(daysBucket, nil, nil, 0, func(k, _ []byte) bool {
		if string(k) >= oldest {
			return false
		}
		gone = append(gone, slices.Clone(k))
		return true
	})
	for _, k := range gone {
		if err := tx.Delete(daysBucket, k); err != nil {
			return err
		}
	}
	return nil
}

// groups are those of the day that may be said.
func (w *working) groups(tx *store.Tx) (list []GroupUsage) {
	people := map[string]int{}
	tx.Scan(todayBucket, []byte("g"), nil, 0, func(k, _ []byte) bool {
		people[fmt.Sprintf("%x", k[1:17])]++
		return true
	})
	for id, n := range people {
		if n >= Floor {
			list = append(list, GroupUsage{id, nearest(n, roundPeople), nearest(w.InGroups[id], roundMinutes)})
		}
	}
	slices.SortFunc(list, func(a, b GroupUsage) int {
		if a.Minutes != b.Minutes {
			return b.Minutes - a.Minutes
		}
		return slices.Compare([]byte(a.Group), []byte(b.Group))
	})
	return list
}

func nearest(n, step int) int { return (n + step/2) / step * step }

func today(tx *store.Tx) (w working, err error) {
	text := tx.Get(todayBucket, []byte("d"))
	if text == nil {
		return w, nil
	}
	if err := json.Unmarshal(text, &w); err != nil {
		return w, fmt.Errorf("usage: the day in progress: %w", err)
	}
	if len(w.Sizes) != len(Sizes)+1 {
		return w, errors.New("usage: the day in progress has other sizes")
	}
	return w, nil
}

// Days returns the days from one date to another, both with it, in their order. Of the day in progress groups are left out: their
// figures grow minute by minute, and what grows shows who has just come.
func Days(tx *store.Tx, from, to string) (list []Day, err error) {
	tx.Scan(daysBucket, nil, []byte(from), 0, func(k, v []byte) bool {
		if string(k) > to {
			return false
		}
		var d Day
		if err = json.Unmarshal(v, &d); err != nil {
			err = fmt.Errorf("usage: %s: %w", k, err)
			return false
		}
		list = append(list, d)
		return true
	})
	if err != nil {
		return nil, err
	}
	w, err := today(tx)
	if err == nil && w.Date != "" && w.Date >= from && w.Date <= to {
		list = append(list, w.Day)
	}
	return list, err
}
