package backup

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tree is every file below dir, with its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = string(text)
		return err
	}))
	return out
}

func names(m map[string]string) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func nothingToFinish(Opened, Staged) error { return nil }

func TestRestore(t *testing.T) {
	to, keys := quick(t)
	b := written(t, contents("database"), to)
	for name, before := range map[string]func(data string){
		"no directory":    func(string) {},
		"empty directory": func(data string) { must(t, os.Mkdir(data, 0o750)) },
	} {
		data := filepath.Join(t.TempDir(), "data")
		before(data)
		r, err := Restore(bytes.NewReader(b), keys, Restoration{Data: data, Now: created, Finish: nothingToFinish})
		if err != nil || r.Former != "" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if got := names(tree(t, filepath.Dir(data))); !slices.Equal(got, []string{"data/huisclos.db", "data/pepper", "data/restored-settings/etc/huisclos/huisclos.toml"}) {
			t.Errorf("%s: %q", name, got)
		}
		info, err := os.Stat(data)
		must(t, err)
		if want := map[bool]os.FileMode{true: 0o750, false: 0o700}[name == "empty directory"]; info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v", name, info.Mode(), want)
		}
	}
}

func TestReplaceKeepsTheFormer(t *testing.T) {
	to, keys := quick(t)
	b := written(t, contents("database"), to)
	data := filepath.Join(t.TempDir(), "data")
	must(t, os.Mkdir(data, 0o700))
	must(t, os.WriteFile(filepath.Join(data, "huisclos.db"), []byte("former"), 0o600))
	w := Restoration{Data: data, Now: created, Finish: nothingToFinish}
	if _, err := Restore(bytes.NewReader(b), keys, w); !errors.Is(err, ErrInTheWay) {
		t.Fatal(err)
	}
	w.Replace = true
	r, err := Restore(bytes.NewReader(b), keys, w)
	must(t, err)
	if r.Former != data+".before-20261129T221500Z" {
		t.Errorf("former: %s", r.Former)
	}
	if got := tree(t, r.Former); len(got) != 1 || got["huisclos.db"] != "former" {
		t.Errorf("former: %q", got)
	}
	if got := tree(t, data); got["huisclos.db"] != "database" {
		t.Errorf("data: %q", got)
	}
	// Within the same second the name is taken: nothing is overwritten.
	if _, err := Restore(bytes.NewReader(b), keys, w); err == nil || tree(t, r.Former)["huisclos.db"] != "former" {
		t.Errorf("twice: %v", err)
	}
	if list, _ := os.ReadDir(filepath.Dir(data)); len(list) != 2 {
		t.Errorf("something was left behind: %v", list)
	}
}

// TestRefusedRestoreChangesNothing: whatever is wrong, what was there is as it was, and nothing else is.
func TestRefusedRestoreChangesNothing(t *testing.T) {
	// ASVS 16.5.3
	to, keys := quick(t)
	_, others := quick(t)
	good := written(t, contents("database"), to)
	part := func() []byte {
		var b bytes.Buffer
		h := header()
		h.Part = Settings
		_, err := Write(&b, h, Contents{Files: contents("").Files[1:]}, to)
		must(t, err)
		return b.Bytes()
	}()
	broken := errors.New("inspected, and found wanting")
	for name, c := range map[string]struct {
		b      []byte
		keys   Keys
		finish Inspect
		want   error
	}{
		"another key": {good, others, nothingToFinish, nil},
		"cut":         {good[:len(good)-1], keys, nothingToFinish, nil},
		"altered":     {append(append(bytes.Clone(good[:len(good)-9]), good[len(good)-9]^1), good[len(good)-8:]...), keys, nothingToFinish, nil},
		"not ours":    {[]byte("x"), keys, nothingToFinish, nil},
		"a part":      {part, keys, nothingToFinish, ErrPartial},
		"inspection":  {good, keys, func(Opened, Staged) error { return broken }, broken},
	} {
		outer := t.TempDir()
		data := filepath.Join(outer, "data")
		must(t, os.Mkdir(data, 0o700))
		must(t, os.WriteFile(filepath.Join(data, "huisclos.db"), []byte("former"), 0o600))
		_, err := Restore(bytes.NewReader(c.b), c.keys, Restoration{Data: data, Replace: true, Now: created, Finish: c.finish})
		if err == nil || c.want != nil && !errors.Is(err, c.want) || c.want == nil && reasonOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
		if got := tree(t, outer); len(got) != 1 || got["data/huisclos.db"] != "former" {
			t.Errorf("%s: %q", name, got)
		}
		if list, _ := os.ReadDir(outer); len(list) != 1 {
			t.Errorf("%s: left behind: %v", name, list)
		}
	}
}

func TestVerifyLeavesNothing(t *testing.T) {
	to, keys := quick(t)
	b := written(t, contents("database"), to)
	work, seen := t.TempDir(), ""
	_, err := Verify(bytes.NewReader(b), keys, work, func(_ Opened, s Staged) error {
		seen = tree(t, s.Data())["huisclos.db"]
		return nil
	})
	if err != nil || seen != "database" {
		t.Errorf("%q, %v", seen, err)
	}
	if list, err := os.ReadDir(work); err != nil || len(list) != 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

func TestCreate(t *testing.T) {
	to, keys := quick(t)
	dir := t.TempDir()
	path := filepath.Join(dir, Name(created))
	made, err := Create(path, header(), contents("database"), to, nil)
	must(t, err)
	info, err := os.Stat(path)
	if err != nil || info.Size() != made.Size || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v, %+v", info, err, made)
	}
	text, err := os.ReadFile(path)
	must(t, err)
	if hexSum(text) != made.Sum {
		t.Errorf("SHA-256 %s, want %s", made.Sum, hexSum(text))
	}
	_, err = Open(bytes.NewReader(text), keys, t.TempDir())
	must(t, err)
	// One that is there is never replaced, and a failed one leaves nothing.
	if _, err := Create(path, header(), contents("other"), to, nil); !errors.Is(err, os.ErrExist) {
		t.Error(err)
	}
	short := contents("database")
	short.Database = func(begin func(int64) (io.Writer, error)) error {
		w, err := begin(100)
		if err == nil {
			_, err = io.WriteString(w, "fewer")
		}
		return err
	}
	if _, err := Create(filepath.Join(dir, Name(created.Add(time.Hour))), header(), short, to, nil); err == nil {
		t.Error("a database that is shorter than it said was saved")
	}
	if got := names(tree(t, dir)); len(got) != 1 || strings.HasPrefix(got[0], Partial) {
		t.Errorf("left behind: %q", got)
	}
}
