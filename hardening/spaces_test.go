package hardening

import (
	"errors"
	"testing"
)

// Each line is seen both ways, and what can't be read is never taken for good.
func TestNamespacesAndCrashes(t *testing.T) {
	for _, c := range []struct {
		line, file, text string
		want             State
	}{
		{"own-users", "self/uid_map", "         0          0          1\n       998        998          1\n", OK},
		{"own-users", "self/uid_map", "         0          0 4294967295\n", Missing},
		{"own-users", "self/uid_map", "\n", Unknown},
		{"own-users", "", "", Unknown},
		{"read-only-system", "self/mountinfo", "21 1 254:1 / / ro,relatime shared:1 - ext4 /dev/vda1 rw\n", OK},
		{"read-only-system", "self/mountinfo", "21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 ro\n", Missing},
		{"read-only-system", "self/mountinfo", "21 1 254:1 / / rw - ext4 /dev/vda1 rw\n30 21 254:1 / / ro,nosuid - ext4 /dev/vda1 rw\n40 30 0:5 / /proc rw - proc proc rw\n", OK},
		{"read-only-system", "self/mountinfo", "40 30 0:5 / /proc ro - proc proc rw\n", Unknown},
		{"read-only-system", "", "", Unknown},
		{"kernel.core_pattern", "sys/kernel/core_pattern", "core\n", OK},
		{"kernel.core_pattern", "sys/kernel/core_pattern", "|/bin/false\n", OK},
		{"kernel.core_pattern", "sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump %P %u %g\n", Missing},
		{"kernel.core_pattern", "sys/kernel/core_pattern", "|/bin/false-not\n", Missing},
		{"kernel.core_pattern", "", "", Unknown},
	} {
		files := map[string]string{}
		if c.file != "" {
			files[c.file] = c.text
		}
		if got := find(t, SelfCheck(Options{Proc: lay(t, files), Sys: t.TempDir()}), c.line); got.State != c.want || !got.Advice {
			t.Errorf("%s of %q is %s, want %s", c.line, c.text, got.State, c.want)
		}
	}
}

func TestSwapThatIsEncrypted(t *testing.T) {
	const header = "Filename\tType\tSize\tUsed\tPriority\n"
	crypt, plain := "CRYPT-PLAIN-swap\n", "LVM-abc\n"
	for name, c := range map[string]struct {
		swaps string
		sys   map[string]string
		want  State
	}{
		"dm-crypt":                {"/dev/dm-0 partition 1 0 -2\n", map[string]string{"devices/virtual/block/dm-0/dm/uuid": crypt}, OK},
		"LVM":                     {"/dev/dm-0 partition 1 0 -2\n", map[string]string{"devices/virtual/block/dm-0/dm/uuid": plain}, Missing},
		"one of two":              {"/dev/dm-0 partition 1 0 -2\n/dev/vda2 partition 1 0 -3\n", map[string]string{"devices/virtual/block/dm-0/dm/uuid": crypt}, Missing},
		"not to be read":          {"/dev/dm-0 partition 1 0 -2\n", nil, Missing},
		"zram":                    {"/dev/zram0 partition 1 0 100\n", map[string]string{"devices/virtual/block/zram0/backing_dev": "none\n"}, OK},
		"zram with a disk behind": {"/dev/zram0 partition 1 0 100\n", map[string]string{"devices/virtual/block/zram0/backing_dev": "/dev/vda3\n"}, Missing},
		"a file":                  {"/swap.img file 1 0 -2\n", nil, Missing},
	} {
		if got := find(t, SelfCheck(Options{Proc: lay(t, map[string]string{"swaps": header + c.swaps}), Sys: lay(t, c.sys)}), "no-swap"); got.State != c.want {
			t.Errorf("%s: %s (%s), want %s", name, got.State, got.Detail.EN, c.want)
		}
	}
}

func TestClockKept(t *testing.T) {
	for _, c := range []struct {
		state int
		err   error
		want  State
	}{{0, nil, OK}, {1, nil, OK}, {timeError, nil, Missing}, {-1, errors.New("not permitted"), Unknown}} {
		if got := clockKept(c.state, c.err); got.State != c.want {
			t.Errorf("%d, %v: %s, want %s", c.state, c.err, got.State, c.want)
		}
	}
}
