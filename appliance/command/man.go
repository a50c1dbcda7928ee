package command

import (
	"fmt"
	"strings"
)

// Man is the sections of huisclos(8) about the commands, as roff (man(7)), in "fr" or "en". What else the page says is written by hand.
func (t Table) Man(language string) string {
	words := map[string][4]string{
		"fr": {"COMMANDES", "OPTIONS COMMUNES", "Les commandes marquées * interrogent l'appliance en marche par sa prise de commande, un fichier de mode 0600, et prennent aussi :", "Code de retour"},
		"en": {"COMMANDS", "COMMON OPTIONS", "The commands marked * ask the running appliance over its control socket, a file of mode 0600, and take as well:", "Exit code"},
	}[language]
	var b strings.Builder
	fmt.Fprintf(&b, ".SH %s\n", words[0])
	for _, s := range t {
		fmt.Fprintf(&b, ".SS %s\n", roff(s.Title.in(language)))
		for _, c := range s.Commands {
			star := ""
			if c.Asks {
				star = " *"
			}
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR%s%s\n%s\n", roff(c.Path), c.roffOperands(), star, roff(sentence(c.Does.in(language))))
			roffText(&b, c.More.in(language))
			if len(c.Options)+len(c.Exits) == 0 {
				continue
			}
			b.WriteString(".RS\n")
			roffOptions(&b, c.Options, language)
			for _, e := range c.Exits {
				fmt.Fprintf(&b, ".TP\n%s %d\n%s\n", roff(words[3]), e.Code, roff(sentence(e.Means.in(language))))
			}
			b.WriteString(".RE\n")
		}
	}
	fmt.Fprintf(&b, ".SH \"%s\"\n%s\n", words[1], roff(words[2]))
	roffOptions(&b, Asking(), language)
	return b.String()
}

func (c Command) roffOperands() string {
	var b strings.Builder
	for _, o := range c.Operands {
		b.WriteString(" \\fI" + roff(o.form()) + "\\fR")
	}
	if len(c.Options) > 0 {
		b.WriteString(" [options]")
	}
	return b.String()
}

func roffOptions(b *strings.Builder, options []Option, language string) {
	for _, o := range options {
		value := ""
		if o.Value != "" {
			value = " \\fI" + roff(o.Value) + "\\fR"
		}
		fmt.Fprintf(b, ".TP\n\\fB%s\\fR%s\n%s\n", roff("--"+o.Name), value, roff(sentence(o.Does.in(language))))
	}
}

// roffText is text that follows what a command does, at the same indent.
func roffText(b *strings.Builder, text string) {
	if text == "" {
		return
	}
	b.WriteString(".IP\n")
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == "":
			b.WriteString(".IP\n")
		case strings.HasPrefix(line, "  "):
			b.WriteString(".nf\n" + roff(line) + "\n.fi\n")
		default:
			b.WriteString(roff(line) + "\n")
		}
	}
}

// roff escapes a line of text: a backslash, a minus that people copy, and what would be a request.
func roff(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	return line
}
