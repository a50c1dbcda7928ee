package console

import "strings"

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
	return c.do("administrator", append(pairs("device", device), "account="+account)...)
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
