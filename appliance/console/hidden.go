package console

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNoTerminal says that nobody is there who could be asked.
var ErrNoTerminal = errors.New("console: standard input is no terminal")

// ErrGivenUp says that Ctrl-C was the answer.
var ErrGivenUp = errors.New("console: given up")

// Hidden asks for a secret on a terminal, which doesn't show it, and leaves the terminal as it was. Ctrl-C is an answer too: as a
// signal it would leave the terminal without an echo.
func Hidden(in *os.File, out io.Writer, question string) (string, error) {
	fd := int(in.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return "", ErrNoTerminal
	}
	silent := *before
	silent.Lflag &^= unix.ECHO | unix.ISIG
	silent.Lflag |= unix.ICANON | unix.ECHONL
	silent.Cc[unix.VEOL] = ctrlC
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &silent); err != nil {
		return "", ErrNoTerminal
	}
	defer func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }()
	fmt.Fprint(out, question)
	return line(in)
}

// Shown asks for a word on a terminal.
func Shown(in *os.File, out io.Writer, question string) (string, error) {
	if _, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS); err != nil {
		return "", ErrNoTerminal
	}
	fmt.Fprint(out, question)
	return line(in)
}

const ctrlC = 'C' - '@'

func line(in io.Reader) (string, error) {
	r := bufio.NewReader(io.LimitReader(in, 4096))
	var b strings.Builder
	for {
		switch c, err := r.ReadByte(); {
		case err == io.EOF && b.Len() > 0, err == nil && c == '\n':
			return strings.TrimSuffix(b.String(), "\r"), nil
		case err != nil:
			return "", err
		case c == ctrlC:
			return "", ErrGivenUp
		default:
			b.WriteByte(c)
		}
	}
}
