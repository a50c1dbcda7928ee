// Package hardening takes from the running process what it has no more use for, and says what protects it.
//
// Confine decides what the process keeps once its files and sockets are open: no new privileges (prctl(2)), no core dump,
// a few directories, no further TCP port (Landlock, landlock(7)). SelfCheck reads what is in force, in the process and in
// the kernel, and has a sentence for each line. Seccomp and capabilities are the unit's to set; they are only looked at
// here. The package never sees what it protects: it knows directories and sockets, not what lies in them.
package hardening
