package operator

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"huisclos/appliance/command"
	"huisclos/appliance/control"
)

// run is a command: it reads a line of words and returns the exit code.
type run = func(ctx context.Context, args []string, stdout, stderr io.Writer) int

// one asks for one act, told what body makes of the operands, and shows its answer.
func one[A any](path, act string, least, most int, body func(operands []string) any, show func(w io.Writer, a A, operands []string)) run {
	return func(_ context.Context, args []string, stdout, stderr io.Writer) int {
		l, code := control.Read(path, args, stderr, least, most, nil)
		if l == nil {
			return code
		}
		var a A
		if err := l.Ask(act, body(l.Operands), &a); err != nil {
			return l.Fail(err)
		}
		if l.JSON {
			return asJSON(stdout, a)
		}
		show(stdout, a, l.Operands)
		return command.Done
	}
}

func asJSON(w io.Writer, v any) int {
	if json.NewEncoder(w).Encode(v) != nil {
		return command.Failed
	}
	return command.Done
}

// say writes one meaning in both languages.
func say(w io.Writer, fr, en string) { fmt.Fprintf(w, "%s\n%s\n", fr, en) }

// printable is text that changes nothing of the terminal that it is shown on.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\ufffd'
		}
		return r
	}, text)
}

func day(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.Local().Format("2006-01-02 15:04")
}

// confirmed reports whether a grave act may go on: by --yes, or by a word that is typed.
func confirmed(l *control.Line, yes bool, stderr io.Writer, fr, en, word string) error {
	if yes || control.Confirm(os.Stdin, stderr, fr, en, word) {
		return nil
	}
	return control.NotConfirmed()
}

func asked(operands []string) any { return who{operands[0]} }

func userLine(w io.Writer, u User) {
	fmt.Fprintf(w, "%-36s  %-13s  %-8s  %s\n", printable(u.Email), u.Role, u.State, printable(u.Name))
}

// ListUsers prints the accounts, a page at a time; with --json one object a line.
func ListUsers(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("user list", args, stderr, 0, -1, nil)
	if l == nil {
		return code
	}
	query := strings.Join(l.Operands, " ")
	return pages(ctx, l, func(after string) (string, error) {
		var a usersGiven
		if err := l.Ask(actUserList, usersAsked{Query: query, After: after}, &a); err != nil {
			return "", err
		}
		for _, u := range a.Users {
			if l.JSON {
				asJSON(stdout, u)
			} else {
				userLine(stdout, u)
			}
		}
		return a.Next, nil
	})
}

// pages asks for page after page until there is none, or the command is stopped.
func pages(ctx context.Context, l *control.Line, page func(after string) (next string, err error)) int {
	for after := ""; ctx.Err() == nil; {
		next, err := page(after)
		if err != nil {
			return l.Fail(err)
		}
		if next == "" {
			return command.Done
		}
		after = next
	}
	return command.Failed
}

func yesNo(b bool) string {
	if b {
		return "oui / yes"
	}
	return "non / no"
}

func userRows(u User) [][3]string {
	rows := [][3]string{{"Compte", "Account", printable(u.Name) + " <" + printable(u.Email) + ">"}, {"Identifiant", "Id", u.ID}, {"Rôle", "Role", u.Role}, {"État", "State", u.State}, {"Source", "Source", u.Source},
		{"Second facteur", "Second factor", yesNo(u.SecondFactor)}, {"Créé", "Created", day(u.Created)}, {"Dernière connexion", "Last sign-in", day(u.LastLogin)}}
	if !u.Leaving.IsZero() {
		rows = append(rows, [3]string{"À supprimer le", "To be deleted", day(u.Leaving)})
	}
	return rows
}

// ShowUser prints what an operator may know of one account.
func ShowUser(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return one("user show", actUserShow, 1, 1, asked, func(w io.Writer, a userShown, _ []string) {
		groups := "–"
		if len(a.Groups) > 0 {
			groups = printable(strings.Join(a.Groups, ", "))
		}
		control.Rows(w, append(userRows(a.User), [3]string{"Groupes", "Groups", groups}, [3]string{"Salles", "Rooms", fmt.Sprint(a.Rooms)},
			[3]string{"Réunions planifiées", "Planned meetings", fmt.Sprint(a.Meetings)}, [3]string{"Sessions ouvertes", "Open sessions", fmt.Sprint(a.Sessions)})...)
	})(ctx, args, stdout, stderr)
}

// link prints an activation link. The token stands in the fragment, which no browser sends.
func link(l *control.Line, stdout io.Writer, a linkMade) int {
	address, err := l.Address()
	if err != nil {
		return l.Fail(err)
	}
	url := address + "activate#" + a.Token
	if l.JSON {
		return asJSON(stdout, struct {
			User
			Link    string    `json:"link"`
			Expires time.Time `json:"expires"`
		}{a.User, url, a.Expires})
	}
	control.Rows(stdout, [3]string{"Compte", "Account", fmt.Sprintf("%s <%s> (%s)", printable(a.Name), printable(a.Email), a.Role)}, [3]string{"Lien d'activation", "Activation link", url},
		[3]string{"Valable jusqu'au", "Valid until", day(a.Expires)})
	say(stdout, "\n  Donnez ce lien à cette personne et à nulle autre : il choisit la phrase de passe.", "  Give this link to that person and to nobody else: it chooses the passphrase.")
	return command.Done
}

// AddUser makes an account, and the link with which its owner chooses a passphrase.
func AddUser(_ context.Context, args []string, stdout, stderr io.Writer) int {
	role := "member"
	l, code := control.Read("user add", args, stderr, 2, -1, func(f *flag.FlagSet) { f.StringVar(&role, "role", role, "") })
	if l == nil {
		return code
	}
	var a linkMade
	if err := l.Ask(actUserAdd, userWanted{Email: l.Operands[0], Name: strings.Join(l.Operands[1:], " "), Role: role}, &a); err != nil {
		return l.Fail(err)
	}
	return link(l, stdout, a)
}

// ResetUser makes a new activation link for an account.
func ResetUser(_ context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("user reset", args, stderr, 1, 1, nil)
	if l == nil {
		return code
	}
	var a linkMade
	if err := l.Ask(actUserReset, who{l.Operands[0]}, &a); err != nil {
		return l.Fail(err)
	}
	return link(l, stdout, a)
}

func shown(fr, en string) func(io.Writer, User, []string) {
	return func(w io.Writer, u User, _ []string) {
		say(w, fmt.Sprintf(fr, printable(u.Email)), fmt.Sprintf(en, printable(u.Email)))
	}
}

// DisableUser shuts an account out at once.
func DisableUser(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return one("user disable", actUserDisable, 1, 1, asked, shown("Le compte %s est désactivé ; ses sessions et ses appels sont fermés.", "The account %s is disabled; its sessions and its calls are ended."))(ctx, args, stdout, stderr)
}

// EnableUser undoes DisableUser.
func EnableUser(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return one("user enable", actUserEnable, 1, 1, asked, shown("Le compte %s est rouvert.", "The account %s is open again."))(ctx, args, stdout, stderr)
}

// DeleteUser deletes an account at once and for ever. It first says what goes with it, and asks for the address.
func DeleteUser(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var yes bool
	l, code := control.Read("user delete", args, stderr, 1, 1, func(f *flag.FlagSet) { f.BoolVar(&yes, "yes", false, "") })
	if l == nil {
		return code
	}
	var a userShown
	if err := l.Ask(actUserShow, who{l.Operands[0]}, &a); err != nil {
		return l.Fail(err)
	}
	email := printable(a.Email)
	err := confirmed(l, yes, stderr,
		fmt.Sprintf("Le compte %s (%s) sera supprimé, pour toujours : avec lui %d salle(s) et %d réunion(s) planifiée(s), dont les invités sont prévenus. Ses sessions et ses appels sont fermés.", printable(a.Name), email, a.Rooms, a.Meetings),
		fmt.Sprintf("The account %s (%s) will be deleted, for ever: with it %d room(s) and %d planned meeting(s), whose guests are told. Its sessions and its calls are ended.", printable(a.Name), email, a.Rooms, a.Meetings), email)
	if err != nil {
		return l.Fail(err)
	}
	var gone User
	if err := l.Ask(actUserDelete, who{a.ID}, &gone); err != nil { // by its id: whoever got the address meanwhile is somebody else
		return l.Fail(err)
	}
	if l.JSON {
		return asJSON(stdout, gone)
	}
	shown("Le compte %s est supprimé.", "The account %s is deleted.")(stdout, gone, nil)
	return command.Done
}
