package hardening

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// process reads what protects this very process.
func (o Options) process() Report {
	return Report{o.noNewPrivileges(), dumpable(), coreLimit(), confined(), o.seccomp(), o.capabilities(), o.network(), o.ownUsers(), o.readOnly(), notRoot(), o.plainTCP(),
		o.memoryLimit(), o.swap()}
}

// asService is what to do where the unit makes the difference.
func asService() Text {
	return Text{"Lancez l'appliance par son service (systemctl start huisclos), dont l'unité le pose.",
		"Start the appliance by its service (systemctl start huisclos), whose unit sets it."}
}

func unreadable() Text {
	return Text{"ne peut pas être lu d'ici.", "cannot be read from here."}
}

// ownFault is what to do where the program makes the difference, and has not.
func ownFault() Text {
	return Text{"Le programme le pose lui-même : c'est une erreur du programme ou du noyau ; signalez-la.",
		"The program sets it by itself: this is an error of the program or of the kernel; report it."}
}

// everyThread calls f with the field of /proc/self/task/*/status of each thread: these protections belong to threads.
func (o Options) everyThread(field string, f func(value string) bool) (State, string) {
	threads, err := os.ReadDir(filepath.Join(o.Proc, "self/task"))
	if err != nil || len(threads) == 0 {
		return Unknown, ""
	}
	state, value := Unknown, ""
	for _, t := range threads {
		text, err := os.ReadFile(filepath.Join(o.Proc, "self/task", t.Name(), "status"))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has ended since
		}
		if err != nil {
			return Unknown, ""
		}
		for line := range strings.Lines(string(text)) {
			said, ok := strings.CutPrefix(line, field+":")
			if !ok {
				continue
			}
			value = strings.TrimSpace(said)
			if !f(value) {
				return Missing, value
			}
			state = OK
		}
	}
	return state, value
}

func say(s State, ok, missing Text) Text {
	switch s {
	case OK:
		return ok
	case Missing:
		return missing
	}
	return unreadable()
}

func (o Options) noNewPrivileges() Line {
	s, _ := o.everyThread("NoNewPrivs", func(v string) bool { return v == "1" })
	return Line{Name: "no-new-privileges", State: s,
		Detail: say(s, Text{"aucun droit nouveau n'est possible.", "no new privilege is possible."}, Text{"des droits nouveaux sont possibles.", "new privileges are possible."}),
		Why: Text{"Un programme lancé par une faille n'obtient pas plus de droits que l'appliance.",
			"A program started through a flaw gets no more rights than the appliance."},
		Do: ownFault()}
}

func dumpable() Line {
	l := Line{Name: "not-dumpable", State: Unknown, Detail: unreadable(), Do: ownFault(),
		Why: Text{"La mémoire, où se trouve le poivre des phrases de passe, n'est lisible par aucun autre programme du même compte.",
			"The memory, which holds the pepper of the passphrases, can be read by no other program of the same account."}}
	if got, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err == nil {
		l.State = Missing
		if got == 0 {
			l.State = OK
		}
		l.Detail = say(l.State, Text{"la mémoire est fermée aux autres.", "the memory is closed to others."}, Text{"la mémoire est ouverte.", "the memory is open."})
	}
	return l
}

func coreLimit() Line {
	l := Line{Name: "no-core-dump", State: Unknown, Detail: unreadable(), Do: ownFault(),
		Why: Text{"Un arrêt brutal ne laisse pas la mémoire sur le disque.", "A crash does not leave the memory on the disk."}}
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &r); err == nil {
		l.State = Missing
		if r.Cur == 0 && r.Max == 0 {
			l.State = OK
		}
		l.Detail = say(l.State, Text{"la limite est de 0 octet.", "the limit is 0 octets."}, Text{"une image de la mémoire est possible.", "a core dump is possible."})
	}
	return l
}

// confined tries what Confine takes away: to read the root directory, which everybody may. Landlock itself says nothing
// of a process.
func confined() Line {
	l := Line{Name: "landlock", State: Unknown, Detail: unreadable(),
		Why: Text{"Une faille n'atteint que le dossier des données : ni les autres fichiers, ni un autre port, ni un autre programme.",
			"A flaw reaches only the data directory: no other file, no other port, no other program."},
		Do: Text{"Prenez un noyau 6.7 ou plus récent où Landlock est actif (« landlock » dans /sys/kernel/security/lsm).",
			"Take a kernel 6.7 or newer in which Landlock is active (“landlock” in /sys/kernel/security/lsm)."}}
	abi, err := ll.LandlockGetABIVersion()
	if err != nil || abi <= 0 {
		l.State, l.Detail = Missing, Text{"ce noyau n'a pas Landlock.", "this kernel does not have Landlock."}
		return l
	}
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	switch {
	case err == nil:
		_ = unix.Close(fd) // nothing was written
		l.State, l.Detail = Missing, Text{fmt.Sprintf("le noyau a Landlock (ABI %d), mais ce processus n'est pas enfermé.", abi),
			fmt.Sprintf("the kernel has Landlock (ABI %d), but this process is not confined.", abi)}
		l.Do = ownFault()
	case errors.Is(err, unix.EACCES) && abi < portsABI:
		l.State, l.Detail = Missing, Text{fmt.Sprintf("les fichiers sont fermés, les ports ne le sont pas (ABI %d).", abi),
			fmt.Sprintf("files are closed, ports are not (ABI %d).", abi)}
	case errors.Is(err, unix.EACCES):
		l.State, l.Detail = OK, Text{fmt.Sprintf("fichiers et ports sont fermés (ABI %d).", abi), fmt.Sprintf("files and ports are closed (ABI %d).", abi)}
	}
	return l
}

// portsABI is the first ABI of Landlock with rules for TCP ports.
const portsABI = 4

func (o Options) seccomp() Line {
	s, mode := o.everyThread("Seccomp", func(v string) bool { return v == "2" }) // proc_pid_status(5): 2 is a filter
	return Line{Name: "seccomp", State: s, Do: asService(),
		Detail: say(s, Text{"un filtre d'appels au noyau est actif.", "a filter of system calls is active."},
			Text{"aucun filtre d'appels au noyau (mode " + mode + ").", "no filter of system calls (mode " + mode + ")."}),
		Why: Text{"Le noyau n'offre au programme que les appels dont il a besoin.", "The kernel offers the program only the calls that it needs."}}
}

func (o Options) capabilities() Line {
	s, set := o.everyThread("CapEff", func(v string) bool { return strings.Trim(v, "0") == "" })
	return Line{Name: "no-capabilities", State: s, Do: asService(),
		Detail: say(s, Text{"le programme n'a aucun privilège du noyau.", "the program has no capability."},
			Text{"le programme a des privilèges du noyau (" + set + ").", "the program has capabilities (" + set + ")."}),
		Why: Text{"Aucun privilège à voler : les ports sont ouverts par systemd.", "No privilege to steal: the ports are opened by systemd."}}
}

// network looks whether the process has a network of its own without an interface: then it can connect to nobody, whatever
// else is open to it. Its ports were opened outside and handed in.
func (o Options) network() Line {
	l := Line{Name: "no-network", State: Unknown, Detail: unreadable(), Do: asService(),
		Why: Text{"Une faille ne donne pas accès au réseau de l'organisation : le programme ne sait que répondre par ses ports.",
			"A flaw gives no access to the organisation's network: the program can only answer through its ports."}}
	text, err := os.ReadFile(filepath.Join(o.Proc, "self/net/dev"))
	if err != nil {
		return l
	}
	l.State, l.Detail = OK, Text{"le programme n'a pas d'interface réseau.", "the program has no network interface."}
	for line := range strings.Lines(string(text)) {
		if name, _, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) != "lo" {
			l.State, l.Detail = Missing, Text{"le programme est sur le réseau de la machine.", "the program is on the machine's network."}
		}
	}
	return l
}

func notRoot() Line {
	l := Line{Name: "not-root", State: OK, Do: asService(), Detail: Text{"le programme a un compte à lui.", "the program has an account of its own."},
		Why: Text{"Le compte root a trop de droits pour un programme qui parle à des inconnus.", "Root has too many rights for a program that talks to strangers."}}
	if os.Geteuid() == 0 {
		l.State, l.Detail = Missing, Text{"le programme tourne sous le compte root.", "the program runs as root."}
	}
	return l
}

// plainTCP asks the kernel what each listener speaks: Go listens with MPTCP unless told not to, and Landlock's rules for
// TCP ports do not hold for it.
func (o Options) plainTCP() Line {
	l := Line{Name: "plain-tcp", State: Unknown, Detail: unreadable(), Do: ownFault(),
		Why: Text{"Les règles de Landlock sur les ports valent pour TCP, pas pour MPTCP.", "Landlock's rules for ports hold for TCP, not for MPTCP."}}
	for _, c := range o.Listeners {
		protocol, err := Protocol(c)
		if err != nil {
			l.State, l.Detail = Unknown, unreadable()
			return l
		}
		if protocol != unix.IPPROTO_TCP {
			l.State, l.Detail = Missing, Text{"un port parle MPTCP.", "a port speaks MPTCP."}
			return l
		}
		l.State, l.Detail = OK, Text{"tous les ports parlent TCP.", "all ports speak TCP."}
	}
	return l
}

// Protocol is the protocol number of a socket (socket(7), SO_PROTOCOL).
func Protocol(c syscall.Conn) (protocol int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	if outer := raw.Control(func(fd uintptr) { protocol, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PROTOCOL) }); outer != nil {
		return 0, outer
	}
	return protocol, err
}

func (o Options) memoryLimit() Line {
	l := Line{Name: "memory-limit", State: Missing, Do: asService(),
		Why: Text{"À court de mémoire, le programme ralentit au lieu d'être arrêté, et n'emporte pas la machine.",
			"Short of memory, the program slows down instead of being killed, and does not take the machine along."},
		Detail: Text{"aucune limite.", "no limit."}}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		l.State, l.Detail = OK, Text{fmt.Sprintf("%d Mio.", limit>>20), fmt.Sprintf("%d MiB.", limit>>20)}
	}
	return l
}

// swap looks whether memory can reach a disk in clear: it can't where it is locked, where the unit may not swap, without a swap disk, and
// where all of them are encrypted.
func (o Options) swap() Line {
	l := Line{Name: "no-swap", State: Unknown, Detail: unreadable(),
		Why: Text{"La mémoire contient des secrets (poivre, clé TLS) ; sur un disque d'échange, ils survivent à l'arrêt.",
			"The memory holds secrets (pepper, TLS key); on a swap disk they outlive a stop."},
		Do: Text{"Gardez « MemorySwapMax=0 » dans l'unité, ou coupez l'échange (swapoff -a).", "Keep “MemorySwapMax=0” in the unit, or turn swap off (swapoff -a)."}}
	if locked, held := o.kilobytes("VmLck"), o.kilobytes("VmRSS"); held > 0 && locked >= held {
		l.State, l.Detail = OK, Text{"la mémoire est verrouillée.", "the memory is locked."}
		return l
	}
	closed := errors.New("closed")
	err := eachGroup(o.Proc, o.Sys, func(dir string) error {
		text, err := os.ReadFile(filepath.Join(dir, "memory.swap.max"))
		if err == nil && strings.TrimSpace(string(text)) == "0" {
			return closed
		}
		return nil
	})
	if errors.Is(err, closed) {
		l.State, l.Detail = OK, Text{"l'échange est interdit à ce service.", "swap is closed to this service."}
		return l
	}
	if text, err := os.ReadFile(filepath.Join(o.Proc, "swaps")); err == nil {
		l.State, l.Detail = OK, Text{"la machine n'a pas d'échange.", "the machine has no swap."}
		for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			if f := strings.Fields(line); i == 0 || len(f) == 0 {
				continue // proc(5): the first line is the header
			} else if !o.encrypted(f[0]) {
				l.State, l.Detail = Missing, Text{"la mémoire peut aller en clair sur un disque d'échange (" + f[0] + ").", "the memory may go to a swap disk in clear (" + f[0] + ")."}
				return l
			}
			l.Detail = Text{"l'échange de la machine est chiffré, ou reste en mémoire.", "the machine's swap is encrypted, or stays in memory."}
		}
	}
	return l
}

// encrypted reports whether the kernel says of a swap device that it is dm-crypt's, or one that stays in memory (zram). Whatever can't be
// read is in clear.
func (o Options) encrypted(device string) bool {
	name := filepath.Base(device)
	if strings.HasPrefix(device, "/dev/zram") {
		// What zram itself writes out goes to a disk after all.
		text, err := os.ReadFile(filepath.Join(o.Sys, "devices/virtual/block", name, "backing_dev"))
		return err == nil && strings.TrimSpace(string(text)) == "none"
	}
	text, err := os.ReadFile(filepath.Join(o.Sys, "devices/virtual/block", name, "dm/uuid"))
	return err == nil && strings.HasPrefix(string(text), "CRYPT-")
}

// kilobytes is a size in /proc/self/status, 0 when it can't be read.
func (o Options) kilobytes(field string) int {
	text, err := os.ReadFile(filepath.Join(o.Proc, "self/status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if said, ok := strings.CutPrefix(line, field+":"); ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(said), " kB"))
			return n
		}
	}
	return 0
}
