package accounts

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxName  = 128 // bytes; what the name extension of a leaf can hold
	maxEmail = 254 // RFC 5321 §4.5.3.1.3, without the angle brackets
	maxLocal = 64  // RFC 5321 §4.5.3.1.1

	// maxMarks is how many combining marks may follow one character: more is used to draw over other people's lines.
	maxMarks = 3
)

// cleanName brings a person's name into the one form that is stored (NFC, one space between words) and refuses what
// could not be seen or would change how the line around it reads.
func cleanName(s string) (string, error) {
	if len(s) > 4*maxName || !utf8.ValidString(s) {
		return "", ErrName
	}
	var b strings.Builder
	marks, letters := 0, 0
	for i, word := range strings.FieldsFunc(norm.NFC.String(s), func(r rune) bool { return unicode.Is(unicode.Zs, r) }) {
		if i > 0 {
			b.WriteByte(' ')
		}
		for j, r := range word {
			switch {
			case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r):
				if marks++; marks > maxMarks || j == 0 {
					return "", ErrName
				}
			case r == '\u200c' || r == '\u200d':
				// The two joiners are spelling in Persian and in Indic scripts; at an edge they are only invisible.
				if j == 0 || strings.HasSuffix(word, string(r)) {
					return "", ErrName
				}
			// What remains of the format characters (bidi controls, zero-width space …) and all controls, private use
			// and unassigned characters are not graphic.
			case !unicode.IsGraphic(r) || strings.ContainsRune(invisible, r):
				return "", ErrName
			default:
				marks = 0
				if unicode.IsLetter(r) || unicode.IsDigit(r) {
					letters++
				}
			}
			b.WriteRune(r)
		}
	}
	if letters == 0 || b.Len() > maxName {
		return "", ErrName
	}
	return b.String(), nil
}

// invisible are the characters that Unicode counts as graphic and that show nothing: the Hangul fillers, the empty
// Braille cell.
const invisible = "\u115f\u1160\u3164\uffa0\u2800"

// normalEmail checks an e-mail address and returns the form in which addresses are compared: NFC and lower case, also in
// the local part, whose case no mail system in use tells apart. Quoted local parts and address literals (RFC 5321 §4.1.2)
// are refused, addresses with other letters (RFC 6531) are not.
func normalEmail(s string) (string, error) {
	s = strings.ToLower(norm.NFC.String(strings.TrimSpace(s)))
	local, domain, ok := strings.Cut(s, "@")
	if !ok || len(s) > maxEmail || len(local) > maxLocal || !utf8.ValidString(s) {
		return "", ErrEmail
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtom(r) }) {
			return "", ErrEmail
		}
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool { return r != '-' && !isLetterOrDigit(r) }) {
			return "", ErrEmail
		}
	}
	return s, nil
}

// NormalEmail is the form in which an e-mail address is compared. ErrEmail.
func NormalEmail(s string) (string, error) { return normalEmail(s) }

// isAtom: RFC 5322 §3.2.3 atext, RFC 6531 §3.3.
func isAtom(r rune) bool {
	return isLetterOrDigit(r) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

func isLetterOrDigit(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r)
}

// fold reduces text to what people search by: lower case, without accents, words of letters and digits between single
// spaces. "Élodie Lefèvre-Œuvrard" → "elodie lefevre oeuvrard".
func fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range norm.NFKD.String(s) {
		r = unicode.ToLower(r)
		if unicode.Is(unicode.Mn, r) || r == '\'' || r == '’' {
			continue // d'Arc is found as darc and as d'arc
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mc, r) {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		if two, ok := ligatures[r]; ok {
			b.WriteString(two)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// ligatures are the letters of European languages that have no decomposition in Unicode.
var ligatures = map[rune]string{'œ': "oe", 'æ': "ae", 'ß': "ss", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i"}

// cleanAgent keeps what a client says of itself short and printable.
func cleanAgent(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "") {
		if b.Len() >= 200 {
			break
		}
		if r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Zs, r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}
