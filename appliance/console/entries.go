package console

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"
)

// pairs makes a line key=value of each value that stands in text.
func pairs(key, text string) []string {
	var out []string
	for _, v := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		out = append(out, key+"="+v)
	}
	return out
}

// one of two ways.
func (c *Console) either(prompt word, first, second string) (string, error) {
	s, err := c.need(prompt)
	switch {
	case err != nil:
		return "", err
	case s == "1":
		return first, nil
	case s == "2":
		return second, nil
	}
	c.print(notAnItem)
	return "", errCancelled
}

func (c *Console) network() error {
	c.print(networkWarns)
	c.print(emptyEnds)
	mode, err := c.either(networkMode, "dhcp", "static")
	if err != nil {
		return err
	}
	lines, dns := []string{"mode=" + mode}, networkDNSAuto
	if mode == "static" {
		dns = networkDNS
		addresses, err := c.need(networkAddress)
		if err != nil {
			return err
		}
		gateways, err := c.line(networkGateway)
		if err != nil {
			return err
		}
		if err := c.reachable(addresses, gateways); err != nil {
			return err
		}
		lines = append(append(lines, pairs("address", addresses)...), pairs("gateway", gateways)...)
	}
	servers, err := c.line(dns)
	if err != nil {
		return err
	}
	for _, s := range pairs("", servers) {
		if _, err := netip.ParseAddr(s[1:]); err != nil {
			return refused("dns")
		}
	}
	return c.do("network", append(lines, pairs("dns", servers)...)...)
}

// reachable looks at addresses and gateways before they are sent: a slip here cuts the machine off.
func (c *Console) reachable(addresses, gateways string) error {
	var nets []netip.Prefix
	for _, a := range pairs("", addresses) {
		p, err := netip.ParsePrefix(a[1:])
		if err != nil {
			return refused("address")
		}
		nets = append(nets, p)
	}
next:
	for _, g := range pairs("", gateways) {
		ip, err := netip.ParseAddr(g[1:])
		if err != nil {
			return refused("gateway")
		}
		for _, n := range nets {
			if n.Contains(ip) || ip.IsLinkLocalUnicast() {
				continue next
			}
		}
		c.print(outside, g[1:])
		return errCancelled
	}
	return nil
}

func (c *Console) names() error {
	c.print(namesWarn)
	c.print(emptyEnds)
	names, err := c.need(namesAsk)
	if err != nil {
		return err
	}
	public, err := c.line(namesPublic)
	if err != nil {
		return err
	}
	for _, s := range pairs("", public) {
		if _, err := netip.ParseAddr(s[1:]); err != nil {
			return refused("public")
		}
	}
	return c.do("names", append(pairs("hostname", strings.ToLower(names)), pairs("public", public)...)...)
}

func (c *Console) time() error {
	c.print(emptyEnds)
	way, err := c.either(timeAsk, "ntp", "set")
	if err != nil {
		return err
	}
	if way == "ntp" {
		servers, err := c.need(timeNTP)
		if err != nil {
			return err
		}
		return c.do("time", pairs("ntp", strings.ToLower(servers))...)
	}
	const form = "2006-01-02T15:04:05Z"
	when, err := c.need(timeSet, c.Now().UTC().Format(form))
	if err != nil {
		return err
	}
	if _, err := time.Parse(form, when); err != nil {
		return refused("time")
	}
	return c.do("time", "set="+when)
}

func (c *Console) redirect() error {
	c.print(namesWarn)
	state, err := c.either(redirect, "on", "off")
	if err != nil {
		return err
	}
	return c.do("redirect", "state="+state)
}

func (c *Console) shell() error {
	state, err := c.either(shellAsk, "on", "off")
	if err != nil {
		return err
	}
	if state == "off" {
		if err := c.confirmed(shellOff); err != nil {
			return err
		}
		return c.do("shell", "state=off")
	}
	if err := c.confirmed(shellWarn); err != nil {
		return err
	}
	said, err := c.newPassphrase()
	if err != nil {
		return err
	}
	return c.do("shell", "state=on", "passphrase="+said)
}

// newPassphrase asks for one twice.
func (c *Console) newPassphrase() (string, error) {
	first, err := c.secret(passphrase)
	if err != nil {
		return "", err
	}
	if n := utf8.RuneCountInString(first); n < 12 || n > 256 {
		return "", refused("passphrase")
	}
	second, err := c.secret(again)
	if err == nil && first != second {
		err = refused("different")
	}
	return first, err
}

func (c *Console) update() error {
	device, err := c.line(updateHow)
	if err != nil {
		return err
	}
	if err := c.confirmed(updateAsk); err != nil {
		return err
	}
	return c.do("update", pairs("device", device)...)
}

// backup writes a backup to a disk, for the public keys of the settings: nothing that is typed at this menu opens it, because the menu
// knows nobody.
func (c *Console) backup() error {
	device, err := c.line(backupHow)
	if err != nil {
		return err
	}
	return c.do("backup", pairs("device", device)...)
}

// restore puts a backup in the place of the data. What opens it is a private key on the same disk, or a passphrase.
func (c *Console) restore() error {
	device, err := c.line(restoreHow)
	if err != nil {
		return err
	}
	file, err := c.line(restoreFile)
	if err != nil {
		return err
	}
	lines := append(pairs("device", device), pairs("file", file)...)
	opens, err := c.either(restoreOpens, "key", "passphrase")
	if err != nil {
		return err
	}
	if opens == "passphrase" {
		said, err := c.secret(restoreSecret)
		if err != nil {
			return err
		}
		lines = append(lines, "passphrase="+said)
	}
	if err := c.confirmed(restoreAsk, c.inCalls()); err != nil {
		return err
	}
	return c.do("restore", lines...)
}

func (c *Console) power(act string, warning word) error {
	if err := c.confirmed(warning, c.inCalls()); err != nil {
		return err
	}
	return c.do(act)
}

// inCalls says whom it touches.
func (c *Console) inCalls() string {
	a, err := c.ask("status")
	if err != nil {
		return c.say(callsUnk)
	}
	return c.say(inCalls, a.Status.Calls, a.Status.People)
}

func (c *Console) setupCode() error {
	a, err := c.ask("setup-code")
	if err != nil {
		return err
	}
	if !a.Status.SetupNeeded || a.Code == "" {
		c.print(codeNone)
		return c.pause()
	}
	where := "https://.../"
	if list := c.shown(a.Status); len(list) > 0 {
		where = list[0]
	}
	fmt.Fprintln(c.Out)
	c.print(codeIs, printable(a.Code))
	c.print(codeHow, where)
	return c.pause()
}
