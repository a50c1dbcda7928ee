package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
)

// ErrNoExport says that no account has an address. What it wraps is the appliance's reason.
var ErrNoExport = errors.New("control: nobody to export")

// ExportAccount prints, as JSON, what is kept of the person whose address it is given.
func ExportAccount(_ context.Context, args []string, stdout, stderr io.Writer) int {
	p, email, err := whose("account export", args)
	p.json = false // it is JSON in any case, and the person's alone
	return talkTo(p, err, "account export", question{Act: actExport, Email: email}, stdout, stderr, func(a answer) {
		var b bytes.Buffer
		if json.Indent(&b, a.Export, "", "  ") != nil {
			return
		}
		b.WriteByte('\n')
		_, _ = stdout.Write(b.Bytes())
	})
}
