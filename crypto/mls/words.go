package mls

import "crypto/sha256"

// WordCount is how many words people compare.
const WordCount = 12

// Words turns an epoch authenticator into 12 indexes into a list of 2,048
// words: the first 132 bits, big endian, of SHA-256("HuisClos words v1" ‖
// epoch_authenticator). Members with the same view see the same words
// (RFC 9420 §8.7).
func Words(epochAuthenticator []byte) [WordCount]uint16 {
	h := sha256.New()
	h.Write([]byte("HuisClos words v1"))
	h.Write(epochAuthenticator)
	sum := h.Sum(nil)
	var out [WordCount]uint16
	for i := range out {
		for bit := i * 11; bit < (i+1)*11; bit++ {
			out[i] = out[i]<<1 | uint16(sum[bit/8]>>(7-bit%8)&1)
		}
	}
	return out
}
