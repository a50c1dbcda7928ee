package choices

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"huisclos/appliance/config"
	"huisclos/store"
)

// History returns up to limit entries, the newest first, of those before one; 0 is from the newest on. next is where to go on, 0 at
// the end.
func (s *Settings) History(before uint64, limit int) (list []Entry, next uint64, err error) {
	err = s.o.DB.View(func(tx *store.Tx) error {
		return entries(tx, before, limit+1, func(e Entry) bool {
			if len(list) == limit {
				next = list[limit-1].ID
				return false
			}
			list = append(list, e)
			return true
		})
	})
	return list, next, err
}

// Back takes the console's settings back to what they were right after an entry; 0 is before any. Files stay as they are. A secret
// that was changed since then stays what it is now, and one whose server was another is forgotten: none is kept once it is replaced.
// ErrNoEntry, config.Wrong.
func (s *Settings) Back(by By, to uint64, now time.Time) error {
	return s.change(by, Rollback, to, now, func(tx *store.Tx, values map[string]any) (map[string]any, error) {
		wanted := maps.Clone(values)
		found := false
		oldest := uint64(0)
		err := entries(tx, 0, kept+1, func(e Entry) bool {
			if e.ID == to {
				found = true
				return false
			}
			oldest = e.ID
			for _, c := range slices.Backward(e.Changes) {
				switch {
				case e.Source == OfFiles:
				case isSecret(c.Name):
					if c.Before == nil {
						wanted[c.Name] = nil
					}
				default:
					wanted[c.Name] = c.Before
				}
			}
			return true
		})
		if err != nil {
			return nil, err
		}
		if !found && (to != 0 || oldest > 1) {
			return nil, ErrNoEntry
		}
		changes := map[string]any{}
		for name, value := range wanted {
			if !reflect.DeepEqual(value, values[name]) {
				changes[name] = value
			}
		}
		return changes, nil
	})
}

// noteFiles compares what the files say with what they said when they were last read.
func (s *Settings) noteFiles(tx *store.Tx, now time.Time) error {
	before, _ := load(tx, filesBucket)
	said, _ := s.sources.Settings()
	after := map[string]any{}
	for name, value := range said.Values() {
		if said.From[name] != "" {
			after[name] = value
		}
	}
	var entry []Changed
	for _, k := range config.Schema() {
		was, is := before[k.Name], after[k.Name]
		if reflect.DeepEqual(was, is) {
			continue
		}
		entry = append(entry, Changed{k.Name, was, is})
		if err := put(tx, filesBucket, k.Name, is); err != nil {
			return err
		}
	}
	if len(entry) == 0 {
		return nil
	}
	names := make([]string, 0, len(entry))
	for _, c := range entry {
		names = append(names, c.Name)
	}
	if err := note(tx, Entry{Time: now, Source: OfFiles, Changes: entry}); err != nil {
		return err
	}
	return s.record(tx, By{}, names, now)
}

// Read takes over what the files say now. Where the parts can't be made for it, an error, everything stays as it was.
func (s *Settings) Read(src config.Sources, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, wanted, current, left := s.sources, s.wanted, s.current, s.left
	s.sources = src
	var apply func()
	err := s.o.DB.View(func(tx *store.Tx) error {
		s.wanted, s.left = s.choose(tx)
		s.current = s.wanted.Until(s.started)
		return nil
	})
	if err == nil {
		apply, err = s.tryAll(current)
	}
	if err == nil {
		err = s.o.DB.Update(func(tx *store.Tx) error { return s.noteFiles(tx, now) })
	}
	if err != nil {
		s.sources, s.wanted, s.current, s.left = was, wanted, current, left
		return err
	}
	apply()
	return nil
}
