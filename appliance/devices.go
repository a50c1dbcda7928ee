package appliance

import (
	"crypto/rand"

	"huisclos/accounts/devices"
	"huisclos/appliance/posture"
	"huisclos/audit"
	"huisclos/crypto/keylog"
)

// openDevices opens the key log of devices. One that was cut or altered opens too, takes nothing more, and is told of wherever somebody
// looks after the appliance.
func (a *Appliance) openDevices(trail *audit.Log, keys keylog.Secrets) (err error) {
	if a.devices, err = devices.Open(a.db, trail, keys, rand.Reader, a.settings.now()); err != nil {
		return err
	}
	if fault := a.devices.Fault(); fault != nil {
		a.log.Error("the key log of devices is damaged: no device comes into a call until a backup is restored", "error", fault)
	}
	return nil
}

// deviceFacts of the key log, for who looks at how the appliance is doing.
func (a *Appliance) deviceFacts() posture.Devices {
	s, err := a.devices.State()
	return posture.Devices{Known: err == nil, Fault: a.devices.Fault() != nil, Size: s.Size, Last: s.Last}
}
