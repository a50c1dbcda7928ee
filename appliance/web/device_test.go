package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/devices"
	"huisclos/audit"
	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
)

// someKey is the generator of P-256: a key that is always valid.
const someKey = "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"

// devicePath is of some room: which one decides nothing.
const devicePath = "/api/rooms/AAAAAAAAAAAAAAAAAAAAAA/device"

var someDevice = map[string]any{"device": "AQIDBAUGBwgJCgsMDQ4PEA", "key": someKey, "since": 0}

func device(n byte, key string, since int) map[string]any {
	return map[string]any{"device": mls.DeviceID{n}.String(), "key": key, "since": since}
}

// evidence is an answer, held against what a client does with it.
type evidence struct {
	inscribedJSON
	checkpoint keylog.Signed
}

func (b *browser) inscribe(t *testing.T, body map[string]any) (e evidence) {
	t.Helper()
	a := b.do("POST", devicePath, body)
	expect(t, "inscribe", a, http.StatusOK, "")
	must(t, json.Unmarshal(a.body, &e.inscribedJSON))
	key, err := keylog.ParsePublicKey(e.Log)
	must(t, err)
	e.checkpoint, err = keylog.Open([]byte(e.Note), []keylog.PublicKey{key}, nil)
	must(t, err)
	return e
}

func hashesOf(t *testing.T, list []string) (out []keylog.Hash) {
	t.Helper()
	for _, text := range list {
		b, err := base64.RawURLEncoding.Strict().DecodeString(text)
		must(t, err)
		out = append(out, keylog.Hash(b))
	}
	return out
}

func (e evidence) check(t *testing.T, account accounts.ID, n byte) {
	t.Helper()
	key, err := base64.RawURLEncoding.DecodeString(someKey)
	must(t, err)
	record := statement.Statement{Kind: statement.Device, Account: mls.AccountID(account), Device: mls.DeviceID{n}, Key: key, Time: uint64(e.Time)}.Marshal()
	must(t, keylog.CheckInclusion(hashesOf(t, e.Proof), e.checkpoint.Size, e.checkpoint.Root, e.Index, keylog.LeafHash(record)))
}

func TestDevices(t *testing.T) {
	h := newHouse(t)
	owner, other, guest := h.asMember(), h.asOther(), h.asGuest()
	var devices struct{ Devices []deviceJSON }
	list := func(b *browser) []deviceJSON {
		t.Helper()
		devices.Devices = nil
		a := b.do("GET", "/api/devices", nil)
		expect(t, "devices", a, http.StatusOK, "")
		must(t, json.Unmarshal(a.body, &devices))
		if devices.Devices == nil {
			t.Fatal("no list")
		}
		return devices.Devices
	}
	if len(list(owner)) != 0 {
		t.Error("devices before there is one")
	}
	first := owner.inscribe(t, device(1, someKey, 0))
	first.check(t, h.member.ID, 1)
	if first.Index != 0 || first.Time != h.clock().Unix() || first.Growth == nil || len(first.Growth) != 0 {
		t.Errorf("%+v", first)
	}
	h.advance(time.Minute)
	if again := owner.inscribe(t, device(1, someKey, 1)); again.Index != 0 || again.Time != first.Time || again.Note != first.Note {
		t.Errorf("the same again: %+v", again)
	}
	// A guest has devices as others do; nobody has those of others, whoever they say they are.
	second := guest.inscribe(t, device(2, someKey, 1))
	must(t, keylog.CheckConsistency(hashesOf(t, second.Growth), 2, second.checkpoint.Root, 1, first.checkpoint.Root))
	third := other.inscribe(t, device(1, someKey, 1))
	third.check(t, h.other.ID, 1)
	must(t, keylog.CheckConsistency(hashesOf(t, third.Growth), 3, third.checkpoint.Root, 1, first.checkpoint.Root))
	expect(t, "for another", other.do("POST", devicePath, map[string]any{"device": mls.DeviceID{4}.String(), "key": someKey, "since": 0, "account": h.member.ID.String()}), http.StatusBadRequest, "bad-request")
	if l := list(owner); len(l) != 1 || l[0] != (deviceJSON{mls.DeviceID{1}.String(), 0, first.Time, someKey}) {
		t.Errorf("%+v", l)
	}
	if l := list(other); len(l) != 1 || l[0].Index != 2 {
		t.Errorf("%+v", l)
	}
	if l := list(guest); len(l) != 1 || l[0].Index != 1 {
		t.Errorf("%+v", l)
	}
	if n := h.recorded(audit.DeviceInscribed); n != 3 {
		t.Errorf("%d entries of 3 statements", n)
	}

	a := guest.do("GET", devicePath+"/growth?sizes=1,2,3", nil)
	expect(t, "growth", a, http.StatusOK, "")
	var growth struct{ Proofs [][]string }
	must(t, json.Unmarshal(a.body, &growth))
	if len(growth.Proofs) != 2 {
		t.Fatalf("%s", a.body)
	}
	must(t, keylog.CheckConsistency(hashesOf(t, growth.Proofs[0]), 2, second.checkpoint.Root, 1, first.checkpoint.Root))
	must(t, keylog.CheckConsistency(hashesOf(t, growth.Proofs[1]), 3, third.checkpoint.Root, 2, second.checkpoint.Root))
	// An empty proof is a list too.
	expect(t, "growth from nothing", guest.do("GET", devicePath+"/growth?sizes=0,3", nil), http.StatusOK, "")
}

// recorded is how many entries of an action there are.
func (h *house) recorded(action audit.Action) (n int) {
	h.t.Helper()
	all, err := h.audit.List(0, audit.MaxPage)
	must(h.t, err)
	for _, e := range all {
		if e.Action == action {
			n++
		}
	}
	return n
}

func TestDevicesRefused(t *testing.T) {
	// ASVS 2.2.1
	h := newHouse(t)
	owner := h.asMember()
	key, err := base64.RawURLEncoding.DecodeString(someKey)
	must(t, err)
	key[64] ^= 1
	off := base64.RawURLEncoding.EncodeToString(key)
	for name, body := range map[string]map[string]any{
		"nothing": {}, "no key": {"device": someDevice["device"]}, "no device": {"key": someKey}, "device with padding": device(1, someKey+"==", 0),
		"short device": {"device": "AQIDBAUGBwgJCgsMDQ4P", "key": someKey}, "long device": {"device": "AQIDBAUGBwgJCgsMDQ4PEBE", "key": someKey}, "device that is no base64url": {"device": "AQIDBAUGBwgJCgsMDQ4P+A", "key": someKey},
		"loose bits": {"device": "AQIDBAUGBwgJCgsMDQ4PEB", "key": someKey}, "off the curve": device(1, off, 0), "short key": device(1, someKey[:84], 0), "compressed key": device(1, "AmsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKW", 0),
		"long key": device(1, someKey+"AAAA", 0), "very long key": device(1, strings.Repeat("A", 12000), 0),
	} {
		expect(t, name, owner.do("POST", devicePath, body), http.StatusUnprocessableEntity, "bad-device")
	}
	for name, since := range map[string]any{"negative": -1, "text": "1", "a part": 1.5, "too large": 1e30} {
		expect(t, "since: "+name, owner.do("POST", devicePath, map[string]any{"device": someDevice["device"], "key": someKey, "since": since}), http.StatusBadRequest, "bad-request")
	}
	owner.inscribe(t, device(1, someKey, 0))
	owner.inscribe(t, device(2, someKey, 0))
	many := "0"
	for range 64 {
		many += ",1"
	}
	for _, sizes := range []string{"", "1", "1,", ",1", "1,1", "2,1", "1,3", "01,2", "+1,2", "1,2,", "1, 2", "1;2", "x,y", "-1,2", "1,18446744073709551616", many} {
		expect(t, "sizes "+sizes, owner.do("GET", devicePath+"/growth?sizes="+strings.NewReplacer("+", "%2B", " ", "%20", ";", "%3B").Replace(sizes), nil), http.StatusBadRequest, "sizes")
	}
	expect(t, "no sizes", owner.do("GET", devicePath+"/growth", nil), http.StatusBadRequest, "sizes")
	expect(t, "two", owner.do("GET", devicePath+"/growth?sizes=1,2", nil), http.StatusOK, "")

	nobody := h.browser()
	nobody.token()
	expect(t, "signed out", nobody.do("POST", devicePath, someDevice), http.StatusUnauthorized, "not-signed-in")
	if n := h.recorded(audit.DeviceInscribed); n != 2 {
		t.Errorf("%d entries of 2 statements", n)
	}
}

func TestDevicesLimit(t *testing.T) {
	h := newHouse(t)
	owner := h.asMember()
	for i := range devices.MaxNew {
		if i%100 == 0 {
			h.advance(time.Minute) // requests have a limit of their own
		}
		owner.inscribe(t, map[string]any{"device": mls.DeviceID{byte(i), 1}.String(), "key": someKey, "since": 0})
	}
	h.advance(time.Minute)
	expect(t, "one more", owner.do("POST", devicePath, device(1, someKey, 0)), http.StatusConflict, "too-many-devices")
	expect(t, "one that is there", owner.do("POST", devicePath, map[string]any{"device": mls.DeviceID{7, 1}.String(), "key": someKey, "since": 0}), http.StatusOK, "")
	expect(t, "another's", h.asOther().do("POST", devicePath, device(1, someKey, 0)), http.StatusOK, "")
}
