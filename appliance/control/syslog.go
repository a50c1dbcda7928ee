package control

import (
	"context"
	"fmt"
	"io"
	"time"

	"huisclos/hardening"
)

// Forwarding is how the audit log's way to its collector is doing.
type Forwarding struct {
	Collector string         `json:"collector"`
	Sequence  uint64         `json:"sequence"`           // the last entry that the collector has confirmed
	Confirmed time.Time      `json:"confirmed,omitzero"` // when it did
	Waiting   uint64         `json:"waiting"`
	Failing   time.Time      `json:"failing,omitzero"`
	Step      hardening.Text `json:"step,omitzero"`
	Detail    string         `json:"detail,omitempty"`
}

// CheckSyslog is CheckDirectory of the collector of the audit log, which gets a test message.
func CheckSyslog(_ context.Context, args []string, stdout, stderr io.Writer) int {
	return checkOne("check syslog", actSyslog, args, stdout, stderr)
}

// forwardingRows are what status says of it.
func forwardingRows(f *Forwarding) (list [][3]string) {
	if f == nil {
		return nil
	}
	sent := "—"
	if f.Sequence > 0 {
		sent = fmt.Sprintf("%d (%s)", f.Sequence, f.Confirmed.Local().Format(time.DateTime))
	}
	list = append(list, [3]string{"Journal d'audit envoyé à", "Audit log forwarded to", f.Collector}, [3]string{"Dernière entrée confirmée", "Last entry confirmed", sent},
		[3]string{"Entrées en attente", "Entries waiting", fmt.Sprint(f.Waiting)})
	if !f.Failing.IsZero() {
		list = append(list, [3]string{"Envoi en panne depuis", "Forwarding failing since", f.Failing.Local().Format(time.DateTime)},
			[3]string{"", "", f.Step.FR}, [3]string{"", "", f.Step.EN}, [3]string{"", "", f.Detail})
	}
	return list
}
