package backup

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestNext(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no time zones here")
	}
	at := func(text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		v, err := time.ParseInLocation("2006-01-02 15:04", text, paris)
		must(t, err)
		return v
	}
	daily, six := Plan{At: 2*time.Hour + 30*time.Minute}, Plan{Every: 6 * time.Hour}
	for _, c := range []struct {
		name              string
		plan              Plan
		good, failed, now string
		want              string
	}{
		{"the first", daily, "", "", "2026-11-29 10:00", "2026-11-29 10:00"},
		{"tomorrow", daily, "2026-11-29 10:00", "", "2026-11-29 11:00", "2026-11-30 02:30"},
		{"today", daily, "2026-11-29 01:00", "", "2026-11-29 01:10", "2026-11-29 02:30"},
		{"missed", daily, "2026-11-20 02:30", "", "2026-11-29 10:00", "2026-11-21 02:30"},
		{"every six hours", six, "2026-11-29 10:00", "", "2026-11-29 11:00", "2026-11-29 16:00"},
		{"after a failure", daily, "2026-11-28 02:30", "2026-11-29 02:30", "2026-11-29 02:40", "2026-11-29 03:30"},
		{"a failure before the first", six, "", "2026-11-29 09:30", "2026-11-29 10:00", "2026-11-29 10:30"},
		{"an old failure", daily, "2026-11-29 02:30", "2026-11-28 02:30", "2026-11-29 10:00", "2026-11-30 02:30"},
		{"the clock was set back", six, "2027-11-29 10:00", "", "2026-11-29 10:00", "2026-11-29 16:00"},
		{"a failure in the future", six, "", "2027-11-29 10:00", "2026-11-29 10:00", "2026-11-29 10:00"},
		{"a night with two half past two", daily, "2026-10-24 02:30", "", "2026-10-24 12:00", "2026-10-25 02:30"},
		{"a night without", daily, "2026-03-28 02:30", "", "2026-03-28 12:00", "2026-03-29 03:30"},
	} {
		if got := c.plan.Next(Past{at(c.good), at(c.failed)}, at(c.now)); !got.Equal(at(c.want)) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestOver(t *testing.T) {
	at := func(days, hours int) Stored {
		when := created.AddDate(0, 0, -days).Add(-time.Duration(hours) * time.Hour)
		return Stored{Name: Name(when), At: when, Size: 1}
	}
	// Every twelve hours for two years.
	var list []Stored
	for d := range 730 {
		list = append(list, at(d, 0), at(d, 12))
	}
	over := Keep{Daily: 7, Weekly: 4, Monthly: 6}.Over(list, time.UTC)
	kept := len(list) - len(over)
	// 7 days, of which the newest has two; 3 weeks and 5 months more at most.
	if kept < 12 || kept > 7+1+4+6 {
		t.Errorf("%d of %d are kept", kept, len(list))
	}
	gone := map[string]bool{}
	for _, s := range over {
		gone[s.Name] = true
	}
	for i := range 7 {
		if gone[at(i, 0).Name] {
			t.Errorf("that of %d days ago is gone", i)
		}
	}
	if gone[at(0, 12).Name] {
		t.Error("one of the last 24 hours is gone")
	}
	if again := (Keep{Daily: 7, Weekly: 4, Monthly: 6}).Over(slices.DeleteFunc(slices.Clone(list), func(s Stored) bool { return gone[s.Name] }), time.UTC); len(again) != 0 {
		t.Errorf("of what was kept %d are over", len(again))
	}
	if over := (Keep{}).Over([]Stored{at(900, 0)}, time.UTC); len(over) != 0 {
		t.Error("the only one is over")
	}
	if (Keep{Daily: 1}).Over(nil, time.UTC) != nil {
		t.Error("of none some are over")
	}
}

func TestFolder(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "backups"))
	if list, err := f.List(); err != nil || len(list) != 0 {
		t.Errorf("no folder: %v, %v", list, err)
	}
	must(t, os.Mkdir(string(f), 0o700))
	for _, name := range []string{Name(created), Name(created.Add(time.Hour)), "huisclos-20261129T221500Z.backup.txt", "huisclos-2026.backup", Partial + "1", "letter"} {
		must(t, os.WriteFile(filepath.Join(string(f), name), []byte("12345"), 0o600))
	}
	must(t, os.Symlink("/etc/passwd", filepath.Join(string(f), Name(created.Add(2*time.Hour)))))
	list, err := f.List()
	if err != nil || len(list) != 2 || list[0] != (Stored{Name(created.Add(time.Hour)), created.Add(time.Hour), 5}) {
		t.Errorf("%+v, %v", list, err)
	}
	for _, name := range []string{"letter", "../backups/letter", Partial + "1", ""} {
		if f.Remove(name) == nil {
			t.Errorf("%q was removed", name)
		}
		if file, err := f.Open(name); err == nil {
			t.Errorf("%q was opened: %s", name, file.Name())
		}
	}
	must(t, f.Remove(Name(created)))
	must(t, f.Sweep())
	if got := names(tree(t, string(f))); len(got) != 5 { // the link counts
		t.Errorf("%q", got)
	}
}
