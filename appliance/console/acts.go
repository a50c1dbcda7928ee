package console

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"huisclos/appliance/control"
)

const (
	maxRequest = 4 << 10
	maxAnswer  = 256 << 10
)

// patience is how long an act may take; each has a shorter limit of its own.
var patience = map[string]time.Duration{"update": 31 * time.Minute, "restore": 121 * time.Minute, "backup": 121 * time.Minute,
	"administrator": 121 * time.Minute, "factory-reset": 11 * time.Minute}

// refused is the code with which an act said no.
type refused string

func (r refused) Error() string { return "refused: " + string(r) }

// act asks for one act: lines key=value and a last line "end", so that a request that was cut short is known. The act's
// text goes to out as it comes; its last line is its verdict.
func (c *Console) act(name string, out io.Writer, lines ...string) error {
	request := strings.Join(append(slices.Clone(lines), "end"), "\n") + "\n"
	if len(request) > maxRequest {
		return refused("too-long")
	}
	conn, err := c.Dial(name)
	if err != nil {
		return refused("unavailable")
	}
	defer conn.Close()
	limit := 4 * time.Minute
	if l, ok := patience[name]; ok {
		limit = l
	}
	_ = conn.SetDeadline(time.Now().Add(limit)) // a socket takes every deadline
	// Where the act is busy, systemd closes the connection at once: reading says so.
	_, _ = io.WriteString(conn, request)
	if w, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite()
	}
	last, some := "", false
	answers := bufio.NewScanner(io.LimitReader(conn, maxAnswer))
	answers.Buffer(nil, maxAnswer)
	for answers.Scan() {
		if some {
			fmt.Fprintln(out, last)
		}
		last, some = printable(answers.Text()), true
	}
	switch code, isError := strings.CutPrefix(last, "error "); {
	case last == "ok":
		return nil
	case isError:
		return refused(code)
	case some:
		fmt.Fprintln(out, last)
		return refused("cut")
	}
	var timeout net.Error
	if errors.As(answers.Err(), &timeout) && timeout.Timeout() {
		return refused("cut")
	}
	return refused("busy")
}

// printable takes out what could steer a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r != ' ' && !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ReplaceAll(s, "\t", "    "))
}

// answer is what the acts status and setup-code print: the appliance's own answer on its control socket.
type answer struct {
	Code   string          `json:"code"`
	Status *control.Status `json:"status"`
}

// ask asks the appliance, through an act that runs as the appliance's user: its control socket is for nobody else.
func (c *Console) ask(name string) (answer, error) {
	var text strings.Builder
	var a answer
	if err := c.act(name, &text); err != nil {
		return a, err
	}
	if err := json.Unmarshal([]byte(text.String()), &a); err != nil || a.Status == nil {
		return a, refused("not-running")
	}
	return a, nil
}
