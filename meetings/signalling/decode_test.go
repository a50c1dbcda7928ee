package signalling

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"huisclos/meetings"
)

const (
	id16 = `"AAAAAAAAAAAAAAAAAAAAAA"`
	sha  = `"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
)

// good holds one message of each type, with all its fields.
var good = []string{
	`{"type":"hello","protocol":2,"device":` + id16 + `,"signatureKey":"BAAA","name":"Ann","replace":true,"resume":{"group":` + id16 + `,"epoch":7,"seq":9}}`,
	`{"type":"create","groupInfo":"AAAA","tree":"AAAA","restarts":` + id16 + `}`,
	`{"type":"knock","keyPackage":"AAAA"}`,
	`{"type":"admit","knock":"k1","admission":"AAAA"}`,
	`{"type":"deny","knock":"k1"}`,
	`{"type":"commit","epoch":18446744073709551615,"commit":"AAAA","welcomes":["AAAA","BAAA"],"groupInfo":"AAAA"}`,
	`{"type":"refresh"}`,
	`{"type":"change","locked":false,"hosts":[` + id16 + `]}`,
	`{"type":"remove","leaf":65535}`,
	`{"type":"leave"}`,
	`{"type":"message","epoch":1,"data":"AAAA","id":"a"}`,
	`{"type":"groupState","groupInfo":"AAAA","tree":"AAAA"}`,
	`{"type":"wedged","epoch":1,"commit":` + sha + `,"reason":"path"}`,
	`{"type":"publish","offer":"v=0","streams":[{"mid":"0","kind":"audio","context":0},{"mid":"1","kind":"video","context":255}]}`,
	`{"type":"subscribe"}`,
	`{"type":"subscribe","vp9":true}`,
	`{"type":"answer","answer":"v=0"}`,
	`{"type":"wants","wants":[{"leaf":3,"context":1,"height":720}]}`,
	`{"type":"restartIce"}`,
	`{"type":"relay"}`,
}

func TestDecode(t *testing.T) {
	seen := map[reflect.Type]bool{}
	for _, raw := range good {
		q, err := Decode([]byte(raw))
		if err != nil {
			t.Errorf("%.60s: %v", raw, err)
			continue
		}
		seen[reflect.TypeOf(q)] = true
		// Every field arrived: writing the value gives the message.
		body, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		var got, want map[string]any
		if json.Unmarshal(body, &got) != nil || json.Unmarshal([]byte(raw), &want) != nil {
			t.Fatal("not JSON")
		}
		delete(want, "type")
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read as %s", raw, body)
		}
	}
	if len(seen) != 19 {
		t.Errorf("%d types of message", len(seen))
	}
	q, err := Decode([]byte(" {\"type\" : \"leave\"}\n"))
	if _, ok := q.(*meetings.Leave); err != nil || !ok {
		t.Errorf("white space: %v", err)
	}
	// A hello of another version gets as far as being told so.
	q, err = Decode([]byte(`{"type":"hello","protocol":1,"more":[1]}`))
	if h, ok := q.(*meetings.Hello); err != nil || !ok || h.Protocol != 1 {
		t.Errorf("other version: %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	// ASVS 1.4.2, 1.5.2, 2.2.1, 2.2.2, 17.3.2
	for _, tc := range []struct {
		raw  string
		want error
	}{
		{``, ErrMalformed},
		{`[]`, ErrMalformed},
		{`null`, ErrMalformed},
		{`"leave"`, ErrMalformed},
		{`{}`, ErrMalformed},
		{`{"type":null}`, ErrUnknown},
		{`{"type":1}`, ErrMalformed},
		{`{"type":""}`, ErrUnknown},
		{`{"type":"pong"}`, ErrUnknown},
		{`{"type":"Leave"}`, ErrUnknown},
		{`{"Type":"leave"}`, ErrMalformed},
		{`{"type":"leave"`, ErrMalformed},
		{`{"type":"leave"}}`, ErrMalformed},
		{`{"type":"leave"} {"type":"leave"}`, ErrMalformed},
		{`{"type":"leave","type":"leave"}`, ErrMalformed},
		{`{"type":"leave","more":1}`, ErrMalformed},
		{`{"type":"remove","leaf":1,"leaf":2}`, ErrMalformed},
		{`{"type":"remove","Leaf":1}`, ErrMalformed},
		{`{"type":"remove","leaf":null}`, ErrMalformed},
		{`{"type":"remove","leaf":"1"}`, ErrMalformed},
		{`{"type":"remove","leaf":-1}`, ErrMalformed},
		{`{"type":"remove","leaf":1.5}`, ErrMalformed},
		{`{"type":"remove","leaf":65536}`, ErrField},
		{`{"type":"remove","leaf":99999999999}`, ErrMalformed},
		{`{"type":"knock","keyPackage":""}`, ErrField},
		{`{"type":"knock"}`, ErrField},
		{`{"type":"knock","keyPackage":"AAA="}`, ErrMalformed},
		{`{"type":"knock","keyPackage":"AB"}`, ErrMalformed},
		{`{"type":"knock","keyPackage":"A+A/"}`, ErrMalformed},
		{`{"type":"knock","keyPackage":"AA\nAA"}`, ErrMalformed},
		{`{"type":"knock","keyPackage":[1,2]}`, ErrMalformed},
		{`{"type":"hello","protocol":2,"device":"AAAA","signatureKey":"BAAA"}`, ErrMalformed},
		{`{"type":"hello","protocol":2,"device":` + id16 + `}`, ErrField},
		{`{"type":"hello","protocol":2,"device":` + id16 + `,"signatureKey":"BAAA","resume":{"group":"AAAA","epoch":1}}`, ErrField},
		{`{"type":"hello","protocol":2,"device":` + id16 + `,"signatureKey":"BAAA","resume":{"Group":` + id16 + `,"epoch":1}}`, ErrMalformed},
		{`{"type":"hello","protocol":2,"device":` + id16 + `,"signatureKey":"BAAA","resume":{"epoch":1,"epoch":1}}`, ErrMalformed},
		{`{"type":"hello","protocol":2,"device":` + id16 + `,"signatureKey":"BAAA","resume":null}`, ErrMalformed},
		{`{"type":"wedged","epoch":1,"commit":"AAAA","reason":"path"}`, ErrField},
		{`{"type":"change"}`, ErrField},
		{`{"type":"change","hosts":[]}`, ErrField},
		{`{"type":"change","hosts":[` + id16 + `,` + id16 + `]}`, ErrField},
		{`{"type":"change","hosts":[null]}`, ErrMalformed},
		{`{"type":"publish","offer":"o","streams":[{"mid":"0","kind":"data","context":0}]}`, ErrField},
		{`{"type":"publish","offer":"o","streams":[{"mid":"0","kind":"audio","context":256}]}`, ErrMalformed},
		{`{"type":"publish","offer":"o","streams":[{"mid":"0","kind":"audio","context":0,"more":1}]}`, ErrMalformed},
		{`{"type":"publish","offer":"o","streams":[[]]}`, ErrMalformed},
		{`{"type":"wants","wants":[{"leaf":1,"context":1,"height":-1}]}`, ErrField},
		{`{"type":"message","epoch":1,"data":"` + strings.Repeat("A", 65537) + `"}`, ErrMalformed},
		{`{"type":"message","epoch":1,"data":"` + strings.Repeat("AAAA", 16385) + `"}`, ErrField},
		{`{"type":"leave","x":"` + strings.Repeat("A", 2000) + `"}`, ErrTooBig},
		{`{"type":"commit","epoch":1,"commit":"AAAA","welcomes":[` + strings.Repeat(`"AAAA",`, 50) + `"AAAA"]}`, ErrField},
		{`{"type":"commit","epoch":1,"commit":"AAAA","welcomes":[""]}`, ErrField},
		{`{"type":"commit","epoch":1,"commit":"` + strings.Repeat("A", MaxMessage) + `"}`, ErrTooBig},
		{"{\"type\":\"deny\",\"knock\":\"\xff\"}", ErrMalformed},
		{`{` + strings.Repeat(`"type":{`, 20000), ErrMalformed},
	} {
		if q, err := Decode([]byte(tc.raw)); !errors.Is(err, tc.want) {
			t.Errorf("%.80s: %v %v, want %v", tc.raw, q, err, tc.want)
		} else if len(err.Error()) > 200 {
			t.Errorf("%.80s: an error of %d bytes", tc.raw, len(err.Error()))
		}
	}
}

func TestEncode(t *testing.T) {
	for _, tc := range []struct {
		m    meetings.Message
		want string
	}{
		{&meetings.Denied{}, `{"type":"denied"}`},
		{&meetings.Created{Group: make(meetings.Bytes, 16), Epoch: 3}, `{"type":"created","group":` + id16 + `,"epoch":3}`},
		{&meetings.Waiting{Reason: meetings.WaitLobby}, `{"type":"waiting","reason":"lobby"}`},
		{&meetings.Lobby{Knocks: []meetings.LobbyEntry{}}, `{"type":"lobby","knocks":[]}`},
		{&meetings.Welcome{Welcome: meetings.Bytes{0, 0, 0}, Epoch: 1, Leaf: 2, Seq: 4}, `{"type":"welcome","welcome":"AAAA","epoch":1,"leaf":2,"seq":4}`},
	} {
		raw, err := Encode(tc.m)
		if err != nil || string(raw) != tc.want {
			t.Errorf("%s, %v, want %s", raw, err, tc.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	// ASVS 17.3.2
	for _, raw := range good {
		f.Add([]byte(raw))
	}
	f.Add([]byte(`{"type":"hello","protocol":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		q, err := Decode(raw)
		if (q == nil) != (err != nil) {
			t.Fatal("neither a message nor an error")
		}
		if err != nil {
			return
		}
		// What was accepted means the same when it is written and read again.
		body, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		fields, err := object(raw)
		if err != nil {
			t.Fatal(err)
		}
		written, err := object(body)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range written {
			if string(value) == "null" { // a list that was not there
				delete(written, name)
			}
		}
		written["type"] = fields["type"]
		again, err := json.Marshal(written)
		if err != nil {
			t.Fatal(err)
		}
		if h, ok := q.(*meetings.Hello); ok && h.Protocol != meetings.ProtocolVersion {
			return
		}
		second, err := Decode(again)
		if err != nil {
			if errors.Is(err, ErrTooBig) {
				return // escapes and white space may make it longer
			}
			t.Fatalf("%s: %v", again, err)
		}
		if !reflect.DeepEqual(q, second) {
			t.Fatalf("%#v became %#v", q, second)
		}
	})
}
