package client

import (
	"net"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/logging"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

const (
	opusRate, vp8Rate = 48000, 90000

	// A path that is silent for so long is looked for again, as browsers do.
	iceDisconnected, iceFailed, iceKeepAlive = 4 * time.Second, 12 * time.Second, 2 * time.Second
	// preferUDP is what UDP has to answer in, where ICE-TCP answers first.
	preferUDP = 100 * time.Millisecond
	// maxNACKs is how often one packet is asked for again: those that came by
	// RTX look missing to the generator.
	maxNACKs     = 5
	nackEvery    = 50 * time.Millisecond
	reportsEvery = time.Second
)

// newAPI is WebRTC as calls use it: Opus, and VP8 with its retransmission, and
// no other codec, so that there is nothing that could go unsealed.
func newAPI(loopback bool, transport string) (*webrtc.API, error) {
	engine := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}, {Type: webrtc.TypeRTCPFBTransportCC}}
	for _, codec := range []webrtc.RTPCodecParameters{
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: vp8Rate, RTCPFeedback: feedback}, PayloadType: 96},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: vp8Rate, SDPFmtpLine: "apt=96"}, PayloadType: 97},
	} {
		if err := engine.RegisterCodec(codec, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	if err := engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: opusRate, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}, PayloadType: 111}, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		for _, uri := range []string{sdp.SDESMidURI, sdp.TransportCCURI} {
			if err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
				return nil, err
			}
		}
	}
	for _, uri := range []string{sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI} { // RFC 8852: layers
		if err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	registry := &interceptor.Registry{}
	responder, err1 := nack.NewResponderInterceptor(nack.WithResponderLoggerFactory(quiet{}))
	generator, err2 := nack.NewGeneratorInterceptor(nack.GeneratorMaxNacksPerPacket(maxNACKs), nack.GeneratorInterval(nackEvery), nack.WithGeneratorLoggerFactory(quiet{}))
	sends, err3 := report.NewSenderInterceptor(report.SenderInterval(reportsEvery), report.WithSenderLoggerFactory(quiet{}))
	receives, err4 := report.NewReceiverInterceptor(report.ReceiverInterval(reportsEvery), report.WithReceiverLoggerFactory(quiet{}))
	arrivals, err5 := twcc.NewSenderInterceptor(twcc.WithLoggerFactory(quiet{}))
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			return nil, err
		}
	}
	for _, f := range []interceptor.Factory{responder, generator, sends, receives, arrivals} {
		registry.Add(f)
	}

	settings := webrtc.SettingEngine{LoggerFactory: quiet{}}
	// Browsers answer as DTLS clients; pion would leave that to an ICE-lite peer.
	if err := settings.SetAnsweringDTLSRole(webrtc.DTLSRoleClient); err != nil {
		return nil, err
	}
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetICETimeouts(iceDisconnected, iceFailed, iceKeepAlive)
	switch udp, tcp := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}, []webrtc.NetworkType{webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6}; transport {
	case "udp":
		settings.SetNetworkTypes(udp)
	case "tcp":
		settings.SetNetworkTypes(tcp)
	default:
		settings.SetNetworkTypes(append(udp, tcp...))
		settings.SetHostAcceptanceMinWait(preferUDP)
	}
	// The appliance's address decides which of ours can reach it.
	settings.SetIncludeLoopbackCandidate(loopback)
	if loopback {
		settings.SetIPFilter(net.IP.IsLoopback)
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings), webrtc.WithInterceptorRegistry(registry)), nil
}

func (c *Call) connection() (*webrtc.PeerConnection, error) {
	api, err := newAPI(c.app.loopback.Load(), c.cfg.Transport)
	if err != nil {
		return nil, err
	}
	return api.NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
}

// quiet is pion's log: what matters comes back as values, and what a far end
// can provoke at will does not belong in a log.
type quiet struct{}

func (quiet) NewLogger(string) logging.LeveledLogger { return quiet{} }

func (quiet) Trace(string)          {}
func (quiet) Tracef(string, ...any) {}
func (quiet) Debug(string)          {}
func (quiet) Debugf(string, ...any) {}
func (quiet) Info(string)           {}
func (quiet) Infof(string, ...any)  {}
func (quiet) Warn(string)           {}
func (quiet) Warnf(string, ...any)  {}
func (quiet) Error(string)          {}
func (quiet) Errorf(string, ...any) {}
