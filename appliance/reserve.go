package appliance

import (
	"fmt"
	"strconv"
	"time"

	"huisclos/audit"
	"huisclos/hardening"
)

const (
	// reserved is held for the moment at which the disk is full: more than ten thousand entries of the audit log.
	reserved = 16 << 20
	// reserveEvery is how often is looked whether it can be held again.
	reserveEvery = time.Minute
)

// whenFull records that the disk is full. What was being done then has failed, and was not done.
func (a *Appliance) whenFull(now func() time.Time) func(octets int64) {
	return func(octets int64) { a.full(octets, now()) }
}

func (a *Appliance) full(octets int64, now time.Time) {
	a.log.Error("the disk is full: what was being written is not done; what was held in reserve is given up, so that the audit log goes on", "octets", octets)
	err := audit.New(a.db).Write(audit.Event{Time: now, Actor: audit.ActorSystem, Action: audit.DiskFull, Result: audit.Failed, Detail: map[string]string{"free": strconv.FormatInt(octets, 10)}})
	if err != nil {
		a.log.Error("not in the audit log", "error", err)
	}
}

// tendReserve holds the reserve again once there is room for it.
func (a *Appliance) tendReserve(now time.Time) {
	made, err := a.db.Replenish()
	if err != nil {
		a.log.Error("nothing is held in reserve for a full disk", "error", err)
	}
	if !made {
		return
	}
	a.log.Info("there is room on the disk again; the reserve is held as before", "octets", int64(reserved))
	if err := a.trail.Write(audit.Event{Time: now, Actor: audit.ActorSystem, Action: audit.DiskBack, Detail: map[string]string{"reserved": strconv.Itoa(reserved)}}); err != nil {
		a.log.Error("not in the audit log", "error", err)
	}
}

// reserveLine is what the self-check says of it.
func (a *Appliance) reserveLine() hardening.Line {
	l := hardening.Line{Name: "disk-reserve", State: hardening.OK, Detail: hardening.Text{FR: fmt.Sprintf("%d Mio sont réservés au journal d'audit.", reserved>>20), EN: fmt.Sprintf("%d MiB are held for the audit log.", reserved>>20)},
		Why: hardening.Text{FR: "Sur un disque plein, ce qui ne peut pas être consigné ne se fait pas : la réserve laisse au journal de quoi le dire.", EN: "On a full disk, what can't be recorded is not done: the reserve leaves the log room to say so."},
		Do:  hardening.Text{FR: "Libérez de la place : la réserve se refait seule.", EN: "Free some space: the reserve is made again by itself."}}
	if a.db.Reserved() != reserved {
		l.State = hardening.Missing
		l.Detail = hardening.Text{FR: "rien n'est réservé au journal d'audit : le disque est plein, ou l'a été.", EN: "nothing is held for the audit log: the disk is full, or was."}
	}
	return l
}
