package web

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A schema is a JSON Schema (2020-12) as far as the description of the API needs one.
type schema struct {
	Ref        string             `json:"$ref,omitempty"`
	Type       any                `json:"type,omitempty"` // a name, or several
	Format     string             `json:"format,omitempty"`
	Encoding   string             `json:"contentEncoding,omitempty"`
	Minimum    *int               `json:"minimum,omitempty"`
	Properties map[string]*schema `json:"properties,omitempty"`
	Required   []string           `json:"required,omitempty"`
	Additional any                `json:"additionalProperties,omitempty"`
	Items      *schema            `json:"items,omitempty"`
	AnyOf      []*schema          `json:"anyOf,omitempty"`
}

func (s *schema) String() string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (s *schema) empty() bool { return s == nil || s.String() == "{}" }

// A bookkeeper makes schemas of Go types, and keeps those that have names.
type bookkeeper struct {
	parts map[string]*schema
	types map[string]reflect.Type
}

func newBookkeeper() *bookkeeper {
	return &bookkeeper{parts: map[string]*schema{}, types: map[string]reflect.Type{}}
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	textType      = reflect.TypeFor[encoding.TextMarshaler]()
	marshalerType = reflect.TypeFor[json.Marshaler]()
)

// partName is what a named type is called: accountJSON is Account; one of another package has that in front.
func partName(t reflect.Type) string {
	capital := func(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
	name, at := capital(strings.TrimSuffix(t.Name(), "JSON")), t.PkgPath()
	if at = at[strings.LastIndexByte(at, '/')+1:]; at != "web" {
		name = capital(at) + name
	}
	return name
}

// of is the schema of a type, with v for what the type leaves open (interfaces); v may be invalid. request: nothing has to be there, and
// nothing else may be.
func (b *bookkeeper) of(t reflect.Type, v reflect.Value, request bool) *schema {
	zero := 0
	switch {
	case t == timeType:
		return &schema{Type: "string", Format: "date-time"}
	case t.Kind() == reflect.Pointer:
		return b.orNull(b.of(t.Elem(), elem(v), request))
	case t.Kind() != reflect.Interface && (t.Implements(textType) || reflect.PointerTo(t).Implements(textType)):
		return &schema{Type: "string"}
	case t.Implements(marshalerType) || reflect.PointerTo(t).Implements(marshalerType):
		return &schema{}
	}
	switch t.Kind() {
	case reflect.Interface:
		if !v.IsValid() {
			return &schema{}
		}
		if v.IsNil() {
			return &schema{Type: "null"}
		}
		return b.of(v.Elem().Type(), v.Elem(), request)
	case reflect.String:
		return &schema{Type: "string"}
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &schema{Type: "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &schema{Type: "integer", Minimum: &zero}
	case reflect.Float32, reflect.Float64:
		return &schema{Type: "number"}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return &schema{Type: "string", Encoding: "base64"}
		}
		items := b.of(t.Elem(), reflect.Value{}, request)
		if v.IsValid() {
			for i := range v.Len() {
				items = b.merge(items, b.of(t.Elem(), v.Index(i), request))
			}
		}
		if t.Kind() == reflect.Slice && v.IsValid() && v.IsNil() {
			return b.orNull(&schema{Type: "array", Items: items})
		}
		return &schema{Type: "array", Items: items}
	case reflect.Map:
		if t.Elem().Kind() != reflect.Interface {
			each := b.of(t.Elem(), reflect.Value{}, request)
			if v.IsValid() {
				for _, k := range v.MapKeys() {
					each = b.merge(each, b.of(t.Elem(), v.MapIndex(k), request))
				}
			}
			return &schema{Type: "object", Additional: each}
		}
		s := &schema{Type: "object", Properties: map[string]*schema{}}
		if v.IsValid() {
			for _, k := range v.MapKeys() {
				s.Properties[k.String()] = b.of(t.Elem(), v.MapIndex(k), request)
				s.Required = append(s.Required, k.String())
			}
		}
		slices.Sort(s.Required)
		return s
	case reflect.Struct:
		if t.Name() == "" || request {
			return b.fields(t, v, request)
		}
		name := partName(t)
		if other, ok := b.types[name]; ok && other != t {
			panic(fmt.Sprintf("%s and %s would both be called %s", t, other, name))
		}
		b.types[name] = t
		if b.parts[name] == nil {
			b.parts[name] = &schema{} // it may hold itself
			b.parts[name] = b.fields(t, reflect.Value{}, request)
		}
		if v.IsValid() {
			b.parts[name] = b.merge(b.parts[name], b.fields(t, v, request))
		}
		return &schema{Ref: "#/components/schemas/" + name}
	}
	panic(fmt.Sprintf("no schema for %s", t))
}

func elem(v reflect.Value) reflect.Value {
	if !v.IsValid() || v.IsNil() {
		return reflect.Value{}
	}
	return v.Elem()
}

func (b *bookkeeper) fields(t reflect.Type, v reflect.Value, request bool) *schema {
	s := &schema{Type: "object", Properties: map[string]*schema{}}
	if request {
		s.Additional = false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		value := reflect.Value{}
		if v.IsValid() {
			value = v.Field(i)
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			at := f.Type
			if at.Kind() == reflect.Pointer {
				at, value = at.Elem(), elem(value)
			}
			inner := b.fields(at, value, request)
			for k, p := range inner.Properties {
				s.Properties[k] = p
			}
			s.Required = append(s.Required, inner.Required...)
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		optional := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		if optional && value.IsValid() && value.IsZero() {
			value = reflect.Value{} // it is left out
		}
		at := f.Type
		if at.Kind() == reflect.Pointer && (optional || request) {
			at, value = at.Elem(), elem(value)
		}
		s.Properties[name] = b.of(at, value, request)
		if !optional && !request {
			s.Required = append(s.Required, name)
		}
	}
	slices.Sort(s.Required)
	return s
}

func (b *bookkeeper) orNull(s *schema) *schema {
	return b.merge(s, &schema{Type: "null"})
}

func kinds(s *schema) []string {
	switch t := s.Type.(type) {
	case string:
		return []string{t}
	case []string:
		return t
	case []any: // as it was read
		var list []string
		for _, k := range t {
			list = append(list, k.(string))
		}
		return list
	}
	return nil
}

// merge is a schema for what either describes. Its order doesn't matter.
func (b *bookkeeper) merge(x, y *schema) *schema {
	switch {
	case y.empty():
		return x
	case x.empty(), x.String() == y.String():
		return y
	}
	kx, ky := kinds(x), kinds(y)
	null := func(k []string) bool { return len(k) == 1 && k[0] == "null" }
	switch {
	case null(kx):
		return b.merge(y, x)
	case null(ky) && slices.Contains(kx, "null"):
		return x
	case null(ky) && len(kx) == 1:
		z := *x
		z.Type = []string{kx[0], "null"}
		return &z
	case len(kx) == 1 && len(ky) == 1 && kx[0] == "object" && ky[0] == "object" && x.Properties != nil && y.Properties != nil:
		z := &schema{Type: "object", Properties: map[string]*schema{}}
		for k, p := range x.Properties {
			z.Properties[k] = p
		}
		for k, p := range y.Properties {
			z.Properties[k] = b.merge(z.Properties[k], p)
		}
		for _, k := range x.Required {
			if slices.Contains(y.Required, k) {
				z.Required = append(z.Required, k)
			}
		}
		return z
	case len(kx) > 0 && len(ky) > 0 && kx[0] == "array" && ky[0] == "array":
		z := &schema{Type: "array", Items: b.merge(x.Items, y.Items)}
		if len(kx) > 1 || len(ky) > 1 {
			z.Type = []string{"array", "null"}
		}
		return z
	case len(kx) == 2 && len(ky) == 1 && kx[0] == ky[0]:
		return x
	case len(kx) == 1 && len(ky) == 2 && kx[0] == ky[0]:
		return y
	}
	var list []*schema
	for _, s := range []*schema{x, y} {
		if s.AnyOf != nil {
			list = append(list, s.AnyOf...)
		} else {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, c *schema) int { return strings.Compare(a.String(), c.String()) })
	list = slices.CompactFunc(list, func(a, c *schema) bool { return a.String() == c.String() })
	if len(list) == 1 {
		return list[0]
	}
	return &schema{AnyOf: list}
}
