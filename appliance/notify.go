package appliance

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"huisclos/hardening"
)

// A notifier tells the service manager how we are (sd_notify(3)). Without one, nobody is told.
type notifier struct {
	conn *net.UnixConn // nil: nobody listens
	// within is the time in which the manager wants a sign of life; 0: it does not.
	within time.Duration
}

func newNotifier(getenv func(string) string, pid int) (notifier, error) {
	path := getenv("NOTIFY_SOCKET")
	if path == "" {
		return notifier{}, nil
	}
	if path[0] != '/' && path[0] != '@' {
		return notifier{}, fmt.Errorf("notify: a socket of the kind %q", path)
	}
	// Connected now: once the process is confined it reaches no socket any more.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return notifier{}, fmt.Errorf("notify: %w", err)
	}
	n := notifier{conn: conn}
	if owner := getenv("WATCHDOG_PID"); owner == "" || owner == strconv.Itoa(pid) { // sd_watchdog_enabled(3)
		if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 && us < int64(time.Hour/time.Microsecond)*24 {
			n.within = time.Duration(us) * time.Microsecond
		}
	}
	return n, nil
}

// say sends assignments. What gets lost is said again at the next sign of life.
func (n notifier) say(assignments ...string) {
	if n.conn == nil {
		return
	}
	_ = n.conn.SetWriteDeadline(time.Now().Add(time.Second)) // a manager that does not read must not hold us
	_, _ = n.conn.Write([]byte(strings.Join(assignments, "\n")))
}

func (n notifier) ready(status string) { n.say("READY=1", "STATUS="+status) }

func (n notifier) reloading() {
	n.say("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", hardening.Monotonic().Microseconds()), "STATUS=Relit les réglages. / Reading the settings again.")
}

func (n notifier) stopping() {
	n.say("STOPPING=1", "STATUS=Arrêt en cours, les participants reviendront. / Stopping, the participants will come back.")
}

func (n notifier) close() {
	if n.conn != nil {
		_ = n.conn.Close()
	}
}
