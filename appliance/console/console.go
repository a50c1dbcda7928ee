// Package console is the menu on the screen and on the serial line of the appliance's image.
//
// It decides what an operator in front of the machine sees, and what may be asked for there without a password. It holds
// no power of its own: it asks for acts, each a fixed unit of the image behind a socket, and each act looks at every value
// again. Plain lines of text, so that a serial line is enough.
package console

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"huisclos/appliance/control"
)

const (
	maxLine = 1 << 10
	// maxEnds is how often in a row the input may end (Ctrl-D) before it counts as gone: the unit starts the menu again.
	maxEnds = 20
)

// A Console is the menu and what it is made of.
type Console struct {
	Version   string
	In        io.Reader
	Out       io.Writer
	Echo      func(on bool)                      // of the terminal, for passphrases
	Dial      func(act string) (net.Conn, error) // to the socket of an act
	Addresses func() []netip.Addr                // of this machine
	Read      func(name string) ([]byte, error)  // a file below /run/huisclos-apply or /var/lib/appliance
	Name      func() string                      // of this machine, at its start
	Now       func() time.Time
	English   bool // the language at the start, where none was chosen; French otherwise

	in *bufio.Reader
}

var (
	errCancelled = errors.New("console: cancelled")
	errGone      = errors.New("console: the input is gone")
)

func (c *Console) say(w word, args ...any) string {
	text := w.fr
	if c.English {
		text = w.en
	}
	if len(args) > 0 {
		text = fmt.Sprintf(text, args...)
	}
	return wrap(text)
}

// width is what a serial line shows, less the column in which a cursor waits.
const width = 79

// wrap breaks lines that are too long at their spaces.
func wrap(text string) string {
	var out strings.Builder
	column := 0
	for i, part := range strings.SplitAfter(text, " ") {
		first, _, _ := strings.Cut(part, "\n")
		if n := utf8.RuneCountInString(strings.TrimRight(first, " ")); i > 0 && column+n > width && column > 0 {
			out.WriteByte('\n')
			column = 0
		}
		out.WriteString(part)
		if end := strings.LastIndexByte(part, '\n'); end >= 0 {
			part, column = part[end+1:], 0
		}
		column += utf8.RuneCountInString(part)
	}
	return out.String()
}

func (c *Console) print(w word, args ...any) { fmt.Fprintln(c.Out, c.say(w, args...)) }

// Run shows the menu until the input is gone: whatever is typed, nothing else ends it.
func (c *Console) Run() {
	c.in = bufio.NewReaderSize(c.In, maxLine)
	if text, err := c.Read(langFile); err == nil {
		c.English = strings.TrimSpace(string(text)) == "en"
	}
	for ends := 0; ends < maxEnds; {
		c.overview()
		choice, err := c.line(choose)
		switch {
		case errors.Is(err, errGone):
			return
		case errors.Is(err, io.EOF):
			ends++
			fmt.Fprintln(c.Out)
			continue
		case err == nil:
			ends = 0
			err = c.choose(strings.ToUpper(choice))
		}
		var code refused
		switch {
		case err == nil:
			continue
		case errors.Is(err, errGone):
			return
		case errors.As(err, &code):
			if w, ok := refusals[string(code)]; ok {
				c.print(w)
			} else {
				c.print(other, string(code))
			}
		default:
			fmt.Fprintln(c.Out)
			c.print(cancelled)
		}
		if _, err := c.line(goOn); errors.Is(err, errGone) {
			return
		}
	}
}

// line reads one line. Ctrl-C and other control characters in it cancel what is being asked.
func (c *Console) line(prompt word, args ...any) (string, error) {
	fmt.Fprint(c.Out, c.say(prompt, args...))
	var text []byte
	for {
		b, err := c.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return "", io.EOF
		case err != nil:
			return "", errGone
		case b == 'C'-'@' || b == '\\'-'@':
			return "", errCancelled
		case b == '\n':
			s := strings.TrimSpace(string(text))
			if len(text) > maxLine || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
				return "", errCancelled
			}
			return s, nil
		}
		if len(text) <= maxLine {
			text = append(text, b)
		}
	}
}

// need reads a line that may not be empty: an empty one cancels.
func (c *Console) need(prompt word, args ...any) (string, error) {
	s, err := c.line(prompt, args...)
	if err == nil && s == "" {
		err = errCancelled
	}
	return s, err
}

// secret reads a line that is not shown.
func (c *Console) secret(prompt word) (string, error) {
	c.Echo(false)
	defer func() {
		c.Echo(true)
		fmt.Fprintln(c.Out)
	}()
	return c.need(prompt)
}

// confirmed says what will happen, and wants a whole word.
func (c *Console) confirmed(what word, args ...any) error {
	c.print(what, args...)
	return c.typed(yes)
}

// typed wants this word, whole.
func (c *Console) typed(want word) error {
	s, err := c.line(sure, c.say(want))
	if err == nil && !strings.EqualFold(s, c.say(want)) {
		err = errCancelled
	}
	return err
}

func (c *Console) choose(choice string) error {
	switch choice {
	case "", "1":
		return nil
	case "2":
		return c.network()
	case "3":
		return c.names()
	case "4":
		return c.time()
	case "5":
		return c.redirect()
	case "6":
		return c.shell()
	case "7":
		return c.update()
	case "8":
		if err := c.act("diagnosis", c.Out); err != nil {
			return err
		}
		return c.pause()
	case "9":
		return c.power("reboot", rebootWarn)
	case "0":
		return c.power("poweroff", offWarn)
	case "C":
		return c.setupCode()
	case "B":
		return c.backup()
	case "R":
		return c.restore()
	case "P":
		return c.reach()
	case "T":
		return c.certificate()
	case "F":
		return c.factoryReset()
	case "A":
		return c.administrator()
	case "K":
		return c.keyboard()
	case "L":
		c.English = !c.English
		return nil
	}
	c.print(notAnItem)
	return c.pause()
}

// pause leaves what was said on the screen. However it is ended, the menu comes back.
func (c *Console) pause() error { return c.rest(goOn) }

// rest is pause with another sentence: whatever is typed counts for nothing.
func (c *Console) rest(prompt word) error {
	_, err := c.line(prompt)
	if errors.Is(err, errGone) {
		return err
	}
	return nil
}

// do asks for an act and says that it is done.
func (c *Console) do(act string, lines ...string) error {
	c.print(working)
	if err := c.act(act, c.Out, lines...); err != nil {
		return err
	}
	c.print(done)
	return c.pause()
}

// overview is what stands above the menu.
func (c *Console) overview() {
	fmt.Fprintln(c.Out)
	c.print(title, c.Version)
	fmt.Fprintln(c.Out)
	a, err := c.ask("status")
	if err != nil {
		c.print(stopped)
		for _, one := range c.shown(nil) {
			c.print(address, one)
		}
	} else {
		s := a.Status
		c.print(running, s.Calls, s.People)
		if len(s.NeedsRestart) > 0 {
			c.print(waits)
		}
		list := c.shown(s)
		for _, one := range list {
			c.print(address, one)
		}
		if len(list) == 0 {
			c.print(noAddress)
		}
		c.print(fingerprint)
		for rest := s.Fingerprint; rest != ""; {
			n := min(len(rest), 48)
			fmt.Fprintln(c.Out, "              "+printable(strings.TrimSuffix(rest[:n], ":")))
			rest = rest[n:]
		}
		if s.SetupNeeded {
			c.print(noAdmin)
		}
	}
	c.protection()
	fmt.Fprintln(c.Out)
	c.print(menu)
	fmt.Fprintln(c.Out)
}

// shown are the addresses to come by: the names that the appliance goes by, then those of the machine; four at most.
func (c *Console) shown(s *control.Status) []string {
	var out []string
	port := ""
	if s != nil {
		if s.Port != 443 {
			port = fmt.Sprintf(":%d", s.Port)
		}
		for _, a := range s.Addresses {
			if !strings.Contains(a, "//localhost") {
				out = append(out, printable(a))
			}
		}
	}
	if len(out) == 0 {
		for _, a := range c.Addresses() {
			if a.IsLoopback() || a.IsLinkLocalUnicast() {
				continue
			}
			host := a.String()
			if a.Is6() {
				host = "[" + host + "]"
			}
			out = append(out, "https://"+host+port+"/")
		}
	}
	return out[:min(len(out), 4)]
}

// protection says in plain words what does not protect this machine.
func (c *Console) protection() {
	if text, err := c.Read(seedFile); err == nil {
		if code, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "refused "); ok {
			c.print(badSeed, printable(code))
		}
	}
	text, err := c.Read(stateFile)
	if err != nil {
		return
	}
	state := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			state[key] = value
		}
	}
	switch state["secure_boot"] {
	case "yes":
		if state["var"] == "tpm2" && state["tpm"] == "yes" {
			c.print(protected)
		}
	case "no":
		c.print(insecureBoot)
	default:
		c.print(unknownBoot)
	}
	if state["var"] != "tpm2" {
		c.print(plainVar)
	}
	if state["tpm"] != "yes" {
		c.print(noTPM)
	}
}

const (
	stateFile = "/run/huisclos-apply/state"
	seedFile  = "/var/lib/appliance/seed"
	nameFile  = "/var/lib/appliance/hostname"
	langFile  = "/var/lib/appliance/language"
	actsDir   = "/run/huisclos-acts"
)

// Main runs the menu on this process's own terminal.
func Main(version string, in *os.File, out io.Writer) {
	c := Console{Version: version, In: in, Out: out, Echo: Terminal(in), Now: time.Now, Read: os.ReadFile, Addresses: own, Name: name,
		Dial: func(act string) (net.Conn, error) { return net.Dial("unix", actsDir+"/"+act+".sock") }}
	c.Run()
}

func name() string {
	s, _ := os.Hostname() // without a name nobody can type it
	return s
}

// machine is the machine's name: the one that was set, or the one that it started with. The kernel's own is that of this process's start.
func (c *Console) machine() string {
	if text, err := c.Read(nameFile); err == nil && len(text) > 0 {
		return strings.TrimSpace(string(text))
	}
	return c.Name()
}

func own() []netip.Addr {
	var out []netip.Addr
	list, _ := net.InterfaceAddrs() // without them the menu says that there is none
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr())
		}
	}
	return out
}
