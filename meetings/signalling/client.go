package signalling

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"huisclos/crypto/mls"
	"huisclos/meetings"
)

// maxFromServer is what a client reads at most: a commit that removes many
// leaves of a call of 1,000 is 1.2 MB, a commitRequest of 50 adds less.
const maxFromServer = 24 << 20

// nameOf is a request's type on the wire, the reverse of kinds.
func nameOf(q meetings.Request) (string, bool) {
	switch q.(type) {
	case *meetings.Hello:
		return "hello", true
	case *meetings.Create:
		return "create", true
	case *meetings.Knock:
		return "knock", true
	case *meetings.Admit:
		return "admit", true
	case *meetings.Deny:
		return "deny", true
	case *meetings.Commit:
		return "commit", true
	case *meetings.Refresh:
		return "refresh", true
	case *meetings.Change:
		return "change", true
	case *meetings.Remove:
		return "remove", true
	case *meetings.Leave:
		return "leave", true
	case *meetings.Post:
		return "message", true
	case *meetings.GroupState:
		return "groupState", true
	case *meetings.Wedged:
		return "wedged", true
	case *meetings.Publish:
		return "publish", true
	case *meetings.Subscribe:
		return "subscribe", true
	case *meetings.Answer:
		return "answer", true
	case *meetings.Wants:
		return "wants", true
	case *meetings.RestartICE:
		return "restartIce", true
	case *meetings.WantRelay:
		return "relay", true
	}
	return "", false
}

// EncodeRequest writes one message of a client. An empty list is written as
// one: Decode refuses null.
func EncodeRequest(q meetings.Request) ([]byte, error) {
	name, ok := nameOf(q)
	if !ok {
		return nil, ErrUnknown
	}
	switch v := q.(type) {
	case *meetings.Commit:
		if v.Welcomes == nil {
			c := *v
			c.Welcomes = []meetings.Bytes{}
			q = &c
		}
	case *meetings.Publish:
		if v.Streams == nil {
			q = &meetings.Publish{Offer: v.Offer, Streams: []meetings.Stream{}}
		}
	case *meetings.Wants:
		if v.Wants == nil {
			q = &meetings.Wants{Wants: []meetings.Want{}}
		}
	}
	body, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", name, err)
	}
	out := append(make([]byte, 0, len(body)+32), `{"type":"`+name+`"`...)
	if len(body) > 2 {
		out = append(out, ',')
	}
	return append(out, body[1:]...), nil
}

// emptyMessage is the message of a type on the wire.
func emptyMessage(name string) meetings.Message {
	for _, m := range []meetings.Message{
		new(meetings.RoomStatus), new(meetings.DeviceBusy), new(meetings.Created), new(meetings.CreateLost), new(meetings.Lobby), new(meetings.Waiting),
		new(meetings.Denied), new(meetings.CommitRequest), new(meetings.Committed), new(meetings.CommitRefused), new(meetings.Welcome),
		new(meetings.Removed), new(meetings.Roster), new(meetings.Posted), new(meetings.MessageRefused), new(meetings.Published), new(meetings.Offer),
		new(meetings.MediaRefused), new(meetings.Layers), new(meetings.Relay), new(meetings.MediaLink), new(meetings.GroupStateWanted), new(meetings.Recovered), new(meetings.Reenter),
		new(meetings.Restart), new(meetings.Failure), new(meetings.Ended),
	} {
		if m.Type() == name {
			return m
		}
	}
	return nil
}

// DecodeMessage reads one message of the server, as a client. A message of an
// unknown type, or of the wrong shape, is an error and never a guess; a field
// that this program does not know is left out, since a newer server of the same
// protocol version may say more.
func DecodeMessage(raw []byte) (meetings.Message, error) {
	if len(raw) > maxFromServer {
		return nil, ErrTooBig
	}
	if !utf8.Valid(raw) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("%w: type", ErrMalformed)
	}
	m := emptyMessage(head.Type)
	if m == nil {
		return nil, fmt.Errorf("%w: %.40q", ErrUnknown, head.Type)
	}
	if err := json.Unmarshal(raw, m); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrMalformed, head.Type) // the decoder's own words may quote the message
	}
	if !shaped(m) {
		return nil, fmt.Errorf("%s: %w", head.Type, ErrField)
	}
	return m, nil
}

// shaped holds what types do not: fields that must be there, and their bounds.
func shaped(m meetings.Message) bool {
	leaves := func(list []mls.LeafIndex) bool {
		for _, l := range list {
			if !leaf(l) {
				return false
			}
		}
		return true
	}
	at := func(p *meetings.Position) bool { return p == nil || groupID(p.Group) }
	switch m := m.(type) {
	case *meetings.RoomStatus:
		switch m.State {
		case meetings.StateEmpty, meetings.StateWaitingHost, meetings.StateCall, meetings.StateRecover:
		default:
			return false
		}
		return at(m.Group) && (m.Leaf == nil || leaf(*m.Leaf))
	case *meetings.Created:
		return groupID(m.Group)
	case *meetings.CreateLost:
		return groupID(m.Group)
	case *meetings.Recovered:
		return groupID(m.Group)
	case *meetings.CommitRequest:
		for _, a := range m.Adds {
			if len(a.KeyPackage) == 0 {
				return false
			}
		}
		for _, r := range m.Removes {
			if !leaf(r.Leaf) {
				return false
			}
		}
		return at(m.Restarts)
	case *meetings.Committed:
		return len(m.Commit) > 0 && len(m.Hash) == 32
	case *meetings.Welcome:
		return len(m.Welcome) > 0 && leaf(m.Leaf)
	case *meetings.Posted:
		return len(m.Data) > 0
	case *meetings.Published:
		return m.Answer != ""
	case *meetings.Layers:
		for _, s := range m.Streams {
			for _, l := range s.Layers {
				if l != "l" && l != "m" && l != "h" {
					return false
				}
			}
		}
		return true
	case *meetings.Relay:
		return m.Username != "" && m.Credential != "" && m.LifetimeMs > 0
	case *meetings.Offer:
		for _, t := range m.Tracks {
			if t.MID == "" || !leaf(t.Leaf) || t.Kind != "audio" && t.Kind != "video" {
				return false
			}
		}
		return m.Offer != ""
	case *meetings.Restart:
		return groupID(m.Group.Group) && leaves(m.Without) && (m.Role == "create" || m.Role == "join")
	}
	return true
}
