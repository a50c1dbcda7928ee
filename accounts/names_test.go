package accounts

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestCleanName(t *testing.T) {
	// ASVS 1.3.3
	for in, want := range map[string]string{
		"Ada":                         "Ada",
		"  Ada   Lovelace ":           "Ada Lovelace",
		"Ada\u00a0Lovelace":           "Ada Lovelace",
		"E\u0301lodie":                "Élodie",
		"Jean-Marc d’Aboville":        "Jean-Marc d’Aboville",
		"李小龍":                         "李小龍",
		"عبد الله":                    "عبد الله",
		"می\u200cخواهم":               "می\u200cخواهم",
		"O’Brien, 3rd (Ops) 🙂":        "O’Brien, 3rd (Ops) 🙂",
		strings.Repeat("a", 128):      strings.Repeat("a", 128),
		strings.Repeat("é", 64):       strings.Repeat("é", 64),
		"\u1ea4n":                     "\u1ea4n",
		"<script>alert(1)</script> X": "<script>alert(1)</script> X", // text is text; whoever renders it escapes it
	} {
		if got, err := cleanName(in); err != nil || got != want {
			t.Errorf("cleanName(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", " ", "\u00a0", "...", "🙂", "-", "\xff", "Ada\x00", "Ada\nLovelace", "Ada\tLovelace", "Ada\u2028Lovelace", "Ada\x7f", "Ada\u0085",
		strings.Repeat("a", 129), strings.Repeat("é", 65), strings.Repeat("a", 100000),
		"Ada\u202eecalevoL", "\u202aAda", "Ada\u2066", "Ada\u2069", "Ada\u200e", "Ada\u200f", "Ada\u061c", // bidi controls
		"Ada\u200bLovelace", "Ada\ufeff", "Ada\u00ad", "Ada\u2060", "\u3164", "Ada\u3164", "Ada\u2800", "Ada\u115f", // shown as nothing
		"\u200dAda", "Ada\u200d", "Ada\u200c", "\u0301Ada", "A\u0301\u0301\u0301\u0301\u0301", "A\u0301\u0302\u0303\u0304\u0305\u0306b",
		"Ada\ue000", "Ada\U0010ffff", "Ada\U000e0041",
	} {
		if got, err := cleanName(in); !errors.Is(err, ErrName) {
			t.Errorf("cleanName(%q) = %q, %v", in, got, err)
		}
	}
}

func TestNormalEmail(t *testing.T) {
	for in, want := range map[string]string{
		"ada@example.org":                  "ada@example.org",
		" Ada.Lovelace@Example.ORG\n":      "ada.lovelace@example.org",
		"a+b_c!#$%&'*/=?^`{|}~-@x.y":       "a+b_c!#$%&'*/=?^`{|}~-@x.y",
		"root@localhost":                   "root@localhost",
		"e\u0301lodie@exe\u0301mple.fr":    "élodie@exémple.fr",
		"用户@例子.广告":                         "用户@例子.广告",
		strings.Repeat("a", 64) + "@x.org": strings.Repeat("a", 64) + "@x.org",
		"a@" + strings.Repeat("b", 63):     "a@" + strings.Repeat("b", 63),
	} {
		if got, err := normalEmail(in); err != nil || got != want {
			t.Errorf("normalEmail(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "@", "a@", "@b", "a", "a@b@c", "a b@c.org", "a@b c.org", ".a@b.org", "a.@b.org", "a..b@c.org", "a@.org", "a@b..org", "a@b.",
		"a@-b.org", "a@b-.org", "a@[192.0.2.1]", `"a b"@c.org`, "a<b>@c.org", "a@b_c.org", "a,b@c.org", "a;b@c.org", "a\\@c.org", "a@b.org,c@d.org",
		strings.Repeat("a", 65) + "@x.org", "a@" + strings.Repeat("b", 64), "a@" + strings.Repeat("bc.", 90) + "org",
		"a\x00@b.org", "a@b.org\x00", "a\u202e@b.org", "a\u200b@b.org", "\xff@b.org", "a\r\nBcc: x@y.org",
	} {
		if got, err := normalEmail(in); !errors.Is(err, ErrEmail) {
			t.Errorf("normalEmail(%q) = %q, %v", in, got, err)
		}
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"Élodie Lefèvre-Œuvrard": "elodie lefevre oeuvrard",
		"Jeanne d'Arc":           "jeanne darc",
		"Jeanne d’Arc":           "jeanne darc",
		"  Strauß,  Łukasz ":     "strauss lukasz",
		"ＡＢＣ １２３":                "abc 123",
		"Ἀριστοτέλης":            "αριστοτελης",
		"!?":                     "",
	} {
		if got := fold(in); got != want {
			t.Errorf("fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"Ada Lovelace", "E\u0301", "\u202e", "می\u200cخواهم", "a\u0301\u0301\u0301\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := cleanName(s)
		if err != nil {
			return
		}
		if len(name) < 1 || len(name) > maxName || !utf8.ValidString(name) || !norm.NFC.IsNormalString(name) {
			t.Fatalf("%q is accepted as %q", s, name)
		}
		if again, err := cleanName(name); err != nil || again != name {
			t.Fatalf("%q is cleaned to %q, and that to %q, %v", s, name, again, err)
		}
		for _, r := range name {
			if r < ' ' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\u200e' || r == '\u200f' || r == '\u061c' {
				t.Fatalf("%q is accepted with %U", s, r)
			}
		}
		if strings.Trim(fold(name), " ") == "" {
			t.Fatalf("nobody finds %q", name)
		}
	})
}

func FuzzNormalEmail(f *testing.F) {
	for _, s := range []string{"ada@example.org", "É@É", "a@b@c", "İ@x", "K@x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		normal, err := normalEmail(s)
		if err != nil {
			return
		}
		if len(normal) > maxEmail || strings.Count(normal, "@") != 1 || strings.ContainsAny(normal, " \x00\r\n<>,;\"") {
			t.Fatalf("%q is accepted as %q", s, normal)
		}
		if again, err := normalEmail(normal); err != nil || again != normal {
			t.Fatalf("%q has the form %q, and that %q, %v", s, normal, again, err)
		}
	})
}
