package posture

import (
	"encoding/base64"
	"encoding/hex"
	"os/exec"
	"strings"
	"testing"
)

// TestSealedWith: the head of a credential tells what opens it; anything else tells nothing.
func TestSealedWith(t *testing.T) {
	if len(seals) != 9 {
		t.Fatalf("%d ids", len(seals))
	}
	for id, want := range seals {
		head, err := hex.DecodeString(id)
		if err != nil || len(head) != 16 {
			t.Fatalf("%s: %d octets, %v", id, len(head), err)
		}
		text := base64.StdEncoding.EncodeToString(append(head, strings.Repeat("sealed ", 30)...))
		for _, written := range []string{text, text[:69] + "\n" + text[69:], " " + text[:10] + "\n" + text[10:]} {
			if got := SealedWith([]byte(written)); got != want {
				t.Errorf("%s: %q, want %q", id, got, want)
			}
		}
	}
	for _, text := range []string{"", "huisclos-pepper-1 AAAAAAAAAAAAAAAA", "WhxqhtA", strings.Repeat("\n", 300), base64.StdEncoding.EncodeToString(make([]byte, 40))} {
		if got := SealedWith([]byte(text)); got != "" {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestSealedWithNothing asks systemd-creds itself for the one kind that takes neither a TPM nor a key of the machine.
func TestSealedWithNothing(t *testing.T) {
	creds, err := exec.LookPath("systemd-creds")
	if err != nil {
		t.Skip("systemd-creds is not installed")
	}
	cmd := exec.Command(creds, "encrypt", "--with-key=tpm2-absent", "--name=huisclos.pepper", "-", "-")
	cmd.Stdin = strings.NewReader("huisclos-pepper-1 test")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("this systemd-creds does not make it: %v", err)
	}
	if got := SealedWith(out); got != ByNothing {
		t.Errorf("%q begins as %q", out, got)
	}
}

// TestPepperSealed: only what is handed in is told apart, and what is not known changes nothing.
func TestPepperSealed(t *testing.T) {
	for _, c := range []struct {
		pepper string
		with   Sealed
		level  Level
		says   string
	}{
		{Given, ByTPM, Green, "TPM"}, {Given, ByBoth, Green, "TPM"}, {Given, ByHost, Attention, "credential.secret"}, {Given, ByNothing, Red, "without a key"}, {Given, "", Green, "service manager"},
		{File, ByTPM, Attention, "beside the database"}, {"", ByTPM, Unknown, "from here"},
	} {
		f := good()
		f.Pepper = c.pepper
		before := f.Report()
		was := line(t, before, "pepper")
		l := line(t, before.PepperSealed(c.with), "pepper")
		if l.Level != c.level || !strings.Contains(l.Detail.EN, c.says) || l.Detail.FR == "" {
			t.Errorf("%q sealed with %q: %s, %q", c.pepper, c.with, l.Level, l.Detail.EN)
		}
		if now := line(t, before, "pepper"); now.Level != was.Level || now.Detail != was.Detail {
			t.Errorf("%q sealed with %q: the report that was given is another", c.pepper, c.with)
		}
	}
}
