package logs

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

func newLog(level slog.Level, journal bool) (*slog.Logger, *Ring, *bytes.Buffer, *bytes.Buffer) {
	r, out, also := new(Ring), new(bytes.Buffer), new(bytes.Buffer)
	return slog.New(New(Options{Out: out, Also: also, Level: level, Journal: journal, Ring: r})), r, out, also
}

func TestRing(t *testing.T) {
	log, r, _, _ := newLog(slog.LevelInfo, false)
	log.Debug("not wanted")
	web := log.With("part", "web", "route", "/api/me").WithGroup("g").With("a", 1)
	web.Warn("refused", "why", "too many", slog.Group("inner", "x", true))
	log.Error("broken", "part", "store", "error", errors.New("disk"), "empty", "")
	log.Info("well")
	list, last := r.Find(Query{Level: slog.LevelDebug})
	if len(list) != 3 || last != 3 {
		t.Fatalf("%d lines, last %d", len(list), last)
	}
	if l := list[0]; l.Number != 1 || l.Level != slog.LevelWarn || l.Part != "web" || l.Message != "refused" || l.Detail != `route=/api/me g.a=1 g.why="too many" g.inner.x=true` || l.Time.IsZero() {
		t.Errorf("%+v", l)
	}
	if l := list[1]; l.Part != "store" || l.Detail != `error=disk empty=""` {
		t.Errorf("%+v", l)
	}
	for name, tt := range map[string]struct {
		q    Query
		want []uint64
	}{
		"level": {Query{Level: slog.LevelWarn}, []uint64{1, 2}}, "after": {Query{After: 1}, []uint64{2, 3}}, "text": {Query{Text: "DISK"}, []uint64{2}}, "text of the part": {Query{Text: "web"}, []uint64{1}},
		"part": {Query{Part: "store"}, []uint64{2}}, "limit": {Query{Limit: 2}, []uint64{2, 3}}, "none": {Query{Text: "nothing"}, nil},
	} {
		list, _ := r.Find(tt.q)
		var got []uint64
		for _, l := range list {
			got = append(got, l.Number)
		}
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// However much is logged, what is kept is bounded, and the youngest lines are what is kept.
func TestRingIsBounded(t *testing.T) {
	log, r, _, _ := newLog(slog.LevelInfo, false)
	for i := range maxLines + 10 {
		log.Info("short", "i", i)
	}
	if list, last := r.Find(Query{}); len(list) != maxLines || last != maxLines+10 || list[len(list)-1].Number != last {
		t.Errorf("%d lines, last %d", len(list), last)
	}
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for range 200 {
				log.Info(strings.Repeat("é ", 3000), "long", strings.Repeat("x ", 5000))
			}
		})
	}
	running.Wait()
	if r.size > maxOctets || len(r.lines) < 20 {
		t.Errorf("%d octets in %d lines", r.size, len(r.lines))
	}
	if list, _ := r.Find(Query{Limit: 1}); len(list[0].Message) > maxText+4 || len(list[0].Detail) > maxText+4 {
		t.Errorf("%d, %d octets in one line", len(list[0].Message), len(list[0].Detail))
	}
}

// Under the journal each line begins with its priority, and only there; a value with a line's end makes no second line.
func TestPriorities(t *testing.T) {
	log, _, out, also := newLog(slog.LevelDebug, true)
	log.Debug("a")
	log.Info("b", "v", "x\n<0>forged")
	log.With("part", "p").Warn("c\n<0>forged")
	log.Error("d")
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 4 {
		t.Fatalf("%q", lines)
	}
	for i, want := range []string{"<7>time=", "<6>time=", "<4>time=", "<3>time="} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("%q does not begin with %q", lines[i], want)
		}
	}
	if strings.Contains(also.String(), "<6>") || strings.Count(also.String(), "\n") != 4 {
		t.Error(also.String())
	}
	log, _, out, _ = newLog(slog.LevelDebug, false)
	log.Error("d")
	if !strings.HasPrefix(out.String(), "time=") {
		t.Error(out.String())
	}
}

// Whatever a part of the program hands to the log by mistake, a secret does not get anywhere.
func TestNothingSecretIsKept(t *testing.T) {
	const token, code = "q7Lr2WmV9sXyB3nKpT4uZc8DfGhJ1aEo", "quinze lapins sous la lune"
	log, r, out, also := newLog(slog.LevelDebug, true)
	log.Error("sent to https://visio.example.org/a#"+token, "error", fmt.Errorf("smtp: 550 <ada@example.org> unknown, %w", errors.New("token="+token)), "passphrase", code, "Password", code, "token", code,
		"secret", []byte(code), slog.Group("request", "cookie", code, "authorization", code), "email", code, "url", "/x?t="+token)
	log.With("key", code, "said", "ada@example.org").Info("ada@example.org asks")
	lines, _ := r.Find(Query{})
	for where, text := range map[string]string{"memory": fmt.Sprint(lines), "journal": out.String(), "support bundle": also.String()} {
		for _, secret := range []string{token, code, "lapins", "ada@example.org"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s has %q: %s", where, secret, text)
			}
		}
		if !strings.Contains(text, hidden) || !strings.Contains(text, "550") {
			t.Errorf("%s: %s", where, text)
		}
	}
	// What an operator needs stays.
	const public = "3b5d5c3712955042212316173ccf37be8001f3ab8c9e0b1b6d1c3a5f0e9d8c7b"
	log.Info("certificate renewed", "fingerprint", public, "account", "AAECAwQFBgcICQoLDA0ODw", "path", "/var/lib/huisclos/some-quite-long-name-of-a-directory/huisclos.db")
	if lines, _ := r.Find(Query{Limit: 1}); strings.Contains(lines[0].Detail, hidden) {
		t.Error(lines[0].Detail)
	}
}
