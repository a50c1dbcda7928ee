// Command room measures one room of an appliance with real keys: it starts the program that ships, lets native participants
// (package client) join a sealed call of it over loopback, and says how long they take, how long a new key takes after
// somebody has left, and what the server needs for it.
//
//	go run ./bench/room [--binary FILE] [--sizes 2,20,100,300] [--storm 100] [--play 4] [--camera BITS] [--out DIR]
//
// A join is timed from the start of the participant, who is signed in already as a person at a browser is, to the first
// frame that it has opened: WebSocket, knock, a host's admission, commit, Welcome, two WebRTC connections (one where nothing
// is played), SFrame. Participants and server share the machine, so the largest rooms say what the machine carries, not
// what the server could.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Result is one room, or one storm.
type Result struct {
	People  int     `json:"people"`
	Playing int     `json:"playing"`
	Camera  int     `json:"cameraBitsPerSecond,omitempty"` // a full room: everybody's, beside 40 kbit/s of sound
	Storm   bool    `json:"storm"`
	Spread  float64 `json:"spreadSeconds"` // over which the joins began
	Came    int     `json:"came"`          // those who opened a frame
	Failed  int     `json:"failed"`
	Why     string  `json:"why,omitempty"` // the first failure

	Join50 float64 `json:"joinP50Ms"`
	Join95 float64 `json:"joinP95Ms"`
	Member float64 `json:"memberP95Ms"` // to being a member of the group

	Rekey     float64 `json:"rekeyMs"`     // from a leave to the last member's new epoch; the middle of three
	RekeyHear float64 `json:"rekeyHearMs"` // and to the last receiver's first frame under the new key

	ServerCPU float64 `json:"serverCPUPercent"` // of one processor, while nobody comes or goes
	PeakCPU   float64 `json:"serverCPUJoining"` // while all joined
	ServerMem float64 `json:"serverMiB"`
	// Of a machine elsewhere, all of it: what its network costs is nobody's process's.
	Machine    float64 `json:"machineCPUPercent,omitempty"` // of all its processors
	MachineMem float64 `json:"machineMiB,omitempty"`
	ClientsCPU float64 `json:"participantsCPUPercent"` // of all participants together, while nobody comes or goes
	ClientsOwn float64 `json:"participantsCPUJoining"` // while all joined
	ClientsMem float64 `json:"participantsMiB"`

	// Of a full room. What arrived at all participants, in packets a second; what all lines together carried, up and
	// down; the server's processor time for each packet that arrived.
	Packets   float64 `json:"packetsPerSecond,omitempty"`
	Lost      float64 `json:"lostPerSecond,omitempty"`
	Megabits  float64 `json:"megabitsPerSecond,omitempty"`
	PerPacket float64 `json:"serverMicrosecondsPerPacket,omitempty"`

	// Waited is how long the server's threads waited for a processor for each second that they had one, while all joined: above
	// one, the machine and its other programs are what was measured.
	Waited float64 `json:"serverWaitedPerSecond"`
}

// Report is what is written.
type Report struct {
	Date       string   `json:"date"`
	Processors int      `json:"processors"`
	Load       string   `json:"loadBefore"` // 1, 5 and 15 minutes: other programs take processor time from what is measured
	Go         string   `json:"go"`
	Results    []Result `json:"results"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "room:", err)
		os.Exit(1)
	}
}

func run() error {
	binary := flag.String("binary", "build/huisclos-room", "the program that is measured")
	sizes := flag.String("sizes", "2,20,100,300", "people in a room, one room after the other; 5:150000 is a full one with another -camera")
	storm := flag.Int("storm", 100, "people who come in 10 s; 0: none")
	play := flag.Int("play", 4, "how many of them play sound, five frames a second")
	out := flag.String("out", "build/bench", "where room.json and room.svg are written")
	camera := flag.Int("camera", 0, "a full room: everybody sends a picture of so many bits a second and real-time sound; in a network namespace of its own (unshare --net) traffic is counted too")
	at := flag.String("at", "", "an appliance that runs elsewhere and has no administrator yet: https://host[:port]")
	code := flag.String("code", "", "its set-up code")
	ask := flag.String("ask", "", "a shell command that prints /proc/PID/stat and /proc/PID/status of its process, /proc/stat and /proc/meminfo")
	sound := flag.String("sound", "client/tape/testdata/tones.ogg", "what is played")
	gap := flag.Duration("gap", 250*time.Millisecond, "between two joins")
	only := flag.Bool("calibrate", false, "no room: what a datagram and its sealing cost on this machine")
	redraw := flag.Bool("redraw", false, "measure nothing: draw room.json again")
	flag.Parse()
	if *only {
		return calibrate()
	}
	if *redraw {
		var r Report
		text, err := os.ReadFile(filepath.Join(*out, "room.json"))
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err != nil {
			return err
		}
		return write(*out, r)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	load, _ := os.ReadFile("/proc/loadavg")
	report := Report{Date: time.Now().UTC().Format("2006-01-02 15:04"), Processors: runtime.NumCPU(), Load: strings.Join(strings.Fields(string(load))[:3], " "), Go: runtime.Version()}
	frames, err := clip(*sound)
	if err != nil {
		return err
	}
	start := func(ctx context.Context) (*server, error) { return startServer(ctx, *binary) }
	if *at != "" {
		s, err := elsewhere(ctx, *at, *code, *ask)
		if err != nil {
			return err
		}
		start = func(context.Context) (*server, error) { return s, nil }
	}
	one := func(n, camera int, spread time.Duration, isStorm bool) error {
		r, err := measure(ctx, start, n, *play, camera, spread, frames)
		if err != nil {
			return err
		}
		r.Storm = isStorm
		report.Results = append(report.Results, r)
		print(r)
		return write(*out, report)
	}
	fmt.Println(heading)
	for _, text := range strings.Split(*sizes, ",") {
		people, rate, full := strings.Cut(text, ":")
		n, err := strconv.Atoi(people)
		bits := *camera
		if err == nil && full {
			bits, err = strconv.Atoi(rate)
		}
		if err != nil || n < 2 || bits < 0 {
			return fmt.Errorf("a room of %q", text)
		}
		if err := one(n, bits, time.Duration(n-1)*(*gap), false); err != nil {
			return fmt.Errorf("%d people: %w", n, err)
		}
	}
	if *storm > 0 {
		if err := one(*storm, *camera, 10*time.Second, true); err != nil {
			return fmt.Errorf("storm of %d: %w", *storm, err)
		}
	}
	return nil
}

const heading = "people  playing  came  join p50  join p95  member p95  re-key  heard again   server CPU (joining)   server    participants CPU (joining), memory   server waited"

func print(r Result) {
	name := fmt.Sprint(r.People)
	if r.Storm {
		name += "*"
	}
	fmt.Printf("%6s  %7d  %4d  %5.0f ms  %5.0f ms  %7.0f ms  %3.0f ms  %8.0f ms  %6.0f %% (%4.0f %%)  %4.0f MiB   %4.0f %% (%4.0f %%), %5.0f MiB   %5.1f×", name, r.Playing, r.Came, r.Join50, r.Join95,
		r.Member, r.Rekey, r.RekeyHear, r.ServerCPU, r.PeakCPU, r.ServerMem, r.ClientsCPU, r.ClientsOwn, r.ClientsMem, r.Waited)
	if r.Camera > 0 {
		fmt.Printf("   %.0f packets/s (%.0f lost), %.2f µs each, %.1f Mbit/s", r.Packets, r.Lost, r.PerPacket, r.Megabits)
	}
	if r.MachineMem > 0 {
		fmt.Printf("   the machine: %.0f %%, %.0f MiB", r.Machine, r.MachineMem)
	}
	if r.Failed > 0 {
		fmt.Printf("   %d did not come: %s", r.Failed, r.Why)
	}
	fmt.Println()
}

func write(dir string, r Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "room.json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "room.svg"), []byte(draw(r)), 0o644)
}
