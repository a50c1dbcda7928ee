package transport

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"

	"huisclos/media"
)

var testOurs = ours{ufrag: "ufrag123", password: "password-of-22-or-more", fingerprint: "sha-256 00:11",
	candidates: candidates([]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, 8443, 0, true, true), session: 1, version: 1}

func near(remote) (ours, error) { return testOurs, nil }

var cameraAndMicrophone = []media.Stream{{MID: "0", Kind: media.Audio, Context: 0}, {MID: "1", Kind: media.Video, Context: 1}}

func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".sdp"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Offers as browsers made them, for sealed Opus and VP8 in three layers.
func TestBrowserOffers(t *testing.T) {
	for browser, want := range map[string]struct {
		opus, vp8, rtx uint8
		ids            extensionIDs
	}{
		"chromium": {111, 96, 97, extensionIDs{mid: 4, rid: 10, repaired: 11, twcc: 3}},
		"firefox":  {109, 120, 124, extensionIDs{mid: 3, rid: 9, repaired: 10, twcc: 7}},
	} {
		t.Run(browser, func(t *testing.T) {
			answer, sections, err := answerOffer(sample(t, browser+"-offer"), cameraAndMicrophone, near)
			if err != nil {
				t.Fatal(err)
			}
			if len(sections) != 2 {
				t.Fatalf("%d sections", len(sections))
			}
			audio, video := sections[0], sections[1]
			if audio.codecs.payloadType != want.opus || video.codecs.payloadType != want.vp8 || video.codecs.rtx != want.rtx ||
				video.extensions != want.ids || !slices.Equal(video.rids, layerRIDs[:]) || len(audio.rids) != 0 {
				t.Fatalf("audio %+v\nvideo %+v", audio, video)
			}
			var parsed sdp.SessionDescription
			if err := parsed.UnmarshalString(answer); err != nil {
				t.Fatalf("%v\n%s", err, answer)
			}
			if len(parsed.MediaDescriptions) != 2 {
				t.Fatalf("%d sections answer two", len(parsed.MediaDescriptions))
			}
			for _, part := range []string{"a=ice-lite\r\n", "a=group:BUNDLE 0 1\r\n", "a=setup:passive\r\n", "a=simulcast:recv l;m;h\r\n",
				"a=candidate:1 1 udp 2130706431 192.0.2.1 8443 typ host\r\n", "2001:db8::1 8443 typ host tcptype passive\r\n",
				"minptime=10;useinbandfec=1\r\n", "transport-cc\r\n"} {
				mustContain(t, answer, part)
			}
			// What is never negotiated: it would tell who speaks, or what is in a
			// frame, or carry a sound that the gate does not know.
			for _, part := range []string{"audio-level", "dependency-descriptor", "abs-send-time", "red/", "CN/", "telephone-event",
				"goog-remb", "ulpfec", "flexfec", "cbr=1", "usedtx", "a=sendrecv", "a=sendonly"} {
				if strings.Contains(answer, part) {
					t.Errorf("%q is in the answer", part)
				}
			}
		})
	}
}

func TestBrowserAnswers(t *testing.T) {
	lines := []*line{{mid: "0", kind: media.Audio, used: true}, {mid: "1", kind: media.Video, used: true}}
	for _, browser := range []string{"chromium", "firefox"} {
		far, agreements, err := readAnswer(sample(t, browser+"-answer"), lines)
		if err != nil {
			t.Fatal(browser, err)
		}
		if far.ufrag == "" || len(far.fingerprints) != 1 || len(agreements) != 2 {
			t.Fatalf("%s: %+v %+v", browser, far, agreements)
		}
		if a, v := agreements[0], agreements[1]; !a.receives || a.codecs.payloadType != offeredOpus || !v.receives ||
			v.codecs.payloadType != offeredVP8 || v.codecs.rtx != offeredRTX || v.mid != offeredMID {
			t.Fatalf("%s: %+v", browser, agreements)
		}
		if _, _, err := readAnswer(sample(t, browser+"-answer"), lines[:1]); err == nil {
			t.Fatal("an answer with too many sections is taken")
		}
		if _, _, err := readAnswer(sample(t, browser+"-answer"), []*line{lines[1], lines[0]}); err == nil {
			t.Fatal("an answer to other sections is taken")
		}
		passive := strings.ReplaceAll(sample(t, browser+"-answer"), "a=setup:active", "a=setup:passive")
		if _, _, err := readAnswer(passive, lines); err == nil {
			t.Fatal("two DTLS servers don't meet")
		}
	}
}

func TestOffersAndTheirStreams(t *testing.T) {
	whole := sample(t, "chromium-offer")
	edit := func(from, to string) string {
		if !strings.Contains(whole, from) {
			t.Fatalf("%q is not in the sample", from)
		}
		return strings.ReplaceAll(whole, from, to)
	}
	pieces := strings.Split(whole, "m=")
	for _, test := range []struct {
		name    string
		offer   string
		streams []media.Stream
		fails   bool
		takes   int
		holds   string
	}{
		{name: "nothing is declared", offer: whole, takes: 0, holds: "a=inactive"},
		{name: "only the microphone is", offer: whole, streams: cameraAndMicrophone[:1], takes: 1, holds: "a=inactive"},
		{name: "video is declared as audio", offer: whole, streams: []media.Stream{{MID: "1", Kind: media.Audio}}, takes: 0},
		{name: "a stream without a section", offer: whole, streams: []media.Stream{{MID: "7", Kind: media.Audio}}, fails: true},
		{name: "a camera that sounds", offer: whole, streams: []media.Stream{{MID: "0", Kind: media.Audio, Context: 1}}, fails: true},
		{name: "a data channel", offer: edit("a=group:BUNDLE 0 1", "a=group:BUNDLE 0 1 2") + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\na=mid:2\na=sctp-port:5000\n",
			streams: cameraAndMicrophone, takes: 2, holds: "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"},
		{name: "a section that ended", offer: edit("m=video 9", "m=video 0"), streams: cameraAndMicrophone[:1], takes: 1, holds: "m=video 0"},
		{name: "a section out of the bundle", offer: edit("BUNDLE 0 1", "BUNDLE 0"), streams: cameraAndMicrophone, takes: 1, holds: "m=video 0"},
		{name: "no VP8", offer: edit("VP8/90000", "AV1/90000"), streams: cameraAndMicrophone, takes: 1, holds: "m=video 0"},
		{name: "no Opus", offer: edit("opus/48000/2", "PCMU/8000"), streams: cameraAndMicrophone, takes: 1, holds: "m=audio 0"},
		{name: "no RTX", offer: edit("rtx/90000", "red/90000"), streams: cameraAndMicrophone, takes: 2},
		{name: "no simulcast", offer: edit("a=simulcast:send l;m;h", "a=x:y"), streams: cameraAndMicrophone, takes: 2},
		{name: "a layer without a name", offer: edit("l;m;h", "l;x,h;~m"), streams: cameraAndMicrophone, takes: 2, holds: "a=simulcast:recv l;m\r\n"},
		{name: "receiving only", offer: edit("a=sendonly", "a=recvonly"), streams: cameraAndMicrophone, takes: 0},
		{name: "no rtcp-mux", offer: edit("a=rtcp-mux\n", ""), streams: cameraAndMicrophone, fails: true},
		{name: "no fingerprint", offer: edit("a=fingerprint:", "a=fingerprin:"), streams: cameraAndMicrophone, fails: true},
		{name: "no ICE password", offer: edit("a=ice-pwd:", "a=ice-pw:"), streams: cameraAndMicrophone, fails: true},
		{name: "DTLS server", offer: edit("a=setup:actpass", "a=setup:passive"), streams: cameraAndMicrophone, fails: true},
		{name: "one mid twice", offer: edit("a=mid:1", "a=mid:0"), streams: cameraAndMicrophone, fails: true},
		{name: "a mid that would not be written back as it is", offer: edit("a=mid:1", "a=mid:1 a"), streams: cameraAndMicrophone, fails: true},
		{name: "a long mid", offer: edit("a=mid:1", "a=mid:"+strings.Repeat("1", 17)), streams: cameraAndMicrophone, fails: true},
		{name: "plain RTP", offer: edit("UDP/TLS/RTP/SAVPF", "RTP/AVP"), streams: cameraAndMicrophone, fails: true},
		{name: "too many sections", offer: pieces[0] + strings.Repeat("m="+pieces[1], 40), streams: cameraAndMicrophone, fails: true},
		{name: "no sections", offer: pieces[0], fails: true},
		{name: "not SDP", offer: "hello", fails: true},
		{name: "empty", offer: "", fails: true},
		{name: "a long line", offer: edit("a=mid:1", "a=x:"+strings.Repeat("y", 5000)), fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer, sections, err := answerOffer(test.offer, test.streams, near)
			if (err != nil) != test.fails {
				t.Fatalf("%v\n%s", err, answer)
			}
			if err != nil && !errors.Is(err, errSDP) && !errors.Is(err, media.ErrStreams) {
				t.Fatalf("%v is neither of the errors", err)
			}
			if len(sections) != test.takes {
				t.Fatalf("%d sections are received, want %d", len(sections), test.takes)
			}
			if test.holds != "" {
				mustContain(t, answer, test.holds)
			}
		})
	}
}

func TestFingerprints(t *testing.T) {
	certificate := []byte("a certificate")
	sum := sha256.Sum256(certificate)
	right, wrong := slices.Clone(sum[:]), slices.Clone(sum[:])
	wrong[31] ^= 1
	for _, test := range []struct {
		name string
		far  remote
		ok   bool
	}{
		{"right", remote{fingerprints: []fingerprint{{"sha-256", right}}}, true},
		{"one of two", remote{fingerprints: []fingerprint{{"sha-512", wrong}, {"sha-256", right}}}, true},
		{"wrong", remote{fingerprints: []fingerprint{{"sha-256", wrong}}}, false},
		{"cut short", remote{fingerprints: []fingerprint{{"sha-256", right[:16]}}}, false},
		{"empty", remote{fingerprints: []fingerprint{{"sha-256", nil}}}, false},
		{"none", remote{}, false},
		{"SHA-1", remote{fingerprints: []fingerprint{{"sha-1", right[:20]}}}, false},
	} {
		if test.far.matches(certificate) != test.ok {
			t.Errorf("%s: %v", test.name, !test.ok)
		}
	}
	if (remote{}).same(remote{}) {
		t.Error("nobody is not somebody")
	}
}

func TestOwnOffers(t *testing.T) {
	lines := []*line{
		{mid: "0", kind: media.Audio, used: true, leaf: 3, context: 0, ssrc: 10},
		{mid: "1", kind: media.Video, used: true, leaf: 3, context: 1, ssrc: 20, rtx: 21},
		{mid: "2", kind: media.Video},
		{mid: "3", kind: media.Audio, used: true, leaf: 65535, context: 3, ssrc: 30},
	}
	text := writeOffer(lines, false, testOurs)
	var parsed sdp.SessionDescription
	if err := parsed.UnmarshalString(text); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"sendonly", "sendonly", "inactive", "sendonly"} {
		if _, ok := parsed.MediaDescriptions[i].Attribute(want); !ok {
			t.Errorf("section %d is not %s", i, want)
		}
	}
	for _, part := range []string{"a=group:BUNDLE 0 1 2 3\r\n", "a=setup:actpass", "a=msid:3-0 3-0\r\n", "a=msid:3-0 3-1\r\n", "a=msid:65535-2 65535-3\r\n",
		"a=ssrc-group:FID 20 21\r\n", "a=rtcp-fb:96 nack pli\r\n", "a=fmtp:97 apt=96\r\n"} {
		mustContain(t, text, part)
	}
	if strings.Contains(text, "VP9") {
		t.Fatal("VP9 is offered to a client that did not ask for it")
	}
	if strings.Count(text, "a=candidate:") != 4 || strings.Contains(text, "audio-level") || strings.Contains(text, "a=sendrecv") {
		t.Fatal(text)
	}
	d, err := parseDescription(text)
	if err != nil || len(d.sections) != 4 {
		t.Fatalf("our own offer: %v", err)
	}
}

// withVP9 adds VP9 to a sample's video: profile 2 first, which nobody wants, then profile 0, each with its repetitions.
func withVP9(text string) string {
	_, rest, _ := strings.Cut(text, "a=rtpmap:96 VP8/90000\n")
	if rest == "" {
		panic("the sample has no VP8")
	}
	return strings.Replace(text, "a=rtpmap:96 VP8/90000\n", "a=rtpmap:96 VP8/90000\na=rtpmap:100 VP9/90000\na=fmtp:100 profile-id=2\n"+
		"a=rtpmap:101 rtx/90000\na=fmtp:101 apt=100\na=rtpmap:98 VP9/90000\na=fmtp:98 profile-id=0\na=rtcp-fb:98 nack\n"+
		"a=rtcp-fb:98 nack pli\na=rtcp-fb:98 transport-cc\na=rtpmap:99 rtx/90000\na=fmtp:99 apt=98\n", 1)
}

func TestVP9IsNegotiatedBesideVP8(t *testing.T) {
	answer, sections, err := answerOffer(withVP9(sample(t, "chromium-offer")), cameraAndMicrophone, near)
	if err != nil {
		t.Fatal(err)
	}
	c := sections[1].codecs
	if c.payloadType != 96 || c.rtx != 97 || c.vp9.payloadType != 98 || c.vp9.rtx != 99 || !c.vp9.feedback.has(feedbackPLI) {
		t.Fatalf("%+v", c)
	}
	for _, part := range []string{"SAVPF 96 97 98 99\r\n", "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n", "a=rtcp-fb:98 nack pli\r\n", "a=fmtp:99 apt=98\r\n"} {
		mustContain(t, answer, part)
	}
	for pt, want := range map[uint8][3]bool{96: {false, false, true}, 97: {false, true, true}, 98: {true, false, true}, 99: {true, true, true}, 100: {}, 0: {}} {
		if vp9, rtx, known := c.medium(pt); [3]bool{vp9, rtx, known} != want {
			t.Errorf("payload type %d: %v %v %v", pt, vp9, rtx, known)
		}
	}
	lines := []*line{{mid: "0", kind: media.Audio, used: true}, {mid: "1", kind: media.Video, used: true}}
	offer := writeOffer(lines, true, testOurs)
	for _, part := range []string{"SAVPF 96 97 98 99\r\n", "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n", "a=fmtp:99 apt=98\r\n"} {
		mustContain(t, offer, part)
	}
	if strings.Count(offer, "VP9") != 1 {
		t.Fatal(offer)
	}
	if _, agreements, err := readAnswer(withVP9(sample(t, "chromium-answer")), lines); err != nil || agreements[1].codecs.vp9.payloadType != 98 || agreements[1].codecs.vp9.rtx != 99 {
		t.Fatalf("%+v, %v", agreements, err)
	}
}

func FuzzOffer(f *testing.F) {
	f.Add(sample(f, "chromium-offer"))
	f.Add(withVP9(sample(f, "chromium-offer")))
	f.Add(sample(f, "firefox-offer"))
	f.Add("v=0\nm=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:0\n")
	f.Fuzz(func(t *testing.T, offer string) {
		answer, sections, err := answerOffer(offer, cameraAndMicrophone, near)
		if err != nil {
			return
		}
		if len(sections) > len(cameraAndMicrophone) {
			t.Fatalf("%d sections for two streams", len(sections))
		}
		// Our answer is a description that we can read, with as many sections,
		// and whatever the offer said, it holds no other codec and no other
		// extension than ours.
		d, err := parseDescription(answer)
		if err != nil {
			t.Fatalf("%v\n%s", err, answer)
		}
		offered, err := parseDescription(offer)
		if err != nil || len(offered.sections) != len(d.sections) {
			t.Fatalf("%d sections answer %d", len(d.sections), len(offered.sections))
		}
		for _, s := range d.sections {
			for _, a := range s.attributes {
				switch a.key {
				case "rtpmap":
					_, encoding, _ := strings.Cut(a.value, " ")
					if encoding != "opus/48000/2" && encoding != "VP8/90000" && encoding != "VP9/90000" && encoding != "rtx/90000" {
						t.Fatalf("codec %q", a.value)
					}
				case "extmap":
					_, uri, _ := strings.Cut(a.value, " ")
					if uri != uriMID && uri != uriRID && uri != uriRepaired && uri != uriTWCC {
						t.Fatalf("extension %q", a.value)
					}
				}
			}
			if s.kind == "application" && s.port != 0 {
				t.Fatal("a data channel")
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(sample(f, "chromium-answer"))
	f.Add(sample(f, "firefox-answer"))
	lines := []*line{{mid: "0", kind: media.Audio, used: true}, {mid: "1", kind: media.Video, used: true}}
	f.Fuzz(func(t *testing.T, answer string) {
		far, agreements, err := readAnswer(answer, lines)
		if err != nil {
			return
		}
		if len(agreements) != 2 || len(far.fingerprints) == 0 || len(far.password) < 22 {
			t.Fatalf("%+v %+v", far, agreements)
		}
		for _, a := range agreements {
			if a.receives && (a.codecs.payloadType == 0 || a.codecs.payloadType > 127 || a.mid > 14) {
				t.Fatalf("%+v", a)
			}
		}
		hex.EncodeToString(far.fingerprints[0].sum)
	})
}
