// Program flood measures what a flood from somebody who is in no call costs those who are.
//
// The media plane (media/transport, composed as the appliance does) runs as a process of its own on one processor, with a call on
// it: one who sends, some who receive. Another process sends datagrams to its port from another address: STUN checks that name the
// sender's true ufrag and have a wrong password, ClientHellos, SRTP with the sender's SSRC, random octets. The program says what
// that does to the call: processor time, delay, loss, whether somebody was cut or moved, memory and goroutines. It ships nowhere.
//
//	go run ./bench/flood [-rate 100000] [-receivers 20] [-for 8s] [-kinds stun,hello,srtp,random]
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var (
	role      = flag.String("role", "", "what a child process is: server or flooder")
	rate      = flag.Int("rate", 100_000, "datagrams a second of the flood")
	receivers = flag.Int("receivers", 20, "how many receive")
	packets   = flag.Int("packets", 250, "packets a second of the sender, of 1,100 octets each")
	window    = flag.Duration("for", 8*time.Second, "how long each measurement takes")
	kinds     = flag.String("kinds", "stun,hello,srtp,random", "kinds of floods, measured one after the other")
	spoilt    = flag.String("target", "", "of the flooder: address, ufrag and SSRC, with spaces between")
)

func main() {
	flag.Parse()
	var err error
	switch *role {
	case "server":
		err = serve(os.Stdin, os.Stdout)
	case "flooder":
		err = flood(*kinds, *spoilt, *rate, os.Stdin, os.Stdout)
	default:
		err = run(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "flood:", err)
		os.Exit(1)
	}
}

// pin keeps the process on one processor, the last for 1. With a single processor there is nothing to choose.
func pin(processor int) error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return err
	}
	var usable []int
	for i := range 1024 {
		if set.IsSet(i) {
			usable = append(usable, i)
		}
	}
	if len(usable) < 2 {
		return nil
	}
	at := usable[0]
	if processor > 0 {
		at = usable[len(usable)-1]
	}
	set.Zero()
	set.Set(at)
	// All threads of the runtime that exist by now; those to come take it from these.
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		var id int
		if _, err := fmt.Sscan(task.Name(), &id); err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// child is this program in another role. It says one line of JSON when it is ready, and ends when its input does.
type child struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(ready any, arguments ...string) (*child, error) {
	c := &child{Cmd: exec.Command("/proc/self/exe", arguments...)}
	c.Stderr = os.Stderr
	var err error
	if c.in, err = c.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	if err := c.Start(); err != nil {
		return nil, err
	}
	if err := c.said(ready); err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

func (c *child) said(v any) error {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(c.Args[1:], " "), err)
	}
	return json.Unmarshal(line, v)
}

func (c *child) end() {
	c.in.Close()
	_ = c.Wait() // what it had to say, it said
}

// sample is the call over one window.
type sample struct {
	kind           string
	took           time.Duration
	flood, dropped uint64 // datagrams that were sent; of all that arrived, those that the kernel dropped: no room, or a filter
	good           uint64 // forwarded packets
	cpu            time.Duration
	call           callSample
	usage          usage // at its end
}

func run(out io.Writer) error {
	if err := pin(1); err != nil {
		return err
	}
	var at ready
	server, err := start(&at, "-role", "server")
	if err != nil {
		return err
	}
	defer server.end()
	c, err := newCall(at, *receivers)
	if err != nil {
		return err
	}
	defer c.close()
	c.send(*packets)
	time.Sleep(2 * time.Second) // the first key frame, the first reports

	var samples []sample
	for _, kind := range append(append([]string{"none"}, strings.Split(*kinds, ",")...), "none") {
		s, err := measure(c, at, kind)
		if err != nil {
			return err
		}
		samples = append(samples, s)
	}
	return write(out, samples)
}

func measure(c *call, at ready, kind string) (sample, error) {
	s := sample{kind: kind}
	var f *child
	if kind != "none" {
		var ok bool
		var err error
		if f, err = start(&ok, "-role", "flooder", "-kinds", kind, "-rate", fmt.Sprint(*rate), "-target", c.target()); err != nil {
			return s, err
		}
		defer f.end()
		time.Sleep(500 * time.Millisecond)
	}
	var first sent
	before, err := c.usage()
	if err == nil && f != nil {
		err = f.count(&first)
	}
	if err != nil {
		return s, err
	}
	began, dropped := time.Now(), socketDrops(at.Port)
	c.reset()
	time.Sleep(*window)
	s.call = c.sample()
	var last sent
	s.usage, err = c.usage()
	if err == nil && f != nil {
		err = f.count(&last)
	}
	s.took = time.Since(began)
	s.flood, s.dropped = last.Datagrams-first.Datagrams, socketDrops(at.Port)-dropped
	s.good = s.usage.Forwarded - before.Forwarded
	s.cpu = s.usage.CPU - before.CPU
	return s, err
}

// count asks a flooder how much it has sent.
func (c *child) count(to *sent) error {
	if _, err := io.WriteString(c.in, "\n"); err != nil {
		return err
	}
	return c.said(to)
}

func write(out io.Writer, samples []sample) error {
	micros := func(d time.Duration, n uint64) float64 { return float64(d.Nanoseconds()) / 1000 / float64(max(n, 1)) }
	quiet := samples[0]
	fmt.Fprintf(out, "%d receivers, %d packets a second from the sender, %v a measurement; flood of %d datagrams a second\n\n", *receivers, *packets, *window, *rate)
	fmt.Fprintln(out, "| flood | datagrams/s | not read | forwarded/s | processor | µs / forwarded | µs / packet of any kind that arrived | µs / bad packet | delay p50 / p99 | media lost | cut, moved | heap, goroutines |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, s := range samples {
		seconds := s.took.Seconds()
		in := uint64(float64(*packets)*seconds) + s.flood - min(s.dropped, s.flood)
		bad := "–"
		if s.flood > 0 {
			spent := s.cpu - time.Duration(float64(quiet.cpu)*float64(s.good)/float64(max(quiet.good, 1)))
			bad = fmt.Sprintf("%.2f", micros(spent, s.flood))
		}
		fmt.Fprintf(out, "| %s | %.0f | %.2f %% | %.0f | %.1f %% | %.2f | %.2f | %s | %.2f / %.2f ms | %.2f %% | %d, %d | %.1f MiB, %d |\n", s.kind,
			float64(s.flood)/seconds, 100*float64(s.dropped)/float64(max(in+s.dropped, 1)), float64(s.good)/seconds, 100*s.cpu.Seconds()/seconds,
			micros(s.cpu, s.good), micros(s.cpu, in+s.good), bad, s.call.median, s.call.high, 100*s.call.lost, s.usage.Failed, s.usage.Moved,
			float64(s.usage.Heap)/(1<<20), s.usage.Goroutines)
	}
	return nil
}
