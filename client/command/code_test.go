package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
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
	_, err := code(ctx, bufio.NewReader(r), func(string) string { return "" }, io.Discard)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestSentencesOfCodes(t *testing.T) {
	fr, en := Sentences(errNoCode)
	if !strings.Contains(fr, codeVariable) || !strings.Contains(en, codeVariable) {
		t.Errorf("%q, %q", fr, en)
	}
}
