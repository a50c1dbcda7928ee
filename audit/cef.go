package audit

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// AppendCEF appends an entry in ArcSight's Common Event Format (version 0), on one line. Times are in milliseconds since 1970.
func AppendCEF(b []byte, e Entry, version string) []byte {
	b = append(b, "CEF:0|Huis Clos|huisclos|"...)
	b = append(b, cefHeader.Replace(version)+"|"+cefHeader.Replace(string(e.Action))+"|"+cefHeader.Replace(string(e.Action))+"|"...)
	b = append(b, cefSeverity(e.Result)...)
	b = append(b, '|')
	field := func(name, value string) {
		if value == "" {
			return
		}
		if b[len(b)-1] != '|' {
			b = append(b, ' ')
		}
		b = append(b, name+"="+cefValue.Replace(value)...)
	}
	field("rt", strconv.FormatInt(e.Time.UnixMilli(), 10))
	field("externalId", strconv.FormatUint(e.Sequence, 10))
	field("suid", e.Actor)
	if a := e.Client.Unmap(); a.Is4() {
		field("src", a.String())
	} else if a.IsValid() {
		field("c6a2Label", "Source IPv6 Address")
		field("c6a2", a.WithZone("").String())
	}
	field("act", string(e.Action))
	field("outcome", string(e.Result))
	field("duid", e.Object)
	if len(e.Detail) > 0 {
		// The keys differ from action to action, and CEF has six named fields for all.
		var list []string
		for _, k := range slices.Sorted(maps.Keys(e.Detail)) {
			list = append(list, k+"="+e.Detail[k])
		}
		field("cs1Label", "detail")
		field("cs1", strings.Join(list, "; "))
	}
	field("cs2Label", "hash")
	field("cs2", e.Hash.String())
	return b
}

func cefSeverity(r Result) string {
	switch r {
	case Refused:
		return "5"
	case Failed:
		return "6"
	}
	return "2"
}

// In the header a pipe is escaped, in the extension an equals sign; a line's end is written in the extension only.
var (
	cefHeader = strings.NewReplacer(`\`, `\\`, "|", `\|`, "\n", " ", "\r", " ")
	cefValue  = strings.NewReplacer(`\`, `\\`, "=", `\=`, "\n", `\n`, "\r", `\r`)
)
