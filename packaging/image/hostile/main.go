// Command hostile stands in for huisclos under its own unit and profile, in a test of the image: it tries what a program that was
// taken over would try, and prints one line for each: "denied NAME: why" or "DONE NAME". It ends with 1 when anything was done.
package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

func main() {
	done := 0
	try := func(name string, err error) {
		if err == nil {
			done++
			fmt.Println("DONE", name)
			return
		}
		fmt.Printf("denied %s: %v\n", name, err)
	}
	read := func(name string) error { _, err := os.ReadFile(name); return err }
	write := func(name string) error { return os.WriteFile(name, []byte("x"), 0o600) }
	listen := func(network, at string) error {
		l, err := net.Listen(network, at)
		if err == nil {
			_ = l.Close()
		}
		return err
	}
	socket := func(family, kind, protocol int) error {
		fd, err := unix.Socket(family, kind, protocol)
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	}
	// That the arena is a real one: what the service needs works.
	if err := write("/var/lib/huisclos/hostile"); err != nil {
		fmt.Println("DONE nothing: its own folder can't be written:", err)
		os.Exit(1)
	}
	_ = os.Remove("/var/lib/huisclos/hostile")

	_, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "exit 0"}, &syscall.ProcAttr{})
	try("execve of a shell", err)
	_, err = syscall.ForkExec("/usr/bin/huisclos", []string{"huisclos", "again"}, &syscall.ProcAttr{})
	try("execve of itself", err)
	try("ptrace of the first process", unix.PtraceAttach(1))
	try("ptrace of its parent", unix.PtraceAttach(os.Getppid()))
	for _, f := range []string{"/etc/shadow", "/etc/passwd", "/root", "/var/log/journal", "/var/lib/appliance/shadow", "/proc/1/environ", "/dev/mem", "/dev/vda", "/run/huisclos-acts"} {
		try("reading "+f, read(f))
	}
	for _, f := range []string{"/etc/huisclos/huisclos.toml", "/usr/bin/huisclos", "/var/lib/appliance/x", "/var/tmp/../lib/x", "/run/x", "/home/x", "/proc/sys/kernel/core_pattern"} {
		try("writing "+f, write(f))
	}
	for _, at := range []string{":80", ":8080", "127.0.0.1:0"} {
		try("listening on "+at, listen("tcp", at))
	}
	_, err = net.Dial("tcp", "10.0.2.2:22")
	try("calling out", err)
	_, err = net.ListenPacket("udp", ":0")
	try("a UDP socket", err)
	try("a netlink socket", socket(unix.AF_NETLINK, unix.SOCK_RAW, 0))
	try("a raw packet socket", socket(unix.AF_PACKET, unix.SOCK_RAW, 0))
	try("a MPTCP socket", socket(unix.AF_INET, unix.SOCK_STREAM, 262))
	for _, act := range []string{"reboot", "update"} {
		_, err = net.Dial("unix", "/run/huisclos-acts/"+act+".sock")
		try("asking for the act "+act, err)
	}
	_, err = net.Dial("unix", "/run/dbus/system_bus_socket")
	try("talking to D-Bus", err)
	_, err = net.Dial("unix", "/run/systemd/resolve/io.systemd.Resolve")
	try("asking a name of the resolver, which may speak to the network", err)
	_, err = net.Dial("unix", "/run/systemd/private")
	try("talking to systemd", err)
	try("becoming root", unix.Setresuid(0, 0, 0))
	header, data := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{{Effective: 1 << unix.CAP_NET_ADMIN, Permitted: 1 << unix.CAP_NET_ADMIN}}
	try("taking a capability", unix.Capset(&header, &data[0]))
	try("a user namespace", unix.Unshare(unix.CLONE_NEWUSER))
	try("a mount", unix.Mount("tmpfs", "/tmp", "tmpfs", 0, ""))
	try("chroot", unix.Chroot("/var/lib/huisclos"))
	try("setting the clock", unix.ClockSettime(unix.CLOCK_REALTIME, &unix.Timespec{Sec: 1}))
	try("the host's name", unix.Sethostname([]byte("x")))
	try("a reboot", unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF))
	_, err = unix.Mmap(-1, 0, 4096, unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
	try("memory to write and run", err)
	_, err = unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true)
	try("a keyring of the kernel", err)
	try("a device file", unix.Mknod("/var/lib/huisclos/null", unix.S_IFCHR|0o600, 1<<8|3))
	name := filepath.Join("/var/lib/huisclos", "suid")
	if err = write(name); err == nil {
		err = unix.Chmod(name, 0o4755)
		_ = os.Remove(name)
	}
	try("a file that gives its owner's rights", err)
	try("priority over others", unix.Setpriority(unix.PRIO_PROCESS, 0, -10))
	if done > 0 {
		os.Exit(1)
	}
	fmt.Println("all denied")
}
