// Package command is "huisclos call": the native participant on a command line.
//
// It decides what may stand on that line (never a passphrase), what is printed
// in which language, and the exit code. The call itself is package client's.
package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"huisclos/client"
	"huisclos/client/tape"
	"huisclos/hardening"
)

const (
	// joinWithin is how long a participant waits at the door unless told otherwise.
	joinWithin = 10 * time.Minute
	// maxPassphrase is more than any that an appliance takes (512 characters).
	maxPassphrase = 4096
	// maxHeight is what the appliance takes.
	maxHeight = 16384

	accountVariable    = "HUISCLOS_ACCOUNT"
	passphraseVariable = "HUISCLOS_PASSPHRASE"
	codeVariable       = "HUISCLOS_CODE"
	pinVariable        = "HUISCLOS_PIN"
)

var errUsage = errors.New("command line")

type options struct {
	client.Config
	pictures                []string
	sound, record           string
	passphraseFile, pinFile string
	stay, wait              time.Duration
	json                    bool
}

// Join is "huisclos call join": args follow these words. Exit codes: 0 done, 1 it failed, 2 it was
// not understood.
func Join(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return call(ctx, args, os.Stdin, os.Getenv, stdout, stderr)
}

func call(ctx context.Context, args []string, stdin io.Reader, getenv func(string) string, stdout, stderr io.Writer) int {
	o, err := parse(args, getenv)
	switch {
	case err != nil:
		explain(stderr, err)
		return 2
	}
	// Frame keys and the device's key are in this process.
	if err := hardening.NoDumps(); err != nil {
		explain(stderr, err)
		return 1
	}
	if err := o.open(stdin, getenv, stderr); err != nil {
		explain(stderr, err)
		return 1
	}
	if err := join(ctx, o, stdout); err != nil {
		explain(stderr, err)
		return 1
	}
	return 0
}

func parse(args []string, getenv func(string) string) (options, error) {
	o := options{}
	f := flag.NewFlagSet("call join", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Func("play", "", func(name string) error {
		o.pictures = append(o.pictures, name)
		return nil
	})
	f.StringVar(&o.sound, "sound", "", "")
	f.StringVar(&o.record, "record", "", "")
	f.StringVar(&o.State, "state", defaultState(getenv), "")
	f.StringVar(&o.Account, "account", getenv(accountVariable), "")
	f.StringVar(&o.passphraseFile, "passphrase-file", "", "")
	f.StringVar(&o.pinFile, "pin-file", "", "")
	f.DurationVar(&o.stay, "for", 0, "")
	f.DurationVar(&o.wait, "wait", joinWithin, "")
	f.BoolVar(&o.Admit, "admit", false, "")
	f.BoolVar(&o.AcceptLog, "accept-key-log", false, "")
	f.BoolVar(&o.TakeOver, "take-over", false, "")
	f.BoolVar(&o.json, "json", false, "")
	f.Func("transport", "", func(text string) error {
		if o.Transport = text; text != "udp" && text != "tcp" {
			return errors.New("udp or tcp")
		}
		return nil
	})
	f.Func("height", "", func(text string) error {
		height, err := strconv.Atoi(text)
		if err != nil || height < 0 || height > maxHeight {
			return fmt.Errorf("0 to %d lines", maxHeight)
		}
		o.Height = &height
		return nil
	})
	f.Func("certificate-sha256", "", func(text string) error {
		pin, err := client.ParseFingerprint(text)
		o.Pinned = &pin
		return err
	})
	// The link may stand before, between or behind the options.
	var links []string
	for rest := args; ; {
		if err := f.Parse(rest); err != nil {
			return o, fmt.Errorf("%w: %w", errUsage, err)
		}
		if f.NArg() == 0 {
			break
		}
		links, rest = append(links, f.Arg(0)), f.Args()[1:]
	}
	if len(links) != 1 {
		return o, fmt.Errorf("%w: one link is wanted, %d are there", errUsage, len(links))
	}
	var err error
	if o.Link, err = client.ParseLink(links[0]); err != nil {
		return o, err
	}
	if o.Account == "" {
		return o, fmt.Errorf("%w: no account (--account or %s)", errUsage, accountVariable)
	}
	if n := len(o.pictures); n > 1 && n != 3 {
		return o, fmt.Errorf("%w: %w, not %d", errUsage, client.ErrLayers, n)
	}
	if o.stay < 0 || o.wait <= 0 {
		return o, fmt.Errorf("%w: a time that is not after now", errUsage)
	}
	return o, nil
}

// defaultState follows the XDG base directory specification.
func defaultState(getenv func(string) string) string {
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "huisclos")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "state", "huisclos")
	}
	return "huisclos-state"
}

var (
	errNoPassphrase = errors.New("no passphrase was given")
	errOpenFile     = errors.New("a secret's file can be read by others")
	errNoCode       = errors.New("no code of the second factor was given")
	errNoPIN        = errors.New("no PIN of the room was given")
)

// open reads what the command line names.
func (o *options) open(stdin io.Reader, getenv func(string) string, stderr io.Writer) (err error) {
	lines := bufio.NewReader(io.LimitReader(stdin, maxPassphrase))
	if o.Passphrase, err = passphrase(o.passphraseFile, lines, getenv); err != nil {
		return err
	}
	o.Code = func(ctx context.Context) (string, error) {
		return typed(ctx, lines, getenv(codeVariable), stderr, askCode, errNoCode)
	}
	given := getenv(pinVariable)
	if o.pinFile != "" {
		if given, err = firstLine(o.pinFile); err != nil {
			return fmt.Errorf("reading the PIN: %w", err)
		}
		if given == "" {
			return errNoPIN
		}
	}
	o.PIN = func(ctx context.Context) (string, error) { return typed(ctx, lines, given, stderr, askPIN, errNoPIN) }
	for _, name := range o.pictures {
		if o.Picture != nil {
			o.Smaller = append(o.Smaller, o.Picture)
		}
		if o.Picture, err = tape.OpenPicture(name); err != nil {
			return err
		}
	}
	if o.sound != "" {
		if o.Sound, err = tape.OpenSound(o.sound); err != nil {
			return err
		}
	}
	return nil
}

// passphrase comes from a file of mode 0600, from standard input ("-") or from
// the environment, and never from the command line, which others can list.
func passphrase(file string, stdin *bufio.Reader, getenv func(string) string) (string, error) {
	var line string
	var err error
	switch file {
	case "":
		line = cutLine(getenv(passphraseVariable))
	case "-":
		// The line only: the next one may be the code of a second factor, or a room's PIN.
		var text string
		if text, err = stdin.ReadString('\n'); errors.Is(err, io.EOF) {
			err = nil
		}
		line = cutLine(text)
	default:
		line, err = firstLine(file)
	}
	if err != nil {
		return "", fmt.Errorf("reading the passphrase: %w", err)
	}
	if line == "" {
		return "", errNoPassphrase
	}
	return line, nil
}

// firstLine is what a file of mode 0600 begins with.
func firstLine(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%w: %s", errOpenFile, file)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPassphrase))
	return cutLine(string(text)), err
}

func cutLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSuffix(line, "\r")
}

// typed is what was given already, or a line of standard input, which is asked
// for: the code of a second factor, which is of use for a minute only, so that
// no file keeps it, or the PIN of a room.
func typed(ctx context.Context, stdin *bufio.Reader, given string, stderr io.Writer, ask [2]string, none error) (string, error) {
	if given = strings.TrimSpace(given); given != "" {
		return given, nil
	}
	fmt.Fprintf(stderr, "%s / %s: ", ask[0], ask[1])
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() { // nothing ends a read from a terminal; the program does
		text, err := stdin.ReadString('\n')
		read <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case l := <-read:
		if text := strings.TrimSpace(l.text); text != "" {
			return text, nil
		}
		if l.err != nil && !errors.Is(l.err, io.EOF) {
			return "", fmt.Errorf("reading standard input: %w", l.err)
		}
		return "", none
	}
}

// printer writes what happens, a line each.
type printer struct {
	mu   sync.Mutex
	w    io.Writer
	json bool
}

func (p *printer) event(e client.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.json {
		line := map[string]any{"event": e.Kind, "at": e.At.UTC().Format(time.RFC3339Nano)}
		if e.Detail != "" {
			line["detail"] = e.Detail
		}
		if e.Person != nil {
			line["leaf"], line["name"] = e.Person.Leaf, e.Person.Name
		}
		if e.Epoch > 0 {
			line["epoch"] = e.Epoch
		}
		_ = json.NewEncoder(p.w).Encode(line) // a terminal that is gone ends the program by its signal
		return
	}
	if fr, en := happened(e); fr != "" {
		fmt.Fprintf(p.w, "%s / %s\n", fr, en)
	}
}

// join stays in the call until its time is over, the call is, or ctx ends.
func join(ctx context.Context, o options, stdout io.Writer) (err error) {
	out := &printer{w: stdout, json: o.json}
	o.Event = out.event
	var recorder *tape.Recorder
	if o.record != "" {
		if recorder, err = tape.NewRecorder(o.record); err != nil {
			return err
		}
		o.Sink = recorder
		defer func() { err = errors.Join(err, recorder.Close()) }()
	}
	waiting, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	c, err := client.Join(waiting, o.Config)
	if err != nil {
		if ctx.Err() != nil {
			return nil // interrupted at the door
		}
		return err
	}
	var over <-chan time.Time
	if o.stay > 0 {
		over = time.After(o.stay)
	}
	select {
	case <-over:
	case <-ctx.Done():
	case <-c.Done():
	}
	stats := c.Stats()
	c.Leave()
	var files []string
	if recorder != nil {
		files = recorder.Files()
	}
	out.summary(stats, files)
	if err := c.Err(); client.Code(err) != "ended" {
		return err
	}
	return nil
}
