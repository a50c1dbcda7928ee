package appliance

import (
	"fmt"
	"strings"
	"time"
)

// reloadFrom reads the command line and its files again, and says in a sentence what came of it. What does not do changes
// nothing.
func (a *Appliance) reloadFrom(args []string) string {
	next, err := readSettings(args)
	if err != nil {
		a.log.Error("settings not read again; those before stay in use", "error", err)
		return "Les réglages ne conviennent pas ; ceux d'avant restent en vigueur, la cause est dans le journal. / " +
			"The settings do not do; those before stay in use, the cause is in the log."
	}
	next.password, next.directoryPassword, next.providerSecret = a.settings.password, a.settings.directoryPassword, a.settings.providerSecret
	if err := a.choices.Read(next.from(), a.settings.now()); err != nil {
		a.log.Error("settings not taken over; those before stay in use", "error", err)
		return "Les réglages ne conviennent pas ; ceux d'avant restent en vigueur, la cause est dans le journal. / " +
			"The settings do not do; those before stay in use, the cause is in the log."
	}
	restart, err := a.reload(a.settings.now())
	switch {
	case err != nil:
		return "Réglages relus, mais pas le certificat ; celui d'avant reste en vigueur. / Settings read again, but not the certificate; the one before stays in use."
	case len(restart) > 0:
		return fmt.Sprintf("Réglages relus. Demandent un redémarrage : %[1]s. / Settings read again. Need a restart: %[1]s.", strings.Join(restart, ", "))
	}
	return "Réglages relus. / Settings read again."
}

// reload takes over what can change while people meet, and returns the settings that need a restart. The files of the certificate are
// read again as well; other files need a restart, because the process is confined to the directories that it had at the start. After
// an error of the certificate's the one before stays in use.
func (a *Appliance) reload(now time.Time) (restart []string, err error) {
	restart = a.choices.NeedsRestart()
	if a.settings.level != nil {
		a.settings.level.Set(a.choices.InForce().LogLevel)
	}
	err = a.refresh(now)
	a.log.Info("settings read again", "need a restart", restart)
	return restart, err
}
