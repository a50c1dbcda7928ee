package forwarding

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"huisclos/audit"
)

const (
	// facility is "log audit" (RFC 5424 §6.2.1, table 1).
	facility = 13
	// program is APP-NAME (§6.2.5).
	program = "huisclos"
	// dataID names our structured data. 32473 is the enterprise number of documents (RFC 5612): the product has none of its own.
	dataID = "huisclos@32473"
	// maxMessageID is the length of MSGID (§6.2.7).
	maxMessageID = 32
)

// severity of a result (RFC 5424 §6.2.1, table 2).
func severity(r audit.Result) int {
	switch r {
	case audit.Refused:
		return 4 // warning
	case audit.Failed:
		return 3 // error
	}
	return 5 // notice
}

// message is an entry in the form of RFC 5424 §6, without a line's end.
func (c *Collector) message(e audit.Entry, line []byte) []byte {
	b := c.header(severity(e.Result), e.Time, string(e.Action))
	if c.Format == CEF {
		return audit.AppendCEF(append(b, "- "...), e, c.Version)
	}
	client := ""
	if e.Client.IsValid() {
		client = e.Client.Unmap().WithZone("").String()
	}
	b = append(b, '[')
	b = append(b, dataID...)
	for _, p := range [][2]string{{"sequence", strconv.FormatUint(e.Sequence, 10)}, {"action", string(e.Action)}, {"result", string(e.Result)}, {"actor", e.Actor}, {"client", client},
		{"object", e.Object}, {"hash", e.Hash.String()}, {"version", c.Version}} {
		if p[1] != "" {
			b = append(b, ' ')
			b = append(append(b, p[0]...), `="`...)
			b = append(append(b, value.Replace(p[1])...), '"')
		}
	}
	b = append(b, "] "...)
	// Without a byte order mark (§6.4, MSG-ANY): so the octets of a message are those that the entry's hash is made of.
	return append(b, line...)
}

// value escapes what ends a value of structured data (RFC 5424 §6.3.3). Control characters would split a line at collectors that keep
// one message a line.
var value = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`, "\n", " ", "\r", " ", "\x00", " ")

func (c *Collector) header(severity int, t time.Time, id string) []byte {
	from := c.From
	if from == "" {
		from = "-"
	}
	// TIME-SECFRAC has 6 digits at most (§6.2.3).
	return fmt.Appendf(nil, "<%d>1 %s %s %s - %s ", facility*8+severity, t.UTC().Format("2006-01-02T15:04:05.000000Z07:00"), printable(from, 255), program, printable(id, maxMessageID))
}

// printable is what may stand in the header: visible ASCII, up to so many octets.
func printable(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}

// trial is a message that is no entry.
func (c *Collector) trial() []byte {
	b := c.header(6, c.Now(), "test") // informational
	if c.Format == CEF {
		return append(b, "- CEF:0|Huis Clos|huisclos|"+strings.NewReplacer(`\`, `\\`, "|", `\|`).Replace(c.Version)+"|test|test|0|msg=Huis Clos sends a test; this is no entry of the audit log."...)
	}
	return append(b, "["+dataID+` action="test" version="`+value.Replace(c.Version)+`"] Huis Clos sends a test; this is no entry of the audit log.`...)
}

// frame puts a message behind its length (RFC 5425 §4.3).
func frame(message []byte) []byte {
	return append(append(strconv.AppendInt(nil, int64(len(message)), 10), ' '), message...)
}
