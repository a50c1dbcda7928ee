package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const statusJSON = `{"status":{"version":"1","calls":2,"people":5,"addresses":["https://visio.example.org/","https://localhost/"],"port":443,` +
	`"fingerprint":"AA:BB","setupNeeded":true}}`

// A machine plays the acts on real sockets and remembers what it was asked.
type machine struct {
	t       *testing.T
	dir     string
	mu      sync.Mutex
	asked   []string
	answers map[string]string
	files   map[string]string
	echo    []bool
}

func newMachine(t *testing.T) *machine {
	dir, err := os.MkdirTemp("", "acts") // short: a socket's path is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	m := &machine{t: t, dir: dir, files: map[string]string{}, answers: map[string]string{
		"status": statusJSON + "\nok\n", "setup-code": strings.Replace(statusJSON, "{", `{"code":"ABCD-EFGH",`, 1) + "\nok\n",
		"diagnosis": "== disks\nall \x1b[31mwell\nok\n"}}
	for _, act := range []string{"network", "names", "time", "redirect", "shell", "reboot", "poweroff", "update", "backup", "restore", "diagnosis", "status", "setup-code",
		"reach", "certificate", "administrator", "factory-reset", "keyboard"} {
		l, err := net.Listen("unix", filepath.Join(dir, act))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				request, _ := io.ReadAll(c) // until the writing side is shut
				m.mu.Lock()
				m.asked = append(m.asked, act+": "+strings.ReplaceAll(strings.TrimSpace(string(request)), "\n", " "))
				answer, ok := m.answers[act]
				m.mu.Unlock()
				if !ok {
					answer = "ok\n"
				}
				_, _ = io.WriteString(c, answer)
				c.Close()
			}
		}()
	}
	return m
}

// run types the lines, then Ctrl-D until the menu gives up, and returns all that was shown.
func (m *machine) run(english bool, typed string) string {
	m.t.Helper()
	var out bytes.Buffer
	c := Console{Version: "1.2", In: strings.NewReader(typed), Out: &out, English: english,
		Echo: func(on bool) { m.echo = append(m.echo, on) },
		Dial: func(act string) (net.Conn, error) { return net.Dial("unix", filepath.Join(m.dir, act)) },
		Addresses: func() []netip.Addr {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")}
		},
		Read: func(name string) ([]byte, error) {
			if text, ok := m.files[name]; ok {
				return []byte(text), nil
			}
			return nil, os.ErrNotExist
		},
		Name: func() string { return "visio.example.org" },
		Now:  func() time.Time { return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC) }}
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run() }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		m.t.Fatal("the menu does not end when its input is gone")
	}
	return out.String()
}

// acts are those that were asked for, without the looks at the status.
func (m *machine) acts() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.asked), func(s string) bool { return strings.HasPrefix(s, "status:") })
}

// shows says whether a text is in what was shown, wherever its lines are broken.
func shows(out, text string) bool {
	one := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	return strings.Contains(one(out), one(text))
}

func TestEntries(t *testing.T) {
	for _, test := range []struct{ name, typed, want string }{
		{"refresh", "1\n\n", ""},
		{"dhcp", "2\n1\n\n", "network: mode=dhcp end"},
		{"dhcp, own name servers", "2\n1\n192.0.2.53, 2001:db8::35\n", "network: mode=dhcp dns=192.0.2.53 dns=2001:db8::35 end"},
		{"static", "2\n2\n192.0.2.10/24 2001:db8::10/64\n192.0.2.1 fe80::1\n192.0.2.53\n",
			"network: mode=static address=192.0.2.10/24 address=2001:db8::10/64 gateway=192.0.2.1 gateway=fe80::1 dns=192.0.2.53 end"},
		{"names", "3\nVisio.example.org autre.example.org\n\n", "names: hostname=visio.example.org hostname=autre.example.org end"},
		{"names", "3\nvisio.example.org\n203.0.113.10\n", "names: hostname=visio.example.org public=203.0.113.10 end"},
		{"time servers", "4\n1\nntp.example.org\n", "time: ntp=ntp.example.org end"},
		{"clock", "4\n2\n2026-11-28T12:34:56Z\n", "time: set=2026-11-28T12:34:56Z end"},
		{"a keyboard", "k\n1\n1\n\n", "keyboard: layout=fr language=fr end"},
		{"another, and another language", "K\n8\n2\n", "keyboard: layout=de language=en end"},
		{"port 80 on", "5\n1\n", "redirect: state=on end"},
		{"port 80 off", "5\n2\n", "redirect: state=off end"},
		{"login on", "6\n1\nYES\ncorrect horse battery\ncorrect horse battery\n", "shell: state=on passphrase=correct horse battery end"},
		{"login off", "6\n2\nYES\n", "shell: state=off end"},
		{"update", "7\n\nYES\n", "update: end"},
		{"update from a disk with a name", "7\n/dev/sdb1\nYES\n", "update: device=/dev/sdb1 end"},
		{"backup", "b\n\n", "backup: end"},
		{"backup to one of several", "b\n/dev/sdb1\n", "backup: device=/dev/sdb1 end"},
		{"restore", "r\n\n\n1\nYES\n", "restore: end"},
		{"restore one of several", "r\n/dev/sdb1\nhuisclos-1.backup\n2\nhill stone river 7\nYES\n", "restore: device=/dev/sdb1 file=huisclos-1.backup passphrase=hill stone river 7 end"},
		{"diagnosis", "8\n", "diagnosis: end"},
		{"restart", "9\nYES\n", "reboot: end"},
		{"power off", "0\nYES\n", "poweroff: end"},
		{"set-up code", "c\n", "setup-code: end"},
		{"network test", "p\n\n", "reach: end"},
		{"network test of a name", "p\nMail.example.org\n", "reach: host=mail.example.org end"},
		{"of a port", "p\nmail.example.org:587\n", "reach: host=mail.example.org port=587 end"},
		{"of an address", "p\n192.0.2.1\n", "reach: host=192.0.2.1 end"},
		{"of a port at an address", "p\n192.0.2.1:53\n", "reach: host=192.0.2.1 port=53 end"},
		{"of an IPv6 address", "p\n2001:DB8::1\n", "reach: host=2001:db8::1 end"},
		{"of a port at one", "p\n[2001:db8::1]:443\n", "reach: host=2001:db8::1 port=443 end"},
		{"self-signed", "t\nCERTIFICATE\n", "certificate: end"},
		{"administrator", "a\n\nada@example.org\nYES\n", "administrator: account=ada@example.org end"},
		{"administrator, of several disks", "a\n/dev/sdb1\nada@example.org\nYES\n", "administrator: device=/dev/sdb1 account=ada@example.org end"},
		{"factory reset", "f\nERASE\nvisio.example.org\n", "factory-reset: machine=visio.example.org end"},
		{"factory reset, in capitals", "f\nERASE\nVISIO.example.org\n", "factory-reset: machine=visio.example.org end"},
	} {
		for _, english := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, English %v", test.name, english), func(t *testing.T) {
				m := newMachine(t)
				words := strings.NewReplacer("YES", yes.fr, "CERTIFICATE", certificateWord.fr, "ERASE", factoryWord.fr)
				if english {
					words = strings.NewReplacer("YES", yes.en, "CERTIFICATE", certificateWord.en, "ERASE", factoryWord.en)
				}
				out := m.run(english, words.Replace(test.typed))
				if got := strings.Join(m.acts(), ", "); got != test.want {
					t.Errorf("asked for %q, want %q\n%s", got, test.want, out)
				}
			})
		}
	}
}

// Nothing is asked of the machine when the operator does not mean it.
func TestNothingAsked(t *testing.T) {
	for _, typed := range []string{
		"x\n", "99\n", "\xff\xfe\n", "\x1b[A\n", strings.Repeat("2", 5000) + "\n", "2\n\n", "2\n3\n", "2\n\x03", "2\n2\n192.0.2.10\n\n\n", "2\n2\n192.0.2.10/24\n192.0.3.1\n\n",
		"2\n2\n192.0.2.10/24\nx\n", "2\n1\nname\n", "3\n\n", "4\n\n", "4\n2\nnow\n", "4\n2\n2026-02-30T00:00:00Z\n", "5\n3\n", "k\n\n", "k\n0\n", "k\n9\n", "k\nfr\n", "k\n-1\n", "k\n1\n3\n", "k\n1\n\n", "k\n1\n\x03", "6\n1\nno\n", "6\n1\nyes\nshort\n", "6\n1\nyes\n" +
			"correct horse battery\ncorrect horse batterie\n", "6\n1\nyes\ncorrect horse\x03", "7\n\nno\n", "r\n\n\n\n", "b\n\x03", "r\n\n\n1\nno\n", "r\n\n\n2\n\n", "r\n\n\n2\nhill\x03", "9\n\n", "9\nno\n", "9\ny\n", "0\n\x03", "0", "9\nyes\x03\n", "\x03", "\x1c", "",
		"p\n\x03", "p\na b\n", "p\nhttps://a.example.org/\n", "p\na.example.org:\n", "p\na.example.org:0\n", "p\na.example.org:65536\n", "p\na.example.org:-1\n", "p\na.example.org:0443\n",
		"p\na.example.org:x\n", "p\n:443\n", "p\n[2001:db8::1\n", "p\n1:2:3\n", "p\na.example.org=1\n", "t\n\n", "t\nyes\n", "t\nrepl\n", "t\nremplacer\n", "a\n\n\n", "a\n\na b@example.org\n",
		"a\n\nada@example.org\nno\n", "a\n\nada@example.org\n\n", "f\n\n", "f\nyes\n", "f\nerase\n\n", "f\nerase\nother.example.org\n", "f\nerase\nvisio\n", "f\nerase\nerase\n",
		"f\nerase\nvisio.example.org\x03", "f\neffacer\nvisio.example.org\n", "f\nerase",
	} {
		m := newMachine(t)
		out := m.run(true, typed)
		if got := m.acts(); len(got) > 0 {
			t.Errorf("%q asked for %q", typed, got)
		}
		if strings.Count(out, "Your choice: ") < 2 {
			t.Errorf("after %q the menu does not come back:\n%s", typed, out)
		}
	}
}

// TestKeyboards: the layouts of the menu are those that the image is built with, as many as it names, and its language lasts.
func TestKeyboards(t *testing.T) {
	build, err := os.ReadFile("../../packaging/image/build")
	if err != nil || !strings.Contains(string(build), "for layout in "+strings.Join(layouts, " ")+"; do") {
		t.Errorf("the image is built with other layouts than %v, %v", layouts, err)
	}
	for _, text := range []string{keyboardAsk.fr, keyboardAsk.en} {
		for n := range 10 {
			if found := strings.Contains(text, fmt.Sprintf("%d ", n)); found != (n >= 1 && n <= len(layouts)) {
				t.Errorf("%d stands there %v:\n%s", n, found, text)
			}
		}
	}
	m := newMachine(t)
	if out := m.run(false, "k\n1\n2\nqwertz\n\n"); !shows(out, "Votre clavier : Langue du menu à son début. 1 français 2 anglais : Done. Try some letters, then Enter:") {
		t.Errorf("%s", out)
	}
	m = newMachine(t)
	if out := m.run(true, "k\n1\n2\nqw\x03\n"); !shows(out, "Try some letters") || shows(out, cancelled.en) {
		t.Errorf("what is set is said to be cancelled:\n%s", out)
	}
	for text, first := range map[string]string{"en\n": choose.en, "fr\n": choose.fr, "": choose.en} {
		m := newMachine(t)
		if text != "" {
			m.files[langFile] = text
		}
		if out := m.run(true, ""); !strings.Contains(out, first) || strings.Contains(out, choose.fr) != (first == choose.fr) {
			t.Errorf("with %q stored it begins\n%s", text, out)
		}
	}
	m = newMachine(t)
	m.answers["keyboard"] = "error layout\n"
	if out := m.run(true, "k\n1\n1\n\n"); !shows(out, refusals["layout"].en) || shows(out, choose.fr) {
		t.Errorf("a refusal changes the language:\n%s", out)
	}
}

func TestPassphraseIsNotShown(t *testing.T) {
	m := newMachine(t)
	m.run(true, "6\n1\nyes\ncorrect horse battery\ncorrect horse battery\n\n")
	if want := []bool{false, true, false, true}; !slices.Equal(m.echo, want) {
		t.Errorf("echo %v, want %v", m.echo, want)
	}
	m = newMachine(t)
	m.run(true, "r\n\n\n2\nhill stone river 7\nyes\n\n")
	if want := []bool{false, true}; !slices.Equal(m.echo, want) {
		t.Errorf("a backup's: echo %v, want %v", m.echo, want)
	}
	m = newMachine(t)
	m.run(true, "6\n1\nyes\n\x03")
	if want := []bool{false, true}; !slices.Equal(m.echo, want) {
		t.Errorf("after Ctrl-C: echo %v, want %v", m.echo, want)
	}
}

func TestRefusalsAreSentences(t *testing.T) {
	for code, want := range map[string]word{"hostname": refusals["hostname"], "not-applied": refusals["not-applied"],
		"new": {"La machine a refusé (new). Rien n'est changé.", "The machine has refused (new). Nothing is changed."}} {
		for _, english := range []bool{false, true} {
			m := newMachine(t)
			m.answers["names"] = "error " + code + "\n"
			out := m.run(english, "3\na.example.org\n\n")
			sentence := want.fr
			if english {
				sentence = want.en
			}
			if !shows(out, sentence) || shows(out, done.en) || shows(out, done.fr) {
				t.Errorf("%s, English %v:\n%s", code, english, out)
			}
		}
	}
	for answer, want := range map[string]string{"": refusals["busy"].en, "half of": refusals["cut"].en, "one\ntwo\n": refusals["cut"].en} {
		m := newMachine(t)
		m.answers["names"] = answer
		if out := m.run(true, "3\na.example.org\n\n"); !shows(out, want) || shows(out, done.en) {
			t.Errorf("answer %q:\n%s", answer, out)
		}
	}
}

// TestCodesHaveSentences: each code that a script can answer with is known here, but for those that this menu cannot cause.
func TestCodesHaveSentences(t *testing.T) {
	files, err := filepath.Glob("../../packaging/image/root/usr/lib/huisclos/acts/*")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d acts: %v", len(files), err)
	}
	cannot := []string{"input", "unknown-key", "unexpected", "mode", "state"}
	found := 0
	for _, file := range append(files, "../../packaging/image/root/usr/lib/huisclos/settings.sh") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		words := strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" \n;}", r) })
		for i, w := range words {
			code, ok := strings.CutPrefix(w, "wrong=")
			if !ok && w == "refuse" && i+1 < len(words) {
				code, ok = words[i+1], true
			}
			if !ok || strings.ContainsAny(code, "$\"()#") || code == "CODE:" {
				continue
			}
			found++
			if _, known := refusals[code]; !known && !slices.Contains(cannot, code) {
				t.Errorf("%s: the code %q has no sentence", file, code)
			}
		}
	}
	if found < 30 {
		t.Errorf("%d codes found: the search is broken", found)
	}
}

// TestFindingsHaveSentences: each line that the act reach can print is known here, with as many values, and no other.
func TestFindingsHaveSentences(t *testing.T) {
	text, err := os.ReadFile("../../packaging/image/root/usr/lib/huisclos/acts/reach")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]int{}
	for _, said := range regexp.MustCompile(`echo ("?)([a-z$1]+(?:-[a-z]+)?)((?: [^"\n;]*)?)`).FindAllStringSubmatch(regexp.MustCompile(`(?m)^ *#.*$`).ReplaceAllString(string(text), ""), -1) {
		codes := []string{said[2]}
		if kind, ok := strings.CutPrefix(said[2], "$1-"); ok {
			codes = []string{"gateway-" + kind, "host-" + kind}
		}
		if said[2] == "ok" || codes[0][0] == '$' {
			continue
		}
		for _, code := range codes {
			n := 0
			if said[1] == `"` {
				n = strings.Count(said[3], "$")
			}
			values[code] = n
		}
	}
	for _, why := range regexp.MustCompile(`why='(port-[a-z]+)`).FindAllStringSubmatch(string(text), -1) {
		values[why[1]] = 1 // echo "$why $port"
	}
	for code, n := range values {
		if w, ok := found[code]; !ok || strings.Count(w.fr, "%s") != n || strings.Count(w.en, "%s") != n {
			t.Errorf("%q has no sentence of %d values: %q", code, n, w)
		}
	}
	for code := range found {
		if _, ok := values[code]; !ok {
			t.Errorf("nothing prints %q", code)
		}
	}
}

func TestFindingsAreSaid(t *testing.T) {
	m := newMachine(t)
	m.answers["reach"] = "link-up ens3\naddress 192.0.2.7/24\ngateway-answers 192.0.2.1 0.42\nname-leads mail.example.org 192.0.2.9\nport-shut 8080\nunheard of\ngateway-silent\nhost-answers 1 2 \x1b[31m3\nok\n"
	for english, want := range map[bool][]string{
		false: {"ens3 est reliée.", "192.0.2.1 répond (0.42 ms).", "mail.example.org mène à 192.0.2.9.", "Le pare-feu de cette machine ne laisse rien sortir vers le port 8080", "unheard of", "gateway-silent", "host-answers 1 2 ?[31m3"},
		true:  {"ens3 is connected.", "192.0.2.1 answers (0.42 ms).", "mail.example.org leads to 192.0.2.9.", "This machine's own firewall lets nothing out to port 8080", "unheard of", "gateway-silent", "host-answers 1 2 ?[31m3"},
	} {
		out := m.run(english, "p\nmail.example.org:8080\n")
		for _, w := range want {
			if !shows(out, w) {
				t.Errorf("%q is missing in\n%s", w, out)
			}
		}
	}
}

// TestHeavyThingsSayWhatTheyDo: before anything is asked, what is lost and who is in a call; and what came of it.
func TestHeavyThingsSayWhatTheyDo(t *testing.T) {
	m := newMachine(t)
	out := m.run(true, "f\nerase\nvisio.example.org\n")
	for _, w := range []string{"the audit log", "the backups that are kept on this machine", "now: 2 calls, 5 people", "Type the name of this machine, visio.example.org", done.en} {
		if !shows(out, w) {
			t.Errorf("%q is missing in\n%s", w, out)
		}
	}
	if out := m.run(true, "f\nerase\nother.example.org\n"); !shows(out, refusals["machine-name"].en) {
		t.Errorf("another machine's name:\n%s", out)
	}
	for code := range map[string]bool{"reset-cut": true, "reset-cut-stopped": true, "reset-not-running": true, "stays": true} {
		m.answers["factory-reset"] = "the disk is full\nerror " + code + "\n"
		if out := m.run(true, "f\nerase\nvisio.example.org\n"); !shows(out, "the disk is full") || !shows(out, refusals[code].en) || shows(out, done.en) {
			t.Errorf("%s:\n%s", code, out)
		}
	}
	m.answers["factory-reset"] = ""
	if out := m.run(true, "f\nerase\nvisio.example.org\n"); !shows(out, refusals["busy"].en) {
		t.Errorf("busy elsewhere:\n%s", out)
	}
	if out := m.run(true, "t\nreplace\n"); !shows(out, "Browsers warn") || !shows(out, done.en) {
		t.Errorf("the certificate:\n%s", out)
	}
	m.files[nameFile] = "autre.example.org\n"
	if out := m.run(true, "f\nerase\nvisio.example.org\n"); !shows(out, "this machine, autre.example.org") || !shows(out, refusals["machine-name"].en) {
		t.Errorf("a name that was set since:\n%s", out)
	}
	m.answers["administrator"] = "  Activation link https://visio.example.org/activate#abc\nok\n"
	if out := m.run(true, "a\n\nada@example.org\nyes\n"); !shows(out, "activate#abc") || !shows(out, "private key of your backups") {
		t.Errorf("no link:\n%s", out)
	}
	// A machine without a name: the link leads to an address of it.
	m.answers["administrator"] = "  Activation link https://localhost:8443/activate#abc\nok\n"
	m.answers["status"] = strings.NewReplacer(`"https://visio.example.org/",`, "", `443`, `8443`).Replace(statusJSON) + "\nok\n"
	if out := m.run(true, "a\n\nada@example.org\nyes\n"); !shows(out, "https://192.0.2.7:8443/activate#abc") || shows(out, "localhost") {
		t.Errorf("a link to nowhere:\n%s", out)
	}
}

func TestOverview(t *testing.T) {
	m := newMachine(t)
	m.files[stateFile] = "secure_boot=no\nvar=plain\ntpm=no\n"
	m.files[seedFile] = "refused gateway\n"
	for english, want := range map[bool][]string{
		false: {"Huis Clos 1.2", "en marche ; appels : 2, personnes : 5", "https://visio.example.org/", "AA:BB", "tapez C", insecureBoot.fr, plainVar.fr, noTPM.fr, "(gateway)", "9 Redémarrer"},
		true:  {"Huis Clos 1.2", "running; calls: 2, people: 5", "https://visio.example.org/", "AA:BB", "type C", insecureBoot.en, plainVar.en, noTPM.en, "(gateway)", "9 Restart"},
	} {
		out := m.run(english, "")
		for _, w := range want {
			if !shows(out, w) {
				t.Errorf("%q is missing in\n%s", w, out)
			}
		}
		if shows(out, "localhost") {
			t.Error("localhost is no address for people")
		}
		first, _, _ := strings.Cut(out, choose.fr)
		first, _, _ = strings.Cut(first, choose.en)
		for line := range strings.Lines(first) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
				t.Errorf("%d characters: %s", n, line)
			}
		}
		if n := strings.Count(first, "\n"); n > 24 {
			t.Errorf("%d lines do not fit on a screen of 24", n)
		}
	}
	m.files[stateFile] = "secure_boot=yes\nvar=tpm2\ntpm=yes\n"
	if out := m.run(true, ""); !shows(out, protected.en) || shows(out, plainVar.en) {
		t.Errorf("all is protected:\n%s", out)
	}
	if out := m.run(false, "L\n"); !shows(out, choose.en) {
		t.Error("L does not change the language")
	}
}

func TestApplianceThatDoesNotRun(t *testing.T) {
	m := newMachine(t)
	m.answers["status"] = "error not-running\n"
	out := m.run(true, "9\nno\n")
	for _, w := range []string{stopped.en, "https://192.0.2.7/", "https://[2001:db8::7]/", callsUnk.en} {
		if !shows(out, w) {
			t.Errorf("%q is missing in\n%s", w, out)
		}
	}
	m.answers["status"] = "rubbish\nok\n"
	if out := m.run(true, ""); !shows(out, stopped.en) {
		t.Errorf("an answer that is not understood:\n%s", out)
	}
}

func TestSetupCode(t *testing.T) {
	m := newMachine(t)
	if out := m.run(true, "C\n"); !shows(out, "Set-up code: ABCD-EFGH") || !shows(out, "https://visio.example.org/console/setup") {
		t.Errorf("no code:\n%s", out)
	}
	m.answers["setup-code"] = strings.Replace(statusJSON, "true", "false", 1) + "\nok\n"
	if out := m.run(true, "C\n"); !shows(out, codeNone.en) {
		t.Errorf("there is an administrator:\n%s", out)
	}
}

func TestWhatIsShownSteersNoTerminal(t *testing.T) {
	m := newMachine(t)
	if out := m.run(true, "8\n"); !shows(out, "all ?[31mwell") || shows(out, "\x1b") {
		t.Errorf("an escape sequence comes through:\n%q", out)
	}
}

func TestWrap(t *testing.T) {
	for _, w := range append(slices.Concat(slices.Collect(maps.Values(refusals)), slices.Collect(maps.Values(found))), reachAsk, certificateWarn, adminHow, adminWarn, factoryWarn, networkAddress, networkDNSAuto, namesAsk, shellAsk, shellWarn, updateHow, offWarn, menu, codeHow, redirect, keyboardWhat, keyboardAsk, languageAsk, keyboardTry) {
		for _, text := range []string{w.fr, w.en} {
			wrapped := wrap(text)
			for line := range strings.Lines(wrapped) {
				if n := len([]rune(strings.TrimRight(line, " \n"))); n > width {
					t.Errorf("%d characters: %s", n, line)
				}
			}
			if strings.Join(strings.Fields(wrapped), " ") != strings.Join(strings.Fields(text), " ") {
				t.Errorf("%q became %q", text, wrapped)
			}
		}
	}
	if wrap(menu.fr) != menu.fr || wrap(keyboardAsk.fr) != keyboardAsk.fr {
		t.Error("what fits is changed")
	}
}

// TestInputGone: a terminal that was taken away ends the menu at once; the unit starts it again.
func TestInputGone(t *testing.T) {
	var out bytes.Buffer
	c := Console{In: broken{}, Out: &out, Dial: func(string) (net.Conn, error) { return nil, errors.New("none") }, Addresses: func() []netip.Addr { return nil },
		Read: func(string) ([]byte, error) { return nil, os.ErrNotExist }}
	c.Run()
	if strings.Count(out.String(), choose.fr) != 1 {
		t.Errorf("it goes on:\n%s", out.String())
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("input/output error") }
