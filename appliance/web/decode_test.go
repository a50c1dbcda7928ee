package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

type probe struct {
	Name  string  `json:"name"`
	Count int     `json:"count"`
	Maybe *string `json:"maybe"`
}

func TestDecode(t *testing.T) {
	// ASVS 1.1.1, 1.5.2, 2.2.1, 3.5.2, 5.2.1, 8.2.3, 15.3.3, 15.3.5, 15.3.7
	tests := []struct {
		name, media, body string
		want              error // nil: accepted; errAny: any error
	}{
		{"plain", "application/json", `{"name":"a","count":1}`, nil},
		{"charset", "application/json; charset=UTF-8", `{"name":"a"}`, nil},
		{"empty object", "application/json", `{}`, nil},
		{"space around", "application/json", " {\n} ", nil},
		{"no media type", "", `{}`, errMediaType},
		{"form", "application/x-www-form-urlencoded", `name=a`, errMediaType},
		{"text", "text/plain", `{}`, errMediaType},
		{"other charset", "application/json; charset=utf-16", `{}`, errMediaType},
		{"empty", "application/json", ``, errAny},
		{"unknown name", "application/json", `{"name":"a","admin":true}`, errAny},
		{"name in another case", "application/json", `{"Name":"a"}`, errAny},
		{"repeated name", "application/json", `{"name":"a","name":"b"}`, errAny},
		{"null", "application/json", `{"maybe":null}`, errAny},
		{"array", "application/json", `[]`, errAny},
		{"two values", "application/json", `{}{}`, errAny},
		{"cut", "application/json", `{"name":"a"`, errAny},
		{"wrong type", "application/json", `{"count":"1"}`, errAny},
		{"fraction", "application/json", `{"count":1.5}`, errAny},
		{"invalid UTF-8", "application/json", "{\"name\":\"\xff\"}", errAny},
		{"deep", "application/json", `{"name":` + strings.Repeat(`[`, 8000) + strings.Repeat(`]`, 8000) + `}`, errAny},
		{"too large", "application/json", `{"name":"` + strings.Repeat("a", maxBody) + `"}`, errTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.media)
			var p probe
			err := decode(httptest.NewRecorder(), r, &p)
			switch {
			case tt.want == nil && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want == errAny && err == nil:
				t.Error("accepted")
			case tt.want != nil && tt.want != errAny && !errors.Is(err, tt.want):
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

var errAny = errors.New("any error")

// FuzzDecode: whatever is accepted reads the same when it is written again, so no two readers can see two things.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"name":"a","count":1}`, `{"maybe":"x"}`, `{"name":"\u0000","name":"b"}`, `{"count":1e3}`, `[]`, "\xff", `{"name":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var p probe
		if err := decodeObject(body, &p); err != nil {
			return
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var q probe
		if err := decodeObject(bytes.ReplaceAll(again, []byte(`,"maybe":null`), nil), &q); err != nil {
			t.Fatalf("%s reads, %s does not: %v", body, again, err)
		}
		if p.Name != q.Name || p.Count != q.Count {
			t.Fatalf("%s reads as %+v, then %+v", body, p, q)
		}
	})
}
