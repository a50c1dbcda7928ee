package contender

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"huisclos/bench/sfu/load"
)

// TestToken: RFC 7515's compact form, signed with HMAC-SHA-256, and the grants of who joins.
func TestToken(t *testing.T) {
	text, err := token("room", load.Peer{Name: "somebody", Publishes: true})
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatal(text)
	}
	mac := hmac.New(sha256.New, []byte(liveKitSecret))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if signature, err := base64.RawURLEncoding.DecodeString(parts[2]); err != nil || !hmac.Equal(signature, mac.Sum(nil)) {
		t.Errorf("signature %x, %v", signature, err)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Iss, Sub string
		Video    struct {
			Room                               string
			RoomJoin, CanPublish, CanSubscribe bool
		}
	}
	if err := json.Unmarshal(b, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Iss != liveKitKey || claims.Sub != "somebody" || claims.Video.Room != "room" || !claims.Video.RoomJoin || !claims.Video.CanPublish || claims.Video.CanSubscribe {
		t.Errorf("%+v", claims)
	}
}

// TestProtobuf: the examples of protobuf's own page on its encoding, and what is written is read.
func TestProtobuf(t *testing.T) {
	if m := message(nil).varint(1, 150); !bytes.Equal(m, []byte{0x08, 0x96, 0x01}) {
		t.Errorf("%x", []byte(m))
	}
	if m := message(nil).text(2, "testing"); !bytes.Equal(m, []byte("\x12\x07testing")) {
		t.Errorf("%x", []byte(m))
	}
	m := message(nil).varint(1, 7).octets(100, message(nil).text(3, "inner"))
	if inner := m.field(100).field(3); string(inner) != "inner" {
		t.Errorf("%q", inner)
	}
	var numbers []uint64
	if err := m.fields(func(field int, octets message, number uint64) {
		if octets == nil {
			numbers = append(numbers, number)
		}
	}); err != nil || !slices.Equal(numbers, []uint64{7}) {
		t.Errorf("%v, %v", numbers, err)
	}
	for _, bad := range []message{{0x80}, {0x08}, {0x12, 5, 1}, {0x0d, 1, 2}, {0x0b}} {
		if err := bad.fields(func(int, message, uint64) {}); err == nil {
			t.Errorf("%x was read", []byte(bad))
		}
	}
}

func FuzzProtobuf(f *testing.F) {
	f.Add([]byte(message(nil).varint(1, 7).text(2, "x")))
	f.Add([]byte{0x0d, 1, 2, 3, 4, 0x09, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		if err := message(b).fields(func(_ int, octets message, _ uint64) { total += len(octets) }); err == nil && total > len(b) {
			t.Fatalf("%d octets of fields in %d", total, len(b))
		}
	})
}

func TestTrackIDs(t *testing.T) {
	offer := "v=0\r\na=msid-semantic: WMS *\r\nm=audio 9 x 1\r\na=msid:s one\r\nm=video 9 x 2\r\na=msid:s two\r\n"
	if ids := trackIDs(offer); !slices.Equal(ids, []string{"one", "two"}) {
		t.Errorf("%q", ids)
	}
}

// TestProcess: a program runs on the processor that it is given, is spoken to, and ends with its input.
func TestProcess(t *testing.T) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	cpu := 0
	for !all.IsSet(cpu) {
		cpu++
	}
	p, err := start(Place{CPU: cpu}, io.Discard, "sh", "-c", `echo '{"Media": "here"}'; cat >/dev/null`)
	if err != nil {
		t.Fatal(err)
	}
	var where struct{ Media string }
	if err := p.line(&where); err != nil || where.Media != "here" {
		t.Errorf("%+v, %v", where, err)
	}
	var its, ours unix.CPUSet
	if err := unix.SchedGetaffinity(p.pid(), &its); err != nil || its.Count() != 1 || !its.IsSet(cpu) {
		t.Errorf("it may use %d processors, %v", its.Count(), err)
	}
	if err := p.stepBack(); err != nil { // changes nothing for one that has no priority
		t.Error(err)
	}
	if a, err := unix.SchedGetAttr(p.pid(), 0); err != nil || a.Policy != unix.SCHED_NORMAL {
		t.Errorf("%+v, %v", a, err)
	}
	if err := unix.SchedGetaffinity(0, &ours); err != nil || ours != all {
		t.Errorf("we may use %d processors of %d, %v", ours.Count(), all.Count(), err)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}
