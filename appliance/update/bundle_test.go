package update

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair is a key of a test.
func pair(t testing.TB) (Key, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Key{Name: "test.pem", Public: public}, private
}

func someHeader() Header {
	return Header{Version: "0.3.0", Architecture: "amd64", Database: 24, FromDatabase: 20, Made: time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC), French: "Notes.", English: "Notes."}
}

func bundleOf(t testing.TB, h Header, payload string, key ed25519.PrivateKey) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, h, strings.NewReader(payload), key); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func reasonOf(t testing.TB, err error) Reason {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("not a refusal: %v", err)
	}
	return e.Reason
}

func open(file []byte, keys ...Key) (*Bundle, error) {
	return Open(bytes.NewReader(file), int64(len(file)), keys)
}

func TestOpen(t *testing.T) {
	key, private := pair(t)
	other, _ := pair(t)
	file := bundleOf(t, someHeader(), "the package", private)
	b, err := open(file, other, key)
	if err != nil {
		t.Fatal(err)
	}
	var payload bytes.Buffer
	if _, err := payload.ReadFrom(b.Payload()); err != nil || payload.String() != "the package" {
		t.Fatalf("%q %v", payload.String(), err)
	}
	if b.Header.Version != "0.3.0" || b.Key.ID() != key.ID() || b.Header.Database != 24 {
		t.Fatalf("%+v", b)
	}
	if _, err := open(file, other); reasonOf(t, err) != Unsigned {
		t.Fatal(err)
	}
	if _, err := open(file); reasonOf(t, err) != NoKeys {
		t.Fatal(err)
	}
	if _, err := Open(bytes.NewReader(file), MaxSize+1, []Key{key}); reasonOf(t, err) != TooLarge {
		t.Fatal(err)
	}
}

// TestEveryCutAndOctet: whatever is cut off or altered, the signature no longer holds, and no header was read.
func TestEveryCutAndOctet(t *testing.T) {
	key, private := pair(t)
	file := bundleOf(t, someHeader(), "the package, short", private)
	for n := range file {
		want := Unsigned
		if int64(n) < bodyAt {
			want = NotABundle
		}
		if _, err := open(file[:n], key); reasonOf(t, err) != want {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	if _, err := open(append(bytes.Clone(file), 0), key); reasonOf(t, err) != Unsigned {
		t.Fatal("an octet more is taken")
	}
	for i := range file {
		for _, bit := range []byte{1, 0x80} {
			altered := bytes.Clone(file)
			altered[i] ^= bit
			want := Unsigned
			if i < len(magic) {
				want = NotABundle
			}
			if _, err := open(altered, key); reasonOf(t, err) != want {
				t.Fatalf("octet %d altered: %v", i, err)
			}
		}
	}
}

// signed is a file with any body, signed rightly.
func signed(t testing.TB, body []byte, key ed25519.PrivateKey, o *ed25519.Options) []byte {
	t.Helper()
	message := body
	if o.Hash != 0 {
		sum := sha512.Sum512(body)
		message = sum[:]
	}
	signature, err := key.Sign(nil, message, o)
	if err != nil {
		t.Fatal(err)
	}
	return append(append([]byte(magic), signature...), body...)
}

func body(header, payload string) []byte {
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(header))), header...), payload...)
}

// TestSignedNonsense: what a right key has signed by mistake is refused, too; and a signature that the key made for something else is none.
func TestSignedNonsense(t *testing.T) {
	key, private := pair(t)
	const sum = "3608bca1e44ea6c4d268eb6db02260269892c0b42b86bbf1e77a6fa16c3c9282" // of "x"
	good := `{"product":"huisclos","version":"0.3.0","kind":"deb","architecture":"amd64","database":24,"from_database":1,"made":"2026-11-29T09:00:00Z","size":1,"sha256":""}`
	for name, file := range map[string][]byte{
		"nothing":        {},
		"no length":      {0, 0, 0},
		"a long header":  {0xff, 0xff, 0xff, 0xff},
		"no JSON":        body("x", "x"),
		"two objects":    body(good+good, "x"),
		"unknown name":   body(strings.Replace(good, `"kind"`, `"sort":1,"kind"`, 1), "x"),
		"wrong sum":      body(strings.Replace(good, `"sha256":""`, `"sha256":"`+sum+`"`, 1), "x"),
		"wrong size":     body(strings.Replace(good, `"size":1`, `"size":2`, 1), "x"),
		"no payload":     body(strings.Replace(good, `"size":1`, `"size":0`, 1), ""),
		"negative size":  body(strings.Replace(good, `"size":1`, `"size":-1`, 1), "x"),
		"another":        body(strings.Replace(good, `"huisclos"`, `"other"`, 1), "x"),
		"another kind":   body(strings.Replace(good, `"deb"`, `"tar"`, 1), "x"),
		"a path":         body(strings.Replace(good, `"0.3.0"`, `"0/../x"`, 1), "x"),
		"an option":      body(strings.Replace(good, `"0.3.0"`, `"-x"`, 1), "x"),
		"no database":    body(strings.Replace(good, `"database":24`, `"database":0`, 1), "x"),
		"from above":     body(strings.Replace(good, `"from_database":1`, `"from_database":25`, 1), "x"),
		"a shell's word": body(strings.Replace(good, `"amd64"`, `"$(reboot)"`, 1), "x"),
	} {
		if _, err := open(signed(t, file, private, signing), key); reasonOf(t, err) != Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, o := range map[string]*ed25519.Options{"plain": {}, "other context": {Hash: signing.Hash, Context: "huisclos update 2"}, "no context": {Hash: signing.Hash}} {
		if _, err := open(signed(t, body(good, "x"), private, o), key); reasonOf(t, err) != Unsigned {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFits(t *testing.T) {
	h := someHeader()
	for _, c := range []struct {
		at   Here
		want Reason
	}{
		{Here{"0.2.0", "amd64", 23}, ""},
		{Here{"0.2.0", "amd64", 24}, ""},
		{Here{"0.2.0", "amd64", 0}, ""},
		{Here{"0.3.0~rc1", "amd64", 24}, ""},
		{Here{"0.3.0", "amd64", 24}, Older},
		{Here{"0.3.0+next", "amd64", 24}, Older},
		{Here{"0.10.0", "amd64", 24}, Older},
		{Here{"0.2.0", "arm64", 23}, WrongPlace},
		{Here{"0.2.0", "amd64", 25}, BelowData},
		{Here{"0.2.0", "amd64", 19}, StepMissing},
	} {
		err := h.Fits(c.at)
		if c.want == "" && err != nil || c.want != "" && reasonOf(t, err) != c.want {
			t.Errorf("%+v: %v", c.at, err)
		}
	}
}

// TestSentences: each reason says something of its own, in both languages.
func TestSentences(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range []Reason{"", NotABundle, NoKeys, Unsigned, Malformed, TooLarge, WrongPlace, Older, BelowData, StepMissing} {
		fr, en := r.Sentence()
		if fr == en || seen[fr] || seen[en] || !strings.HasSuffix(fr, ".") && !strings.HasSuffix(fr, ".pem.") {
			t.Errorf("%q: %q %q", r, fr, en)
		}
		seen[fr], seen[en] = true, true
	}
}

// TestCompare has the order of dpkg --compare-versions.
func TestCompare(t *testing.T) {
	ordered := []string{"0.1~", "0.1~rc1", "0.1", "0.1a", "0.1+next", "0.2", "0.2.0", "0.2.1", "0.2.9", "0.2.10", "0.10", "1", "1.0", "10"}
	for i, a := range ordered {
		for j, b := range ordered {
			if c := Compare(a, b); (c < 0) != (i < j) || (c == 0) != (i == j) {
				t.Errorf("%s, %s: %d", a, b, c)
			}
		}
	}
	if Compare("0.02", "0.2") != 0 {
		t.Error("leading zeros count")
	}
}

func TestReadKeys(t *testing.T) {
	folder, own := t.TempDir(), []int{os.Getuid()}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	public, private, err := MakeKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, text []byte, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if keys, err := ReadKeys(own, filepath.Join(folder, "none")); err != nil || len(keys) != 0 {
		t.Fatal(keys, err)
	}
	put("one.pem", public, 0o644)
	put("again.pem", public, 0o644)
	put("README", []byte("not a key"), 0o644)
	keys, err := ReadKeys(own, folder)
	if err != nil || len(keys) != 1 || len(keys[0].ID()) != 16 {
		t.Fatal(keys, err)
	}
	signer, err := ParsePrivateKey(private)
	if err != nil || !keys[0].Public.Equal(signer.Public()) {
		t.Fatal(err)
	}
	if _, err := ReadKeys([]int{os.Getuid() + 1}, folder); err == nil {
		t.Error("somebody else's keys are taken")
	}
	for name, c := range map[string]struct {
		text []byte
		mode os.FileMode
	}{"private.pem": {private, 0o600}, "open.pem": {public, 0o666}, "group.pem": {public, 0o664}, "two.pem": {append(bytes.Clone(public), public...), 0o644}, "empty.pem": {nil, 0o644}} {
		path := put(name, c.text, c.mode)
		if _, err := ReadKeys(own, folder); err == nil {
			t.Errorf("%s is taken", name)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKeys(own, folder); err == nil {
		t.Error("a folder that anybody writes is taken")
	}
}

// FuzzOpen: no octets make it panic, and none are taken that the key has not signed.
func FuzzOpen(f *testing.F) {
	key, private := pair(f)
	file := bundleOf(f, someHeader(), "the package", private)
	f.Add(file)
	f.Add(file[:90])
	f.Add(body("{}", ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := open(b, key); err == nil && !bytes.Equal(b, file) {
			t.Fatalf("%d octets are taken", len(b))
		}
		// The part behind the signature stands on its own: a publisher's mistake must not fell the appliance.
		_, _ = open(signed(t, b, private, signing), key)
	})
}
