// Package logs is the way of the service's own messages: to the standard error output, from there to the machine's journal, and into the
// memory that the console shows.
//
// It decides the form of a line, its priority for the journal, and what may not stand in one whoever writes it: values of attributes that
// are named as secrets are, addresses of mail, and texts that look like a token. It keeps the latest lines in memory alone; the audit log,
// which is kept for ever, is another (package audit).
package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	// maxLines and maxOctets bound what is kept in memory.
	maxLines  = 2000
	maxOctets = 512 << 10
	// maxText bounds the message, and the details, of one line.
	maxText = 2000
	// hidden stands for what may not be written.
	hidden = "[hidden]"
)

// A Line is a message as the console shows it.
type Line struct {
	Number  uint64 // 1, 2, 3 … since the start
	Time    time.Time
	Level   slog.Level
	Part    string // of the program; "": none says
	Message string
	Detail  string // the attributes, as name=value
}

// A Ring keeps the latest lines. Its methods may be called from any goroutine.
type Ring struct {
	mu    sync.Mutex // owns what follows
	lines []Line
	size  int
	last  uint64
}

func (r *Ring) add(l Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	l.Number = r.last
	r.lines, r.size = append(r.lines, l), r.size+l.octets()
	drop := 0
	for ; len(r.lines)-drop > maxLines || r.size > maxOctets; drop++ {
		r.size -= r.lines[drop].octets()
		r.lines[drop] = Line{}
	}
	r.lines = r.lines[drop:]
}

func (l Line) octets() int { return len(l.Part) + len(l.Message) + len(l.Detail) + 64 }

// A Query says which lines are wanted.
type Query struct {
	After uint64     // younger than the line of that number
	Level slog.Level // at least
	Part  string     // "": of all
	Text  string     // in the message, the details or the part, whatever the case; "": any
	Limit int        // at most so many, the youngest; 0: all
}

// Find returns the lines that are wanted, the oldest first, and the number of the last that there is.
func (r *Ring) Find(q Query) (list []Line, last uint64) {
	text := strings.ToLower(q.Text)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lines {
		if l.Number <= q.After || l.Level < q.Level || q.Part != "" && l.Part != q.Part {
			continue
		}
		if text != "" && !strings.Contains(strings.ToLower(l.Part+" "+l.Message+" "+l.Detail), text) {
			continue
		}
		list = append(list, l)
	}
	if q.Limit > 0 && len(list) > q.Limit {
		list = list[len(list)-q.Limit:]
	}
	return append([]Line(nil), list...), r.last
}

// Options of New.
type Options struct {
	Out   io.Writer    // lines of text
	Level slog.Leveler // at least
	// Journal puts the priority before each line that goes to Out (sd-daemon(3)), which the machine's journal takes off again.
	Journal bool
	Also    io.Writer // gets the lines too, without priorities; nil: nobody
	Ring    *Ring     // keeps them; nil: none does
}

// New returns the handler of the service's messages.
func New(o Options) slog.Handler {
	also := o.Also
	if also == nil {
		also = io.Discard
	}
	out := &output{out: o.Out, also: also, journal: o.Journal}
	return &handler{text: slog.NewTextHandler(out, &slog.HandlerOptions{Level: o.Level, ReplaceAttr: replace}), out: out, ring: o.Ring}
}

// output writes a line with the priority of the message that is being written. mu is held for the whole of it.
type output struct {
	mu        sync.Mutex
	out, also io.Writer
	journal   bool
	priority  string
}

func (o *output) Write(line []byte) (int, error) {
	_, _ = o.also.Write(line)
	if o.journal {
		// A message has no line's end within it: slog quotes them.
		if _, err := o.out.Write(append([]byte(o.priority), line...)); err != nil {
			return 0, err
		}
		return len(line), nil
	}
	return o.out.Write(line)
}

// priority is that of syslog (RFC 5424 §6.2.1, table 2), as the journal reads it.
func priority(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "<3>"
	case l >= slog.LevelWarn:
		return "<4>"
	case l >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}

type handler struct {
	text slog.Handler
	out  *output
	ring *Ring
	// kept are the attributes of With, as the ring has them; part is the one that names the part.
	kept, part string
	group      string
}

// Enabled reports whether the level is written.
func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.text.Enabled(ctx, l) }

// WithAttrs is part of slog.Handler.
func (h *handler) WithAttrs(list []slog.Attr) slog.Handler {
	next := *h
	next.text = h.text.WithAttrs(list)
	var b strings.Builder
	b.WriteString(h.kept)
	for _, a := range list {
		if a.Key == "part" && h.group == "" {
			next.part = a.Value.String()
			continue
		}
		write(&b, h.group, a)
	}
	next.kept = b.String()
	return &next
}

// WithGroup is part of slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	next := *h
	next.text = h.text.WithGroup(name)
	next.group = h.group + name + "."
	return &next
}

// Handle writes a message.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	r.Message = clean(r.Message)
	if h.ring != nil {
		l := Line{Time: r.Time, Level: r.Level, Part: h.part, Message: cut(r.Message)}
		var b strings.Builder
		b.WriteString(h.kept)
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "part" && h.group == "" {
				l.Part = a.Value.String()
				return true
			}
			write(&b, h.group, a)
			return true
		})
		l.Detail = cut(strings.TrimSpace(b.String()))
		h.ring.add(l)
	}
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	h.out.priority = priority(r.Level)
	return h.text.Handle(ctx, r)
}

func write(b *strings.Builder, group string, a slog.Attr) {
	a = replace(nil, a)
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		for _, inner := range v.Group() {
			write(b, group+a.Key+".", inner)
		}
		return
	}
	fmt.Fprintf(b, " %s%s=%s", group, a.Key, quoted(v.String()))
}

func quoted(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\r\n\"=") {
		return fmt.Sprintf("%q", s)
	}
	return s
}

// secretNames are attributes whose values are never written.
var secretNames = map[string]bool{"passphrase": true, "password": true, "token": true, "secret": true, "cookie": true, "authorization": true, "pepper": true, "otp": true, "recovery": true, "key": true, "email": true, "mail": true}

// replace takes out of an attribute what may not be written.
func replace(_ []string, a slog.Attr) slog.Attr {
	if secretNames[strings.ToLower(a.Key)] {
		return slog.String(a.Key, hidden)
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, clean(v.String()))
	case slog.KindAny:
		if _, ok := v.Any().(slog.Level); ok {
			return a
		}
		return slog.String(a.Key, clean(fmt.Sprint(v.Any())))
	}
	return a
}

var (
	mailAddress = regexp.MustCompile(`[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+`)
	// A token of ours has 32 characters of base64url at least; so has a fragment of a link. Hashes in hexadecimal stay: fingerprints are
	// public.
	tokenText = regexp.MustCompile(`[A-Za-z0-9_\-]{32,}`)
	onlyHex   = regexp.MustCompile(`^[0-9a-fA-F]+$`)
)

// clean takes out of a text what looks like a secret or like an address of mail.
func clean(s string) string {
	s = cut(s)
	s = mailAddress.ReplaceAllString(s, hidden)
	return tokenText.ReplaceAllStringFunc(s, func(found string) string {
		digits, letters := strings.ContainsAny(found, "0123456789"), strings.ToLower(found) != found
		if onlyHex.MatchString(found) || !digits || !letters {
			return found // a name, a number, a path
		}
		return hidden
	})
}

func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
