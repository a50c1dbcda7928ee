package console

import (
	"io"
	"regexp"
	"strings"
)

// certificate goes back to the self-signed one, where the one that is served lets nobody in.
func (c *Console) certificate() error {
	c.print(certificateWarn)
	if err := c.typed(certificateWord); err != nil {
		return err
	}
	return c.do("certificate")
}

// administrator begins a reset of an account. Nobody signs in at this menu, so it wants what opens everything already: the private key
// of the backups, on a disk.
func (c *Console) administrator() error {
	device, err := c.line(adminHow)
	if err != nil {
		return err
	}
	account, err := c.need(adminAccount)
	if err != nil {
		return err
	}
	if strings.Contains(account, " ") {
		return refused("account")
	}
	if err := c.confirmed(adminWarn); err != nil {
		return err
	}
	c.print(working)
	if err := c.act("administrator", links{c.Out, c.base()}, append(pairs("device", device), "account="+account)...); err != nil {
		return err
	}
	c.print(done)
	return c.pause()
}

// base is where people come first, or "" where that is not known.
func (c *Console) base() string {
	a, err := c.ask("status")
	if err != nil {
		return ""
	}
	if list := c.shown(a.Status); len(list) > 0 {
		return list[0]
	}
	return ""
}

var atHome = regexp.MustCompile(`https://localhost(:[0-9]+)?/`)

// links makes links good for other machines: an appliance without a name knows no address of its machine, and says localhost.
type links struct {
	out  io.Writer
	base string
}

func (l links) Write(line []byte) (int, error) {
	text := string(line)
	if l.base != "" {
		text = atHome.ReplaceAllLiteralString(text, l.base)
	}
	_, err := io.WriteString(l.out, text)
	return len(line), err
}

// factoryReset wants a word that names it and the machine's own name: whoever has several machines open sees on which one they are.
func (c *Console) factoryReset() error {
	c.print(factoryWarn, c.inCalls())
	if err := c.typed(factoryWord); err != nil {
		return err
	}
	machine, err := c.need(factoryName, printable(c.machine()))
	if err != nil {
		return err
	}
	if machine = strings.ToLower(machine); machine != c.machine() {
		return refused("machine-name")
	}
	return c.do("factory-reset", "machine="+machine)
}
