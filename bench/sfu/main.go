// Sfu measures what forwarding media costs: our media plane, the floor (a bare loop that does the same fan-out) and, where their
// programs are found, other SFUs, all under the same clients, in one run, in one table. docs/measurements.md says what is measured and
// how.
//
//	sfu [-short] [-json FILE] [-scenarios REGEXP] [-servers plane,floor,…] [-repeat N] [-window 8s] …
//
// Servers run on one processor and the generator on another, in a network namespace of their own. The programs plane and floor are
// looked for beside this one, others on PATH.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"huisclos/bench/sfu/contender"
	"huisclos/bench/sfu/load"
)

type options struct {
	short     bool
	json      string
	scenarios *regexp.Regexp
	servers   []string
	repeat    int
	window    time.Duration
	shared    bool
	inner     bool
	server    int // processors
	generator int
	sockets   int
	profiles  string
	programs  string // where plane and floor are
	realtime  bool
	held      bool // servers hold a meeting first, and it is over
	verbose   bool
}

func (o options) place(cpu int) contender.Place {
	return contender.Place{CPU: cpu, RealTime: o.realtime}
}

func main() {
	o, err := parse()
	if err == nil {
		if o.inner {
			err = measure(o)
		} else {
			err = enter(o)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sfu:", err)
		os.Exit(1)
	}
}

func parse() (o options, err error) {
	flag.BoolVar(&o.short, "short", false, "a smoke test of a minute: N = 10 and 5×5")
	flag.StringVar(&o.json, "json", "", "write all results to this file as well")
	scenarios := flag.String("scenarios", "", "only scenarios whose name has a match of this expression")
	servers := flag.String("servers", "", "only these, in this order (default: plane, floor, and what is found of livekit, galene and mediasoup)")
	flag.IntVar(&o.repeat, "repeat", 1, "play everything so often, interleaved; the table has the medians")
	flag.DurationVar(&o.window, "window", 0, "how long each scenario is counted (default 8s, 3s with -short)")
	flag.BoolVar(&o.shared, "shared", false, "stay in this network namespace")
	flag.BoolVar(&o.inner, "inner", false, "internal: already in the namespace")
	flag.IntVar(&o.server, "server-cpu", 0, "the processor that servers run on")
	flag.IntVar(&o.generator, "generator-cpu", 1, "the processor that the generator runs on")
	flag.IntVar(&o.sockets, "sockets", 1, "UDP sockets of our plane")
	flag.StringVar(&o.profiles, "profiles", "", "write CPU and heap profiles of our plane into this folder")
	flag.BoolVar(&o.realtime, "realtime", false, "run servers and generator before all other programs, on a machine that is not this run's alone (root)")
	flag.BoolVar(&o.held, "held", false, "servers hold a meeting of ten first, which is over and given back before memory is looked at: what a process takes once is told apart")
	flag.BoolVar(&o.verbose, "v", false, "show what servers log")
	flag.Parse()
	if o.scenarios, err = regexp.Compile(*scenarios); err != nil {
		return o, err
	}
	if *servers != "" {
		o.servers = strings.Split(*servers, ",")
	}
	if o.window == 0 {
		o.window = 8 * time.Second
		if o.short {
			o.window = 3 * time.Second
		}
	}
	if runtime.NumCPU() < 2 && !o.inner { // inner sees the one that it runs on
		o.server, o.generator = -1, -1
	}
	self, err := os.Executable()
	o.programs = filepath.Dir(self)
	return o, err
}

// enter runs this program again on its processor and in a network namespace that holds nothing but the run, so that the kernel's counts
// of it are ours and nobody else hears the traffic.
func enter(o options) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.Command(self, append([]string{"-inner"}, os.Args[1:]...)...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	if !o.shared {
		command.SysProcAttr = contender.OwnNetwork()
	}
	if err := o.place(o.generator).Start(command.Start); err != nil {
		if !o.shared {
			return fmt.Errorf("%w (-shared stays in this network namespace)", err)
		}
		return err
	}
	return command.Wait()
}

func measure(o options) error {
	// Two threads on one processor: the one that sends never waits for one that receives to let it go.
	runtime.GOMAXPROCS(2)
	debug.SetGCPercent(400)
	if !o.shared {
		if err := network(); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	b := bench{options: o, costs: map[string]float64{}, full: map[string]float64{}}
	if err := b.find(); err != nil {
		return err
	}
	b.head()
	for round := range o.repeat {
		b.round = uint64(round)
		for _, s := range scenarios(o) {
			for _, name := range b.names {
				if err := b.play(ctx, s, name); err != nil {
					return err
				}
			}
		}
	}
	b.table()
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(b.outcomes, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(text, '\n'), 0o644)
}

// row is a scenario of the table.
type row struct {
	load.Scenario
	half bool // half of what the server's processor carries in this scenario
}

func scenarios(o options) (rows []row) {
	add := func(s load.Scenario, half bool) {
		s.Meetings, s.Window, s.Warmup = max(s.Meetings, 1), o.window, 6*time.Second // servers find out first what a line carries
		if s.Rate == 0 {
			s.Rate = 1
		}
		if o.scenarios.MatchString(s.Name) {
			rows = append(rows, row{s, half})
		}
	}
	fan := func(n int, arrival load.Arrival, feedback bool) {
		add(load.Scenario{Name: fmt.Sprintf("1→%d %s%s", n, arrival, suffix(feedback)), Publishers: 1, Receivers: n, Arrival: arrival, Feedback: feedback}, false)
	}
	mesh := func(k int, arrival load.Arrival, feedback bool, rate float64) {
		name := fmt.Sprintf("%d×%d %s%s", k, k, arrival, suffix(feedback))
		if rate != 1 {
			name += fmt.Sprintf(" at %g of the rate", rate)
		}
		add(load.Scenario{Name: name, Mesh: k, Arrival: arrival, Feedback: feedback, Rate: rate}, false)
	}
	if o.short {
		fan(10, load.Burst, false)
		mesh(5, load.Spaced, true, 1)
		return rows
	}
	for _, n := range []int{10, 50, 100, 200} {
		fan(n, load.Burst, false)
	}
	fan(100, load.Spaced, false)
	fan(100, load.Spaced, true)
	mesh(10, load.Burst, false, 1)
	mesh(10, load.Spaced, false, 1)
	mesh(10, load.Spaced, true, 1)
	// What a meeting costs beside the first, whose peers share what the server has once.
	add(load.Scenario{Name: meetings, Meetings: 5, Mesh: 10, Arrival: load.Burst}, false)
	mesh(25, load.Burst, false, 0.4)
	add(load.Scenario{Name: largeMeetings, Meetings: 2, Mesh: 25, Arrival: load.Burst, Rate: 0.4}, false)
	add(load.Scenario{Name: "half load, 10×10 burst", Mesh: 10, Arrival: load.Burst}, true)
	add(load.Scenario{Name: "half load, 25×25 burst", Mesh: 25, Arrival: load.Burst}, true)
	add(load.Scenario{Name: "half load, 1→200 burst", Publishers: 1, Receivers: 200, Arrival: load.Burst}, true)
	return rows
}

// The rows that say what a further peer costs.
const (
	meeting       = "10×10 burst"
	meetings      = "5 times 10×10 burst"
	largeMeeting  = "25×25 burst at 0.4 of the rate"
	largeMeetings = "2 times 25×25 burst at 0.4 of the rate"
)

func suffix(feedback bool) string {
	if feedback {
		return " +feedback"
	}
	return ""
}

type bench struct {
	options
	names    []string
	costs    map[string]float64 // microseconds of each server's last meeting of 10
	full     map[string]float64 // packets a second that fill the plane's processor, by row, for the floor
	outcomes []outcome
	round    uint64 // of -repeat: servers of one round play the same phases
}

type outcome struct {
	Server string
	load.Result
	Row    string
	Failed string `json:",omitempty"`
	// Full is the rate that this row is half of, and how it was found; zero in other rows.
	Full capacity
}

// server is a contender that was started for one scenario.
type server interface {
	load.Contender
	PIDs() []int
	Err() error
	Close() error
}

func (b *bench) play(ctx context.Context, s row, name string) error {
	out := outcome{Server: name, Row: s.Name}
	scenario := s.Scenario
	var err error
	if s.half {
		if out.Full, err = b.capacity(ctx, s, name); err == nil {
			scenario = sized(scenario, out.Full.Rate/2)
		}
	}
	if err == nil {
		out.Result, err = b.once(ctx, scenario, s.Name, name)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		out.Failed = err.Error()
	} else if strings.HasPrefix(s.Name, "10×10 burst") {
		b.costs[name] = out.PerPacket
	}
	out.Row = s.Name
	b.outcomes = append(b.outcomes, out)
	b.line(out)
	return nil
}

// How long the meeting before is held, and how long a server then has to give back what it took (hardening.TendHeap looks each two
// seconds, and lets ten pass between).
const (
	heldFor = 5 * time.Second
	restFor = 25 * time.Second
)

// once starts a server, plays a scenario on it and ends it.
func (b *bench) once(ctx context.Context, s load.Scenario, row, name string) (load.Result, error) {
	under, err := b.start(name, row)
	if err != nil {
		return load.Result{}, err
	}
	time.Sleep(300 * time.Millisecond) // it is idle by then
	s.Phases = b.round
	on := load.Under{Contender: under, PIDs: under.PIDs(), On: b.options.server}
	var former load.Result
	if _, bare := under.(load.Bare); b.held && !bare {
		former, err = load.Run(ctx, load.Scenario{Name: "the meeting before", Meetings: 1, Mesh: 10, Arrival: load.Burst, Rate: 1, Warmup: heldFor, Window: time.Second}, on)
		time.Sleep(restFor)
	}
	var r load.Result
	if err == nil {
		r, err = load.Run(ctx, s, on)
	}
	if former.Idle != 0 {
		r.Kept = r.Idle - former.Idle
	}
	if err == nil {
		err = under.Err()
	}
	if ended := under.Close(); err == nil {
		err = ended
	}
	return r, err
}
