//go:build linux && (amd64 || arm64)

package batch

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// cpu is the time that this process had on processors, in the program and in the kernel: on a machine that does other things
// as well it says more than the clock.
func cpu() int64 {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return r.Utime.Nano() + r.Stime.Nano()
}

// BenchmarkSend sends runs of six packets of 1,100 octets to a hundred destinations, from the arena or, one by one, through
// net. What the loopback does to deliver is in each figure, as it is the sender's time there.
func BenchmarkSend(b *testing.B) {
	const size, inRun, destinations = 1100, 6, 100
	var to []netip.AddrPort
	for range destinations {
		udp, _ := listen(b, "udp4", "127.0.0.1:0")
		udp.SetReadBuffer(4096) // nobody reads: what does not fit is dropped by the kernel
		to = append(to, local(udp))
	}
	report := func(b *testing.B, since int64) {
		n := float64(b.N * inRun * destinations)
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/packet")
		b.ReportMetric(float64(cpu()-since)/n, "cpu-ns/packet")
	}
	b.Run("WriteToUDPAddrPort", func(b *testing.B) {
		udp, _ := listen(b, "udp4", "127.0.0.1:0")
		data := make([]byte, size)
		b.ReportAllocs()
		since := cpu()
		for b.Loop() {
			for _, dst := range to {
				for range inRun {
					if _, err := udp.WriteToUDPAddrPort(data, dst); err != nil {
						b.Fatal(err)
					}
				}
			}
		}
		report(b, since)
	})
	for _, segments := range []bool{false, true} {
		name := "sendmmsg"
		if segments {
			name = "UDP_SEGMENT"
		}
		b.Run(name, func(b *testing.B) {
			_, c := listen(b, "udp4", "127.0.0.1:0")
			if !segments {
				c.DisableSegments()
			} else if !c.Segments() {
				b.Skip("this kernel has no UDP_SEGMENT")
			}
			w := c.NewWriter(DefaultArena)
			b.ReportAllocs()
			since := cpu()
			for b.Loop() {
				for _, dst := range to {
					for range inRun {
						w.Queue(dst, w.Reserve(size))
					}
				}
				if err := w.Flush(); err != nil {
					b.Fatal(err)
				}
			}
			report(b, since)
		})
	}
}

// BenchmarkReceive sends a run of 24 and reads it, so that both ends are in the figure.
func BenchmarkReceive(b *testing.B) {
	const size, inRun = 1100, 24
	for _, coalesces := range []bool{false, true} {
		name := "recvmmsg"
		if coalesces {
			name = "UDP_GRO"
		}
		b.Run(name, func(b *testing.B) {
			_, c := listen(b, "udp4", "127.0.0.1:0")
			udp, conn := listen(b, "udp4", "127.0.0.1:0")
			r, w, to := reader(b, conn), c.NewWriter(0), local(udp)
			if !coalesces {
				setGRO(b, conn, 0)
			}
			b.ReportAllocs()
			for b.Loop() {
				for range inRun {
					w.Queue(to, w.Reserve(size))
				}
				if err := w.Flush(); err != nil {
					b.Fatal(err)
				}
				for n := 0; n < inRun; {
					packets, err := r.Read()
					if err != nil {
						b.Fatal(err)
					}
					n += len(packets)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*inRun), "ns/packet")
		})
	}
}
