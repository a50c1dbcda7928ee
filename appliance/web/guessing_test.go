package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// How often somebody without a session may try each secret at its route: so many at once, then these waits. What else bounds the
// secret itself, whoever asks, is accounts' (TestLimitsOfEverySecret, TestCodeIsGuessedFiveTimes).
func TestTriesAtEveryDoor(t *testing.T) {
	// ASVS 6.3.1
	s := newScene(t)
	wrong := strings.Repeat("A", 43)
	asked := map[string]any{"token": wrong, "email": "gus@example.net", "language": "fr"}
	typed := map[string]any{"token": wrong, "email": "gus@example.net", "code": "12345678"}
	whole := map[string]any{"token": wrong, "email": "gus@example.net", "code": "12345678", "name": "Gus Gast", "passphrase": "tilleul comète rapide 58"}
	for _, c := range []struct {
		name, path string
		body       map[string]any
		waits      []int // s
	}{
		{"passphrase", "/api/login", map[string]any{"email": "marie@example.org", "passphrase": "not this passphrase"}, []int{4, 8, 16, 32, 64, 128, 256, 512, 900, 900}},
		{"activation link", "/api/activation", map[string]any{"token": wrong}, []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900}},
		{"activation, to its end", "/api/activate", map[string]any{"token": wrong, "passphrase": "tilleul comète rapide 58"}, []int{2, 4, 8, 16, 32, 64, 64, 128, 256, 512, 900, 900}},
		{"invitation link", "/api/invitation", map[string]any{"token": wrong}, []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900}},
		{"invitation, for a code", "/api/invitation/code", asked, []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900}},
		{"invitation, with a code", "/api/invitation/confirm", typed, []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900}},
		{"invitation, to its end", "/api/invitation/accept", whole, []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900}},
	} {
		s.advance(48 * time.Hour)
		b := s.browser()
		b.token()
		try := func() answer { return b.do("POST", c.path, c.body) }
		for range freeTries {
			if a := try(); a.status == http.StatusTooManyRequests || a.status < 400 {
				t.Errorf("%s: %d %s within %d tries", c.name, a.status, a.body, freeTries)
			}
		}
		var waits []int
		for range c.waits {
			a, waited := try(), 0
			expect(t, c.name, a, http.StatusTooManyRequests, "too-many")
			// Two counters may stand before a secret, and the first answers for itself.
			for a.status == http.StatusTooManyRequests {
				wait, err := strconv.Atoi(a.header.Get("Retry-After"))
				must(t, err)
				waited += wait
				s.advance(time.Duration(wait) * time.Second)
				a = try()
			}
			waits = append(waits, waited)
		}
		if !slices.Equal(waits, c.waits) {
			t.Errorf("%s: waits of %d s, want %d", c.name, waits, c.waits)
		}
	}
}

// A calendar's address is asked for by programs that cannot wait for a counter: 256 bits, and no more requests than anybody
// without a session may make.
func TestCalendarAddressesAreTriedAtTheRateOfAll(t *testing.T) {
	// ASVS 6.3.1
	s := newScene(t)
	s.advance(time.Hour)
	b := s.browser()
	tried, limited := 0, 0
	for range unsignedBurst + 50 {
		switch a := b.do("GET", "/api/calendar/"+strings.Repeat("A", 43)+".ics", nil); a.status {
		case http.StatusNotFound:
			tried++
		case http.StatusTooManyRequests:
			limited++
		default:
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if tried > unsignedBurst || limited < 50 {
		t.Errorf("%d addresses were looked up at once, %d refused, want at most %d", tried, limited, unsignedBurst)
	}
	s.advance(time.Second)
	again := 0
	for range 2 * unsignedPerSecond {
		if b.do("GET", "/api/calendar/x.ics", nil).status == http.StatusNotFound {
			again++
		}
	}
	if again != unsignedPerSecond {
		t.Errorf("%d a second later, want %d", again, unsignedPerSecond)
	}
}
