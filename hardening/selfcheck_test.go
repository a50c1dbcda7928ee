package hardening

import (
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// lay writes files below a directory.
func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	top := t.TempDir()
	for name, text := range files {
		path := filepath.Join(top, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return top
}

func find(t *testing.T, r Report, name string) Line {
	t.Helper()
	i := slices.IndexFunc(r, func(l Line) bool { return l.Name == name })
	if i < 0 {
		t.Fatalf("no line %s", name)
	}
	return r[i]
}

func TestProcessLinesHoldForEveryThread(t *testing.T) {
	const good = "Name:\thuisclos\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"
	for name, c := range map[string]struct {
		threads                        map[string]string
		privileges, filter, capability State
	}{
		"all in force": {map[string]string{"1": good, "2": good}, OK, OK, OK},
		"one thread is not": {map[string]string{"1": good, "2": "CapEff:\t0000000000000400\nNoNewPrivs:\t0\nSeccomp:\t0\n"},
			Missing, Missing, Missing},
		"an old kernel": {map[string]string{"1": "CapEff:\t0000000000000000\n"}, Unknown, Unknown, OK},
		"hidden":        {nil, Unknown, Unknown, Unknown},
	} {
		files := map[string]string{}
		for id, text := range c.threads {
			files["self/task/"+id+"/status"] = text
		}
		r := SelfCheck(Options{Proc: lay(t, files), Sys: t.TempDir()})
		for line, want := range map[string]State{"no-new-privileges": c.privileges, "seccomp": c.filter, "no-capabilities": c.capability} {
			if got := find(t, r, line); got.State != want {
				t.Errorf("%s: %s is %s, want %s", name, line, got.State, want)
			}
		}
	}
}

func TestMachineLines(t *testing.T) {
	proc := lay(t, map[string]string{"sys/kernel/kptr_restrict": "1\n", "sys/kernel/dmesg_restrict": "0\n", "sys/kernel/yama/ptrace_scope": "words\n",
		"sys/net/mptcp/enabled": "1\n"})
	r := Machine(proc)
	for name, want := range map[string]State{"kernel.kptr_restrict": OK, "kernel.dmesg_restrict": Missing, "kernel.yama.ptrace_scope": Unknown,
		"net.mptcp.enabled": Missing, "kernel.kexec_load_disabled": Unknown, "random": OK} {
		if got := find(t, r, name); got.State != want || got.Advice != (name != "random") {
			t.Errorf("%s is %+v, want %s", name, got, want)
		}
	}
	if l := find(t, r, "kernel.dmesg_restrict"); !strings.Contains(l.Do.FR, "kernel.dmesg_restrict = 1") || !strings.Contains(l.Do.EN, "kernel.dmesg_restrict = 1") {
		t.Errorf("what to do: %+v", l.Do)
	}
}

// TestEveryLineHasSentences: an auditor and an administrator read each line in their language.
func TestEveryLineHasSentences(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range []Options{{Proc: "/proc", Sys: "/sys"}, {Proc: t.TempDir(), Sys: t.TempDir()}} {
		for _, l := range SelfCheck(o) {
			seen[l.Name] = true
			for which, s := range map[string]Text{"detail": l.Detail, "why": l.Why, "do": l.Do} {
				if !strings.HasSuffix(s.FR, ".") || !strings.HasSuffix(s.EN, ".") || s.FR == s.EN && which != "detail" {
					t.Errorf("%s: %s is %+v", l.Name, which, s)
				}
			}
		}
	}
	for _, name := range []string{"no-new-privileges", "not-dumpable", "no-core-dump", "landlock", "seccomp", "no-capabilities", "plain-tcp", "not-root", "no-network",
		"memory-limit", "no-swap", "random", "kernel.kptr_restrict", "kernel.yama.ptrace_scope", "kernel.unprivileged_bpf_disabled",
		"kernel.dmesg_restrict", "kernel.kexec_load_disabled"} {
		if !seen[name] {
			t.Errorf("no line %s", name)
		}
	}
}

func TestMPTCPIsSeen(t *testing.T) {
	listen := func(multipath bool) *net.TCPListener {
		var c net.ListenConfig
		c.SetMultipathTCP(multipath)
		l, err := c.Listen(t.Context(), "tcp", "127.0.0.1:0")
		must(t, err)
		t.Cleanup(func() { _ = l.Close() })
		return l.(*net.TCPListener)
	}
	check := func(l ...syscall.Conn) State {
		return find(t, SelfCheck(Options{Proc: t.TempDir(), Sys: t.TempDir(), Listeners: l}), "plain-tcp").State
	}
	tcp, multi := listen(false), listen(true)
	if got := check(tcp); got != OK {
		t.Errorf("TCP: %s", got)
	}
	if got := check(); got != Unknown {
		t.Errorf("nothing to look at: %s", got)
	}
	if p, err := Protocol(multi); err == nil && p != syscall.IPPROTO_TCP && check(tcp, multi) != Missing {
		t.Error("MPTCP is not seen")
	}
}

func TestCollectEarly(t *testing.T) {
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	for said, want := range map[string]int{"300": 100, "": collectBusy} { // GOGC itself was read at the start
		t.Setenv("GOGC", said)
		debug.SetGCPercent(100)
		CollectEarly()
		if got := debug.SetGCPercent(100); got != want {
			t.Errorf("GOGC=%q: %d %%", said, got)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	proc := lay(t, map[string]string{"self/cgroup": "1:name=old:/x\n0::/system.slice/huisclos.service\n"})
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
		fails bool
	}{
		"the unit's":                  {map[string]string{"system.slice/huisclos.service/memory.max": "1000000000\n", "system.slice/memory.max": "max\n"}, 900000000, false},
		"the slice's is lower":        {map[string]string{"system.slice/huisclos.service/memory.max": "max\n", "system.slice/memory.max": "500000000\n"}, 450000000, false},
		"none":                        {map[string]string{"system.slice/huisclos.service/memory.max": "max\n"}, 0, false},
		"not a number":                {map[string]string{"system.slice/huisclos.service/memory.max": "much\n"}, 0, true},
		"control groups of version 1": {map[string]string{}, 0, false},
	} {
		debug.SetMemoryLimit(math.MaxInt64)
		files := map[string]string{}
		for k, v := range c.files {
			files["fs/cgroup/"+k] = v
		}
		got, err := LimitMemory(proc, lay(t, files))
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %d, %v", name, got, err)
		}
		if set := debug.SetMemoryLimit(-1); c.want > 0 && set != c.want {
			t.Errorf("%s: the collector keeps %d", name, set)
		}
	}
	debug.SetMemoryLimit(math.MaxInt64)
	t.Setenv("GOMEMLIMIT", "1GiB")
	if got, err := LimitMemory(proc, lay(t, map[string]string{"fs/cgroup/system.slice/memory.max": "5\n"})); got != 0 || err != nil || debug.SetMemoryLimit(-1) != math.MaxInt64 {
		t.Errorf("over GOMEMLIMIT: %d, %v", got, err)
	}
	outside := lay(t, map[string]string{"self/cgroup": "0::/../../x\n"}) // a group outside of this namespace
	if _, err := LimitMemory(outside, lay(t, map[string]string{"fs/memory.max": "5"})); err != nil {
		t.Error(err)
	}
}

func TestSwap(t *testing.T) {
	const header = "Filename\tType\tSize\tUsed\tPriority\n"
	group := map[string]string{"self/cgroup": "0::/a/b\n", "swaps": header + "/dev/vda2 partition 1 0 -2\n"}
	for name, c := range map[string]struct {
		proc, sys map[string]string
		want      State
	}{
		"a swap disk":        {group, nil, Missing},
		"closed to the unit": {group, map[string]string{"fs/cgroup/a/b/memory.swap.max": "0\n"}, OK},
		"closed above":       {group, map[string]string{"fs/cgroup/a/memory.swap.max": "0\n", "fs/cgroup/a/b/memory.swap.max": "max\n"}, OK},
		"no swap":            {map[string]string{"swaps": header}, nil, OK},
		"hidden":             {nil, nil, Unknown},
		"locked":             {map[string]string{"swaps": group["swaps"], "self/status": "VmLck:\t  900 kB\nVmRSS:\t  400 kB\n"}, nil, OK},
		"locked in part":     {map[string]string{"swaps": group["swaps"], "self/status": "VmLck:\t  300 kB\nVmRSS:\t  400 kB\n"}, nil, Missing},
	} {
		if got := find(t, SelfCheck(Options{Proc: lay(t, c.proc), Sys: lay(t, c.sys)}), "no-swap").State; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestNetwork(t *testing.T) {
	const header, lo, eth = "Inter-|   Receive\n face |bytes\n", "    lo:       0       0\n", "  eth0: 1234 5\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  State
	}{
		"lo alone":      {map[string]string{"self/net/dev": header + lo}, OK},
		"the machine's": {map[string]string{"self/net/dev": header + lo + eth}, Missing},
		"hidden":        {nil, Unknown},
	} {
		if got := find(t, SelfCheck(Options{Proc: lay(t, c.files), Sys: t.TempDir()}), "no-network").State; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestOpenRootIsRefused(t *testing.T) {
	for _, p := range []Policy{{Write: []string{"/"}}, {Read: []string{"/usr/.."}}} {
		if err := p.check(); err == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
	if err := (Policy{Write: []string{"/var/lib/x"}, Read: []string{"relative"}}).check(); err != nil {
		t.Error(err)
	}
}
