package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

const accountHelp = ` export E-MAIL

Écrit, en JSON, tout ce qui est gardé d'une personne : pour répondre à une demande d'accès (RGPD, articles 15 et 20) de qui ne peut pas
la télécharger soi-même. Aucun secret n'y figure. Le journal d'audit le dit ; la personne en est avertie par courriel.
Writes, as JSON, everything that is kept of a person: to answer a request for access (GDPR, articles 15 and 20) of somebody who cannot
download it themselves. No secret is in it. The audit log says so; the person is told by mail.

  sudo huisclos account export zoe@example.org > zoe.json

huisclos account export E-MAIL`

// ErrNoExport says that no account has an address. What it wraps is the appliance's reason.
var ErrNoExport = errors.New("control: nobody to export")

// Account answers for a person whose data it is: "account export" prints what is kept of them.
func Account(_ context.Context, args []string, stdout, stderr io.Writer) int {
	email, rest := "", args
	known := len(args) > 0 && args[0] == "export"
	if known {
		rest = args[1:]
		if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
			email, rest = rest[0], rest[1:]
		}
	} else if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		rest = nil
	}
	p, err := locate("account", rest, packaged)
	if err == nil && email == "" {
		err = fmt.Errorf("%w: account export, and whose e-mail address?", errUsage)
	}
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(stdout, "huisclos account%s [options]\n%s", accountHelp, places)
		return 0
	}
	p.json = false // it is JSON in any case, and the person's alone
	return talkTo(p, err, "account", accountHelp, question{Act: actExport, Email: email}, stdout, stderr, func(a answer) {
		var b bytes.Buffer
		if json.Indent(&b, a.Export, "", "  ") != nil {
			return
		}
		b.WriteByte('\n')
		_, _ = stdout.Write(b.Bytes())
	})
}
