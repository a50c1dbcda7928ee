package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// width is that of help, in characters: a terminal's, less a little.
const width = 100

// Forms in which the table is written out; see [Table.WithHelp].
var forms = []string{"text", "man", "man.fr", "bash"}

// WithHelp is t with a command that prints help, and whatever else is made from the table.
func (t Table) WithHelp() Table {
	help := Command{
		Path: "help", Operands: []Operand{{Name: "COMMAND", Optional: true, Many: true}},
		Options: []Option{{Name: "as", Value: "FORM", Choices: forms, Does: Text{
			"pour tout le tableau : text, man et man.fr (sections de la page de manuel), bash (complétion)",
			"of the whole table: text, man and man.fr (sections of the man page), bash (completion)"}}},
		Does: Text{"affiche cette aide, ou celle d'une commande", "print this help, or that of a command"},
		More: Text{"Le paquet Debian installe la complétion ; sans lui : source <(huisclos help --as bash)",
			"The Debian package installs completion; without it: source <(huisclos help --as bash)"},
	}
	all := append(Table(nil), t...)
	last := &all[len(all)-1]
	last.Commands = append(append([]Command(nil), last.Commands...), help)
	last.Commands[len(last.Commands)-1].Run = all.printHelp
	return all
}

// printHelp is the command help.
func (t Table) printHelp(_ context.Context, args []string, stdout, stderr io.Writer) int {
	form := ""
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, given := strings.Cut(args[0], "=")
		switch {
		case name != "--as" && name != "-as", given && len(args) > 1, !given && len(args) != 2:
		case given:
			form = value
		default:
			form = args[1]
		}
		switch form {
		case "text":
			for _, c := range t.Commands() {
				c.help(stdout, nil)
				fmt.Fprintln(stdout)
			}
		case "man":
			_, _ = io.WriteString(stdout, t.Man("en"))
		case "man.fr":
			_, _ = io.WriteString(stdout, t.Man("fr"))
		case "bash":
			_, _ = io.WriteString(stdout, t.Bash())
		default:
			fmt.Fprint(stderr, "huisclos : la ligne de commande n'est pas comprise ; voyez « huisclos help --help ».\nhuisclos: the command line is not understood; see “huisclos help --help”.\n")
			return NotUnderstood
		}
		return Done
	}
	if len(args) == 0 {
		t.overview(stdout)
		return Done
	}
	if c, rest, ok := t.find(args); ok && len(rest) == 0 {
		c.help(stdout, t.below(c.Path))
		return Done
	}
	if group := strings.Join(args, " "); len(t.below(group)) > 0 {
		t.group(stdout, group)
		return Done
	}
	return t.unfound(args, stdout, stderr)
}

func (t Table) overview(w io.Writer) {
	fmt.Fprint(w, "Huis Clos – visioconférence chiffrée de bout en bout / end-to-end encrypted video conferences\n\nhuisclos COMMANDE / COMMAND\n")
	for _, s := range t {
		fmt.Fprintf(w, "\n%s / %s\n", s.Title.FR, s.Title.EN)
		list(w, s.Commands)
	}
	fmt.Fprint(w, "\nhuisclos COMMANDE / COMMAND --help\n")
}

func (t Table) group(w io.Writer, group string) {
	fmt.Fprintf(w, "huisclos %s COMMANDE / COMMAND\n\n", group)
	list(w, t.below(group))
	fmt.Fprintf(w, "\nhuisclos %s COMMANDE / COMMAND --help\n", group)
}

func list(w io.Writer, commands []Command) {
	for _, c := range commands {
		column(w, 22, c.Path, c.Does)
	}
}

// column prints a name and, beside it, what it is, in both languages; a name that is too long has a line of its own.
func column(w io.Writer, at int, name string, does Text) {
	if utf8.RuneCountInString(name) >= at {
		fmt.Fprintf(w, "  %s\n", name)
		name = ""
	}
	gap := strings.Repeat(" ", at-utf8.RuneCountInString(name))
	indent := strings.Repeat(" ", at+2)
	fmt.Fprintf(w, "  %s%s%s\n%s%s\n", name, gap, wrap(does.FR, indent), indent, wrap(does.EN, indent))
}

// usage is how c is written.
func (c Command) usage() string {
	var b strings.Builder
	b.WriteString("huisclos " + c.Path)
	for _, o := range c.Operands {
		b.WriteString(" " + o.form())
	}
	if len(c.All()) > 0 {
		b.WriteString(" [options]")
	}
	return b.String()
}

func (o Operand) form() string {
	name := o.Name
	if len(o.Choices) > 0 {
		name = strings.Join(o.Choices, "|")
	}
	if o.Many {
		name += " …"
	}
	if o.Optional {
		name = "[" + name + "]"
	}
	return name
}

// form is how an option is written, without what it does.
func (o Option) form() string {
	if o.Value == "" {
		return "--" + o.Name
	}
	return "--" + o.Name + " " + o.Value
}

// help explains c; more are the commands whose paths go on from its.
func (c Command) help(w io.Writer, more []Command) {
	fmt.Fprintf(w, "%s\n\n  %s\n  %s\n", c.usage(), wrap(sentence(c.Does.FR), "  "), wrap(sentence(c.Does.EN), "  "))
	if c.More.FR != "" {
		fmt.Fprintf(w, "\n  %s\n\n  %s\n", paragraphs(c.More.FR), paragraphs(c.More.EN))
	}
	if all := c.All(); len(all) > 0 {
		fmt.Fprintln(w)
		at := 0
		for _, o := range all {
			at = max(at, len(o.form())+2)
		}
		for _, o := range all {
			column(w, min(at, 28), o.form(), o.Does)
		}
	}
	fmt.Fprint(w, "\n  Codes de retour / Exit codes\n")
	exits := append([]Exit{{Done, Text{"fait", "done"}}, {Failed, Text{"échec", "failed"}},
		{NotUnderstood, Text{"la ligne de commande ou les réglages n'ont pas été compris", "the command line or the settings were not understood"}}}, c.Exits...)
	for _, e := range exits {
		fmt.Fprintf(w, "  %d  %s / %s\n", e.Code, e.Means.FR, e.Means.EN)
	}
	for _, former := range c.Also {
		fmt.Fprintf(w, "\n  huisclos %s : ancien nom, toujours compris / former name, still understood\n", former)
	}
	if len(more) > 0 {
		fmt.Fprintln(w)
		list(w, more)
	}
}

// sentence gives a line its capital and its full stop.
func sentence(line string) string {
	first, size := utf8.DecodeRuneInString(line)
	return string(unicode.ToUpper(first)) + line[size:] + "."
}

// paragraphs wraps text, with two spaces before each line.
func paragraphs(text string) string {
	var out []string
	for p := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(p, "  ") {
			p = wrap(p, "  ")
		}
		out = append(out, p)
	}
	return strings.Join(out, "\n  ")
}

// wrap breaks text at spaces so that it ends before width; indent stands before each line but the first, and before that too, by who
// prints it. A space before the French double marks of punctuation does not break.
func wrap(text, indent string) string {
	var b bytes.Buffer
	used, room := 0, width-len(indent)
	for word := range strings.SplitSeq(joined.Replace(text), " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case used == 0:
		case used+1+n > room:
			b.WriteString("\n" + indent)
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return strings.ReplaceAll(b.String(), "\u00a0", " ")
}

var joined = strings.NewReplacer(" :", "\u00a0:", " ;", "\u00a0;", " ?", "\u00a0?", "« ", "«\u00a0", " »", "\u00a0»")
