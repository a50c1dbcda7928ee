package transport

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"
)

func record(kind byte, epoch uint16, size int) []byte {
	b := []byte{kind, 0xfe, 0xfd, byte(epoch >> 8), byte(epoch), 0, 0, 0, 0, 0, 1, byte(size >> 8), byte(size)}
	return append(b, make([]byte, size)...)
}

func TestSoundRecords(t *testing.T) {
	join := func(records ...[]byte) []byte { return bytes.Join(records, nil) }
	longAgo, justNow := time.Hour, time.Second
	for _, test := range []struct {
		name   string
		b      []byte
		since  time.Duration
		shaken bool
		want   int
	}{
		{"ClientHello", record(handshakeRecord, 0, 60), 0, false, 73},
		{"last client flight", join(record(22, 0, 40), record(20, 0, 1), record(22, 1, 40)), 0, false, 53 + 14 + 53},
		{"repeated soon after", join(record(22, 0, 40), record(20, 0, 1), record(22, 1, 40)), justNow, true, 53 + 14 + 53},
		{"repeated much later", join(record(22, 0, 40), record(20, 0, 1), record(22, 1, 40)), longAgo, true, 0},
		{"sealed alert", record(alertRecord, 1, 26), longAgo, true, 39},
		{"clear alert while shaking hands", record(alertRecord, 0, 2), 0, false, 15},
		{"clear alert afterwards", record(alertRecord, 0, 2), justNow, true, 0},
		{"clear data", record(applicationData, 0, 9), 0, false, 0},
		{"sealed data", record(applicationData, 1, 30), justNow, true, 43},
		{"clear data behind a handshake", join(record(22, 0, 9), record(23, 0, 9)), 0, false, 22},
		{"epoch 2", record(applicationData, 2, 30), justNow, true, 0},
		{"a kind that is none", record(25, 1, 30), justNow, true, 0},
		{"TLS 1.3 unified header", append([]byte{0x2c, 0, 0}, make([]byte, 40)...), 0, false, 0},
		{"empty record", record(22, 0, 0), 0, false, 0},
		{"longer than the datagram", record(22, 0, 60)[:50], 0, false, 0},
		{"half a header", record(22, 0, 60)[:12], 0, false, 0},
		{"nothing", nil, 0, false, 0},
	} {
		if got := soundRecords(test.b, test.since, test.shaken); len(got) != test.want {
			t.Errorf("%s: %d bytes pass, want %d", test.name, len(got), test.want)
		}
	}
}

func FuzzDTLSRecord(f *testing.F) {
	f.Add(record(22, 0, 60), int64(0), false)
	f.Add(append(record(22, 0, 4), record(23, 1, 30)...), int64(time.Hour), true)
	f.Fuzz(func(t *testing.T, b []byte, since int64, shaken bool) {
		out := soundRecords(b, time.Duration(since), shaken)
		if !bytes.HasPrefix(b, out) {
			t.Fatal("bytes were changed")
		}
		for at := 0; at < len(out); at += recordHeader + int(binary.BigEndian.Uint16(out[at+11:])) {
			epoch := binary.BigEndian.Uint16(out[at+3:])
			if epoch > 1 || out[at] == applicationData && epoch == 0 || shaken && time.Duration(since) >= lastFlight && epoch == 0 {
				t.Fatalf("record of kind %d, epoch %d passes", out[at], epoch)
			}
		}
	})
}
