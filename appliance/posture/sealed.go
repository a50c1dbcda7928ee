package posture

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
)

// Sealed is with what a credential of systemd is sealed; "": not known.
type Sealed string

// What opens a credential.
const (
	ByTPM     Sealed = "tpm"      // the machine's TPM alone
	ByBoth    Sealed = "tpm+host" // the TPM together with a key on the machine's disk
	ByHost    Sealed = "host"     // a key on the machine's disk
	ByNothing Sealed = "null"     // no key at all: systemd-creds made it where no TPM was
)

// seals are the ids with which an encrypted credential begins (systemd, src/shared/creds-util.h); those "with a public key" are bound to
// signed PCR values, those "scoped" to one account.
var seals = map[string]Sealed{
	"0c7cc07b117645919c4b0bea08bc20fe": ByTPM, "faf7eb9341e3412ca1a436f95a29362f": ByTPM,
	"93a894094874449090caf2fc93cab553": ByBoth, "ef4ac13679a9480ea7db68897f9f165d": ByBoth,
	"af4950a849134eb1a73846304ff30c05": ByBoth, "adbc4ca3efb64201ba881b6f2e4095ea": ByBoth,
	"5a1c6a86df9d4096b1d5a65e0862f19a": ByHost, "55b9ed1d38594d43a8319d2ebb332ac6": ByHost,
	"058469daf6f54324800549da0f8ea2fb": ByNothing,
}

// SealedWith reads from the beginning of an encrypted credential, in base64 as systemd-creds(1) writes it, what opens it. It opens nothing.
func SealedWith(text []byte) Sealed {
	const chars = 24 // 18 octets, of which 16 are the id
	text = bytes.Join(bytes.Fields(text[:min(len(text), 256)]), nil)
	head, err := base64.StdEncoding.DecodeString(string(text[:min(len(text), chars)]))
	if err != nil || len(head) < 16 {
		return ""
	}
	return seals[hex.EncodeToString(head[:16])]
}

// PepperSealed says of a pepper that is handed in with what it is sealed, which the confined process can't look at. Of another, and where
// that is not known, nothing changes.
func (r Report) PepperSealed(with Sealed) Report {
	i := slices.IndexFunc(r, func(l Line) bool { return l.Name == "pepper" && l.Level == Green })
	if i < 0 {
		return r
	}
	out, l := slices.Clone(r), r[i]
	switch with {
	case ByTPM, ByBoth:
		out[i] = l.found(Green, "il est scellé au TPM de cette machine, et remis au démarrage par le gestionnaire de services.", "it is sealed to this machine's TPM, and handed in at the start by the service manager.")
	case ByHost:
		out[i] = l.found(Attention, "il est scellé par une clé qui se trouve sur un disque de cette machine (/var/lib/systemd/credential.secret) : qui prend ce disque a les deux.", "it is sealed by a key that lies on a disk of this machine (/var/lib/systemd/credential.secret): whoever takes that disk has both.")
	case ByNothing:
		out[i] = l.found(Red, "il est scellé sans clé : qui a le fichier l'ouvre.", "it is sealed without a key: whoever has the file opens it.")
	}
	return out
}
