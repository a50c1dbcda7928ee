package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"huisclos/client/group"
	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
	"huisclos/meetings"
)

const (
	// logFile stands beside the keys of an appliance's devices.
	logFile = "key-log"
	// growthWithin bounds how long the appliance may leave a state of its key log unproven before the call counts as not safe, and
	// growthPause is between two questions.
	growthWithin = 30 * time.Second
	growthPause  = 2 * time.Second
)

var errHash = errors.New("a hash of a proof is none")

// inscription and inscribed are appliance/web's.
type inscription struct {
	Device meetings.ID    `json:"device"`
	Key    meetings.Bytes `json:"key"`
	Since  uint64         `json:"since"`
}

type inscribed struct {
	Log    string `json:"log"`
	Index  uint64 `json:"index"`
	Time   uint64 `json:"time"`
	Note   string `json:"note"`
	Proof  hashes `json:"proof"`
	Growth hashes `json:"growth"`
}

// hashes are base64url.
type hashes []keylog.Hash

// UnmarshalJSON reads a list of them.
func (h *hashes) UnmarshalJSON(b []byte) error {
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*h = nil
	for _, text := range list {
		b, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(b) != keylog.HashSize {
			return errHash
		}
		*h = append(*h, keylog.Hash(b))
	}
	return nil
}

// inscribe has the device's statement written into the appliance's key log, and holds the answer against what was seen before.
func (c *Call) inscribe(ctx context.Context) (session.Log, error) {
	kept, size, err := readLog(c.cfg)
	if err != nil {
		return session.Log{}, err
	}
	key := c.device.Signer.PublicKey()
	var a inscribed
	path := "/api/rooms/" + c.cfg.Link.Room.String() + "/device"
	if err := c.app.ask(ctx, http.MethodPost, path, inscription{c.device.ID, key, size}, &a); err != nil {
		return session.Log{}, err
	}
	log, err := session.EnterLog(kept, mls.AccountID(c.me.ID), mls.DeviceID(c.device.ID), key,
		statement.Answer{Log: a.Log, Index: a.Index, Time: a.Time, Note: []byte(a.Note), Proof: a.Proof, Growth: a.Growth})
	var refusal *session.Refusal
	switch {
	case errors.As(err, &refusal):
		return session.Log{}, &Error{refusal.Rule, refusal.Detail}
	case err != nil:
		return session.Log{}, &Error{"log-answer", err.Error()}
	}
	return log, keepLog(c.cfg, log.View)
}

// askLog gets proofs from the appliance, while the call goes on.
func (c *Call) askLog(sizes []uint64) {
	texts := make([]string, len(sizes))
	for i, n := range sizes {
		texts[i] = strconv.FormatUint(n, 10)
	}
	path := "/api/rooms/" + c.cfg.Link.Room.String() + "/device/growth?sizes=" + strings.Join(texts, ",")
	c.busy.Go(func() {
		var a struct {
			Proofs []hashes `json:"proofs"`
		}
		var err error
		for end := time.Now().Add(growthWithin); ; {
			err = c.app.ask(c.ctx, http.MethodGet, path, nil, &a)
			var said *refusal
			if err == nil || errors.As(err, &said) && said.status < 500 && said.status != http.StatusTooManyRequests || time.Now().After(end) {
				break
			}
			select {
			case <-c.ctx.Done():
				return
			case <-time.After(growthPause):
			}
		}
		proofs := make([][]keylog.Hash, len(a.Proofs))
		for i, p := range a.Proofs {
			proofs[i] = p
		}
		c.post(func() { c.apply(c.member.Grown(proofs, err)) })
	})
}

func (c *Call) keepSeen(e group.KeepLog) {
	if err := keepLog(c.cfg, e.Seen); err != nil {
		c.log.Warn("what was seen of the key log is not kept", "error", err)
	}
}

func logName(cfg Config) string {
	return filepath.Join(cfg.State, SafeName(strings.TrimPrefix(cfg.Link.Origin, "https://")), logFile)
}

// readLog is what an earlier call has kept, and its size; nothing where there was none, or where the person says that the appliance's
// log now is the right one.
func readLog(cfg Config) (kept []byte, size uint64, err error) {
	if cfg.State == "" || cfg.AcceptLog {
		return nil, 0, nil
	}
	kept, err = os.ReadFile(logName(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading what was seen of the key log: %w", err)
	}
	_, at, err := statement.ParseView(kept)
	if err != nil {
		return nil, 0, &Error{"log-kept", err.Error()}
	}
	return kept, at.Size, nil
}

// keepLog writes it, whole or not at all, unless more has been seen by another process meanwhile.
func keepLog(cfg Config, v statement.View) error {
	if cfg.State == "" {
		return nil
	}
	_, at, err := statement.ParseView(v.Marshal())
	if err != nil {
		return err
	}
	if _, size, err := readLog(cfg); err == nil && size > at.Size {
		return nil
	}
	name := logName(cfg)
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("keeping what was seen of the key log: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(v.Marshal())
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("keeping what was seen of the key log: %w", err)
	}
	return nil
}
