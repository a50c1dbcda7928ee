package contender

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// offered is what a client of bench/sfu/load offers, shortened.
const offered = "v=0\r\na=group:BUNDLE 0 1\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=fingerprint:sha-256 AB:CD\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendonly\r\n" +
	"a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=ssrc:5 cname:bench\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" +
	"a=ssrc-group:FID 6 7\r\na=ssrc:6 cname:bench\r\na=ssrc:7 cname:bench\r\n"

// TestProduced: an offer becomes what mediasoup's produce() takes (its documentation, "RTP Parameters and Capabilities").
func TestProduced(t *testing.T) {
	fingerprint, tracks, err := produced(offered)
	if err != nil || fingerprint != "AB:CD" {
		t.Fatalf("%q, %v", fingerprint, err)
	}
	none := map[string]any{}
	want := []mediasoupTrack{
		{Kind: "audio", RTPParameters: mediasoupRTPParameters{MID: "0", HeaderExtensions: []mediasoupExtension{{"urn:ietf:params:rtp-hdrext:sdes:mid", 1}},
			Codecs:    []mediasoupCodec{{"audio/opus", 111, 48000, 2, map[string]any{"minptime": 10, "useinbandfec": 1}, []mediasoupFeedback{{"transport-cc", ""}}}},
			Encodings: []mediasoupEncoding{{SSRC: 5}}, RTCP: map[string]any{"cname": "bench"}}},
		{Kind: "video", RTPParameters: mediasoupRTPParameters{MID: "1", Encodings: []mediasoupEncoding{{6, &mediasoupSSRC{7}}}, RTCP: map[string]any{"cname": "bench"},
			Codecs: []mediasoupCodec{{"video/VP8", 96, 90000, 0, none, []mediasoupFeedback{{"nack", "pli"}}},
				{"video/rtx", 97, 90000, 0, map[string]any{"apt": 96}, []mediasoupFeedback{}}}}},
	}
	if !reflect.DeepEqual(tracks, want) {
		got, _ := json.MarshalIndent(tracks, "", " ")
		t.Errorf("%s", got)
	}
	for _, bad := range []string{"m=audio 9 x 1\r\na=mid:0\r\n", "m=audio 9 x 1\r\na=fingerprint:sha-256 A\r\na=ssrc:x y\r\n", "m=audio 9 x 1\r\na=rtpmap:1 opus/x\r\n"} {
		if _, _, err := produced(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// TestDescribe: what the worker told is described so that reading it as a description gives the same tracks, and clients find its port.
func TestDescribe(t *testing.T) {
	_, tracks, err := produced(strings.ReplaceAll(offered, "minptime=10;useinbandfec=1", "x"))
	if err != nil {
		t.Fatal(err)
	}
	told := mediasoupTransport{Fingerprint: "EF:01", Port: 7884, Tracks: tracks}
	told.ICE.UsernameFragment, told.ICE.Password = "name", "secret"
	text := told.describe("sendonly")
	fingerprint, again, err := produced(text)
	if err != nil || fingerprint != "EF:01" || !reflect.DeepEqual(again, tracks) {
		t.Errorf("%v, %q: %+v", err, fingerprint, again)
	}
	for _, line := range []string{"a=ice-lite", "a=ice-ufrag:name", "a=ice-pwd:secret", "a=candidate:1 1 udp 1 127.0.0.1 7884 typ host", "a=sendonly", "a=setup:passive",
		"m=video 9 UDP/TLS/RTP/SAVPF 96 97"} {
		if !strings.Contains(text, line+"\r\n") {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
}

func FuzzProduced(f *testing.F) {
	f.Add(offered)
	f.Fuzz(func(t *testing.T, text string) {
		fingerprint, tracks, err := produced(text)
		if err != nil {
			return
		}
		if fingerprint == "" || len(tracks) > strings.Count(text, "m=") {
			t.Fatalf("%q, %d tracks", fingerprint, len(tracks))
		}
		if _, err := json.Marshal(tracks); err != nil {
			t.Fatal(err)
		}
	})
}
