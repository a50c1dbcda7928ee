package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPassphraseAndCodeFromStandardInput(t *testing.T) {
	for _, c := range []struct {
		name, stdin, environment string
		passphrase, code         string
		asks                     bool
	}{
		{"two lines", "douze renards\n123 456\n", "", "douze renards", "123 456", true},
		{"other line ends", "douze renards\r\nABCDE-FGHJK\r\n", "", "douze renards", "ABCDE-FGHJK", true},
		{"no end of the last line", "douze renards\n123456", "", "douze renards", "123456", true},
		{"a code in the environment", "douze renards\n", " 654321 ", "douze renards", "654321", false},
		{"no code", "douze renards\n", "", "douze renards", "", true},
		{"an empty code", "douze renards\n\n", "", "douze renards", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			getenv := func(name string) string {
				if name == codeVariable {
					return c.environment
				}
				return ""
			}
			var stderr bytes.Buffer
			o := options{passphraseFile: "-"}
			if err := o.open(strings.NewReader(c.stdin), getenv, &stderr); err != nil || o.Passphrase != c.passphrase {
				t.Fatalf("%q, %v", o.Passphrase, err)
			}
			if stderr.Len() > 0 {
				t.Errorf("asked before it is wanted: %q", &stderr)
			}
			got, err := o.Code(t.Context())
			if got != c.code || (c.code == "") != errors.Is(err, errNoCode) {
				t.Errorf("%q, %v", got, err)
			}
			if asks := strings.Contains(stderr.String(), "Code"); asks != c.asks {
				t.Errorf("asks: %q", &stderr)
			}
		})
	}
}

func TestWaitingForACodeEnds(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := typed(ctx, bufio.NewReader(r), "", io.Discard, askCode, errNoCode)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestPINOfTheRoom(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pin")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(file), os.WriteFile(file, []byte(text), mode)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, file, environment, stdin string
		mode                           os.FileMode
		pin                            string
		asks                           bool
		err, asked                     error // of open, and of the question
	}{
		{"a file", "2468\n", "9999", "x\n", 0o600, "2468", false, nil, nil},
		{"a file that others read", "2468\n", "", "", 0o640, "", false, errOpenFile, nil},
		{"an empty file", "\n", "", "", 0o600, "", false, errNoPIN, nil},
		{"the environment", "", " 2468 ", "x\n", 0, "2468", false, nil, nil},
		{"typed", "", "", "p\n2468\n", 0, "2468", true, nil, nil},
		{"nothing", "", "", "p\n", 0, "", true, nil, errNoPIN},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options{passphraseFile: "-"}
			if c.mode != 0 {
				write(c.file, c.mode)
				o.pinFile = file
			}
			stdin := c.stdin
			if !c.asks {
				stdin = "p\n" + stdin
			}
			getenv := func(name string) string {
				if name == pinVariable {
					return c.environment
				}
				return ""
			}
			var stderr bytes.Buffer
			if err := o.open(strings.NewReader(stdin), getenv, &stderr); !errors.Is(err, c.err) {
				t.Fatal(err)
			} else if err != nil {
				return
			}
			got, err := o.PIN(t.Context())
			if got != c.pin || !errors.Is(err, c.asked) || strings.Contains(stderr.String(), askPIN[1]) != c.asks {
				t.Errorf("%q, %v, said %q", got, err, &stderr)
			}
		})
	}
}

func TestSentencesOfCodes(t *testing.T) {
	fr, en := Sentences(errNoCode)
	if !strings.Contains(fr, codeVariable) || !strings.Contains(en, codeVariable) {
		t.Errorf("%q, %q", fr, en)
	}
}
