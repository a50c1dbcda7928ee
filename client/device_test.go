package client

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huisclos/meetings"
)

func TestDeviceKey(t *testing.T) {
	state, account := filepath.Join(t.TempDir(), "state"), meetings.ID{7}
	open := func() (Device, error) { return openDevice(state, "https://visio.example:8443", account) }
	first, err := open()
	if err != nil {
		t.Fatal(err)
	}
	again, err := open()
	if err != nil || again.ID != first.ID || !bytes.Equal(again.Signer.PublicKey(), first.Signer.PublicKey()) {
		t.Fatalf("the device is another: %v", err)
	}
	other, err := openDevice(state, "https://visio.example:8443", meetings.ID{8})
	if err != nil || other.ID == first.ID || bytes.Equal(other.Signer.PublicKey(), first.Signer.PublicKey()) {
		t.Fatalf("two accounts share a device: %v", err)
	}
	name := filepath.Join(state, "visio.example_8443", account.String()+".device")
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	for _, dir := range []string{state, filepath.Dir(name)} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, info, err)
		}
	}
	// A key that others can read, or that is none, is refused and not replaced.
	if err := os.Chmod(name, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := open(); !errors.Is(err, errOpenKey) {
		t.Errorf("a key that others can read: %v", err)
	}
	if err := errors.Join(os.Chmod(name, 0o600), os.WriteFile(name, []byte("nonsense"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := open(); !errors.Is(err, errBadKey) {
		t.Errorf("no key: %v", err)
	}
	if text, err := os.ReadFile(name); err != nil || string(text) != "nonsense" {
		t.Errorf("it was replaced by %q, %v", text, err)
	}
	passing, err := openDevice("", "https://visio.example", account)
	if err != nil || passing.ID == first.ID {
		t.Errorf("a device for one call: %v", err)
	}
}

func TestLinks(t *testing.T) {
	const room, owner = "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg"
	good := "https://Visio.example:8443/r/" + room + "#" + owner
	l, err := ParseLink(good)
	if err != nil || l.Origin != "https://visio.example:8443" || l.Room.String() != room || l.Owner.String() != owner {
		t.Fatalf("%+v, %v", l, err)
	}
	if l.String() != "https://visio.example:8443/r/"+room+"#"+owner {
		t.Errorf("written as %s", l)
	}
	if l, err := ParseLink("https://visio.example:443/r/" + room + "#" + owner); err != nil || l.Origin != "https://visio.example" {
		t.Errorf("%+v, %v", l, err)
	}
	for _, text := range []string{"", "visio.example", "http://visio.example/r/" + room + "#" + owner, "https://visio.example/r/" + room, "https://visio.example/r/#" + owner,
		"https://a:b@visio.example/r/" + room + "#" + owner, "https://visio.example/r/" + room + "?x#" + owner, "https://visio.example/r/" + room + "/#" + owner,
		"https://visio.example/r/" + room + "#" + owner + "A", "https:///r/" + room + "#" + owner, "https://visio.example/r/" + room[:21] + "B#" + owner} {
		if l, err := ParseLink(text); err == nil {
			t.Errorf("%s is taken for %+v", text, l)
		}
	}
}

func FuzzParseLink(f *testing.F) {
	f.Add("https://visio.example:8443/r/AAAAAAAAAAAAAAAAAAAAAQ#AAAAAAAAAAAAAAAAAAAAAg")
	f.Add("https://[::1]/r/AAAAAAAAAAAAAAAAAAAAAQ#AAAAAAAAAAAAAAAAAAAAAg")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLink(text)
		if err != nil {
			return
		}
		if again, err := ParseLink(l.String()); err != nil || again != l {
			t.Fatalf("%q became %q, which is read as %+v, %v", text, l, again, err)
		}
	})
}

func TestFingerprints(t *testing.T) {
	const plain = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	colons := "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
	a, err1 := ParseFingerprint(plain)
	b, err2 := ParseFingerprint(colons)
	if err1 != nil || err2 != nil || a != b || a[1] != 0x11 {
		t.Errorf("%x, %x, %v, %v", a, b, err1, err2)
	}
	for _, text := range []string{"", plain[2:], plain + "00", "x" + plain[1:]} {
		if _, err := ParseFingerprint(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestWaits(t *testing.T) {
	for n, want := range []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 2 * time.Second} {
		if low, high := waitBefore(n, 0), waitBefore(n, 1); low != want*3/4 || high != want*5/4 {
			t.Errorf("wait %d: %v to %v, want about %v", n, low, high, want)
		}
	}
	if waitBefore(1000, 0.5) != longestWait {
		t.Error("a late wait is not the longest")
	}
}

func TestSafeNames(t *testing.T) {
	for text, want := range map[string]string{
		"Ada": "Ada", "Élodie d'Arc": "Élodie_d_Arc", "../../etc/passwd": "etc_passwd", ".hidden": "hidden", "": "unnamed", "///": "unnamed", "a\x00b\nc": "a_b_c",
		"-rf": "-rf", "localhost:8443": "localhost_8443", "[::1]:8443": "1_8443", "con\u202eexe": "con_exe",
	} {
		if got := SafeName(text); got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	}
	if n := len([]rune(SafeName(strings.Repeat("é", 500)))); n > 60 {
		t.Errorf("a name of %d letters", n)
	}
}
