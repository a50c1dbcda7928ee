package console

import (
	"os"

	"golang.org/x/sys/unix"
)

// Terminal sets a terminal for the menu: Ctrl-C and Ctrl-\ end a line instead of the program, Ctrl-Z does nothing, and a
// letter of more than one octet goes away as a whole. The function that it returns turns the echo on and off. A file that
// is no terminal stays as it is.
func Terminal(f *os.File) (echo func(on bool)) {
	fd := int(f.Fd())
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func(bool) {}
	}
	t.Lflag &^= unix.ISIG
	t.Lflag |= unix.ICANON | unix.ECHO | unix.ECHOE | unix.ECHOK
	t.Iflag |= unix.ICRNL | unix.IUTF8
	t.Oflag |= unix.OPOST | unix.ONLCR
	t.Cc[unix.VEOL], t.Cc[unix.VEOL2] = 'C'-'@', '\\'-'@'
	set := func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, t) }
	set()
	return func(on bool) {
		if on {
			t.Lflag |= unix.ECHO
		} else {
			t.Lflag &^= unix.ECHO
		}
		set()
	}
}
