package wire

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"huisclos/crypto/mls"
	"huisclos/meetings"
	"huisclos/meetings/signalling"
)

var office = mls.RoomID{9}

type cards struct{}

func (cards) Card(id mls.RoomID) (meetings.Card, error) {
	return meetings.Card{ID: id, Name: "Office", Owner: mls.AccountID{1}}, nil
}

type noMedia struct{}

func (noMedia) Open(meetings.CallID, uint64)                                       {}
func (noMedia) SetEpoch(meetings.CallID, uint64, time.Time)                        {}
func (noMedia) CloseCall(meetings.CallID)                                          {}
func (noMedia) Admit(meetings.CallID, meetings.PeerID, mls.LeafIndex)              {}
func (noMedia) Cut(meetings.CallID, meetings.PeerID)                               {}
func (noMedia) Busy() bool                                                         { return false }
func (noMedia) Stats(meetings.CallID) (s meetings.MediaStats)                      { return s }
func (noMedia) Subscribe(meetings.CallID, meetings.PeerID, netip.Addr, bool) error { return nil }
func (noMedia) Answer(meetings.CallID, meetings.PeerID, string) error              { return nil }
func (noMedia) RestartSubscriber(meetings.CallID, meetings.PeerID) error           { return nil }
func (noMedia) Wants(meetings.CallID, meetings.PeerID, []meetings.Want) error      { return nil }
func (noMedia) Publish(context.Context, meetings.CallID, meetings.PeerID, netip.Addr, string, []meetings.Stream) (string, error) {
	return "", nil
}

// TestDial goes through TLS as the native client does, from hello to the server's goodbye.
func TestDial(t *testing.T) {
	hall := meetings.NewHall(meetings.HallOptions{Records: cards{}, Media: noMedia{}, Plane: noMedia{}})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/rooms/"+meetings.ID(office).String()+"/signal" {
			http.Error(w, "no such room", http.StatusNotFound)
			return
		}
		signalling.Serve(w, r, hall, office, meetings.Visitor{Account: mls.AccountID{1}, Name: "Ann", Session: "s"}, signalling.Options{})
	}))
	defer server.Close()
	defer hall.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	var refused *Refused
	if _, err := Dial(ctx, server.Client(), server.URL, meetings.ID{1}); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
		t.Errorf("an unknown room: %v", err)
	}
	if _, err := Dial(ctx, server.Client(), "http"+server.URL[5:], meetings.ID(office)); err == nil {
		t.Error("connects without TLS")
	}
	c, err := Dial(ctx, server.Client(), server.URL, meetings.ID(office))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Cut()
	if err := c.Write(ctx, &meetings.Hello{Protocol: meetings.ProtocolVersion, Device: meetings.ID{2}, SignatureKey: meetings.Bytes{1}}); err != nil {
		t.Fatal(err)
	}
	m, err := c.Read(ctx)
	if status, ok := m.(*meetings.RoomStatus); err != nil || !ok || status.State != meetings.StateEmpty || status.You.Name != "Ann" {
		t.Fatalf("hello is answered by %+v, %v", m, err)
	}
	if err := c.Write(ctx, &meetings.Leave{}); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err = c.Read(ctx); err != nil {
			break
		}
	}
	var closed *Closed
	if !errors.As(err, &closed) || closed.Code != meetings.CloseLeft {
		t.Errorf("after leaving: %v", err)
	}
}
