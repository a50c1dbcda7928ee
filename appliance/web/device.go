package web

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"huisclos/accounts/devices"
)

// inscribedJSON is a statement of the key log of devices with its evidence: texts of crypto/keylog, and hashes in base64url.
type inscribedJSON struct {
	Log    string   `json:"log"` // the key that checks note
	Index  uint64   `json:"index"`
	Time   int64    `json:"time"` // when it was written, in seconds since 1970
	Note   string   `json:"note"` // the signed checkpoint of the whole log
	Proof  []string `json:"proof"`
	Growth []string `json:"growth"`
}

// deviceJSON is a statement of one's own.
type deviceJSON struct {
	Device string `json:"device"`
	Index  uint64 `json:"index"`
	Time   int64  `json:"time"`
	Key    string `json:"key"`
}

func hashes[H ~[32]byte](list []H) []string {
	out := make([]string, 0, len(list))
	for _, h := range list {
		out = append(out, base64.RawURLEncoding.EncodeToString(h[:]))
	}
	return out
}

// inscribeDevice writes into the key log that a device of whoever comes into a room has a key, unless it says so already, and answers
// with the proof. The room decides nothing, but that the two of a test call are somebody in theirs.
func (s *Server) inscribeDevice(v *visit) error {
	var b struct {
		Device string `json:"device"`
		Key    string `json:"key"`
		Since  uint64 `json:"since"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	d, err := devices.ParseDevice(b.Device, b.Key)
	if err != nil {
		return err
	}
	if _, err := v.room(); err != nil {
		return err
	}
	inscribe := s.Devices.Inscribe
	if v.canary != nil {
		inscribe = s.Devices.InscribeTest
	}
	in, err := inscribe(v.actor(), d, b.Since, v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, inscribedJSON{in.Log.String(), in.Index, in.Time.Unix(), string(in.Note), hashes(in.Proof), hashes(in.Growth)})
}

// listDevices shows one's own statements, the newest first.
func (s *Server) listDevices(v *visit) error {
	list, err := s.Devices.Of(v.account.ID)
	if err != nil {
		return err
	}
	out := make([]deviceJSON, 0, len(list))
	for _, e := range list {
		out = append(out, deviceJSON{e.Device.String(), e.Index, int64(e.Time), base64.RawURLEncoding.EncodeToString(e.Key)})
	}
	return v.json(http.StatusOK, map[string]any{"devices": out})
}

// devicesGrowth proves that the log only grew from each of the sizes to the next. It tells nothing of what it holds.
func (s *Server) devicesGrowth(v *visit) error {
	text := v.r.URL.Query().Get("sizes")
	var sizes []uint64
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(part, 10, 64)
		if err != nil || strconv.FormatUint(n, 10) != part || len(sizes) == devices.MaxSizes {
			return devices.ErrSizes
		}
		sizes = append(sizes, n)
	}
	list, err := s.Devices.Growth(sizes)
	if err != nil {
		return err
	}
	out := make([][]string, 0, len(list))
	for _, proof := range list {
		out = append(out, hashes(proof))
	}
	return v.json(http.StatusOK, map[string]any{"proofs": out})
}
