package hardening

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Locking is for the whole process and for ever, so the test does it in another one.
func TestLockMemory(t *testing.T) {
	if want := os.Getenv("LOCK_MEMORY"); want != "" {
		locked, err := LockMemory()
		if err != nil || locked != (want == "yes") {
			t.Fatalf("locked %v, %v; want %s", locked, err, want)
		}
		// The heap grows and is given back under it.
		for range 20 {
			_ = make([]byte, 16<<20)
		}
		o := Options{Proc: "/proc", Sys: t.TempDir()}
		if all := o.kilobytes("VmLck") >= o.kilobytes("VmRSS"); all != locked {
			t.Errorf("locked %v, but the kernel says %d of %d kB", locked, o.kilobytes("VmLck"), o.kilobytes("VmRSS"))
		}
		if locked && find(t, SelfCheck(o), "no-swap").State != OK {
			t.Error("the self-check doesn't see it")
		}
		return
	}
	for want, limit := range map[string]uint64{"yes": unix.RLIM_INFINITY, "no": 1 << 20} {
		t.Run(want, func(t *testing.T) {
			var was unix.Rlimit
			must(t, unix.Getrlimit(unix.RLIMIT_MEMLOCK, &was))
			if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: limit, Max: max(limit, was.Max)}); err != nil {
				t.Skip("raising the limit takes a privilege")
			}
			defer func() { must(t, unix.Setrlimit(unix.RLIMIT_MEMLOCK, &was)) }()
			c := exec.Command(os.Args[0], "-test.run=^TestLockMemory$", "-test.v")
			c.Env = append(os.Environ(), "LOCK_MEMORY="+want)
			if said, err := c.CombinedOutput(); err != nil || !strings.Contains(string(said), "PASS") {
				t.Errorf("%v\n%s", err, said)
			}
		})
	}
}
