package update

import "strings"

// Compare orders two versions as dpkg does (deb-version(7), without epoch): below 0 when a comes before b. Parts that are no digits and
// numbers take turns; ~ comes before everything, even the end; letters come before other characters.
func Compare(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a = split(a, false)
		y, b = split(b, false)
		if c := compareText(x, y); c != 0 {
			return c
		}
		x, a = split(a, true)
		y, b = split(b, true)
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
	return 0
}

func split(s string, digits bool) (part, rest string) {
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9') == digits {
		n++
	}
	return s[:n], s[n:]
}

func compareText(x, y string) int {
	for i := range max(len(x), len(y)) {
		if c := order(x, i) - order(y, i); c != 0 {
			return c
		}
	}
	return 0
}

func order(s string, i int) int {
	if i >= len(s) {
		return 0
	}
	switch c := s[i]; {
	case c == '~':
		return -1
	case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
		return int(c)
	default:
		return int(c) + 256
	}
}
