package signalling

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"huisclos/crypto/mls"
	"huisclos/meetings"
)

// TestRequestsAreReadBack: what a client of this program writes is what the server reads, for each type that there is.
func TestRequestsAreReadBack(t *testing.T) {
	written := map[string]bool{}
	for _, raw := range good {
		q, err := Decode([]byte(raw))
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		out, err := EncodeRequest(q)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		again, err := Decode(out)
		if err != nil || !reflect.DeepEqual(again, q) {
			t.Errorf("%s became %s: %v", raw, out, err)
		}
		name, _ := nameOf(q)
		written[name] = true
	}
	if len(written) != 19 {
		t.Errorf("%d types of requests were tried", len(written))
	}
	// Lists that are empty are no null, which the server refuses.
	for _, q := range []meetings.Request{&meetings.Commit{Epoch: 1, Commit: meetings.Bytes{1}}, &meetings.Publish{Offer: "o"}, &meetings.Wants{}} {
		out, err := EncodeRequest(q)
		if err == nil {
			_, err = Decode(out)
		}
		if err != nil {
			t.Errorf("%s: %v", out, err)
		}
	}
}

// messages has one of each type, as the server would write it.
var messages = []meetings.Message{
	&meetings.RoomStatus{State: meetings.StateCall, Group: &meetings.Position{Group: make([]byte, 16), Epoch: 3}, Hosts: []meetings.ID{{1}}, Member: true, Leaf: new(mls.LeafIndex)},
	&meetings.DeviceBusy{}, &meetings.Created{Group: make([]byte, 16)}, &meetings.CreateLost{Group: make([]byte, 16), Epoch: 1},
	&meetings.Lobby{Knocks: []meetings.LobbyEntry{{ID: "k1", Name: "Ada", KeyPackage: meetings.Bytes{1}}}}, &meetings.Waiting{Reason: meetings.WaitLobby},
	&meetings.Denied{}, &meetings.CommitRequest{Epoch: 4, DeadlineMS: 2000, Adds: []meetings.RequestAdd{{Knock: "k1", KeyPackage: meetings.Bytes{1}}},
		Removes: []meetings.RequestRemove{{Leaf: 2, Reason: meetings.RemoveLeft}}},
	&meetings.Committed{Epoch: 5, Commit: meetings.Bytes{1}, Hash: make([]byte, 32), Seq: 7}, &meetings.CommitRefused{Epoch: 5, Reason: "epoch"},
	&meetings.Welcome{Welcome: meetings.Bytes{1}, Epoch: 5, Leaf: 3, Seq: 8}, &meetings.Removed{Reason: meetings.RemoveByHost},
	&meetings.Roster{Members: []meetings.RosterEntry{{Leaf: 1, Connected: true}}}, &meetings.Posted{Epoch: 5, Data: meetings.Bytes{1}, Seq: 9},
	&meetings.MessageRefused{Reason: "epoch", Epoch: 6, ID: "x"}, &meetings.Published{Answer: "v=0"},
	&meetings.Offer{Offer: "v=0", Tracks: []meetings.Track{{MID: "0", Leaf: 2, Context: 1, Kind: "video"}}}, &meetings.MediaRefused{Counts: map[string]uint64{"replayed": 2}},
	&meetings.Layers{Streams: []meetings.StreamLayers{{Context: 1, Layers: []string{"l", "h"}}}}, &meetings.Relay{Username: "1:x", Credential: "y", LifetimeMs: 5},
	&meetings.MediaLink{Transport: "udp", Direction: "publish"}, &meetings.GroupStateWanted{}, &meetings.Recovered{Group: make([]byte, 16)}, &meetings.Reenter{},
	&meetings.Restart{Group: meetings.Position{Group: make([]byte, 16)}, Without: []mls.LeafIndex{1}, Role: "join"}, &meetings.Failure{Code: "full", Request: "knock"},
	&meetings.Ended{Reason: "ended"},
}

func TestMessagesAreReadBack(t *testing.T) {
	for _, m := range messages {
		raw, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeMessage(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		a, _ := json.Marshal(m) // both were written before
		b, _ := json.Marshal(got)
		if reflect.TypeOf(got) != reflect.TypeOf(m) || string(a) != string(b) {
			t.Errorf("%s was read as %s", a, b)
		}
	}
}

func TestMessagesOfTheWrongShape(t *testing.T) {
	hash := strings.Repeat("A", 43)
	for _, raw := range []string{
		``, `[]`, `{}`, `{"type":"nonsense"}`, `{"type":7}`, "{\"type\":\"ended\",\"reason\":\"\xff\"}",
		`{"type":"room","state":"party"}`, `{"type":"room","state":"call","group":{"group":"AA","epoch":1}}`, `{"type":"room","state":"call","leaf":65536}`,
		`{"type":"created","group":"AA","epoch":0}`, `{"type":"created","group":"AAAAAAAAAAAAAAAAAAAAAA","epoch":-1}`,
		`{"type":"commit","epoch":1,"commit":"","hash":"` + hash + `"}`, `{"type":"commit","epoch":1,"commit":"AA","hash":"AA"}`,
		`{"type":"commitRequest","epoch":1,"adds":[{"knock":"k1","keyPackage":""}]}`, `{"type":"commitRequest","epoch":1,"removes":[{"leaf":65536,"reason":"left"}]}`,
		`{"type":"welcome","welcome":"AA","epoch":1,"leaf":65536}`, `{"type":"welcome","welcome":"A=","epoch":1,"leaf":1}`, `{"type":"message","epoch":1,"data":""}`,
		`{"type":"published","answer":""}`, `{"type":"layers","streams":[{"context":1,"layers":["x"]}]}`, `{"type":"relay","username":"","credential":"y","lifetimeMs":5}`,
		`{"type":"offer","offer":"v=0","tracks":[{"mid":"","leaf":1,"context":0,"kind":"audio"}]}`,
		`{"type":"offer","offer":"v=0","tracks":[{"mid":"0","leaf":1,"context":256,"kind":"audio"}]}`, `{"type":"offer","offer":"v=0","tracks":[{"mid":"0","leaf":1,"context":0,"kind":"smell"}]}`,
		`{"type":"restart","group":{"group":"AAAAAAAAAAAAAAAAAAAAAA","epoch":1},"without":[1],"role":"watch"}`,
	} {
		if m, err := DecodeMessage([]byte(raw)); err == nil {
			t.Errorf("%s was read as %T", raw, m)
		}
	}
	if m, err := DecodeMessage([]byte(`{"type":"ended","reason":"empty","newer":[1]}`)); err != nil {
		t.Errorf("a field of a newer server: %v, %v", m, err)
	}
}

func FuzzDecodeMessage(f *testing.F) {
	for _, m := range messages {
		raw, err := Encode(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := DecodeMessage(raw)
		if (m == nil) != (err != nil) {
			t.Fatal("neither a message nor an error")
		}
		if err != nil {
			return
		}
		again, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeMessage(again); err != nil {
			t.Fatalf("%s was read, and not when written again as %s: %v", raw, again, err)
		}
	})
}
