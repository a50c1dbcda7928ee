package hardening

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A setting is one kernel setting below /proc/sys.
type setting struct {
	key  string // as sysctl(8) writes it
	want []int  // any of these does
	why  Text
}

func settings() []setting {
	return []setting{
		{"kernel.kptr_restrict", []int{1, 2}, Text{"Sans cela, un programme lit les adresses du noyau, dont une attaque a besoin.",
			"Otherwise a program reads the kernel's addresses, which an attack needs."}},
		{"kernel.dmesg_restrict", []int{1}, Text{"Sans cela, tout compte lit les messages du noyau, qui contiennent des adresses.",
			"Otherwise every account reads the kernel's messages, which hold addresses."}},
		{"kernel.yama.ptrace_scope", []int{1, 2, 3}, Text{"Sans cela, un programme lit la mémoire d'un autre du même compte.",
			"Otherwise a program reads the memory of another of the same account."}},
		{"kernel.unprivileged_bpf_disabled", []int{1, 2}, Text{"Sans cela, tout compte charge du code BPF dans le noyau.",
			"Otherwise every account loads BPF code into the kernel."}},
		{"net.core.bpf_jit_harden", []int{2}, Text{"Sans cela, le code BPF compilé aide à contourner les protections de la mémoire.",
			"Otherwise compiled BPF code helps to get round the protections of memory."}},
		{"kernel.kexec_load_disabled", []int{1}, Text{"Sans cela, l'administrateur du système, ou qui a pris sa place, démarre un autre noyau sans contrôle.",
			"Otherwise root, or whoever took its place, starts another kernel unchecked."}},
		{"kernel.randomize_va_space", []int{2}, Text{"Sans cela, les adresses de la mémoire se devinent.", "Otherwise addresses in memory can be guessed."}},
		{"kernel.perf_event_paranoid", []int{2, 3, 4}, Text{"Sans cela, tout compte mesure les autres programmes et le noyau.",
			"Otherwise every account measures other programs and the kernel."}},
		{"fs.suid_dumpable", []int{0}, Text{"Sans cela, les programmes privilégiés laissent leur mémoire dans un fichier quand ils tombent.",
			"Otherwise privileged programs leave their memory in a file when they crash."}},
		{"fs.protected_symlinks", []int{1}, Text{"Sans cela, un lien posé dans un dossier partagé détourne un fichier.",
			"Otherwise a link laid into a shared directory diverts a file."}},
		{"fs.protected_hardlinks", []int{1}, Text{"Sans cela, un lien posé dans un dossier partagé détourne un fichier.",
			"Otherwise a link laid into a shared directory diverts a file."}},
		{"net.ipv4.tcp_syncookies", []int{1, 2}, Text{"Sans cela, des demandes de connexion sans suite bloquent le port.",
			"Otherwise requests for connections that lead nowhere block the port."}},
		// landlock(7): the TCP rules hold for TCP sockets, and MPTCP's are others.
		{"net.mptcp.enabled", []int{0}, Text{"Landlock ne limite pas les ports de MPTCP : coupez-le, personne ne s'en sert ici.",
			"Landlock does not limit MPTCP's ports: turn it off, nobody uses it here."}},
	}
}

// Machine reads the kernel's settings and its source of random numbers.
func Machine(proc string) Report {
	out := Report{random()}
	for _, s := range settings() {
		out = append(out, s.line(proc))
	}
	return append(out, corePattern(proc))
}

func (s setting) line(proc string) Line {
	l := Line{Name: s.key, Why: s.why, Advice: true}
	best := s.want[0]
	l.Do = Text{fmt.Sprintf("Écrivez « %s = %d » dans /etc/sysctl.d/90-huisclos.conf, puis lancez « sysctl --system ».", s.key, best),
		fmt.Sprintf("Write “%s = %d” into /etc/sysctl.d/90-huisclos.conf, then run “sysctl --system”.", s.key, best)}
	text, err := os.ReadFile(filepath.Join(proc, "sys", filepath.FromSlash(strings.ReplaceAll(s.key, ".", "/"))))
	if errors.Is(err, os.ErrNotExist) {
		l.State, l.Detail = Unknown, Text{"ce noyau n'a pas ce réglage, ou le cache.", "this kernel does not have this setting, or hides it."}
		return l
	}
	found, wrong := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || wrong != nil {
		l.State, l.Detail = Unknown, Text{"ne peut pas être lu d'ici.", "cannot be read from here."}
		return l
	}
	l.State, l.Detail = Missing, Text{fmt.Sprintf("vaut %d.", found), fmt.Sprintf("is %d.", found)}
	if slices.Contains(s.want, found) {
		l.State = OK
	}
	return l
}

// random asks whether the kernel's generator has been seeded (getrandom(2), GRND_NONBLOCK).
func random() Line {
	l := Line{Name: "random", Why: Text{"Toutes les clés et tous les jetons viennent du noyau.", "All keys and tokens come from the kernel."},
		Do: Text{"Donnez à la machine virtuelle une source d'aléa (virtio-rng), puis redémarrez-la.",
			"Give the virtual machine a source of randomness (virtio-rng), then restart it."}}
	var b [16]byte
	switch n, err := unix.Getrandom(b[:], unix.GRND_NONBLOCK); {
	case err == nil && n == len(b):
		l.State, l.Detail = OK, Text{"le générateur du noyau est prêt.", "the kernel's generator is ready."}
	case errors.Is(err, unix.EAGAIN):
		l.State, l.Detail = Missing, Text{"le générateur du noyau n'est pas encore prêt.", "the kernel's generator is not ready yet."}
	default:
		l.State, l.Detail = Unknown, Text{"le noyau ne répond pas à getrandom.", "the kernel does not answer getrandom."}
	}
	return l
}
