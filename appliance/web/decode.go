package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"
)

// maxBody bounds every request body but a list of people: the largest is a set-up form with a 512-character passphrase.
const maxBody = 16 << 10

// errTooLarge and errMediaType are told apart because each has its own status; any other decoding error is a bad request.
var (
	errTooLarge  = errors.New("body too large")
	errMediaType = errors.New("body is not application/json")
)

// decode reads one JSON object from the body into v, a pointer to a struct whose fields all have json names.
// Refused: another media type, invalid UTF-8, an unknown, repeated or differently-cased name, null for a value, anything
// after the object. What encoding/json would forgive is where two readers of one text start to differ.
func decode(w http.ResponseWriter, r *http.Request, v any) error { return decodeUpTo(w, r, v, maxBody) }

// decodeUpTo is decode for a body of at most limit octets.
func decodeUpTo(w http.ResponseWriter, r *http.Request, v any, limit int64) error {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return errMediaType
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return errMediaType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return errTooLarge
		}
		return err
	}
	return decodeObject(body, v)
}

func decodeObject(body []byte, v any) error {
	if !utf8.Valid(body) {
		return errors.New("body is not UTF-8")
	}
	known := names(v)
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("body is not an object")
	}
	seen := make(map[string]bool, len(known))
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, ok := t.(string)
		if !ok || !known[name] {
			return errors.New("unknown name in body")
		}
		if seen[name] {
			return errors.New("name repeated in body")
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if string(value) == "null" {
			return errors.New("null in body")
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("data after the object")
	}
	return json.Unmarshal(body, v)
}

// names lists the JSON names of the struct that v points to.
func names(v any) map[string]bool {
	t := reflect.TypeOf(v).Elem()
	out := make(map[string]bool, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		out[name] = true
	}
	return out
}
