package signalling

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"huisclos/crypto/mls"
	"huisclos/meetings"
)

// MaxMessage is the greatest size of any message from a client, in bytes of text.
const MaxMessage = 4 << 20

// Errors of Decode.
var (
	ErrMalformed = errors.New("message is malformed")
	ErrUnknown   = errors.New("message is of an unknown type")
	ErrTooBig    = errors.New("message is too big")
	ErrField     = errors.New("message has a field out of bounds")
)

// kind says how a message of one type is read.
type kind struct {
	limit int // bytes of text
	empty func() meetings.Request
	check func(meetings.Request) bool
}

const kib = 1 << 10

// kinds is the whole language of clients. A commit of 50 adds with hybrid keys
// and a tree of 1,000 leaves fit into their limits; an answer grows with the
// number of streams.
func kinds(name string) (kind, bool) {
	switch name {
	case "hello":
		return of(8*kib, func(q *meetings.Hello) bool {
			return len(q.SignatureKey) > 0 && len(q.SignatureKey) <= 256 && len(q.Name) <= 512 &&
				(q.Resume == nil || groupID(q.Resume.Group))
		}), true
	case "create":
		return of(64*kib, func(q *meetings.Create) bool {
			return len(q.GroupInfo) > 0 && len(q.Tree) > 0 && (len(q.Restarts) == 0 || groupID(q.Restarts))
		}), true
	case "knock":
		return of(64*kib, func(q *meetings.Knock) bool { return within(q.KeyPackage, 32*kib) }), true
	case "admit":
		return of(8*kib, func(q *meetings.Admit) bool { return knockID(q.Knock) && within(q.Admission, 4*kib) }), true
	case "deny":
		return of(kib, func(q *meetings.Deny) bool { return knockID(q.Knock) }), true
	case "commit":
		return of(MaxMessage, checkCommit), true
	case "refresh":
		return of[meetings.Refresh](kib, nil), true
	case "change":
		return of(8*kib, checkChange), true
	case "remove":
		return of(kib, func(q *meetings.Remove) bool { return leaf(q.Leaf) }), true
	case "leave":
		return of[meetings.Leave](kib, nil), true
	case "message":
		return of(68*kib, func(q *meetings.Post) bool { return within(q.Data, 48*kib) && len(q.ID) <= 64 }), true
	case "groupState":
		return of(MaxMessage, func(q *meetings.GroupState) bool { return len(q.GroupInfo) > 0 && len(q.Tree) > 0 }), true
	case "wedged":
		return of(4*kib, func(q *meetings.Wedged) bool { return len(q.Commit) == 32 && len(q.Reason) <= 512 }), true
	case "publish":
		return of(256*kib, checkPublish), true
	case "subscribe":
		return of[meetings.Subscribe](kib, nil), true
	case "answer":
		return of(1024*kib, func(q *meetings.Answer) bool { return q.Answer != "" }), true
	case "wants":
		return of(256*kib, checkWants), true
	case "restartIce":
		return of[meetings.RestartICE](kib, nil), true
	case "relay":
		return of[meetings.WantRelay](kib, nil), true
	}
	return kind{}, false
}

// of makes a kind from a request type and its check.
func of[T any, P interface {
	*T
	meetings.Request
}](limit int, check func(P) bool) kind {
	return kind{
		limit: limit,
		empty: func() meetings.Request { return P(new(T)) },
		check: func(q meetings.Request) bool { return check == nil || check(q.(P)) },
	}
}

func within(b meetings.Bytes, most int) bool { return len(b) > 0 && len(b) <= most }

func groupID(b meetings.Bytes) bool { return len(b) == 16 }

func knockID(s string) bool { return s != "" && len(s) <= 24 }

func leaf(l mls.LeafIndex) bool { return l <= 0xffff }

func checkCommit(q *meetings.Commit) bool {
	if len(q.Commit) == 0 || len(q.Welcomes) > mls.MaxAdds || len(q.GroupInfo) > 64*kib {
		return false
	}
	for _, w := range q.Welcomes {
		if !within(w, 64*kib) {
			return false
		}
	}
	return true
}

func checkChange(q *meetings.Change) bool {
	seen := map[meetings.ID]bool{}
	for _, h := range q.Hosts {
		if seen[h] {
			return false
		}
		seen[h] = true
	}
	// An empty list is neither "as they are" nor a room that could be.
	return len(q.Hosts) <= 64 && (q.Hosts == nil || len(q.Hosts) > 0) && (q.Locked != nil || q.Hosts != nil)
}

func checkPublish(q *meetings.Publish) bool {
	if q.Offer == "" || len(q.Streams) > 32 {
		return false
	}
	for _, s := range q.Streams {
		if s.MID == "" || len(s.MID) > 32 || (s.Kind != "audio" && s.Kind != "video") {
			return false
		}
	}
	return true
}

func checkWants(q *meetings.Wants) bool {
	if len(q.Wants) > 4096 {
		return false
	}
	for _, w := range q.Wants {
		if !leaf(w.Leaf) || w.Height < 0 || w.Height > 16384 {
			return false
		}
	}
	return true
}

// Decode reads one message. Everything that the language does not have is an
// error: an unknown type, field or case of letters, a field twice, null, text
// that is not UTF-8, and anything after the message.
func Decode(raw []byte) (meetings.Request, error) {
	if len(raw) > MaxMessage {
		return nil, ErrTooBig
	}
	if !utf8.Valid(raw) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	fields, err := object(raw)
	if err != nil {
		return nil, err
	}
	var name string
	if err := json.Unmarshal(fields["type"], &name); err != nil {
		return nil, fmt.Errorf("%w: type", ErrMalformed)
	}
	delete(fields, "type")
	k, ok := kinds(name)
	if !ok {
		return nil, ErrUnknown
	}
	if len(raw) > k.limit {
		return nil, fmt.Errorf("%w: %s", ErrTooBig, name)
	}
	if h := otherProtocol(name, fields); h != nil {
		return h, nil
	}
	q := k.empty()
	if err := fill(reflect.ValueOf(q).Elem(), fields); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !k.check(q) {
		return nil, fmt.Errorf("%s: %w", name, ErrField)
	}
	return q, nil
}

// otherProtocol reads only the version of a hello in another one: its client has
// to be told to reload, whatever else it says.
func otherProtocol(name string, fields map[string]json.RawMessage) *meetings.Hello {
	var version int
	if name != "hello" || json.Unmarshal(fields["protocol"], &version) != nil || version == meetings.ProtocolVersion {
		return nil
	}
	return &meetings.Hello{Protocol: version}
}

// object splits a JSON object into its fields, each of which must occur once.
func object(raw []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%w: not an object", ErrMalformed)
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, fmt.Errorf("%w: field name", ErrMalformed)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("%w: field %.32q", ErrMalformed, key)
		}
		if _, twice := fields[key]; twice {
			return nil, fmt.Errorf("%w: field %.32q twice", ErrMalformed, key)
		}
		if len(fields) >= maxFields {
			return nil, fmt.Errorf("%w: too many fields", ErrMalformed)
		}
		fields[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("%w: not closed", ErrMalformed)
	}
	if d.InputOffset() != int64(len(raw)) {
		if rest := bytes.TrimSpace(raw[d.InputOffset():]); len(rest) > 0 {
			return nil, fmt.Errorf("%w: text after the message", ErrMalformed)
		}
	}
	return fields, nil
}

const (
	maxFields = 16
	maxList   = 4096
)

// fill sets the fields of a struct by their exact names.
func fill(v reflect.Value, fields map[string]json.RawMessage) error {
	t, known := v.Type(), 0
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		raw, ok := fields[name]
		if !ok {
			continue
		}
		known++
		if err := set(v.Field(i), raw); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if known != len(fields) {
		return fmt.Errorf("%w: unknown field", ErrMalformed)
	}
	return nil
}

// set reads one value. Structs and lists of structs are walked here, so that
// their field names are held to the same rule; leaves go to encoding/json.
func set(v reflect.Value, raw json.RawMessage) error {
	if string(raw) == "null" {
		return fmt.Errorf("%w: null", ErrMalformed)
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		return set(v.Elem(), raw)
	}
	if _, text := v.Addr().Interface().(encoding.TextUnmarshaler); !text {
		switch v.Kind() {
		case reflect.Struct:
			fields, err := object(raw)
			if err != nil {
				return err
			}
			return fill(v, fields)
		case reflect.Slice:
			return setList(v, raw)
		}
	}
	if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
		return ErrMalformed // the decoder's own words may quote the message
	}
	return nil
}

func setList(v reflect.Value, raw json.RawMessage) error {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return ErrMalformed
	}
	if len(items) > maxList {
		return fmt.Errorf("%w: list of %d", ErrField, len(items))
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		if err := set(v.Index(i), item); err != nil {
			return err
		}
	}
	return nil
}

// Encode writes one message.
func Encode(m meetings.Message) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.Type(), err)
	}
	out := make([]byte, 0, len(body)+32)
	out = append(out, `{"type":"`...)
	out = append(out, m.Type()...)
	out = append(out, '"')
	if len(body) > 2 {
		out = append(out, ',')
	}
	return append(out, body[1:]...), nil
}
