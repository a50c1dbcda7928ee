package backup

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

var created = time.Date(2026, 11, 29, 22, 15, 0, 0, time.UTC)

// pair is a pair of keys that are made once: each opens only its own.
func pair(t testing.TB) (Recipients, Keys) {
	t.Helper()
	public, private, err := MakeKey()
	must(t, err)
	to, err := ForKeys(public)
	must(t, err)
	keys, err := WithKeys([]byte(private), nil)
	must(t, err)
	return to, keys
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// quick is a pair whose file is small and soon opened, for tests that open thousands.
func quick(t testing.TB) (Recipients, Keys) {
	t.Helper()
	i, err := age.GenerateX25519Identity()
	must(t, err)
	to, err := ForKeys(i.Recipient().String())
	must(t, err)
	return to, Keys{[]age.Identity{i}}
}

// small is the smallest archive that has everything.
func small() Contents {
	c := contents("db")
	c.Files = nil
	return c
}

func contents(database string) Contents {
	return Contents{
		Database: func(begin func(int64) (io.Writer, error)) error {
			w, err := begin(int64(len(database)))
			if err == nil {
				_, err = io.WriteString(w, database)
			}
			return err
		},
		Files: []File{{DataName("pepper"), []byte("huisclos-pepper-1 …\n")}, {SettingsName("/etc/huisclos/huisclos.toml"), []byte("name = \"Here\"\n")}},
		Audit: Head{7, "abc"},
	}
}

func header() Header { return Header{Appliance: "0.1", Database: 15, Created: created} }

func written(t testing.TB, c Contents, to Recipients) []byte {
	t.Helper()
	var b bytes.Buffer
	_, err := Write(&b, header(), c, to)
	must(t, err)
	return b.Bytes()
}

func TestWrittenIsOpened(t *testing.T) {
	to, keys := pair(t)
	b := written(t, contents("database"), to)
	into := t.TempDir()
	o, err := Open(bytes.NewReader(b), keys, into)
	must(t, err)
	if o.Header.Database != 15 || !o.Header.Created.Equal(created) || !slices.Equal(o.Header.Keys, to.IDs()) || o.Manifest.Audit != (Head{7, "abc"}) {
		t.Errorf("%+v", o)
	}
	for name, want := range map[string]string{"data/huisclos.db": "database", "data/pepper": "huisclos-pepper-1 …\n", "settings/etc/huisclos/huisclos.toml": "name = \"Here\"\n"} {
		got, err := os.ReadFile(filepath.Join(into, name))
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if info, err := os.Stat(filepath.Join(into, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if got := o.Manifest.Settings(); !slices.Equal(got, []string{"/etc/huisclos/huisclos.toml"}) {
		t.Errorf("settings: %q", got)
	}
	if h, err := ReadHeader(bytes.NewReader(b)); err != nil || h.Appliance != "0.1" {
		t.Errorf("header: %+v, %v", h, err)
	}
	// What it holds stands nowhere in clear.
	for _, secret := range []string{"database\x00", "huisclos-pepper-1", "Here"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%q stands in the file in clear", secret)
		}
	}
}

func reasonOf(err error) Reason {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Reason
	}
	return ""
}

// TestEveryOctet: whichever octet of the file is another one, it is refused, with a reason and a sentence.
func TestEveryOctet(t *testing.T) {
	// ASVS 11.3.2
	to, keys := quick(t)
	b := written(t, small(), to)
	said, into := map[Reason]int{}, t.TempDir()
	for i := range b {
		wrong := bytes.Clone(b)
		wrong[i] ^= 1
		_, err := Open(bytes.NewReader(wrong), keys, into)
		must(t, os.RemoveAll(filepath.Join(into, "data")))
		r := reasonOf(err)
		if r == "" {
			t.Fatalf("octet %d of %d: %v", i, len(b), err)
		}
		said[r]++
	}
	t.Logf("%d octets: %v", len(b), said)
	if said[Damaged] < len(b)*3/4 {
		t.Errorf("only %d of %d are called damaged: %v", said[Damaged], len(b), said)
	}
}

// TestEveryCut: a file that ends early, or goes on, is refused.
func TestEveryCut(t *testing.T) {
	to, keys := quick(t)
	b := written(t, small(), to)
	into := t.TempDir()
	for n := range b {
		if _, err := Open(bytes.NewReader(b[:n]), keys, into); reasonOf(err) == "" {
			t.Fatalf("%d of %d octets: %v", n, len(b), err)
		}
		must(t, os.RemoveAll(filepath.Join(into, "data")))
	}
	for _, more := range [][]byte{{0}, []byte("\n"), b} {
		if _, err := Open(bytes.NewReader(append(bytes.Clone(b), more...)), keys, t.TempDir()); reasonOf(err) != Damaged {
			t.Errorf("%d octets more: %v", len(more), err)
		}
	}
}

func TestRefused(t *testing.T) {
	to, keys := pair(t)
	_, others := pair(t)
	right, err := forPassphrase("une phrase de seize", 10)
	must(t, err)
	wrong, err := WithPassphrase("une autre phrase !")
	must(t, err)
	good := written(t, contents("db"), to)
	line := strings.Index(string(good), "\n") + 1
	for name, c := range map[string]struct {
		b    []byte
		keys Keys
		want Reason
	}{
		"empty":                      {nil, keys, NotOurs},
		"text":                       {[]byte("a letter\nto somebody\n"), keys, NotOurs},
		"an age file":                {good[bytes.Index(good, []byte("age-encryption")):], keys, NotOurs},
		"a later format":             {append([]byte("huisclos-backup 2\n"), good[line:]...), keys, NewerFormat},
		"no format":                  {append([]byte("huisclos-backup x\n"), good[line:]...), keys, NotOurs},
		"format 01":                  {append([]byte("huisclos-backup 01\n"), good[line:]...), keys, NotOurs},
		"another key":                {good, others, WrongKey},
		"a passphrase where a key":   {good, wrong, WrongKey},
		"another passphrase":         {written(t, contents("db"), right), wrong, WrongKey},
		"a key where a passphrase":   {written(t, contents("db"), right), keys, WrongKey},
		"another header":             {bytes.Replace(good, []byte(`"database":15`), []byte(`"database":14`), 1), keys, Damaged},
		"a header of another shape":  {bytes.Replace(good, []byte(`"database"`), []byte(`"datatase"`), 1), keys, Damaged},
		"the body of another backup": {append(bytes.Clone(good[:line]), []byte("{}\n")...), keys, Damaged},
	} {
		dir := t.TempDir()
		_, err := Open(bytes.NewReader(c.b), c.keys, dir)
		if got := reasonOf(err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", name, got, err, c.want)
		}
		if fr, en := c.want.Sentence(); fr == en || fr == "" {
			t.Errorf("%s: no sentence", c.want)
		}
	}
	for _, r := range []Reason{NewerDatabase, "other"} {
		if fr, en := r.Sentence(); fr == en || !strings.HasSuffix(fr, ".") {
			t.Errorf("%s: %q %q", r, fr, en)
		}
	}
}

// sealedTar encrypts an archive that Write would not write.
func sealedTar(t *testing.T, to Recipients, manifest func(header string) string, entries ...*tar.Header) []byte {
	t.Helper()
	h := header()
	h.Keys = to.ids
	lines, err := h.encode()
	must(t, err)
	b := bytes.NewBuffer(bytes.Clone(lines))
	w, err := age.Encrypt(b, to.list...)
	must(t, err)
	a := tar.NewWriter(w)
	for _, e := range entries {
		must(t, a.WriteHeader(e))
		_, err := a.Write(make([]byte, e.Size))
		must(t, err)
	}
	if manifest != nil {
		text := manifest(hexSum(lines))
		must(t, a.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: manifestName, Size: int64(len(text))}))
		_, err = io.WriteString(a, text)
		must(t, err)
	}
	must(t, errors.Join(a.Close(), w.Close()))
	return b.Bytes()
}

// TestForgedArchives: who has the public key can write what they like; nothing of it leaves the folder or counts.
func TestForgedArchives(t *testing.T) {
	// ASVS 5.3.2
	to, keys := pair(t)
	empty := func(sum string) string { return fmt.Sprintf(`{"header":%q,"files":[]}`, sum) }
	file := func(name string) *tar.Header {
		return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 1, Mode: 0o600}
	}
	for name, b := range map[string][]byte{
		"no manifest": sealedTar(t, to, nil, file("data/a")),
		"not in it":   sealedTar(t, to, empty, file("data/a")),
		"too few": sealedTar(t, to, func(sum string) string {
			return fmt.Sprintf(`{"header":%q,"files":[{"name":"data/a","size":1,"sha256":""}]}`, sum)
		}),
		"another header":     sealedTar(t, to, func(string) string { return `{"header":"00","files":[]}` }),
		"unknown field":      sealedTar(t, to, func(string) string { return `{"header":"00","more":1}` }),
		"no JSON":            sealedTar(t, to, func(string) string { return `{` }),
		"parent":             sealedTar(t, to, empty, file("data/../../a")),
		"absolute":           sealedTar(t, to, empty, file("/data/a")),
		"elsewhere":          sealedTar(t, to, empty, file("other/a")),
		"twice":              sealedTar(t, to, empty, file("data/a"), file("data/a")),
		"symbolic link":      sealedTar(t, to, empty, &tar.Header{Typeflag: tar.TypeSymlink, Name: "data/a", Linkname: "/etc/passwd"}),
		"hard link":          sealedTar(t, to, empty, &tar.Header{Typeflag: tar.TypeLink, Name: "data/a", Linkname: "data/b"}),
		"directory":          sealedTar(t, to, empty, &tar.Header{Typeflag: tar.TypeDir, Name: "data/a/"}),
		"large":              sealedTar(t, to, empty, &tar.Header{Typeflag: tar.TypeReg, Name: "data/a", Size: maxFile + 1}),
		"the manifest twice": sealedTar(t, to, empty, &tar.Header{Typeflag: tar.TypeReg, Name: manifestName, Size: 2}),
	} {
		outer := t.TempDir()
		into := filepath.Join(outer, "into")
		must(t, os.Mkdir(into, 0o700))
		if _, err := Open(bytes.NewReader(b), keys, into); reasonOf(err) != Damaged {
			t.Errorf("%s: %v", name, err)
		}
		if list, err := os.ReadDir(outer); err != nil || len(list) != 1 {
			t.Errorf("%s: something lies beside the folder: %v, %v", name, list, err)
		}
	}
}

func TestRecipients(t *testing.T) {
	strong, private, err := MakeKey()
	must(t, err)
	weak, err := age.GenerateX25519Identity()
	must(t, err)
	const sshKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJk0GvnPSdXvYsxI4bZfsJSFgx2Fh6jNc8ZPzlr7hv8g admin@example.org"
	for name, c := range map[string]struct {
		keys []string
		ok   bool
	}{
		"strong":            {[]string{strong}, true},
		"weak":              {[]string{weak.Recipient().String()}, true},
		"ssh":               {[]string{sshKey}, true},
		"two kinds":         {[]string{weak.Recipient().String(), sshKey}, true},
		"strong and weak":   {[]string{strong, weak.Recipient().String()}, false},
		"none":              {nil, false},
		"empty":             {[]string{""}, false},
		"cut":               {[]string{strong[:len(strong)-1]}, false},
		"a private key":     {[]string{private}, false},
		"a private age key": {[]string{weak.String()}, false},
		"too many":          {slices.Repeat([]string{weak.Recipient().String()}, maxKeys+1), false},
	} {
		_, err := ForKeys(c.keys...)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrRecipient) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET-KEY") {
			t.Errorf("%s: the error holds the key: %v", name, err)
		}
	}
	commented, err := KeyID(sshKey)
	must(t, err)
	if bare, err := KeyID(strings.TrimSuffix(sshKey, " admin@example.org")); err != nil || bare != commented {
		t.Errorf("the id of a key depends on its comment, or on nothing: %s %s %v", bare, commented, err)
	}
	for _, p := range []string{"", "quinze letters ", strings.Repeat("x", maxPassphrase+1)} {
		if _, err := ForPassphrase(p); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%d characters: %v", len(p), err)
		}
	}
	for _, text := range []string{"", "AGE-SECRET-KEY-1", "-----BEGIN OPENSSH PRIVATE KEY-----\n", strong} {
		if _, err := WithKeys([]byte(text), nil); !errors.Is(err, ErrKey) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// TestPassphrase is the one test with scrypt as it is used.
func TestPassphrase(t *testing.T) {
	const phrase = "une phrase assez longue"
	to, err := ForPassphrase(phrase)
	must(t, err)
	b := written(t, contents("db"), to)
	keys, err := WithPassphrase(phrase)
	must(t, err)
	_, err = Open(bytes.NewReader(b), keys, t.TempDir())
	must(t, err)
	// What a file asks of its reader is bounded before it is done.
	costly := bytes.Replace(b, fmt.Appendf(nil, " %d\n", workFactor), fmt.Appendf(nil, " %d\n", maxWorkFactor+1), 1)
	if bytes.Equal(costly, b) {
		t.Fatal("the file doesn't say its work factor")
	}
	began := time.Now()
	if _, err := Open(bytes.NewReader(costly), keys, t.TempDir()); reasonOf(err) == "" {
		t.Error(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it was tried for %s", took)
	}
}

func FuzzBackupArchive(f *testing.F) {
	to, keys := pair(f)
	good := written(f, contents("db"), to)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("huisclos-backup 1\n{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := Open(bytes.NewReader(b), keys, t.TempDir())
		if err != nil && reasonOf(err) == "" {
			t.Fatalf("an error without a reason: %v", err)
		}
		if err == nil && !bytes.Equal(b, good) {
			t.Fatalf("opened: %+v", o)
		}
	})
}

// FuzzPlainArchive is what somebody who has the public key can write.
func FuzzPlainArchive(f *testing.F) {
	var b bytes.Buffer
	a := tar.NewWriter(&b)
	must(f, a.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "data/a", Size: 1}))
	_, err := a.Write([]byte("x"))
	must(f, errors.Join(err, a.Close()))
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		outer := t.TempDir()
		into := filepath.Join(outer, "into")
		must(t, os.Mkdir(into, 0o700))
		u := unpacked{into: into}
		if _, err := u.all(bytes.NewReader(b)); err != nil && reasonOf(err) == "" {
			var path *os.PathError
			if !errors.As(err, &path) { // a name that the file system can't hold
				t.Fatal(err)
			}
		}
		if list, err := os.ReadDir(outer); err != nil || len(list) != 1 {
			t.Fatalf("beside the folder: %v, %v", list, err)
		}
	})
}

func FuzzHeader(f *testing.F) {
	h := header()
	h.Keys = []string{"passphrase"}
	lines, err := h.encode()
	must(f, err)
	f.Add(lines)
	f.Add([]byte("huisclos-backup 9\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ReadHeader(bytes.NewReader(b))
		if err != nil {
			if reasonOf(err) == "" {
				t.Fatal(err)
			}
			return
		}
		if _, err := h.encode(); err != nil {
			t.Fatalf("read and not writable: %v", err)
		}
	})
}
