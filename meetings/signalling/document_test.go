package signalling

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"huisclos/meetings"
)

// The document that auditors read names every message and every field.
func TestDocumentIsWhole(t *testing.T) {
	raw, err := os.ReadFile("../../docs/protocol-signalling.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(raw)
	for _, m := range []meetings.Message{
		&meetings.RoomStatus{}, &meetings.DeviceBusy{}, &meetings.Created{}, &meetings.CreateLost{}, &meetings.Lobby{}, &meetings.Waiting{},
		&meetings.Denied{}, &meetings.CommitRequest{}, &meetings.Committed{}, &meetings.CommitRefused{}, &meetings.Welcome{}, &meetings.Removed{},
		&meetings.Roster{}, &meetings.Posted{}, &meetings.MessageRefused{}, &meetings.Published{}, &meetings.Offer{}, &meetings.MediaRefused{}, &meetings.Layers{},
		&meetings.MediaLink{}, &meetings.Relay{}, &meetings.GroupStateWanted{}, &meetings.Recovered{}, &meetings.Reenter{}, &meetings.Restart{}, &meetings.Failure{},
		&meetings.Ended{},
	} {
		if !strings.Contains(document, "`"+m.Type()+"`") {
			t.Errorf("message %q is not in the document", m.Type())
		}
		kind := reflect.TypeOf(m).Elem()
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if !strings.Contains(document, name) {
				t.Errorf("field %q of %q is not in the document", name, m.Type())
			}
		}
		if raw, err := Encode(m); err != nil || !json.Valid(raw) {
			t.Errorf("%q: %s, %v", m.Type(), raw, err)
		}
	}
	for _, raw := range good {
		fields, err := object([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range fields {
			if name == "type" {
				name = "`" + strings.Trim(string(value), `"`) + "`"
			}
			if !strings.Contains(document, name) {
				t.Errorf("%s is not in the document", name)
			}
		}
	}
}

func TestOwnOrigin(t *testing.T) {
	for origin, want := range map[string]bool{
		"https://meet.example.org:8443": true, "https://Meet.example.org:8443": true, "https://meet.example.org": false,
		"http://meet.example.org:8443": false, "null": false, "": false,
	} {
		r := httptest.NewRequest("GET", "https://meet.example.org:8443/", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if originAllowed(r, nil) != want {
			t.Errorf("origin %q: %v", origin, !want)
		}
	}
	r := httptest.NewRequest("GET", "https://meet.example.org/", nil)
	r.Header["Origin"] = []string{"https://meet.example.org", "https://meet.example.org"}
	if originAllowed(r, nil) {
		t.Error("two origins")
	}
}
