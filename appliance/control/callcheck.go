package control

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// measureFor is how long a test call is measured; maxMeasure leaves time for the joins before its room goes.
const (
	measureFor = 10 * time.Second
	maxMeasure = 90 * time.Second
)

// TestCall is what a test call is placed with.
type TestCall struct {
	Canary
	Host string // host and port, as people type them
	For  time.Duration
}

// CallReport is what a test call has shown. Times are in milliseconds.
type CallReport struct {
	Join       []float64 `json:"joinMs"`       // from the start to being a member, of each
	FirstFrame []float64 `json:"firstFrameMs"` // from the start to the first frame that opened
	Delay50    float64   `json:"delayP50Ms"`   // from before a frame is sealed to after it is opened
	Delay99    float64   `json:"delayP99Ms"`
	Frames     int       `json:"frames"` // opened, of both
	Lost       int       `json:"lost"`   // packets that never came, of both
	Loss       float64   `json:"loss"`   // their share of all packets
	SameWords  bool      `json:"sameWords"`
	Transport  []string  `json:"transport"` // udp or tcp, of each
}

// A CallFailure is why a test call failed, as a sentence.
type CallFailure struct {
	FR, EN string
	Err    error
}

func (f *CallFailure) Error() string {
	if f.Err == nil {
		return f.EN
	}
	return f.Err.Error()
}

func (f *CallFailure) Unwrap() error { return f.Err }

// CheckCall places a sealed call of two through the running appliance, by place. Exit codes: 0 it went well, 1 it did
// not, 2 the command line was not understood.
func CheckCall(ctx context.Context, args []string, stdout, stderr io.Writer, place func(context.Context, TestCall) (CallReport, error)) int {
	var at string
	lasts := measureFor
	p, operands, err := locateWith("check call", args, packaged, func(f *flag.FlagSet) {
		f.StringVar(&at, "at", "", "")
		f.DurationVar(&lasts, "for", measureFor, "")
	})
	if err == nil && len(operands) > 0 {
		err = fmt.Errorf("%w: unexpected %q", errUsage, operands[0])
	}
	if err == nil && (lasts <= 0 || lasts > maxMeasure) {
		err = fmt.Errorf("%w: --for is at most %v", errUsage, maxMeasure)
	}
	if err == nil {
		err = p.err
	}
	if err != nil {
		explain(stderr, "check call", p, err)
		return 2
	}
	a, err := put(p.ControlPath(), question{Act: actCanary})
	if err == nil && a.Canary == nil {
		err = errors.New("control: no test call")
	}
	if err != nil {
		explain(stderr, "check call", p, err)
		return 1
	}
	defer func() { _, _ = put(p.ControlPath(), question{Act: actEndCanary, Room: a.Canary.Room}) }() // it ends by itself otherwise
	report, err := place(ctx, TestCall{*a.Canary, hostFor(at, p.Listen, a.Canary.Port), lasts})
	if p.json {
		said := struct {
			OK    bool   `json:"ok"`
			Error string `json:"error,omitempty"`
			CallReport
		}{err == nil, "", report}
		if err != nil {
			said.Error = err.Error()
		}
		_ = json.NewEncoder(stdout).Encode(said)
	} else {
		showCall(stdout, report)
	}
	if err == nil {
		return 0
	}
	var f *CallFailure
	if errors.As(err, &f) {
		fmt.Fprintf(stderr, "huisclos : %s\nhuisclos: %s\n", f.FR, f.EN)
		if f.Err != nil {
			fmt.Fprintf(stderr, "  (%v)\n", f.Err)
		}
	} else {
		fmt.Fprintf(stderr, "huisclos : l'appel d'essai n'a pas abouti.\nhuisclos: the test call came to nothing.\n  (%v)\n", err)
	}
	return 1
}

// hostFor is what to type: what was given, the one address that is listened on, or localhost.
func hostFor(at, listen string, port int) string {
	if at != "" {
		if _, _, err := net.SplitHostPort(at); err == nil {
			return at
		}
		return net.JoinHostPort(at, strconv.Itoa(port))
	}
	host, _, err := net.SplitHostPort(listen)
	if ip, bad := netip.ParseAddr(host); err != nil || bad != nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

func showCall(w io.Writer, r CallReport) {
	list := func(of []float64) string {
		text := ""
		for i, v := range of {
			if i > 0 {
				text += ", "
			}
			text += fmt.Sprintf("%.0f", v)
		}
		return text + " ms"
	}
	if len(r.Join) == 0 {
		return
	}
	rows(w, [3]string{"Entrée dans l'appel", "Join", list(r.Join)}, [3]string{"Premières données", "First frame", list(r.FirstFrame)},
		[3]string{"Délai, médiane", "Delay, median", fmt.Sprintf("%.1f ms", r.Delay50)}, [3]string{"Délai, 99 %", "Delay, 99 %", fmt.Sprintf("%.1f ms", r.Delay99)},
		[3]string{"Données ouvertes", "Frames opened", strconv.Itoa(r.Frames)}, [3]string{"Paquets perdus", "Packets lost", fmt.Sprintf("%d (%.2f %%)", r.Lost, 100*r.Loss)},
		[3]string{"Mêmes mots", "Same words", map[bool]string{true: "oui / yes", false: "NON / NO"}[r.SameWords]},
		[3]string{"Transport", "Transport", fmt.Sprint(r.Transport)})
}
