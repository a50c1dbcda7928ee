package hardening

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ownUsers looks whether the process is in a user namespace of its own (user_namespaces(7)): then root inside is nobody outside.
func (o Options) ownUsers() Line {
	l := Line{Name: "own-users", State: Unknown, Detail: unreadable(), Do: asService(), Advice: true,
		Why: Text{"Même une faille qui donne tous les droits n'en donne aucun hors de l'espace de noms du programme.",
			"Even a flaw that gives all rights gives none outside of the program's namespace."}}
	text, err := os.ReadFile(filepath.Join(o.Proc, "self/uid_map"))
	if err != nil || len(strings.Fields(string(text))) < 3 {
		return l
	}
	l.State, l.Detail = OK, Text{"le programme a son propre espace de noms d'utilisateurs.", "the program has a user namespace of its own."}
	if slices.Equal(strings.Fields(string(text)), []string{"0", "0", "4294967295"}) {
		l.State, l.Detail = Missing, Text{"le programme voit les utilisateurs de la machine.", "the program sees the machine's users."}
	}
	return l
}

// readOnly looks whether the process has mounts of its own in which the system can't be written to (proc_pid_mountinfo(5)).
func (o Options) readOnly() Line {
	l := Line{Name: "read-only-system", State: Unknown, Detail: unreadable(), Do: asService(), Advice: true,
		Why: Text{"Une faille ne remplace ni programme ni réglage de la machine.", "A flaw replaces no program and no setting of the machine."}}
	text, err := os.ReadFile(filepath.Join(o.Proc, "self/mountinfo"))
	if err != nil {
		return l
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 6 || f[4] != "/" {
			continue
		}
		// The last that is mounted there is the one that is seen.
		l.State, l.Detail = Missing, Text{"le système est monté en écriture pour ce programme.", "the system is mounted for writing for this program."}
		if slices.Contains(strings.Split(f[5], ","), "ro") {
			l.State, l.Detail = OK, Text{"le système est monté en lecture seule pour ce programme.", "the system is mounted read-only for this program."}
		}
	}
	return l
}

// corePattern looks where the kernel takes the memory of programs that crash (core(5)). The limit of a program does not hold for a
// handler behind a pipe; that this program's memory goes there is what not-dumpable prevents.
func corePattern(proc string) Line {
	l := Line{Name: "kernel.core_pattern", State: Unknown, Detail: unreadable(), Advice: true,
		Why: Text{"La mémoire d'un programme qui tombe contient ses secrets ; un collecteur la garde sur le disque, quelle que soit la limite du programme.",
			"The memory of a program that crashes holds its secrets; a collector keeps it on the disk, whatever the program's limit."},
		Do: Text{"Écrivez « kernel.core_pattern = |/bin/false » dans /etc/sysctl.d/90-huisclos.conf, puis lancez « sysctl --system ».",
			"Write “kernel.core_pattern = |/bin/false” into /etc/sysctl.d/90-huisclos.conf, then run “sysctl --system”."}}
	text, err := os.ReadFile(filepath.Join(proc, "sys/kernel/core_pattern"))
	if err != nil {
		return l
	}
	handler, piped := strings.CutPrefix(strings.TrimSpace(string(text)), "|")
	handler, _, _ = strings.Cut(handler, " ")
	switch {
	case !piped:
		l.State, l.Detail = OK, Text{"aucun collecteur ; la limite de chaque programme vaut.", "no collector; the limit of each program holds."}
	case slices.Contains([]string{"/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true"}, handler):
		l.State, l.Detail = OK, Text{"la mémoire des programmes qui tombent est jetée.", "the memory of programs that crash is thrown away."}
	default:
		l.State, l.Detail = Missing, Text{"la mémoire des programmes qui tombent va à " + handler + ".", "the memory of programs that crash goes to " + handler + "."}
	}
	return l
}
