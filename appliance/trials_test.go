package appliance

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"huisclos/appliance/web"
)

// TestTrial: the answer of a trial connects over UDP and, with the other candidates left out, over TCP; no call comes of it.
func TestTrial(t *testing.T) {
	s := testSettings(t)
	a, _ := start(t, s)
	testVia := netip.MustParseAddr("127.0.0.1")
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			pc := microphone(t, webrtc.Configuration{}, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
			connected := make(chan struct{})
			pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
				if state == webrtc.PeerConnectionStateConnected {
					close(connected)
				}
			})
			offer, err := pc.CreateOffer(nil)
			must(t, err)
			gathered := webrtc.GatheringCompletePromise(pc)
			must(t, pc.SetLocalDescription(offer))
			<-gathered
			answer, err := a.trials.answer(t.Context(), testVia, pc.LocalDescription().SDP, "0")
			must(t, err)
			var kept []string
			for line := range strings.Lines(answer) {
				if !strings.HasPrefix(line, "a=candidate:") || strings.Contains(line, " 1 "+network+" ") {
					kept = append(kept, line)
				}
			}
			must(t, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: strings.Join(kept, "")}))
			select {
			case <-connected:
			case <-time.After(10 * time.Second):
				t.Fatalf("not connected over %s with\n%s", network, strings.Join(kept, ""))
			}
		})
	}
	if calls := a.hall.Calls(); len(calls) != 0 {
		t.Errorf("a trial is a call: %+v", calls)
	}
	if _, err := a.trials.answer(t.Context(), testVia, "v=0", "0"); err == nil || errors.Is(err, web.ErrTrials) {
		t.Errorf("no offer: %v", err)
	}
	a.trials.mu.Lock()
	if a.trials.open != 2 {
		t.Errorf("%d trials are counted", a.trials.open)
	}
	a.trials.open = maxTrials
	a.trials.mu.Unlock()
	if _, err := a.trials.answer(t.Context(), testVia, "v=0", "0"); !errors.Is(err, web.ErrTrials) {
		t.Errorf("too many: %v", err)
	}
}
