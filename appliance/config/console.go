package config

import (
	"bytes"
	"crypto/x509"
	"encoding"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Reason says why a value does not do, to a person, in both languages. As an error it is English, for an operator.
type Reason struct{ FR, EN string }

func (r Reason) Error() string { return r.EN }

// reason fills both sentences with the same values.
func reason(en, fr string, values ...any) Reason {
	return Reason{FR: fmt.Sprintf(fr, values...), EN: fmt.Sprintf(en, values...)}
}

// Wrong is a value that the console may not choose. Table is the table that does not do as a whole, "" where it is one value.
type Wrong struct {
	Name  string
	Table string
	Reason
}

func (w Wrong) Error() string { return w.Name + ": " + w.EN }

// Choose returns the settings in force when the console has chosen these values: texts, bool, int and lists of texts, by the names of
// their settings; of secrets it is enough to say true. What the sources fix wins.
//
// What does not do is left out, with the whole of its table where it is the table that does not do, and returned: a value in the
// database, which a newer file may contradict, never keeps the appliance from starting.
func (src Sources) Choose(values map[string]any) (s Settings, left []Wrong) {
	console := map[string]layer{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		l, err := src.choose(name, values[name])
		var wrong Wrong
		if errors.As(err, &wrong) {
			left = append(left, wrong)
			continue
		}
		console[name] = l
	}
	for {
		s = src.apply(slices.Collect(maps.Values(console)))
		src.chooseOthers(&s, values, console)
		bad := s.wrongTable()
		if bad == nil {
			return s, left
		}
		left = append(left, Wrong{bad.lead, bad.name, reasonOf(bad.err)})
		maps.DeleteFunc(console, func(name string, _ layer) bool { return strings.HasPrefix(name, bad.name+".") })
	}
}

// wrongTable is one that the console's values have made wrong. One that is off says nothing: what the console has chosen for it waits.
func (s Settings) wrongTable() *table {
	for _, t := range s.tables() {
		if t.err == nil {
			continue
		}
		chosen := false
		for name, from := range s.From {
			chosen = chosen || from == Console && strings.HasPrefix(name, t.name+".")
		}
		if chosen && t.on {
			return &t
		}
	}
	return nil
}

// Known returns a Wrong for a name that the console can't choose, or a value that is not of its kind; nil is no value.
func Known(name string, value any) error {
	setting, err := known(name)
	if err != nil || value == nil {
		return err
	}
	if err := setting.Check(value); err != nil {
		return Wrong{name, "", reasonOf(err)}
	}
	return nil
}

func known(name string) (Setting, error) {
	all := Schema()
	at := slices.IndexFunc(all, func(s Setting) bool { return s.Name == name })
	switch {
	case at < 0:
		var names []string
		for _, s := range all {
			if s.Console {
				names = append(names, s.Name)
			}
		}
		return Setting{}, Wrong{name, "", unknown(name, names)}
	case !all[at].Console:
		return Setting{}, Wrong{name, "", reason("this setting stands in a file only", "Ce réglage ne se fait que dans un fichier.")}
	}
	return all[at], nil
}

// choose reads one value. What is fixed is no error of the value's: it is overruled.
func (src Sources) choose(name string, value any) (layer, error) {
	setting, err := known(name)
	if err != nil {
		return layer{}, err
	}
	l := layer{from: Console}
	if err := setting.Check(value); err != nil {
		return l, Wrong{name, "", reasonOf(err)}
	}
	switch setting.Kind {
	case Secret, PEM:
		return l, nil
	}
	if field, ok := fieldOf(reflect.ValueOf(&l.given).Elem(), name); ok && src.Fixed(name) == "" {
		if err := put(field, value); err != nil {
			return l, Wrong{name, "", reasonOf(err)}
		}
	}
	return l, nil
}

// Check reports whether a value is of the setting's kind; what it may be beyond that, Choose says.
func (s Setting) Check(value any) error {
	text, isText := value.(string)
	switch s.Kind {
	case Number:
		if _, ok := value.(int); !ok {
			return reason("a whole number is needed", "Il faut un nombre entier.")
		}
	case Bool:
		if _, ok := value.(bool); !ok {
			return reason("true or false is needed", "Il faut vrai ou faux (true ou false).")
		}
	case List:
		if list, ok := value.([]string); !ok || len(list) > maxList {
			return reason("a list of at most %d texts is needed", "Il faut une liste d’au plus %d textes.", maxList)
		}
	case Choice:
		if !isText || !slices.Contains(s.Choices, text) {
			return reason("one of these is needed: %s", "Il faut l’une de ces valeurs : %s", strings.Join(s.Choices, ", "))
		}
	case Secret:
		if set, ok := value.(bool); ok && set {
			return nil // it is kept elsewhere
		}
		if !isText || text == "" || len(text) > maxSecret || strings.ContainsAny(text, "\r\n\x00") {
			return reason("a secret has 1 to %d octets on one line", "Un secret compte 1 à %d octets, sur une seule ligne.", maxSecret)
		}
	case PEM:
		if !isText || !isCertificates(text) {
			return reason("certificates in PEM form are needed (-----BEGIN CERTIFICATE-----), and nothing else", "Il faut des certificats au format PEM (-----BEGIN CERTIFICATE-----), et rien d’autre.")
		}
	default:
		if !isText {
			return reason("a text is needed", "Il faut un texte.")
		}
	}
	return nil
}

const (
	maxList   = 100
	maxSecret = 1024
	// MaxPEM bounds the authorities that the console gives.
	MaxPEM = 64 << 10
)

// isCertificates reports whether text is certificates, one after the other: a private key, say, must not come to where it is shown.
func isCertificates(text string) bool {
	rest, n := []byte(strings.TrimSpace(text)), 0
	if len(rest) > MaxPEM {
		return false
	}
	for len(rest) > 0 {
		if !strings.HasPrefix(string(rest), "-----BEGIN CERTIFICATE-----") {
			return false
		}
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return false
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return false
		}
		rest = []byte(strings.TrimSpace(string(rest)))
		n++
	}
	return n > 0
}

// chooseOthers sets what no file can say: the authorities that the console gives, and where the secrets come from.
func (src Sources) chooseOthers(s *Settings, values map[string]any, console map[string]layer) {
	authorities := map[string]*string{"mail.ca": &s.Mail.CA, "directory.ca": &s.Directory.CA, "oidc.ca": &s.OIDC.CA, "tls.acme_ca": &s.ACME.CA, "audit.syslog.ca": &s.Syslog.CA}
	for _, c := range consoleOnly {
		from := src.Fixed(c.name)
		if _, taken := console[c.name]; from == "" && taken {
			from = Console
		}
		if from == "" {
			continue
		}
		s.From[c.name] = from
		if to := authorities[c.name]; to != nil && from == Console {
			*to = values[c.name].(string)
		}
	}
}

// ReadValue reads a value from JSON: a text, a whole number, a truth value or a list of texts.
func ReadValue(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	if err == nil && d.InputOffset() != int64(len(text)) {
		err = errors.New("more than one value")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	switch v := v.(type) {
	case string, bool:
		return v, nil
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 32); err == nil {
			return int(n), nil
		}
	case []any:
		list := []string{}
		for _, e := range v {
			text, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("%w: a list of something else than texts", ErrSettings)
			}
			list = append(list, text)
		}
		return list, nil
	}
	return nil, fmt.Errorf("%w: %.40s is neither a text, a whole number, a truth value nor a list of texts", ErrSettings, text)
}

// fieldOf finds the field of a setting by its name.
func fieldOf(v reflect.Value, name string) (reflect.Value, bool) {
	first, rest, nested := strings.Cut(name, ".")
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("toml") != first {
			continue
		}
		if nested {
			return fieldOf(v.Field(i), rest)
		}
		return v.Field(i), true
	}
	return reflect.Value{}, false
}

// put makes what field points to and reads value into it, as a file's would be.
func put(field reflect.Value, value any) error {
	made := reflect.New(field.Type().Elem())
	field.Set(made)
	switch v := value.(type) {
	case bool:
		made.Elem().SetBool(v)
		return nil
	case []string:
		list := reflect.MakeSlice(made.Elem().Type(), len(v), len(v))
		for i, text := range v {
			if err := readText(list.Index(i).Addr(), text); err != nil {
				return err
			}
		}
		made.Elem().Set(list)
		return nil
	case int:
		return readText(made, strconv.Itoa(v))
	case string:
		return readText(made, v)
	}
	panic(fmt.Sprintf("config: a %T was checked, and is no value", value))
}

func readText(v reflect.Value, text string) error {
	return v.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)) // all settings but truth values are
}

// reasonOf is an error as a reason. One that has no French is a fault of this package, which a test finds.
func reasonOf(err error) Reason {
	var r Reason
	if errors.As(err, &r) {
		return r
	}
	return Reason{FR: err.Error(), EN: err.Error()}
}
