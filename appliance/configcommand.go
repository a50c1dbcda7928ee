package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"time"

	"huisclos/appliance/choices"
	"huisclos/appliance/config"
	"huisclos/appliance/control"
)

// Acts about settings, by which the commands ask the running appliance.
const (
	actSettings = "settings"
	actHistory  = "settings.history"
	actBetween  = "settings.between"
	actBack     = "settings.back"
)

// historyShown is how many entries "huisclos config history" shows.
const historyShown = 100

// span is from one entry of the history to another.
type span struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// settingsActs are the acts about settings. No answer has a secret.
func (a *Appliance) settingsActs() map[string]control.Act {
	return map[string]control.Act{
		actSettings: func(json.RawMessage) (any, error) { return a.choices.List(), nil },
		actHistory: func(json.RawMessage) (any, error) {
			list, _, err := a.choices.History(0, historyShown)
			return list, err
		},
		actBetween: func(body json.RawMessage) (any, error) {
			var s span
			if err := json.Unmarshal(body, &s); err != nil {
				return nil, err
			}
			changes, err := a.choices.Between(s.From, s.To)
			return changes, refusedEntry(err)
		},
		actBack: func(body json.RawMessage) (any, error) {
			var s span
			if err := json.Unmarshal(body, &s); err != nil {
				return nil, err
			}
			err := a.choices.Back(choices.By{}, s.To, a.settings.now())
			var wrong config.Wrong
			if errors.As(err, &wrong) {
				return nil, &control.Refusal{Code: "setting", FR: "rien n'a changé : " + wrong.Name + " : " + wrong.FR, EN: "nothing was changed: " + wrong.Error()}
			}
			return struct{}{}, refusedEntry(err)
		},
	}
}

func refusedEntry(err error) error {
	if errors.Is(err, choices.ErrNoEntry) {
		return control.Unknown("no-entry", "l'historique n'a pas, ou plus, cette entrée ; voyez « huisclos config history ».", "the history has no such entry, or no longer; see “huisclos config history”.")
	}
	return err
}

// ConfigCheck reads the settings files, and says whether they do: before a restart that would find out otherwise.
func ConfigCheck(_ context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("config check", args, stderr, 0, 0, nil)
	if l == nil {
		return code
	}
	if l.JSON {
		return written(stdout, map[string]any{"ok": true, "files": append([]string{}, l.Settings().Files...)})
	}
	fmt.Fprintln(stdout, "Les réglages conviennent. / The settings do.")
	for _, f := range l.Settings().Files {
		fmt.Fprintln(stdout, "  "+f)
	}
	return 0
}

// ConfigShow prints the settings in force, with where each is from.
func ConfigShow(_ context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("config show", args, stderr, 0, -1, nil)
	if l == nil {
		return code
	}
	var list choices.List
	if err := l.Ask(actSettings, nil, &list); err != nil {
		return l.Fail(err)
	}
	if names := l.Operands; len(names) > 0 {
		list.Settings = slices.DeleteFunc(list.Settings, func(s choices.Shown) bool { return !slices.Contains(names, s.Name) })
		if len(list.Settings) < len(names) {
			return l.Fail(control.Unknown("no-setting", "un de ces réglages n'existe pas ; « huisclos config show » les montre tous.", "one of these settings does not exist; “huisclos config show” shows all of them."))
		}
	}
	if l.JSON {
		return written(stdout, list)
	}
	for _, s := range list.Settings {
		value := shownValue(s.Value)
		if s.Set != nil {
			value = map[bool]string{true: "(gardé / kept)", false: "-"}[*s.Set]
		}
		from := s.From
		if s.File != "" {
			from = s.File
		}
		fmt.Fprintf(stdout, "%-28s %s  [%s]\n", s.Name, value, from)
	}
	for _, name := range list.NeedsRestart {
		fmt.Fprintf(stdout, "Demande un redémarrage / Needs a restart: %s\n", name)
	}
	return 0
}

func shownValue(v any) string {
	if v == nil {
		return "-"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "-" // it came as JSON
	}
	return string(text)
}

func written(w io.Writer, v any) int {
	if json.NewEncoder(w).Encode(v) != nil {
		return 1
	}
	return 0
}

// ConfigHistory prints how settings were changed, the newest first.
func ConfigHistory(_ context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("config history", args, stderr, 0, 0, nil)
	if l == nil {
		return code
	}
	var list []choices.Entry
	if err := l.Ask(actHistory, nil, &list); err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		return written(stdout, list)
	}
	for _, e := range list {
		by := e.Author
		if by == "" {
			by = "-"
		}
		fmt.Fprintf(stdout, "%d  %s  %s  %s\n", e.ID, e.Time.Format(time.RFC3339), e.Source, by)
		changed(stdout, e.Changes)
	}
	return 0
}

func changed(w io.Writer, list []choices.Changed) {
	for _, c := range list {
		fmt.Fprintf(w, "    %s: %s → %s\n", c.Name, shownValue(c.Before), shownValue(c.After))
	}
}

// ConfigDiff prints what the files say that isn't in force yet; with one entry of the history what it changed, with two what changed
// after the first up to the second.
func ConfigDiff(_ context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("config diff", args, stderr, 0, 2, nil)
	if l == nil {
		return code
	}
	list := []choices.Changed{}
	if len(l.Operands) == 0 {
		var now choices.List
		if err := l.Ask(actSettings, nil, &now); err != nil {
			return l.Fail(err)
		}
		list = waiting(l.Settings(), now)
	} else {
		s, err := spanOf(l.Operands)
		if err != nil {
			return l.Fail(err)
		}
		if err := l.Ask(actBetween, s, &list); err != nil {
			return l.Fail(err)
		}
	}
	if l.JSON {
		return written(stdout, map[string]any{"changes": list})
	}
	if len(list) == 0 {
		fmt.Fprintln(stdout, "Aucune différence. / No difference.")
	}
	changed(stdout, list)
	return 0
}

func spanOf(operands []string) (s span, err error) {
	var n []uint64
	for _, o := range operands {
		id, err := strconv.ParseUint(o, 10, 63)
		if err != nil {
			return s, control.Usage("an entry of the history is a number")
		}
		n = append(n, id)
	}
	if len(n) == 1 {
		if n[0] == 0 {
			return s, control.Usage("an entry of the history is a number from 1 up")
		}
		return span{n[0] - 1, n[0]}, nil
	}
	return span{min(n[0], n[1]), max(n[0], n[1])}, nil
}

// waiting compares what the files say with what is in force.
func waiting(files config.Settings, now choices.List) []choices.Changed {
	list := []choices.Changed{}
	values := files.Values()
	for _, s := range now.Settings {
		value, said := values[s.Name], files.From[s.Name] != ""
		switch {
		case said && !sameJSON(value, s.Value):
			list = append(list, choices.Changed{Name: s.Name, Before: s.Value, After: value})
		case !said && s.From == "file" && s.Set == nil && s.File != "" && !sameJSON(value, s.Value):
			list = append(list, choices.Changed{Name: s.Name, Before: s.Value, After: nil})
		}
	}
	return list
}

// sameJSON compares a value with one that came as JSON.
func sameJSON(a, b any) bool {
	if n, ok := a.(int); ok {
		a = float64(n)
	}
	if list, ok := a.([]string); ok {
		out := []any{}
		for _, s := range list {
			out = append(out, s)
		}
		a = out
	}
	return reflect.DeepEqual(a, b)
}

// ConfigRollback takes the console's settings back to what they were right after an entry of the history.
func ConfigRollback(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var yes bool
	l, code := control.Read("config rollback", args, stderr, 1, 1, func(f *flag.FlagSet) { f.BoolVar(&yes, "yes", false, "don't ask") })
	if l == nil {
		return code
	}
	to, err := strconv.ParseUint(l.Operands[0], 10, 63)
	if err != nil {
		return l.Fail(control.Usage("an entry of the history is a number, and 0 is before all"))
	}
	if !yes {
		return l.Fail(&control.Refusal{Code: "not-said", Exit: control.ExitNotSaid,
			FR: "les réglages de la console reviendraient à ce qu'ils étaient après l'entrée " + l.Operands[0] + " ; les fichiers restent. Pour le faire, ajoutez --yes.",
			EN: "the console's settings would go back to what they were after entry " + l.Operands[0] + "; files stay. To do it, add --yes."})
	}
	if err := l.Ask(actBack, span{To: to}, nil); err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		return written(stdout, map[string]any{"to": to})
	}
	fmt.Fprintln(stdout, "C'est fait : les réglages de la console sont ceux d'alors. / Done: the console's settings are those of then.")
	return 0
}
