package control

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Confirm says what is about to be lost, in both languages, and asks for a word to be typed on in. It reports whether that word came.
func Confirm(in io.Reader, out io.Writer, fr, en, word string) bool {
	fmt.Fprintf(out, "%s\n%s\n\nTapez « %[3]s » pour continuer. / Type “%[3]s” to go on: ", fr, en, word)
	line, err := bufio.NewReader(io.LimitReader(in, 1<<10)).ReadString('\n')
	fmt.Fprintln(out)
	return (err == nil || err == io.EOF) && strings.TrimSpace(line) == word
}

// NotConfirmed is the refusal where the word did not come.
func NotConfirmed() *Refusal {
	return &Refusal{Code: "not-confirmed", FR: "ce n'est pas confirmé ; rien n'a changé.", EN: "this is not confirmed; nothing was changed.", Exit: ExitNotSaid}
}
