package choices

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"huisclos/appliance/config"
)

// Shown is a setting as the console shows it.
type Shown struct {
	Name    string      `json:"name"`
	Value   any         `json:"value"` // in force; null: not set, or a secret
	Default any         `json:"default"`
	From    string      `json:"from"`           // default, console, file or command
	File    string      `json:"file,omitempty"` // which fixes it
	Live    bool        `json:"live"`
	Console bool        `json:"console"` // it can be set in the console, unless a file fixes it
	Kind    config.Kind `json:"kind"`
	Choices []string    `json:"choices,omitempty"`
	Set     *bool       `json:"set,omitempty"` // of a secret
	// Chosen is what the console chose, where that is not in force, and Why.
	Chosen any        `json:"chosen,omitempty"`
	Why    *Explained `json:"why,omitempty"`
}

// Explained is a reason in both languages.
type Explained struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

// List is everything that the console shows of the settings.
type List struct {
	Settings     []Shown  `json:"settings"`
	NeedsRestart []string `json:"needsRestart"`
}

// Where a setting comes from.
const (
	fromDefault = "default"
	fromConsole = "console"
	fromFile    = "file"
	fromCommand = "command"
)

// List returns all settings.
func (s *Settings) List() List {
	s.mu.Lock()
	defer s.mu.Unlock()
	values, defaults := s.current.Values(), config.Defaults().Values()
	list := List{NeedsRestart: s.needRestart()}
	for _, k := range config.Schema() {
		shown := Shown{Name: k.Name, Value: values[k.Name], Default: defaults[k.Name], From: fromDefault, Live: k.Live, Console: k.Console, Kind: k.Kind, Choices: k.Choices}
		fixed := s.sources.Fixed(k.Name)
		switch {
		case fixed == config.CommandLine:
			shown.From = fromCommand
		case fixed != "":
			shown.From, shown.File = fromFile, fixed
		case s.current.From[k.Name] == config.Console:
			shown.From = fromConsole
		}
		if k.Kind == config.Secret {
			set := s.current.From[k.Name] != ""
			shown.Value, shown.Default, shown.Set = nil, nil, &set
		}
		for _, l := range s.left {
			if l.Name == k.Name {
				shown.Why = &Explained{l.FR, l.EN}
			}
		}
		list.Settings = append(list.Settings, shown)
	}
	return list
}

// needRestart are the settings that were changed since the start and hold only after the next. s.mu is held.
func (s *Settings) needRestart() []string {
	names := s.wanted.Differences(s.current)
	if names == nil {
		names = []string{}
	}
	return names
}

// NeedsRestart lists the settings that were changed since the start and hold only after the next.
func (s *Settings) NeedsRestart() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.needRestart()
}

// ErrChanges says that a body is no list of changes.
var ErrChanges = errors.New("choices: not an object of settings and their values")

// ReadChanges reads an object of names and values, null being back to what holds without the setting. A name that comes twice is
// refused: two readers of it would not agree.
func ReadChanges(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, ErrChanges
	}
	changes := map[string]any{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, ErrChanges
		}
		if _, twice := changes[name]; twice {
			return nil, fmt.Errorf("%w: %.40q comes twice", ErrChanges, name)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, ErrChanges
		}
		if string(raw) == "null" {
			changes[name] = nil
			continue
		}
		if changes[name], err = config.ReadValue(raw); err != nil {
			return nil, config.Wrong{Name: name, Reason: config.Reason{FR: "Il faut un texte, un nombre entier, vrai ou faux, ou une liste de textes.", EN: "a text, a whole number, true or false, or a list of texts is needed"}}
		}
	}
	if _, err := d.Token(); err != nil || d.InputOffset() != int64(len(bytes.TrimRight(text, " \t\r\n"))) {
		return nil, ErrChanges
	}
	return changes, nil
}
