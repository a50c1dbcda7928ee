package devices

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"huisclos/crypto/keylog"
	"huisclos/store"
)

// exported is a log of seven records with a restore among them, as it is exported, and the checkpoints on the way.
func exported(t *testing.T) (h *house, text string, notes [][]byte) {
	t.Helper()
	h = newHouse(t)
	key := point(t)
	for i := range byte(3) {
		notes = append(notes, h.inscribe(h.ada, i, key, 0).Note)
	}
	must(t, h.db.Update(func(tx *store.Tx) error { return Restored(tx, noon.Add(time.Hour)) }))
	for i := range byte(3) {
		notes = append(notes, h.inscribe(h.ada, 9+i, key, 0).Note)
	}
	var b strings.Builder
	n, err := Export(t.Context(), &b, h.db)
	must(t, err)
	if n != 7 {
		t.Fatalf("%d records exported", n)
	}
	return h, b.String(), notes
}

func TestExport(t *testing.T) {
	h, text, notes := exported(t)
	lines := strings.Split(text, "\n")
	if len(lines) != 9 || !strings.HasPrefix(lines[0], `{"index":0,"kind":"device","account":"`+h.ada.Account.String()+`","device":"AAAAAAAAAAAAAAAAAAAAAA","key":"B`) ||
		lines[3] != `{"index":3,"kind":"restored","time":1772456400}` || !strings.HasPrefix(lines[7], `{"end":7,"checkpoint":"`+h.Public().Name()+`\n7\n`) {
		t.Errorf("%s", text)
	}
	known := []keylog.PublicKey{h.Public()}
	for name, noted := range map[string]Noted{"nothing": {}, "the key": {Keys: known}, "all": {known, notes}, "checkpoints alone": {nil, notes}} {
		r, err := VerifyExport(strings.NewReader(text), noted)
		if err != nil || r.Records != 7 || r.Devices != 6 || r.Restores != 1 || r.Origin != h.Public().Name() || r.Noted != len(noted.Checkpoints) || !r.Key.Equal(h.Public()) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	// What a restore has added and nobody has signed yet is not in it; an empty log has a file too.
	must(t, h.db.Update(func(tx *store.Tx) error { return Restored(tx, noon) }))
	var b strings.Builder
	if n, err := Export(t.Context(), &b, h.db); err != nil || n != 7 || b.String() != text {
		t.Errorf("%d records, %v", n, err)
	}
	b.Reset()
	if _, err := Export(t.Context(), &b, newHouse(t).db); err != nil || b.String() != "{\"end\":0}\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
	if r, err := VerifyExport(strings.NewReader(b.String()), Noted{}); err != nil || r.Records != 0 || r.Origin != "" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestExportAltered(t *testing.T) {
	h, text, notes := exported(t)
	other, another, _ := exported(t)
	lines := strings.SplitAfter(text, "\n")
	swapped := func(i, j int) string {
		l := append([]string(nil), lines...)
		l[i], l[j] = l[j], l[i]
		return strings.Join(l, "")
	}
	without := func(i int) string {
		return strings.Join(append(append([]string(nil), lines[:i]...), lines[i+1:]...), "")
	}
	foreign, _, err := keylogNote(another)
	must(t, err)
	for name, c := range map[string]struct {
		text  string
		noted Noted
		want  any
	}{
		"nothing":               {"", Noted{}, ErrExport},
		"no export":             {"huis clos\n", Noted{}, ErrExport},
		"another field":         {strings.Replace(text, `"kind"`, `"kinds"`, 1), Noted{}, ErrExport},
		"after the end":         {text + lines[0], Noted{}, ErrExport},
		"a record is missing":   {without(2), Noted{}, uint64(2)},
		"the last is missing":   {without(6), Noted{}, uint64(6)},
		"the end is missing":    {without(7), Noted{}, uint64(7)},
		"records change places": {swapped(1, 2), Noted{}, uint64(1)},
		"another time":          {strings.Replace(text, `"time":1772456400`, `"time":1772456401`, 1), Noted{}, uint64(7)},
		"another device":        {strings.Replace(text, `"device":"AA`, `"device":"BB`, 1), Noted{}, uint64(7)},
		"a key off the curve":   {strings.Replace(text, `"key":"B`, `"key":"C`, 1), Noted{}, uint64(0)},
		"an unknown kind":       {strings.Replace(text, `"restored"`, `"removed"`, 1), Noted{}, uint64(3)},
		"a restore of somebody": {strings.Replace(text, `"restored",`, `"restored","account":"AAAAAAAAAAAAAAAAAAAAAA",`, 1), Noted{}, uint64(3)},
		"a device of nobody":    {strings.Replace(text, `"account":"`+h.ada.Account.String()+`",`, "", 1), Noted{}, uint64(0)},
		"no checkpoint":         {strings.Join(lines[:7], "") + "{\"end\":7}\n", Noted{}, uint64(7)},
		"no key in the file":    {strings.Replace(text, `,"key":"huisclos/`, `,"key":"x`, 1), Noted{}, ErrExport},
		"another in the file":   {text[:strings.LastIndex(text, `,"key":"`)] + `,"key":"` + other.Public().String() + "\"}\n", Noted{}, keylog.ErrUnsigned},
		"another key":           {text, Noted{Keys: []keylog.PublicKey{other.Public()}}, keylog.ErrUnsigned},
		"made anew":             {another, Noted{Checkpoints: notes}, uint64(7)},
		"a note of another log": {text, Noted{Checkpoints: [][]byte{foreign}}, uint64(7)},
		"no note":               {text, Noted{Checkpoints: [][]byte{[]byte("x")}}, keylog.ErrNote},
	} {
		r, err := VerifyExport(strings.NewReader(c.text), c.noted)
		var fault *Fault
		switch want := c.want.(type) {
		case error:
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		case uint64:
			if !errors.As(err, &fault) || fault.Index != want {
				t.Errorf("%s: %v, want a fault at %d", name, err, want)
			}
		}
		if r != (Report{}) {
			t.Errorf("%s: %+v beside an error", name, r)
		}
	}
}

// TestNotedCheckpoint: after the log was set back, what was noted before is found, whether the log has as many records again or not.
func TestNotedCheckpoint(t *testing.T) {
	h, text, notes := exported(t)
	must(t, h.db.Update(func(tx *store.Tx) error {
		for n := uint64(2); n < 7; n++ {
			if err := errors.Join(tx.Delete(recordBucket, numbered(n)), tx.Delete(treeBucket, numbered(n))); err != nil {
				return err
			}
		}
		return errors.Join(tx.Put(noteBucket, lastKey, notes[1]), Restored(tx, noon))
	}))
	h.open()
	keys := []keylog.PublicKey{h.Public()}
	check := func(good int) {
		t.Helper()
		var b bytes.Buffer
		_, err := Export(t.Context(), &b, h.db)
		must(t, err)
		for i, note := range notes {
			_, err := VerifyExport(bytes.NewReader(b.Bytes()), Noted{keys, [][]byte{note}})
			var fault *Fault
			if i < good && err != nil || i >= good && !errors.As(err, &fault) {
				t.Errorf("checkpoint %d: %v", i, err)
			}
		}
	}
	check(2)
	for i := range byte(6) {
		h.inscribe(h.ada, 30+i, point(t), 0)
	}
	check(2)
	if _, err := VerifyExport(strings.NewReader(text), Noted{keys, notes}); err != nil {
		t.Errorf("the copy of before: %v", err)
	}
}

// keylogNote is the checkpoint at an export's end.
func keylogNote(text string) (note []byte, c keylog.Checkpoint, err error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	var end closing
	if err := strict([]byte(lines[len(lines)-1]), &end); err != nil {
		return nil, c, err
	}
	c, err = keylog.Peek([]byte(end.Checkpoint))
	return []byte(end.Checkpoint), c, err
}

func FuzzVerifyExport(f *testing.F) {
	f.Add([]byte("{\"end\":0}\n"))
	f.Add([]byte(`{"index":0,"kind":"restored","time":1}` + "\n" + `{"end":1,"checkpoint":"x"}`))
	f.Add([]byte(`{"index":0,"kind":"device","account":"AAAAAAAAAAAAAAAAAAAAAA","device":"AAAAAAAAAAAAAAAAAAAAAA","key":"BA","time":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := VerifyExport(bytes.NewReader(b), Noted{})
		if err == nil && (r.Records != r.Devices+r.Restores || r.Records > 0 && r.Origin == "") {
			t.Fatalf("%+v", r)
		}
	})
}
