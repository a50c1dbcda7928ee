package srtp

import (
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// withRoom is a copy that has spare capacity for what sealing adds.
func withRoom(b []byte) []byte { return append(make([]byte, 0, len(b)+RTCPOverhead), b...) }

// sessionKeyOf is for vectors that give session keys, not master keys.
func sessionKeyOf(t testing.TB, key, salt string) sessionKey {
	t.Helper()
	return newSessionKey(unhex(t, key), unhex(t, salt))
}

const (
	rfcKey128 = "00010203 04050607 08090a0b 0c0d0e0f"
	rfcKey256 = rfcKey128 + "10111213 14151617 18191a1b 1c1d1e1f"
	rfcSalt   = "51756964 2070726f 2071756f"

	rfcRTP = `8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
		69736120 696e2070 61727465 73207472 6573`
	rfcRTCP = `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
		deadbeef deadbeef deadbeef deadbeef deadbeef`
	rfcRTCPIndex = 0x5d4
)

// RFC 7714 §16.1.1, §16.2.1, §17.1, §17.2: session key and salt as they are, not
// derived. plainRTCP are §17.3 and §17.4, authenticated only: to be refused.
var rfcVectors = []struct{ name, key, rtp, rtcp, plainRTCP string }{
	{"AEAD_AES_128_GCM", rfcKey128,
		`8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
		0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`,
		`81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
		c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872
		45d9eade 800005d4`,
		`81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
		deadbeef deadbeef deadbeef deadbeef deadbeef 841dd968 3dd78ec9 2ae58790
		125f62b3 000005d4`},
	{"AEAD_AES_256_GCM", rfcKey256,
		`8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238
		9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13`,
		`81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50
		a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c
		b26ac3be 800005d4`,
		`81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
		deadbeef deadbeef deadbeef deadbeef deadbeef 91db4afb feee5a97 8fab4393
		ed2615fe 000005d4`},
}

func TestRFC7714(t *testing.T) {
	for _, v := range rfcVectors {
		t.Run(v.name, func(t *testing.T) {
			rtp, rtcp := unhex(t, rfcRTP), unhex(t, rfcRTCP)
			s := &Sealer{rtp: sessionKeyOf(t, v.key, rfcSalt), rtcp: sessionKeyOf(t, v.key, rfcSalt),
				streams: map[uint32]*sealing{0x4d617273: {next: rfcRTCPIndex}}}
			o := &Opener{rtp: sessionKeyOf(t, v.key, rfcSalt), rtcp: sessionKeyOf(t, v.key, rfcSalt),
				streams: map[uint32]*opening{}, maxSSRCs: 2}

			sealed, err := s.SealRTP(withRoom(rtp))
			if err != nil || !bytes.Equal(sealed, unhex(t, v.rtp)) {
				t.Errorf("RTP sealed: %x, %v", sealed, err)
			}
			opened, err := o.OpenRTP(unhex(t, v.rtp))
			if err != nil || !bytes.Equal(opened, rtp) {
				t.Errorf("RTP opened: %x, %v", opened, err)
			}
			if _, err := o.OpenRTCP(unhex(t, v.plainRTCP)); err != ErrUnencrypted {
				t.Errorf("RTCP that is authenticated only: %v", err)
			}
			sealed, err = s.SealRTCP(withRoom(rtcp))
			if err != nil || !bytes.Equal(sealed, unhex(t, v.rtcp)) {
				t.Errorf("RTCP sealed: %x, %v", sealed, err)
			}
			opened, err = o.OpenRTCP(unhex(t, v.rtcp))
			if err != nil || !bytes.Equal(opened, rtcp) {
				t.Errorf("RTCP opened: %x, %v", opened, err)
			}
		})
	}
}

func TestNonces(t *testing.T) {
	k := sessionKeyOf(t, rfcKey128, rfcSalt)
	for _, c := range []struct {
		note string
		got  []byte
		want string
	}{
		{"RFC 7714 §16", bytes.Clone(k.rtpNonce(0x5501a0b2, 0xf17b)), "51753c6580c2726f20718414"},
		{"RFC 7714 §17", bytes.Clone(k.rtcpNonce(0x4d617273, 0x5d4)), "517524055203726f207170bb"},
		{"all bits of ROC and SEQ", bytes.Clone(k.rtpNonce(0, maxIndex)), "517569642070" + "8d90df8e8a90"},
	} {
		if !bytes.Equal(c.got, unhex(t, c.want)) {
			t.Errorf("%s: %x, want %s", c.note, c.got, c.want)
		}
	}
}

// TestKeyDerivation: RFC 3711 §B.3 and RFC 6188 §7.2 have the vectors of the
// function that RFC 7714 §11 takes over; their salts have 112 bits.
func TestKeyDerivation(t *testing.T) {
	const (
		key128, salt128 = "E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6"
		key256          = "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6"
		salt256         = "3b04803de51ee7c96423ab5b78d2"
	)
	for _, c := range []struct {
		note, master, salt string
		label              byte
		want               string
	}{
		{"RFC 3711 §B.3 cipher key", key128, salt128, labelRTPKey, "C61E7A93744F39EE10734AFE3FF7A087"},
		{"RFC 3711 §B.3 cipher salt", key128, salt128, labelRTPSalt, "30CBBC08863D8C85D49DB34A9AE1"},
		{"RFC 3711 §B.3 auth key", key128, salt128, 1,
			"CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E47403576"},
		{"RFC 6188 §7.2 cipher key", key256, salt256, labelRTPKey, "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"},
		{"RFC 6188 §7.2 cipher salt", key256, salt256, labelRTPSalt, "fa31791685ca444a9e07c6c64e93"},
		{"RFC 6188 §7.2 auth key", key256, salt256, 1, "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"},
	} {
		block, err := aes.NewCipher(unhex(t, c.master))
		if err != nil {
			t.Fatal(err)
		}
		want := unhex(t, c.want)
		got := bytes.Repeat([]byte{0xff}, len(want)) // what is there before doesn't matter
		derive(block, unhex(t, c.salt), c.label, got)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %x", c.note, got)
		}
	}
}
