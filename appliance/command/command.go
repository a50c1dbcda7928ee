// Package command is the form of the program's one table of commands, and what is made from it: which command a line of words means,
// help, the commands' part of the man pages, and completion for bash.
//
// It decides how commands are named, shown and found, and the codes with which a line ends that no command was found for. It never
// sees what a command does, and reads no option: the commands do, and a test holds both to the same options. Everything that people read stands
// in French and in English, the one beside the other: an appliance has one journal and one screen for all its operators, so neither
// depends on the locale of who asks.
package command

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Exit codes of every command. A command may have more, which its line names.
const (
	Done          = 0
	Failed        = 1
	NotUnderstood = 2 // the command line, or the settings
)

// Text is one meaning in both languages.
type Text struct{ FR, EN string }

// in picks a language, "fr" or "en".
func (t Text) in(language string) string {
	if language == "fr" {
		return t.FR
	}
	return t.EN
}

// A Command is one line of the table.
type Command struct {
	Path     string   // the words that call it: "user add"
	Also     []string // former paths, which are still understood
	Operands []Operand
	Options  []Option // beside those of Asks
	// Asks says that it asks the running appliance, over its control socket: it takes the options of [Asking] as well.
	Asks bool
	Does Text // one line without a capital and a full stop: "create an account"
	More Text // whole sentences; an empty line parts paragraphs, and a line that begins with two spaces stays as it is
	// Exits are the codes beside 0, 1 and 2.
	Exits []Exit
	Run   func(ctx context.Context, args []string, stdout, stderr io.Writer) int
}

// An Operand is a word that follows the path.
type Operand struct {
	Name           string // FILE and DIR are completed with files and directories
	Optional, Many bool
	Choices        []string // none: anything
}

// An Option is written "--Name", with a value unless Value is empty.
type Option struct {
	Name    string
	Value   string // as the help names it; FILE and DIR are completed with files and directories
	Choices []string
	Does    Text
}

// An Exit is a code and what it means.
type Exit struct {
	Code  int
	Means Text
}

// A Section is commands that belong together.
type Section struct {
	Title    Text
	Commands []Command
}

// A Table is all commands, in the order in which they are shown.
type Table []Section

// Asking are the options of the commands that ask the running appliance.
func Asking() []Option {
	return []Option{
		{Name: "config", Value: "FILE", Does: Text{"réglages de l'appliance (/etc/huisclos/huisclos.toml s'il existe)", "settings of the appliance (/etc/huisclos/huisclos.toml if there is one)"}},
		{Name: "data", Value: "DIR", Does: Text{"son dossier de données", "its data directory"}},
		{Name: "control", Value: "FILE", Does: Text{"sa prise de commande (control.sock dans ce dossier)", "its control socket (control.sock in that directory)"}},
		{Name: "json", Does: Text{"réponse en JSON", "answer in JSON"}},
	}
}

// All are all options that c takes.
func (c Command) All() []Option {
	if c.Asks {
		return append(slices.Clone(c.Options), Asking()...)
	}
	return c.Options
}

// Commands are all of them.
func (t Table) Commands() (all []Command) {
	for _, s := range t {
		all = append(all, s.Commands...)
	}
	return all
}

// find returns the command whose path, or former path, is the longest that begins args, and what follows it.
func (t Table) find(args []string) (found Command, rest []string, ok bool) {
	longest := 0
	for _, c := range t.Commands() {
		for _, path := range append([]string{c.Path}, c.Also...) {
			words := strings.Fields(path)
			if len(words) > longest && len(args) >= len(words) && slices.Equal(words, args[:len(words)]) {
				longest, found, rest, ok = len(words), c, args[len(words):], true
			}
		}
	}
	return found, rest, ok
}

// below are the commands whose path goes on from prefix.
func (t Table) below(prefix string) (list []Command) {
	for _, c := range t.Commands() {
		if strings.HasPrefix(c.Path, prefix+" ") {
			list = append(list, c)
		}
	}
	return list
}

// Run carries out a line of words, and returns the code with which the program ends.
func (t Table) Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		t.overview(stderr)
		return NotUnderstood
	}
	switch args[0] {
	case "-h", "-help", "--help":
		t.overview(stdout)
		return Done
	case "-version", "--version":
		args = append([]string{"version"}, args[1:]...)
	}
	c, rest, ok := t.find(args)
	switch {
	case !ok || len(t.below(c.Path)) > 0 && len(rest) > 0 && len(t.below(c.Path+" "+rest[0])) > 0:
		return t.unfound(args, stdout, stderr)
	case asksHelp(rest):
		c.help(stdout, t.below(c.Path))
		return Done
	}
	return c.Run(ctx, rest, stdout, stderr)
}

// asksHelp looks before "--", which ends the options.
func asksHelp(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.ContainsFunc(args, func(a string) bool { return a == "-h" || a == "-help" || a == "--help" })
}

// unfound answers words that name no command: a group of commands shows which there are.
func (t Table) unfound(args []string, stdout, stderr io.Writer) int {
	group := ""
	for _, word := range args {
		next := strings.TrimSpace(group + " " + word)
		if len(t.below(next)) == 0 {
			break
		}
		group = next
	}
	if group == "" {
		fmt.Fprintf(stderr, "huisclos : la commande « %s » n'existe pas.\nhuisclos: there is no command “%s”.\n\n", args[0], args[0])
		t.overview(stderr)
		return NotUnderstood
	}
	rest := args[len(strings.Fields(group)):]
	if asksHelp(rest) {
		t.group(stdout, group)
		return Done
	}
	if len(rest) > 0 {
		wrong := group + " " + rest[0]
		fmt.Fprintf(stderr, "huisclos : la commande « %s » n'existe pas ; voyez « huisclos %s --help ».\nhuisclos: there is no command “%s”; see “huisclos %s --help”.\n\n", wrong, group, wrong, group)
	} else {
		fmt.Fprintf(stderr, "huisclos : il manque un mot ; voyez « huisclos %s --help ».\nhuisclos: a word is missing; see “huisclos %s --help”.\n\n", group, group)
	}
	t.group(stderr, group)
	return NotUnderstood
}
