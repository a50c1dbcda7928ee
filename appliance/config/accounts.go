package config

import (
	"strconv"
	"time"
)

type accountsTable struct {
	DeletionDays *deletionDays `toml:"deletion_days"`
}

type accountsShape struct {
	DeletionDays *int64 `toml:"deletion_days"`
}

func (t accountsTable) apply(s *Settings, said func(key string, is bool) bool) {
	if said("accounts.deletion_days", t.DeletionDays != nil) {
		s.DeletionDelay = time.Duration(t.DeletionDays.value) * 24 * time.Hour
	}
}

type deletionDays struct{ value int }

// UnmarshalText accepts whole days: without any a deletion could not be taken back, and what is asked to be erased may not be kept for
// long (GDPR art. 17(1): without undue delay).
func (d *deletionDays) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > 90 {
		return reason("accounts.deletion_days: %s is not a number of days from 1 to 90", "accounts.deletion_days : %s n’est pas un nombre de jours de 1 à 90.", text)
	}
	d.value = n
	return nil
}
