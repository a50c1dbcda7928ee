package accounts

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	minMember     = 12 // characters
	minPrivileged = 15
	maxPassphrase = 512
	maxBytes      = 4 * maxPassphrase

	// enough is the estimate from which a passphrase is accepted, in bits: tries are limited to about a hundred a day
	// for an account, so that the list of what is tried first is the danger, not a search.
	enough = 32.0
)

// preparePassphrase brings what was typed into one form (RFC 8265 §4.2 OpaqueString: other spaces become the ASCII one,
// NFC, case kept), so that a passphrase is the same on every keyboard. It refuses controls and what is too long to look at.
func preparePassphrase(s string) (string, error) {
	if len(s) > maxBytes {
		return "", ErrPassphraseLong
	}
	if !utf8.ValidString(s) {
		return "", ErrPassphraseCharacters
	}
	s = norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, s))
	if strings.ContainsFunc(s, unicode.IsControl) {
		return "", ErrPassphraseCharacters
	}
	return s, nil
}

// checkPassphrase is the rule for a new passphrase, already prepared. There is no rule of composition (SP 800-63B
// §3.1.1.2). long reports whether it has the length that privileged roles need.
func checkPassphrase(s string, role Role, name, normalEmail string) (long bool, err error) {
	n := utf8.RuneCountInString(s)
	long = n >= minPrivileged
	switch {
	case n > maxPassphrase:
		return long, ErrPassphraseLong
	case n < minMember || role.Privileged() && !long:
		return long, ErrPassphraseShort
	case estimate(s, nil) < enough:
		return long, ErrPassphraseCommon
	case estimate(s, personal(name, normalEmail)) < enough:
		return long, ErrPassphrasePersonal
	}
	return long, nil
}

// weak.txt is the list of what people begin with: words, names, places, dates, keyboard walks and whole sentences,
// French and English, in the form that fold gives. Composed for this program.
//
//go:embed weak.txt
var weakText string

var weakWords = parseWeak(weakText)

func parseWeak(text string) map[string]bool {
	words := map[string]bool{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		for w := range strings.FieldsSeq(line) {
			words[w] = true
		}
	}
	return words
}

// personal returns what a person's name and address give to guess with.
func personal(name, email string) map[string]bool {
	words := map[string]bool{}
	local, domain, _ := strings.Cut(email, "@")
	for w := range strings.FieldsSeq(fold(name) + " " + fold(local) + " " + fold(domain)) {
		if len(w) >= 3 {
			words[w] = true
		}
	}
	for _, whole := range []string{name, local, email} {
		if w := strings.ReplaceAll(fold(whole), " ", ""); len(w) >= 3 {
			words[w] = true
		}
	}
	return words
}

// Costs of the pieces of a passphrase, in bits of what somebody has to try who knows how people choose. After D. Wheeler,
// "zxcvbn: Low-Budget Password Strength Estimation", USENIX Security 2016, much simplified: the cheapest way to write the
// passphrase as pieces is its estimate.
const (
	costWord     = 10.0 // one of the list
	costPersonal = 3.0  // a word of the name or the address
	costYear     = 6.0  // 1900 to 2059
	costDate     = 14.0 // day, month and year in digits
	costSequence = 4.5  // abc, 987, azerty, and where it begins and ends
	costRepeat   = 1.5  // how often the piece before comes again
	costDigit    = 3.3
	costLetter   = 4.7
	costSign     = 4.0 // punctuation, space: few are used
	costOther    = 9.0 // any other character
	longestWord  = 40
)

// estimate returns the cost of the cheapest way to write s as pieces; extra are words that cost almost nothing. What
// stands between words is nearly always the same sign everywhere: without all signs it is looked at too.
func estimate(s string, extra map[string]bool) float64 {
	s = foldSame(s)
	cost := cheapest(s, extra)
	bare := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
	if bare != s {
		cost = min(cost, cheapest(bare, extra)+costSign)
	}
	return cost
}

func cheapest(s string, extra map[string]bool) float64 {
	v := newViews(s)
	n := len(v.runes)
	best := make([]float64, n+1)
	for end := 1; end <= n; end++ {
		best[end] = best[end-1] + single(v.runes[end-1])
		for start := max(0, end-longestWord); start <= end-2; start++ {
			if c, ok := v.pieceCost(start, end, extra); ok {
				best[end] = min(best[end], best[start]+c)
			}
			// The same again, right after itself.
			if w := end - start; start >= w && v.plain.cut(start, end) == v.plain.cut(start-w, start) {
				best[end] = min(best[end], best[start]+costRepeat)
			}
		}
	}
	return best[n]
}

// text is a string whose pieces are cut by the number of the character, without a copy.
type text struct {
	s  string
	at []int // where each character begins, and the end
}

func newText(runes []rune) text {
	t := text{s: string(runes), at: make([]int, 0, len(runes)+1)}
	for i := range t.s {
		t.at = append(t.at, i)
	}
	t.at = append(t.at, len(t.s))
	return t
}

func (t text) cut(start, end int) string { return t.s[t.at[start]:t.at[end]] }

// views are the ways in which a passphrase is read.
type views struct {
	runes               []rune
	plain, asI, asL, re text   // as it is, with signs read as letters in two ways, backwards
	run                 []bool // the three characters from here are part of a sequence
}

func newViews(s string) views {
	runes := []rune(s)
	back := slices.Clone(runes)
	slices.Reverse(back)
	v := views{
		runes: runes, plain: newText(runes), asI: newText(unleet(runes, 'i')), asL: newText(unleet(runes, 'l')),
		re: newText(back), run: make([]bool, len(runes)),
	}
	for i := 0; i+3 <= len(runes); i++ {
		v.run[i] = isSequence(v.plain.cut(i, i+3), v.re.cut(len(runes)-i-3, len(runes)-i))
	}
	return v
}

func single(r rune) float64 {
	switch {
	case '0' <= r && r <= '9':
		return costDigit
	case 'a' <= r && r <= 'z':
		return costLetter
	case r < utf8.RuneSelf:
		return costSign
	default:
		return costOther
	}
}

func (v views) pieceCost(start, end int, extra map[string]bool) (float64, bool) {
	n := len(v.runes)
	plain, back := v.plain.cut(start, end), v.re.cut(n-end, n-start)
	for _, spelling := range [...]string{plain, v.asI.cut(start, end), v.asL.cut(start, end), back} {
		if extra[spelling] {
			return costPersonal, true
		}
		if weakWords[spelling] {
			return costWord, true
		}
	}
	switch {
	case isYear(plain):
		return costYear, true
	case isDate(plain):
		return costDate, true
	case end-start >= 3 && v.run[start] && v.run[end-3] && isSequence(plain, back):
		return costSequence, true
	}
	return 0, false
}

// foldSame is fold for one character at a time: case and accents go, the rest stays.
func foldSame(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
}

// unleet reads the signs that stand for letters. 1, ! and | are read as one.
func unleet(s []rune, one rune) []rune {
	out := make([]rune, len(s))
	for i, r := range s {
		switch r {
		case '0':
			r = 'o'
		case '1', '!', '|':
			r = one
		case '3', '€':
			r = 'e'
		case '4', '@':
			r = 'a'
		case '5', '$':
			r = 's'
		case '7', '+':
			r = 't'
		case '8':
			r = 'b'
		case '9':
			r = 'g'
		}
		out[i] = r
	}
	return out
}

func isYear(s string) bool { return len(s) == 4 && s >= "1900" && s <= "2059" && allDigits(s) }

// isDate accepts ddmmyyyy, mmddyyyy, yyyymmdd, ddmmyy and yymmdd.
func isDate(s string) bool {
	if !allDigits(s) {
		return false
	}
	dayMonth := func(a, b string) bool { return a >= "01" && a <= "31" && b >= "01" && b <= "12" }
	switch len(s) {
	case 8:
		return isYear(s[4:]) && (dayMonth(s[:2], s[2:4]) || dayMonth(s[2:4], s[:2])) ||
			isYear(s[:4]) && dayMonth(s[6:], s[4:6])
	case 6:
		return dayMonth(s[:2], s[2:4]) || dayMonth(s[4:], s[2:4])
	}
	return false
}

func allDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// rows are what a finger runs along, on French and English keyboards; the digit rows of both are the same keys.
var rows = []string{
	"abcdefghijklmnopqrstuvwxyz", "01234567890", "azertyuiop", "qsdfghjklm", "wxcvbn", "qwertyuiop", "asdfghjkl", "zxcvbnm",
	"&e\"'(-e_ca)=", "!@#$%^&*()", "147258369", "159357", "aqwzsxedcrfvtgbyhnujm", "qazwsxedcrfvtgbyhnujmikolp", "1a2z3e4r5t6y7u8i9o0p",
	"1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn", "1aqw2zsx3edc4rfv5tgb6yhn",
}

// isSequence: a run along a row, in either direction, or one character again and again. back is s backwards.
func isSequence(s, back string) bool {
	_, size := utf8.DecodeRuneInString(s)
	if strings.Trim(s, s[:size]) == "" {
		return true
	}
	for _, row := range rows {
		if strings.Contains(row, s) || strings.Contains(row, back) {
			return true
		}
	}
	return false
}
