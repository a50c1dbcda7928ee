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
	restart, err := a.reload(next, a.settings.now())
	switch {
	case err != nil:
		return "Réglages relus, mais pas le certificat ; celui d'avant reste en vigueur. / Settings read again, but not the certificate; the one before stays in use."
	case len(restart) > 0:
		return fmt.Sprintf("Réglages relus. Demandent un redémarrage : %[1]s. / Settings read again. Need a restart: %[1]s.", strings.Join(restart, ", "))
	}
	return "Réglages relus. / Settings read again."
}

// changesLive says which settings change without a restart. The files of the certificate are read again as well; other
// files need a restart, because the process is confined to the directories that it had at the start.
func changesLive(name string) bool { return name == "log.level" }

// reload takes over what can change while people meet, and returns the settings that need a restart. After an error of
// the certificate's the one before stays in use.
func (a *Appliance) reload(next settings, now time.Time) (restart []string, err error) {
	for _, name := range a.settings.Differences(next.Settings) {
		if !changesLive(name) {
			restart = append(restart, name)
		}
	}
	a.needsRestart.Store(&restart)
	if a.settings.level != nil {
		a.settings.level.Set(next.LogLevel)
	}
	err = a.refresh(now)
	a.log.Info("settings read again", "need a restart", restart)
	return restart, err
}
