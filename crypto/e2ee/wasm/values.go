//go:build js

package main

import (
	"fmt"
	"syscall/js"

	"huisclos/crypto/mls"
)

type object map[string]any

var uint8Array = js.Global().Get("Uint8Array")

// toJS turns what operations return into JavaScript's values; bytes become a
// Uint8Array of their own.
func toJS(value any) js.Value {
	switch v := value.(type) {
	case nil:
		return js.Undefined()
	case []byte:
		array := uint8Array.New(len(v))
		js.CopyBytesToJS(array, v)
		return array
	case object:
		o := js.Global().Get("Object").New()
		for name, field := range v {
			o.Set(name, toJS(field))
		}
		return o
	case []any:
		list := js.Global().Get("Array").New(len(v))
		for i, element := range v {
			list.SetIndex(i, toJS(element))
		}
		return list
	case uint64:
		return js.ValueOf(float64(v)) // epochs: far below 2^53
	default:
		return js.ValueOf(v) // string, bool, int; anything else is a fault of this package and panics
	}
}

func list[T any](elements []T, one func(T) any) []any {
	out := make([]any, len(elements))
	for i, e := range elements {
		out[i] = one(e)
	}
	return out
}

// A field that is missing or of another type is a fault of the worker's own
// code: the call fails, nothing is guessed.

func text(o js.Value, name string) string {
	v := o.Get(name)
	if v.Type() != js.TypeString {
		panic(fmt.Sprintf("%s is no text", name))
	}
	return v.String()
}

func number(o js.Value, name string) float64 {
	v := o.Get(name)
	if v.Type() != js.TypeNumber {
		panic(fmt.Sprintf("%s is no number", name))
	}
	return v.Float()
}

func octets(o js.Value, name string) []byte {
	v := o.Get(name)
	if !v.InstanceOf(uint8Array) {
		panic(fmt.Sprintf("%s is no Uint8Array", name))
	}
	return bytesOf(v)
}

func bytesOf(array js.Value) []byte {
	b := make([]byte, array.Get("length").Int())
	js.CopyBytesToGo(b, array)
	return b
}

// given says whether an optional field is there.
func given(o js.Value, name string) bool {
	v := o.Get(name)
	return !v.IsUndefined() && !v.IsNull()
}

func each(o js.Value, name string, do func(element js.Value) error) error {
	array := o.Get(name)
	for i := range array.Length() {
		if err := do(array.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func accounts(o js.Value, name string) ([]mls.AccountID, error) {
	var out []mls.AccountID
	err := each(o, name, func(element js.Value) error {
		a, err := mls.ParseAccountID(element.String())
		out = append(out, a)
		return err
	})
	return out, err
}
