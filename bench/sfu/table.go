package main

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// head says what is about to run, and where.
func (b *bench) head() {
	place := "a network namespace of its own"
	if b.shared {
		place = "this machine's loopback"
	}
	where := func(cpu int) string {
		if cpu < 0 {
			return "any processor (there is one)"
		}
		return fmt.Sprintf("processor %d", cpu)
	}
	if b.realtime {
		place += ", with real-time priority"
	}
	fmt.Printf("%s, %s/%s; servers on %s, generator on %s, in %s; %s are counted, %d time(s)\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		where(b.options.server), where(b.generator), place, b.window, b.repeat)
}

// line shows a result at once.
func (b *bench) line(o outcome) {
	if o.Failed != "" {
		fmt.Fprintf(os.Stderr, "%-28s %-8s failed: %s\n", o.Row, o.Server, o.Failed)
		return
	}
	fmt.Fprintf(os.Stderr, "%-28s %-8s %6.2f µs/packet, busy %3.0f %%, delay %.2f / %.2f ms, loss %.2f %%, generator %3.0f %%\n", o.Row, o.Server, o.PerPacket, 100*o.Busy,
		ms(o.DelayP50), ms(o.DelayP99), 100*o.Loss, 100*o.GeneratorBusy)
	for _, doubt := range o.doubts() {
		fmt.Fprintf(os.Stderr, "%-28s %-8s   %s\n", "", "", doubt)
	}
}

// doubts are what makes a result less than it seems.
func (o outcome) doubts() (all []string) {
	add := func(is bool, format string, args ...any) {
		if is {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	add(o.GeneratorDrops > 0, "clients' sockets dropped %d packets", o.GeneratorDrops)
	add(o.ServerDrops > 0, "the server's sockets dropped %d packets", o.ServerDrops)
	add(o.GeneratorBusy > 0.9, "the generator is at its limit")
	add(o.Others > 0.1, "other programs used %.0f %% of the server's processor", 100*o.Others)
	add(o.GeneratorLate > 5*time.Millisecond, "1 %% of the packets were sent more than %v late", o.GeneratorLate.Round(time.Millisecond))
	add(o.Wrong > 0 || o.BadPackets > 0, "%d opened packets are not what was sent, %d packets are no use", o.Wrong, o.BadPackets)
	add(o.Full.Generator > generatorMax && o.Full.Busy < probeEnough, "its limit was extrapolated from %.0f %% busy, where the generator was at its own", 100*o.Full.Busy)
	add(o.NACKs > 0 && o.Repairs == 0, "nothing was repaired")
	return all
}

// median is the outcome of a row and server in the middle of its repetitions by cost.
func (b *bench) median(row, server string) (outcome, bool) {
	var of []outcome
	for _, o := range b.outcomes {
		if o.Row == row && o.Server == server && o.Failed == "" {
			of = append(of, o)
		}
	}
	if len(of) == 0 {
		return outcome{}, false
	}
	slices.SortFunc(of, func(a, b outcome) int { return compare(a.PerPacket, b.PerPacket) })
	return of[len(of)/2], true
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (b *bench) rows() (names []string) {
	for _, o := range b.outcomes {
		if !slices.Contains(names, o.Row) {
			names = append(names, o.Row)
		}
	}
	return names
}

func (b *bench) table() {
	fmt.Print("\nProcessor time of the server for each packet that arrived (µs, total and user), growth of its memory for each receiving peer,\n" +
		"delay of forwarding, loss; how much of its processor the server used, and other programs, and of its own the generator.\n\n")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "scenario\tserver\tµs\tuser µs\tKiB\tp50 ms\tp99 ms\tloss %\tpackets/s\tbusy %\tothers %\tgen. %\tNACK\trepairs\testimate\tdrops s/g")
	for _, name := range b.rows() {
		for _, server := range b.names {
			o, ok := b.median(name, server)
			if !ok {
				fmt.Fprintf(w, "%s\t%s\tfailed\n", name, server)
				continue
			}
			feedback := "–"
			switch {
			case o.TransportCC:
				feedback = fmt.Sprint(o.Feedbacks, " twcc")
			case o.REMB:
				feedback = fmt.Sprint(o.Feedbacks, " remb")
			}
			fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%.0f\t%.2f\t%.2f\t%.2f\t%.0f\t%.0f\t%.0f\t%.0f\t%d\t%d\t%s\t%d/%d\n", name, server, o.PerPacket, o.PerUser, o.Memory/1024,
				ms(o.DelayP50), ms(o.DelayP99), 100*o.Loss, float64(o.Media)/o.Window.Seconds(), 100*o.Busy, 100*o.Others, 100*o.GeneratorBusy, o.NACKs, o.Repairs, feedback,
				o.ServerDrops, o.GeneratorDrops)
		}
	}
	w.Flush()
	b.further()
	b.memory()
	b.ratios()
}

// further shows what a peer costs beside those with whom it shares what a server has once: several meetings against one.
func (b *bench) further() {
	for _, server := range b.names {
		for _, rows := range [][2]string{{meeting, meetings}, {largeMeeting, largeMeetings}} {
			one, ok := b.median(rows[0], server)
			more, also := b.median(rows[1], server)
			if ok && also && more.Receivers > one.Receivers {
				fmt.Printf("\n%s: each peer of %s beyond the first %d costs %.0f KiB.\n", server, rows[0], one.Receivers, perFurther(one, more)/1024)
			}
		}
	}
}

// perFurther is the growth for each peer that the second has more than the first, in octets.
func perFurther(few, many outcome) float64 {
	grown := func(o outcome) float64 { return o.Memory * float64(o.Receivers) }
	return (grown(many) - grown(few)) / float64(many.Receivers-few.Receivers)
}

// memory shows what the servers that can say so use their memory for.
func (b *bench) memory() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	any := false
	for _, name := range b.rows() {
		for _, server := range b.names {
			o, ok := b.median(name, server)
			if !ok || len(o.MemoryClasses) == 0 {
				continue
			}
			if !any {
				fmt.Fprint(w, "\nWhat its memory is, in KiB: growth, pages of the program among it; then all of the process, as Go's runtime sees it.\n\n")
				any = true
			}
			fmt.Fprintf(w, "%s\t%s\tidle %d\tof it the meeting before %d\tgrowth %.0f\tof files %.0f", name, server, o.Idle>>10, o.Kept>>10,
				o.Memory*float64(o.Receivers)/1024, o.MemoryFile*float64(o.Receivers)/1024)
			for _, class := range slices.Sorted(maps.Keys(o.MemoryClasses)) {
				fmt.Fprintf(w, "\t%s %d", class, o.MemoryClasses[class]>>10)
			}
			fmt.Fprintln(w)
		}
	}
	w.Flush()
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// ratios of our plane to each other server, in the same scenario and run.
func (b *bench) ratios() {
	others := slices.DeleteFunc(slices.Clone(b.names), func(n string) bool { return n == "plane" })
	if len(others) == len(b.names) || len(others) == 0 {
		return
	}
	fmt.Print("\nOur plane ÷ the other, total and user time; its memory ÷ the other's.\n\n")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "scenario")
	for _, other := range others {
		fmt.Fprintf(w, "\t÷ %s\tuser\tmemory", other)
	}
	fmt.Fprintln(w)
	for _, name := range b.rows() {
		own, ok := b.median(name, "plane")
		if !ok {
			continue
		}
		cells := []string{name}
		for _, other := range others {
			o, ok := b.median(name, other)
			if !ok {
				cells = append(cells, "–", "–", "–")
				continue
			}
			cells = append(cells, ratio(own.PerPacket, o.PerPacket), ratio(own.PerUser, o.PerUser), ratio(own.Memory, o.Memory))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	w.Flush()
}

func ratio(a, b float64) string {
	if b <= 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", a/b)
}
