package meetings

import (
	"time"

	"huisclos/audit"
)

const (
	// auditWaiting bounds the entries that wait while the audit log can't be written: hours of a full house.
	auditWaiting = 16 << 10
	// auditAgain is how soon it is tried again.
	auditAgain = time.Second
)

// writeAudit keeps the disk out of the rooms' goroutines. What can't be written waits, in its order and with its time: what goes on in
// calls meanwhile must not be lost because a disk was full for a while.
func (h *Hall) writeAudit() {
	var waiting []audit.Event
	again := time.NewTicker(auditAgain)
	defer again.Stop()
	lost := func(e audit.Event, err error) {
		h.o.Log.Error("audit entry lost", "action", string(e.Action), "error", err)
	}
	write := func() (err error) {
		for len(waiting) > 0 {
			if err = h.o.Audit.Write(waiting[0]); err != nil {
				return err
			}
			waiting = waiting[1:]
		}
		waiting = nil
		return nil
	}
	for {
		select {
		case e, open := <-h.entries:
			switch {
			case h.o.Audit == nil && open:
				continue
			case h.o.Audit == nil:
				return
			case !open:
				if err := write(); err != nil {
					for _, e := range waiting {
						lost(e, err)
					}
				}
				return
			}
			late := len(waiting) > 0
			if len(waiting) == auditWaiting {
				lost(e, errWaiting)
				continue
			}
			waiting = append(waiting, e)
			if late {
				continue // the ticker tries for all of them
			}
			if err := write(); err != nil {
				h.o.Log.Error("the audit log can't be written; entries of calls wait", "error", err)
			}
		case <-again.C:
			if len(waiting) == 0 {
				continue
			}
			if n := len(waiting); write() == nil {
				h.o.Log.Warn("the audit log can be written again", "entries that waited", n)
			}
		}
	}
}
