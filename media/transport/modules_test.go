package transport

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The versions below which pion has published advisories that touch us, and the
// majors that never got the fixes (CVE-2026-26014, CVE-2026-54908, CVE-2026-54909).
func TestModuleGraph(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	least := map[string][3]int{"github.com/pion/dtls/v3": {3, 1, 4}, "github.com/pion/stun/v3": {3, 1, 5}}
	required := regexp.MustCompile(`(?m)^\s*(?:require )?(github\.com/pion/\S+) v(\d+)\.(\d+)\.(\d+)`)
	seen := 0
	for _, m := range required.FindAllStringSubmatch(string(mod), -1) {
		want, ok := least[m[1]]
		if !ok {
			continue
		}
		seen++
		for i := range want {
			have, err := strconv.Atoi(m[2+i])
			if err != nil {
				t.Fatal(err)
			}
			if have > want[i] {
				break
			}
			if have < want[i] {
				t.Errorf("%s is below %v", m[0], want)
				break
			}
		}
	}
	if seen == 0 {
		t.Fatal("go.mod requires none of the modules that this test is about")
	}
	for _, banned := range []string{"github.com/pion/webrtc/v3 ", "github.com/pion/webrtc ", "github.com/pion/dtls/v2 ", "github.com/pion/dtls ",
		"github.com/pion/srtp/v2 ", "github.com/pion/ice/v2 ", "github.com/pion/ice/v3 ", "github.com/pion/stun ", "github.com/pion/stun/v2 "} {
		if strings.Contains(string(mod), banned) {
			t.Errorf("%sis in the module graph", banned)
		}
		// go.sum also holds go.mod files of what was considered and not taken.
		for line := range strings.Lines(string(sum)) {
			if strings.HasPrefix(line, banned) && !strings.Contains(line, "/go.mod ") {
				t.Errorf("%sis built in: %s", banned, line)
			}
		}
	}
}
