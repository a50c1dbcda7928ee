package srtp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	pion "github.com/pion/srtp/v3"
)

// exporter is a DTLS connection as far as pion asks it: it gives octets that tell where they stand.
type exporter struct{ label string }

func (e *exporter) ExportKeyingMaterial(label string, context []byte, length int) ([]byte, error) {
	if context != nil {
		return nil, fmt.Errorf("a context of %d octets", len(context))
	}
	e.label = label
	return counted(length), nil
}

func counted(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i + 1)
	}
	return out
}

// What each side seals with, beside what another implementation makes of the same material.
func TestSplit(t *testing.T) {
	for p, theirs := range map[Profile]pion.ProtectionProfile{
		AEADAES128GCM: pion.ProtectionProfileAeadAes128Gcm, AEADAES256GCM: pion.ProtectionProfileAeadAes256Gcm} {
		client, server, err := p.Split(counted(p.ExporterLength()))
		if err != nil {
			t.Fatal(err)
		}
		for _, isClient := range []bool{true, false} {
			local, remote := server, client
			if isClient {
				local, remote = client, server
			}
			from, want := &exporter{}, &pion.Config{Profile: theirs}
			if err := want.ExtractSessionKeysFromDTLS(from, isClient); err != nil {
				t.Fatal(err)
			}
			if from.label != ExporterLabel {
				t.Errorf("%v: the label is %q", p, from.label)
			}
			for name, pair := range map[string][2][]byte{
				"local key": {local.Key, want.Keys.LocalMasterKey}, "local salt": {local.Salt, want.Keys.LocalMasterSalt},
				"remote key": {remote.Key, want.Keys.RemoteMasterKey}, "remote salt": {remote.Salt, want.Keys.RemoteMasterSalt}} {
				if !bytes.Equal(pair[0], pair[1]) {
					t.Errorf("%v, client %v: %s %x, want %x", p, isClient, name, pair[0], pair[1])
				}
			}
		}
		if text := fmt.Sprintf("%v %+v %x %s", client, &client, client, server); strings.Contains(text, "01") || strings.Count(text, masterName) != 4 {
			t.Errorf("%v: printed as %s", p, text)
		}
		if cap(client.Key) != p.KeyLength() || cap(client.Salt) != p.SaltLength() {
			t.Errorf("%v: appending to one key would write into the other", p)
		}
	}
	for name, try := range map[string]func() error{
		"too short": func() error { _, _, err := AEADAES128GCM.Split(counted(55)); return err },
		"too long":  func() error { _, _, err := AEADAES256GCM.Split(counted(89)); return err },
		"unknown":   func() error { _, _, err := Profile(1).Split(nil); return err },
	} {
		if try() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
