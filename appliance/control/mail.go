package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"huisclos/hardening"
)

// CheckMail has the running appliance go the way of a mail, and prints how far it came. With an address it sends a test mail there.
// Exit codes: 0 all is in order, 1 something is not, 2 the command line or the settings were not understood.
func CheckMail(_ context.Context, args []string, stdout, stderr io.Writer) int {
	const name = "check mail"
	to := ""
	p, operands, err := locateWith(name, args, packaged, nil)
	switch n := len(operands); {
	case err != nil:
	case n > 1 || n == 1 && !strings.Contains(operands[0], "@"):
		err = fmt.Errorf("%w: one mail address, or none", errUsage)
	case n == 1:
		to = operands[0]
	}
	if err == nil {
		err = p.err
	}
	if err != nil {
		explain(stderr, name, p, err)
		return 2
	}
	a, err := put(p.ControlPath(), question{Act: actMail, To: to})
	if err == nil && len(a.Report) == 0 {
		err = errors.New("control: the answer says nothing of mail")
	}
	if err != nil {
		explain(stderr, name, p, err)
		return 1
	}
	ok := inOrder(a.Report)
	if p.json {
		_ = json.NewEncoder(stdout).Encode(struct {
			OK    bool             `json:"ok"`
			Lines hardening.Report `json:"lines"`
		}{ok, a.Report})
	} else {
		show(stdout, a.Report)
	}
	if !ok {
		return 1
	}
	return 0
}

// mailRows are what status says of mail.
func mailRows(m *Mail) (list [][3]string) {
	if m == nil {
		return nil
	}
	waiting := fmt.Sprint(m.Waiting)
	if !m.Oldest.IsZero() {
		waiting += " (" + m.Oldest.Local().Format(time.DateTime) + ")"
	}
	list = append(list, [3]string{"Courriels en attente", "Mails waiting", waiting})
	if !m.Sent.IsZero() {
		list = append(list, [3]string{"Dernier courriel remis", "Last mail handed over", m.Sent.Local().Format(time.DateTime)})
	}
	if m.GivenUp > 0 {
		list = append(list, [3]string{"Courriels abandonnés", "Mails given up", fmt.Sprint(m.GivenUp)})
	}
	if !m.Failing.IsZero() {
		list = append(list, [3]string{"Courriel en panne depuis", "Mail failing since", m.Failing.Local().Format(time.DateTime)},
			[3]string{"", "", m.Step.FR}, [3]string{"", "", m.Step.EN}, [3]string{"", "", m.Detail})
	}
	return list
}
