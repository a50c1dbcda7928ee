package command

import (
	"fmt"
	"slices"
	"strings"
)

// bashHead finds the longest path among the words before the cursor, and completes after it. It needs nothing of the package
// bash-completion. Bash parts "--name=value" into three words, so a value may stand after "=".
const bashHead = `# bash completion of huisclos, made from its table of commands: huisclos help --as bash

_huisclos_files() { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen "$1" -- "$cur"); }
_huisclos_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

_huisclos() {
  local cur=${COMP_WORDS[COMP_CWORD]} option= path= operands=0 next i word skip= options words takes kind
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    [[ $word == "=" ]] && continue
    if [[ -n $skip ]]; then skip=; continue; fi
    if [[ $word == -* ]]; then
      _huisclos_command "$path"
      [[ " $takes " == *" $word "* ]] && skip=$word
      continue
    fi
    next="${path:+$path }$word"
    if ((operands == 0)) && _huisclos_command "$next"; then path=$next; else operands=$((operands + 1)); fi
  done
  _huisclos_command "$path"
  [[ $cur == "=" ]] && cur=
  option=$skip
  if [[ -n $option ]]; then
    _huisclos_value "$path" "$option"
    case $kind in
      FILE) _huisclos_files -f ;;
      DIR) _huisclos_files -d ;;
      *) _huisclos_words "$kind" ;;
    esac
  elif [[ $cur == -* ]]; then
    _huisclos_words "$options --help"
  elif [[ -n $words ]] && ((operands == 0)); then
    _huisclos_words "$words"
  else
    _huisclos_operand "$path" "$operands"
    case $kind in
      FILE) _huisclos_files -f ;;
      DIR) _huisclos_files -d ;;
      ?*) _huisclos_words "$kind" ;;
    esac
  fi
}
`

// Bash is a script for bash's completion: commands, options, and what of their values and operands can be known.
func (t Table) Bash() string {
	var b, values, operands strings.Builder
	b.WriteString(bashHead)
	b.WriteString("\n# of a path: the options, those with a value, the words that go on\n_huisclos_command() {\n  options= takes= words=\n  case $1 in\n")
	commands := t.Commands()
	for _, path := range t.paths() {
		var options, takes, words []string
		if i := slices.IndexFunc(commands, func(c Command) bool { return c.Path == path }); i >= 0 {
			for _, o := range commands[i].All() {
				options = append(options, "--"+o.Name)
				if o.Value != "" {
					takes = append(takes, "--"+o.Name)
					if kind := kindOf(o.Value, o.Choices); kind != "" {
						fmt.Fprintf(&values, "    '%s --%s') kind='%s' ;;\n", path, o.Name, kind)
					}
				}
			}
			for n, o := range commands[i].Operands {
				if kind := kindOf(o.Name, o.Choices); kind != "" {
					fmt.Fprintf(&operands, "    '%s %d') kind='%s' ;;\n", path, n, kind)
				}
			}
		}
		for _, c := range commands {
			after, ok := strings.CutPrefix(c.Path, path+" ")
			if path == "" {
				after, ok = c.Path, true
			}
			if word, _, _ := strings.Cut(after, " "); ok && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
		fmt.Fprintf(&b, "    '%s') options='%s' takes='%s' words='%s' ;;\n", path, strings.Join(options, " "), strings.Join(takes, " "), strings.Join(words, " "))
	}
	b.WriteString("    *) return 1 ;;\n  esac\n}\n\n_huisclos_value() {\n  kind=\n  case \"$1 $2\" in\n" + values.String() +
		"  esac\n}\n\n_huisclos_operand() {\n  kind=\n  case \"$1 $2\" in\n" + operands.String() + "  esac\n}\n\ncomplete -F _huisclos huisclos\n")
	return b.String()
}

// paths are those of the commands, and of the groups that they are in; "" is the program.
func (t Table) paths() []string {
	paths := []string{""}
	for _, c := range t.Commands() {
		words := strings.Fields(c.Path)
		for i := range words {
			if path := strings.Join(words[:i+1], " "); !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// kindOf is how a value is completed: FILE, DIR, the words themselves, or "" where nothing is known of it.
func kindOf(name string, choices []string) string {
	switch {
	case len(choices) > 0:
		return strings.Join(choices, " ")
	case name == "FILE" || name == "DIR":
		return name
	}
	return ""
}
