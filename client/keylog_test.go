package client

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"huisclos/client/group"
	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
	"huisclos/crypto/statement/statementtest"
	"huisclos/meetings"
)

// logServer is the part of an appliance that inscribes devices.
type logServer struct {
	log     *statementtest.Log
	account mls.AccountID
	index   map[string]uint64
}

func base64s(list []keylog.Hash) []string {
	out := []string{}
	for _, h := range list {
		out = append(out, base64.RawURLEncoding.EncodeToString(h[:]))
	}
	return out
}

func (s *logServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Device, Key string
		Since       uint64
	}
	if !strings.HasSuffix(r.URL.Path, "/device") || json.NewDecoder(r.Body).Decode(&q) != nil {
		http.Error(w, "{}", http.StatusNotFound)
		return
	}
	device, _ := mls.ParseDeviceID(q.Device)
	key, _ := base64.RawURLEncoding.DecodeString(q.Key)
	var a statement.Answer
	if n, known := s.index[q.Device]; known && n < s.log.Size() {
		a = s.log.Answer(n, 1_700_000_000, q.Since)
	} else {
		a = s.log.Inscribe(s.account, device, key, q.Since)
		s.index[q.Device] = a.Index
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"log": a.Log, "index": a.Index, "time": a.Time, "note": string(a.Note), "proof": base64s(a.Proof), "growth": base64s(a.Growth)})
}

func others(log *statementtest.Log, n int) {
	for range n {
		signer, err := mls.GenerateSigner(session.Suite, rand.Reader)
		if err != nil {
			panic(err)
		}
		log.Vouch(mls.AccountID{9}, mls.DeviceID{9}, signer.PublicKey())
	}
}

// TestKeyLogIsRemembered: what one call has seen of the key log is held against what the next is shown.
func TestKeyLogIsRemembered(t *testing.T) {
	account := mls.AccountID{7}
	s := &logServer{log: statementtest.New(), account: account, index: map[string]uint64{}}
	server := httptest.NewTLSServer(s)
	defer server.Close()
	state := t.TempDir()
	join := func(change func(*Config)) (session.Log, error) {
		t.Helper()
		cfg := Config{Link: Link{Origin: server.URL, Room: meetings.ID{3}}, State: state}
		if change != nil {
			change(&cfg)
		}
		c := &Call{cfg: cfg, app: newAppliance(server.URL, nil), me: Account{ID: meetings.ID(account)}}
		c.app.http = server.Client()
		var err error
		if c.device, err = openDevice(cfg.State, cfg.Link.Origin, c.me.ID); err != nil {
			t.Fatal(err)
		}
		return c.inscribe(t.Context())
	}
	first, err := join(nil)
	if err != nil || first.Index != 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	info, err := os.Stat(logName(Config{State: state, Link: Link{Origin: server.URL}}))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("kept as %v, %v", info, err)
	}
	others(s.log, 4)
	again, err := join(nil)
	if err != nil || again.Index != 0 {
		t.Fatalf("the log has grown: %v", err)
	}
	grown := s.log
	s.log = grown.Fork(3)
	if _, err := join(nil); Code(err) != "log-shorter" {
		t.Errorf("an older log: %v", err)
	}
	if _, err := join(func(c *Config) { c.State = "" }); err != nil {
		t.Errorf("a device that remembers nothing: %v", err)
	}
	others(s.log, 5)
	if _, err := join(nil); Code(err) != "log-forked" {
		t.Errorf("an older log that went on: %v", err)
	}
	if _, err := join(func(c *Config) { c.AcceptLog = true }); err != nil {
		t.Errorf("accepted: %v", err)
	}
	if _, err := join(nil); err != nil {
		t.Errorf("after it was accepted: %v", err)
	}
	s.log, s.index = statementtest.New(), map[string]uint64{}
	if _, err := join(nil); Code(err) != "log-key" {
		t.Errorf("a log of another key: %v", err)
	}
	name := logName(Config{State: state, Link: Link{Origin: server.URL}})
	if err := os.WriteFile(name, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := join(nil); Code(err) != "log-kept" {
		t.Errorf("what was kept is damaged: %v", err)
	}

	// What is seen in a call moves the memory forward, and never back.
	cfg := Config{State: state, Link: Link{Origin: server.URL}, AcceptLog: true}
	late, early := statement.View{Log: grown.Public(), Note: grown.Note()}, statement.View{Log: grown.Public(), Note: grown.Fork(2).Note()}
	c := &Call{cfg: cfg}
	c.keepSeen(group.KeepLog{Seen: late})
	c.cfg.AcceptLog = false
	c.keepSeen(group.KeepLog{Seen: early})
	if _, size, err := readLog(c.cfg); err != nil || size != grown.Size() {
		t.Errorf("keeps %d of %d, %v", size, grown.Size(), err)
	}
}

// TestHashes: a proof is hashes, or nothing.
func TestHashes(t *testing.T) {
	var h hashes
	for _, text := range []string{`["AAAA"]`, `["` + strings.Repeat("A", 44) + `"]`, `[1]`, `"x"`} {
		if err := json.Unmarshal([]byte(text), &h); err == nil {
			t.Errorf("%s is read", text)
		}
	}
	if err := json.Unmarshal([]byte(`["`+strings.Repeat("A", 43)+`"]`), &h); err != nil || len(h) != 1 {
		t.Errorf("a hash: %v", err)
	}
	if !errors.Is(json.Unmarshal([]byte(`["AAAA"]`), &h), errHash) {
		t.Error("no reason")
	}
}
