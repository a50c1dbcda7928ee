package operator

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"huisclos/appliance/command"
	"huisclos/appliance/control"
)

// ListGroups prints the groups.
func ListGroups(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return one("group list", actGroupList, 0, -1, func(operands []string) any { return groupsAsked{strings.Join(operands, " ")} }, func(w io.Writer, a groupsGiven, _ []string) {
		for _, g := range a.Groups {
			fmt.Fprintf(w, "%-22s  %-8s  %6d  %s\n", g.ID, g.Source, g.Members, printable(g.Name))
		}
	})(ctx, args, stdout, stderr)
}

func named(operands []string) any { return groupNamed{strings.Join(operands, " ")} }

// AddGroup makes a group without members.
func AddGroup(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return one("group add", actGroupAdd, 1, -1, named, func(w io.Writer, g Group, _ []string) {
		say(w, fmt.Sprintf("Le groupe « %s » est créé (%s).", printable(g.Name), g.ID), fmt.Sprintf("The group “%s” is made (%s).", printable(g.Name), g.ID))
	})(ctx, args, stdout, stderr)
}

// DeleteGroup deletes a group: its members stay, and rules of rooms that name it name nobody by it. It asks for a yes.
func DeleteGroup(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var yes bool
	l, code := control.Read("group delete", args, stderr, 1, 1, func(f *flag.FlagSet) { f.BoolVar(&yes, "yes", false, "") })
	if l == nil {
		return code
	}
	name := printable(l.Operands[0])
	if err := l.Ask(actGroupMembers, membersAsked{Group: l.Operands[0]}, nil); err != nil { // whether there is one
		return l.Fail(err)
	}
	if err := confirmed(l, yes, stderr,
		fmt.Sprintf("Le groupe « %s » sera supprimé. Les comptes restent ; les règles de salles qui le nomment ne nomment plus personne par lui.", name),
		fmt.Sprintf("The group “%s” will be deleted. The accounts stay; rules of rooms that name it name nobody by it any more.", name), name); err != nil {
		return l.Fail(err)
	}
	var g Group
	if err := l.Ask(actGroupDelete, groupNamed{l.Operands[0]}, &g); err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		return asJSON(stdout, g)
	}
	say(stdout, fmt.Sprintf("Le groupe « %s » est supprimé.", printable(g.Name)), fmt.Sprintf("The group “%s” is deleted.", printable(g.Name)))
	return command.Done
}

// GroupMembers prints the members of a group, or changes them.
func GroupMembers(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var add, remove []string
	into := func(list *[]string) func(string) error {
		return func(text string) error { *list = append(*list, text); return nil }
	}
	l, code := control.Read("group member", args, stderr, 1, 1, func(f *flag.FlagSet) {
		f.Func("add", "", into(&add))
		f.Func("remove", "", into(&remove))
	})
	if l == nil {
		return code
	}
	if len(add)+len(remove) == 0 {
		return pages(ctx, l, func(after string) (string, error) {
			var a usersGiven
			if err := l.Ask(actGroupMembers, membersAsked{l.Operands[0], after}, &a); err != nil {
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
	var g Group
	if err := l.Ask(actGroupChange, membersChanged{l.Operands[0], add, remove}, &g); err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		return asJSON(stdout, g)
	}
	say(stdout, fmt.Sprintf("Le groupe « %s » a %d membre(s).", printable(g.Name), g.Members), fmt.Sprintf("The group “%s” has %d member(s).", printable(g.Name), g.Members))
	return command.Done
}

// ListRooms prints the rooms, a page at a time; their names only with --names.
func ListRooms(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var names bool
	l, code := control.Read("room list", args, stderr, 0, 0, func(f *flag.FlagSet) { f.BoolVar(&names, "names", false, "") })
	if l == nil {
		return code
	}
	return pages(ctx, l, func(after string) (string, error) {
		var a roomsGiven
		if err := l.Ask(actRoomList, roomsAsked{after, names}, &a); err != nil {
			return "", err
		}
		for _, r := range a.Rooms {
			if l.JSON {
				asJSON(stdout, r)
			} else {
				fmt.Fprintf(stdout, "%-22s  %-16s  %4d  %s\n", r.ID, day(r.Created), r.InCall, strings.TrimRight(fmt.Sprintf("%-36s  %s", printable(r.Owner), printable(r.Name)), " "))
			}
		}
		return a.Next, nil
	})
}

func roomAsked(operands []string) any { return roomNamed{operands[0]} }

// ShowRoom prints one room, with its name.
func ShowRoom(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return one("room show", actRoomShow, 1, 1, roomAsked, func(w io.Writer, r Room, _ []string) {
		control.Rows(w, [3]string{"Salle", "Room", printable(r.Name)}, [3]string{"Identifiant", "Id", r.ID}, [3]string{"À", "Owner", printable(r.Owner)}, [3]string{"Créée", "Created", day(r.Created)},
			[3]string{"Appel en cours", "Call in progress", yesNo(r.Live)}, [3]string{"Personnes dans l'appel", "People in the call", fmt.Sprint(r.InCall)})
	})(ctx, args, stdout, stderr)
}

// DeleteRoom deletes a room with its meetings and guests; a call in it ends. It asks for a yes.
func DeleteRoom(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var yes bool
	l, code := control.Read("room delete", args, stderr, 1, 1, func(f *flag.FlagSet) { f.BoolVar(&yes, "yes", false, "") })
	if l == nil {
		return code
	}
	var r Room
	if err := l.Ask(actRoomShow, roomNamed{l.Operands[0]}, &r); err != nil {
		return l.Fail(err)
	}
	if err := confirmed(l, yes, stderr,
		fmt.Sprintf("La salle « %s » de %s sera supprimée, pour toujours : avec elle ses réunions planifiées, ses invitations, et l'appel en cours (%d personne(s)).", printable(r.Name), printable(r.Owner), r.InCall),
		fmt.Sprintf("The room “%s” of %s will be deleted, for ever: with it its planned meetings, its invitations, and the call in progress (%d people).", printable(r.Name), printable(r.Owner), r.InCall), r.ID); err != nil {
		return l.Fail(err)
	}
	if err := l.Ask(actRoomDelete, roomNamed{r.ID}, &r); err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		return asJSON(stdout, r)
	}
	say(stdout, "La salle est supprimée.", "The room is deleted.")
	return command.Done
}

// ListCalls prints the calls in progress; the names of their rooms only with --names.
func ListCalls(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var names bool
	l, code := control.Read("call list", args, stderr, 0, 0, func(f *flag.FlagSet) { f.BoolVar(&names, "names", false, "") })
	if l == nil {
		return code
	}
	var a callsGiven
	if err := l.Ask(actCallList, callsAsked{names}, &a); err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		return asJSON(stdout, a)
	}
	if len(a.Calls) == 0 {
		say(stdout, "Il n'y a pas d'appel en cours.", "There is no call in progress.")
	}
	for _, c := range a.Calls {
		fmt.Fprintln(stdout, strings.TrimRight(fmt.Sprintf("%-22s  %-16s  %4d  %s", c.Room, day(c.Since), c.People, printable(c.Name)), " "))
	}
	return command.Done
}

// EndCall ends a call for everybody in it. It asks for a yes.
func EndCall(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var yes bool
	l, code := control.Read("call end", args, stderr, 1, 1, func(f *flag.FlagSet) { f.BoolVar(&yes, "yes", false, "") })
	if l == nil {
		return code
	}
	var r Room
	err := l.Ask(actRoomShow, roomNamed{l.Operands[0]}, &r)
	if err == nil && !r.Live {
		err = noCall()
	}
	if err == nil {
		err = confirmed(l, yes, stderr, fmt.Sprintf("L'appel de cette salle prendra fin pour les %d personne(s) qui y sont. La salle reste.", r.InCall),
			fmt.Sprintf("This room's call will end for the %d people in it. The room stays.", r.InCall), r.ID)
	}
	if err == nil {
		err = l.Ask(actCallEnd, roomNamed{r.ID}, &r)
	}
	if err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		return asJSON(stdout, r)
	}
	say(stdout, "L'appel est terminé.", "The call is ended.")
	return command.Done
}

// ListSessions prints where an account is signed in.
func ListSessions(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return one("session list", actSessionList, 1, 1, asked, func(w io.Writer, a sessionsGiven, _ []string) {
		if len(a.Sessions) == 0 {
			say(w, "Ce compte n'a pas de session ouverte.", "This account has no open session.")
		}
		for _, s := range a.Sessions {
			control.Rows(w, [3]string{"Session", "Session", s.ID}, [3]string{"Ouverte", "Opened", day(s.Created)}, [3]string{"Vue", "Seen", day(s.Seen)}, [3]string{"Finit au plus tard", "Ends at the latest", day(s.Until)})
		}
	})(ctx, args, stdout, stderr)
}

// EndSessions signs an account out: of one session, or with --all of every one.
func EndSessions(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var all bool
	l, code := control.Read("session end", args, stderr, 1, 2, func(f *flag.FlagSet) { f.BoolVar(&all, "all", false, "") })
	if l == nil {
		return code
	}
	q := sessionsEnded{Who: l.Operands[0]}
	if all == (len(l.Operands) == 2) {
		return l.Fail(control.Usage("either one session, or --all"))
	}
	if !all {
		q.Session = l.Operands[1]
	}
	var a sessionsEnded
	if err := l.Ask(actSessionEnd, q, &a); err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		return asJSON(stdout, a)
	}
	say(stdout, fmt.Sprintf("%d session(s) fermée(s).", a.Ended), fmt.Sprintf("%d session(s) ended.", a.Ended))
	return command.Done
}

// Drain has the appliance begin no further call.
func Drain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return one("drain", actDrain, 0, 0, func([]string) any { return drainAsked{true} }, func(w io.Writer, a drainGiven, _ []string) {
		say(w, fmt.Sprintf("Plus aucun appel ne commence. Appels en cours, qui continuent : %d. « huisclos resume », ou un redémarrage, y met fin.", a.Calls),
			fmt.Sprintf("No further call begins. Calls in progress, which go on: %d. “huisclos resume”, or a restart, ends this.", a.Calls))
	})(ctx, args, stdout, stderr)
}

// Resume undoes Drain.
func Resume(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return one("resume", actDrain, 0, 0, func([]string) any { return drainAsked{false} }, func(w io.Writer, _ drainGiven, _ []string) {
		say(w, "Des appels peuvent commencer.", "Calls can begin.")
	})(ctx, args, stdout, stderr)
}

// LogLevel says what is written to the service's log, or sets it.
func LogLevel(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return one("log-level", actLevel, 0, 1, func(operands []string) any { return levelAsked{strings.Join(operands, "")} }, func(w io.Writer, a levelGiven, operands []string) {
		if len(operands) == 0 {
			fmt.Fprintln(w, a.Level)
			return
		}
		say(w, fmt.Sprintf("Le journal est au niveau %s, jusqu'au prochain démarrage ou à la prochaine lecture des réglages.", a.Level),
			fmt.Sprintf("The log is at the level %s, until the next start or the next time that the settings are read.", a.Level))
	})(ctx, args, stdout, stderr)
}
