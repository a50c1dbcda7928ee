// Package auditor is what a person does with the logs that nobody alters unnoticed, at a command line: verify the audit log, take a
// copy of it, and witness that it only grows; verify and copy the key log of devices.
//
// It decides where a log is read from (the running appliance, the data directory of one that is stopped, an exported file) and what is
// said of it. The rules of verification are those of package audit, the signatures those of crypto/keylog; a witness needs nothing of
// the appliance but two small files. It never changes a log.
package auditor

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"huisclos/appliance/control"
	"huisclos/audit"
	"huisclos/crypto/keylog"
	"huisclos/store"
)

// Commands are those of "huisclos audit" and "huisclos keylog". Open opens the database of an appliance that is stopped.
type Commands struct {
	Open    func(data string) (*store.DB, error)
	Version string
	Now     func() time.Time
	Random  io.Reader
}

// The acts by which they ask the running appliance.
const (
	actVerify = "audit-verify"
	actBegin  = "audit-begin"
	actPart   = "audit-part"
	actGrowth = "audit-growth"
)

const (
	verifyWithin = 10 * time.Minute // a million entries take half a minute on a small machine
	partWithin   = time.Minute
	maxPart      = 64 << 20
	maxNoted     = 64 << 10 // bytes of a file with a key or a checkpoint
)

// noted is what was written down elsewhere, as it goes over the socket.
type noted struct {
	Heads       []string `json:"heads,omitempty"`
	Keys        []string `json:"keys,omitempty"`
	Witnesses   []string `json:"witnesses,omitempty"`
	Checkpoints []string `json:"checkpoints,omitempty"`
}

func (n noted) parse() (out audit.Noted, err error) {
	for _, text := range n.Heads {
		number, hash, _ := strings.Cut(text, ":")
		h, err := audit.ParseHash(hash)
		sequence, err2 := strconv.ParseUint(number, 10, 64)
		if err != nil || err2 != nil {
			return out, control.Usage("a head is NUMBER:HASH")
		}
		out.Heads = append(out.Heads, audit.Head{Sequence: sequence, Hash: h})
	}
	for _, list := range []struct {
		texts []string
		use   keylog.Use
		into  *[]keylog.PublicKey
	}{{n.Keys, keylog.Log, &out.Keys}, {n.Witnesses, keylog.Witness, &out.Witnesses}} {
		for _, text := range list.texts {
			k, err := keylog.ParsePublicKey(text)
			if err != nil || k.Use() != list.use {
				return out, wrongKey()
			}
			*list.into = append(*list.into, k)
		}
	}
	for _, text := range n.Checkpoints {
		out.Checkpoints = append(out.Checkpoints, []byte(text))
	}
	return out, nil
}

func wrongKey() error {
	return &control.Refusal{Code: "key", FR: "Une des clés publiques n'en est pas une, ou n'est pas de cette sorte : recopiez-la en entier.", EN: "One of the public keys is none, or not of that kind: copy it whole."}
}

// texts is an option that may be repeated.
type texts struct{ list *[]string }

func (t texts) String() string     { return "" }
func (t texts) Set(s string) error { *t.list = append(*t.list, s); return nil }

func (n *noted) flags(f *flag.FlagSet) {
	f.Var(texts{&n.Keys}, "key", "")
	f.Var(texts{&n.Heads}, "head", "")
	f.Var(texts{&n.Checkpoints}, "checkpoint", "")
	f.Var(texts{&n.Witnesses}, "witness", "")
}

// resolve reads the files that stand where a text may: a key has two plus signs, a checkpoint is always a file.
func (n *noted) resolve() error {
	for kind, list := range [][]string{n.Checkpoints, n.Keys, n.Witnesses} {
		for i, s := range list {
			if kind > 0 && strings.Count(s, "+") >= 2 {
				continue
			}
			text, err := read(s, maxNoted)
			if err != nil {
				return noFile(s, err)
			}
			list[i] = string(text)
		}
	}
	return nil
}

// Outcome is what a verification says, as JSON too.
type Outcome struct {
	OK      bool     `json:"ok"`
	Entries uint64   `json:"entries"`
	Head    string   `json:"head,omitempty"`
	Origin  string   `json:"origin,omitempty"`
	Keys    []string `json:"keys,omitempty"`
	// Checkpoints were checked; the last one covers so many entries and is of that time.
	Checkpoints int       `json:"checkpoints"`
	Covered     uint64    `json:"covered"`
	Signed      time.Time `json:"signed,omitzero"`
	Cosigned    uint64    `json:"cosigned,omitempty"`
	Witnesses   []string  `json:"witnesses,omitempty"`
	Noted       int       `json:"noted,omitempty"`
	// Given: a public key was given, so that the signatures are worth something against who holds the machine.
	Given  bool    `json:"given"`
	Fault  *uint64 `json:"fault,omitempty"` // the first entry that is not as it was recorded
	Reason string  `json:"reason,omitempty"`
}

func outcomeOf(r audit.Report, n audit.Noted, err error) (Outcome, error) {
	o := Outcome{OK: err == nil, Entries: r.Head.Sequence, Origin: r.Origin, Checkpoints: r.Checkpoints, Covered: r.Covered.Size, Signed: r.Covered.Time,
		Cosigned: r.Cosigned, Noted: r.Notes, Given: len(n.Keys) > 0}
	if r.Head.Sequence > 0 {
		o.Head = fmt.Sprintf("%d:%s", r.Head.Sequence, r.Head.Hash)
	}
	for _, k := range r.Keys {
		o.Keys = append(o.Keys, k.String())
	}
	for _, w := range r.Witnesses {
		o.Witnesses = append(o.Witnesses, w.Witness.Name()+" ("+w.Time.Format(time.RFC3339)+")")
	}
	var fault *audit.Fault
	switch {
	case errors.As(err, &fault):
		o.Fault, o.Reason = &fault.Sequence, fault.Reason
	case errors.Is(err, keylog.ErrUnsigned), errors.Is(err, keylog.ErrSignature), errors.Is(err, keylog.ErrNote):
		o.Reason = err.Error()
	case err != nil:
		return o, err
	}
	return o, nil
}

// say writes an outcome in sentences, and returns the exit code: 0, or 1 where something is not as it was recorded.
func say(o Outcome, asJSON bool, stdout io.Writer) int {
	code := 0
	if !o.OK {
		code = 1
	}
	if asJSON {
		_ = json.NewEncoder(stdout).Encode(o)
		return code
	}
	p := func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) }
	if !o.OK {
		if o.Fault != nil {
			p("Le journal d'audit n'est pas tel qu'il a été écrit, à partir de l'entrée %d : %s.\nThe audit log is not as it was recorded, from entry %[1]d on: %[2]s.", *o.Fault, o.Reason)
		} else {
			p("Le journal d'audit n'est pas celui de ces clés : %s.\nThe audit log is not that of these keys: %[1]s.", o.Reason)
		}
		return code
	}
	p("Le journal d'audit est tel qu'il a été écrit : %d entrées.\nThe audit log is as it was recorded: %[1]d entries.", o.Entries)
	if o.Head != "" {
		p("Dernière entrée / Last entry: %s", o.Head)
	}
	if o.Checkpoints == 0 {
		p("Aucun point de contrôle signé ne les couvre. / No signed checkpoint covers them.")
	} else {
		p("Points de contrôle / Checkpoints: %d ; %d entrées signées jusqu'au / entries signed up to %s", o.Checkpoints, o.Covered, o.Signed.Format(time.RFC3339))
	}
	if o.Cosigned > 0 {
		p("Contresigné par / Cosigned by: %s (%d)", strings.Join(o.Witnesses, ", "), o.Cosigned)
	}
	for _, k := range o.Keys {
		p("Clé publique / Public key: %s", k)
	}
	if !o.Given {
		p("Aucune clé notée ailleurs n'a été donnée (--key) : qui tient la machine a pu tout refaire avec une clé à lui.\nNo key noted elsewhere was given (--key): whoever holds the machine may have made everything anew with a key of their own.")
	}
	return code
}

// Verify verifies the running appliance's log, that of a stopped one, or an exported file.
func (c Commands) Verify(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var n noted
	l, code := control.Read("audit verify", args, stderr, 0, 1, n.flags)
	if l == nil {
		return code
	}
	parsed, err := audit.Noted{}, n.resolve()
	if err == nil {
		parsed, err = n.parse()
	}
	if err != nil {
		return l.Fail(err)
	}
	if len(l.Operands) == 1 {
		return c.verifyFile(l, parsed, stdout)
	}
	var o Outcome
	err = l.AskFor(actVerify, n, &o, verifyWithin, 1<<20)
	if stopped(err) {
		err = c.offline(l, func(log *audit.Log) (err error) {
			r, failed := log.Examine(ctx, parsed, nil)
			o, err = outcomeOf(r, parsed, failed)
			return err
		})
	}
	if err != nil {
		return l.Fail(err)
	}
	return say(o, l.JSON, stdout)
}

func (c Commands) verifyFile(l *control.Line, n audit.Noted, stdout io.Writer) int {
	f, err := os.Open(l.Operands[0])
	if err != nil {
		return l.Fail(noFile(l.Operands[0], err))
	}
	defer f.Close()
	r, failed := audit.VerifyExport(f, n)
	o, err := outcomeOf(r, n, failed)
	if errors.Is(err, audit.ErrExport) {
		err = &control.Refusal{Code: "file", FR: "Ce fichier n'est pas une copie du journal d'audit en JSON Lines : " + err.Error(), EN: "This file is no copy of an audit log in JSON Lines: " + err.Error()}
	}
	if err != nil {
		return l.Fail(err)
	}
	return say(o, l.JSON, stdout)
}

func noFile(name string, err error) error {
	return &control.Refusal{Code: "file", FR: "Le fichier " + name + " ne se lit pas : " + err.Error(), EN: "The file " + name + " can't be read: " + err.Error()}
}

// stopped reports whether nobody answers because no appliance runs there.
func stopped(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED)
}

// offline reads the log of an appliance that is stopped. It writes nothing.
func (c Commands) offline(l *control.Line, f func(*audit.Log) error) error {
	db, err := c.Open(l.Data())
	if err != nil {
		return err
	}
	defer db.Close()
	return f(audit.New(db))
}

// Export writes the log, or the part of a time, to standard output.
func (c Commands) Export(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var format, from, to string
	l, code := control.Read("audit export", args, stderr, 0, 0, func(f *flag.FlagSet) {
		f.StringVar(&format, "format", string(audit.JSONL), "")
		f.StringVar(&from, "from", "", "")
		f.StringVar(&to, "to", "", "")
	})
	if l == nil {
		return code
	}
	q := wanted{Format: audit.Format(format)}
	var err error
	if q.From, err = moment(from); err == nil {
		q.To, err = moment(to)
	}
	if err == nil && q.Format != audit.JSONL && q.Format != audit.CEF {
		err = control.Usage("--format is jsonl or cef")
	}
	if err != nil {
		return l.Fail(err)
	}
	var p audit.Part
	err = l.AskFor(actBegin, q, &p, verifyWithin, 1<<20)
	switch {
	case stopped(err):
		err = c.offline(l, func(log *audit.Log) error {
			_, err := log.Export(ctx, stdout, q.Format, q.From, q.To, c.Version)
			return err
		})
	case err == nil:
		err = parts(ctx, l, p, stdout)
	}
	if err != nil {
		return l.Fail(err)
	}
	return 0
}

// parts asks for one piece after the other.
func parts(ctx context.Context, l *control.Line, p audit.Part, stdout io.Writer) error {
	for !p.Done {
		if err := ctx.Err(); err != nil {
			return err
		}
		var got piece
		if err := l.AskFor(actPart, p, &got, partWithin, maxPart); err != nil {
			return err
		}
		if _, err := io.WriteString(stdout, got.Text); err != nil {
			return err
		}
		p = got.Part
	}
	return nil
}

// Growth writes what a witness is given, for one that has seen so many entries.
func (c Commands) Growth(_ context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("audit growth", args, stderr, 0, 1, nil)
	if l == nil {
		return code
	}
	var old uint64
	var err error
	if len(l.Operands) == 1 {
		if old, err = strconv.ParseUint(l.Operands[0], 10, 64); err != nil {
			return l.Fail(control.Usage("how many entries the witness has seen is a number"))
		}
	}
	var text string
	if err := l.Ask(actGrowth, old, &text); err != nil {
		return l.Fail(err)
	}
	_, _ = io.WriteString(stdout, text)
	return 0
}

type wanted struct {
	Format audit.Format `json:"format"`
	From   time.Time    `json:"from,omitzero"`
	To     time.Time    `json:"to,omitzero"`
}

type piece struct {
	Part audit.Part `json:"part"`
	Text string     `json:"text"`
}

// moment reads a day or a time; a day begins at midnight, as this machine counts.
func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, control.Usage("a time is 2026-11-29 or 2026-11-29T12:00:00Z")
}
