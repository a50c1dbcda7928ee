package appliance

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"huisclos/crypto/passhash"
)

func TestPepperAsCredential(t *testing.T) {
	dir := t.TempDir()
	env := from(map[string]string{"CREDENTIALS_DIRECTORY": dir})
	for name, getenv := range map[string]func(string) string{"no manager": from(nil), "none handed in": env} {
		if text, err := credential(getenv, pepperCredential); text != nil || err != nil {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	file := filepath.Join(dir, pepperCredential)
	_, err := passhash.CreatePepper(file, rand.Reader)
	must(t, err)
	// systemd lets the service read by a list of access, which shows as a group's right.
	must(t, os.Chmod(file, 0o440))
	want, err := os.ReadFile(file)
	must(t, err)

	s := testSettings(t)
	beside := filepath.Join(s.Data, pepperFile)
	s.pepper, err = credential(env, pepperCredential)
	must(t, err)
	if string(s.pepper) != string(want) {
		t.Fatal("another text is handed on")
	}
	kept := s.pepper
	a, _ := start(t, s)
	if _, err := os.Stat(beside); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a pepper lies beside the database: %v", err)
	}
	if strings.Contains(string(kept), "pepper") {
		t.Error("the text stays in memory")
	}
	_, needed, err := a.accounts.SetupCode(s.now())
	if err != nil || !needed {
		t.Fatalf("set-up: %v, %v", needed, err)
	}
	a.Stop()

	must(t, os.WriteFile(file+".new", []byte("huisclos-pepper-1 x\n"), 0o400))
	must(t, os.Rename(file+".new", file))
	s.pepper, err = credential(env, pepperCredential)
	must(t, err)
	if _, err := Start(s, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), pepperCredential) {
		t.Errorf("a damaged one: %v", err)
	}
}
