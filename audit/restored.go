package audit

import (
	"fmt"
	"strconv"
	"time"

	"huisclos/store"
)

// A Restoration is what is known of a backup that has become the database.
type Restoration struct {
	Time  time.Time // of the restore
	Actor string    // who restored; empty: an operator at the appliance's shell
	// Taken is when the backup was made, Revision the store's revision in it.
	Taken    time.Time
	Revision uint64
	// Former is the head of the log that the backup replaces, where there was one that could be read: what is lost lies between.
	Former Head
}

// Restored writes the entry with which a log goes on after a restore. It is called once, on the database that was put in place and
// brought to today's form, before anything else is recorded in it; when it fails the database is not to be used. The entry names the
// state that the backup had (entries, head) and, where it is known, the one that is lost: so whoever holds a later head or checkpoint
// finds here why it does not fit, and when that became so. The log itself is never shortened otherwise: witnesses refuse a checkpoint
// that does not follow the last one they saw until their keeper accepts this entry (audit witness --accept-restore).
func (l *Log) Restored(r Restoration) error {
	if r.Actor == "" {
		r.Actor = ActorOperator
	}
	return l.db.Update(func(tx *store.Tx) error {
		head, err := readHead(tx)
		if err != nil {
			return err
		}
		detail := map[string]string{"revision": strconv.FormatUint(r.Revision, 10), "entries": strconv.FormatUint(head.Sequence, 10), "head": head.Hash.String()}
		if !r.Taken.IsZero() {
			detail["taken"] = r.Taken.UTC().Format(time.RFC3339)
		}
		if r.Former.Sequence > 0 {
			detail["former-entries"], detail["former-head"] = strconv.FormatUint(r.Former.Sequence, 10), r.Former.Hash.String()
		}
		if err := l.Record(tx, Event{Time: r.Time, Actor: r.Actor, Action: Restored, Detail: detail}); err != nil {
			return fmt.Errorf("audit: the restore is not recorded: %w", err)
		}
		return nil
	})
}
