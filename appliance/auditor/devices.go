package auditor

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"huisclos/accounts/devices"
	"huisclos/appliance/control"
	"huisclos/audit"
	"huisclos/crypto/keylog"
	"huisclos/store"
)

// The acts by which "huisclos keylog" asks the running appliance.
const (
	actDevicesBegin      = "keylog-begin"
	actDevicesPart       = "keylog-part"
	actDevicesCheckpoint = "keylog-checkpoint"
)

// DeviceActs are what the commands about the key log of devices ask of the running appliance.
func DeviceActs(db *store.DB, log *audit.Log, now func() time.Time) map[string]control.Act {
	return map[string]control.Act{
		actDevicesBegin: func(json.RawMessage) (any, error) {
			p, err := devices.BeginExport(db)
			if err != nil {
				return nil, err
			}
			return p, log.Write(audit.Event{Time: now(), Actor: audit.ActorOperator, Action: audit.DevicesExported, Detail: map[string]string{"records": strconv.FormatUint(p.Size, 10)}})
		},
		actDevicesPart: func(body json.RawMessage) (any, error) {
			var p devices.Part
			if err := json.Unmarshal(body, &p); err != nil {
				return nil, fmt.Errorf("devices: %w", err)
			}
			var b strings.Builder
			p, err := devices.WritePart(&b, db, p)
			return devicesPiece{p, b.String()}, err
		},
		actDevicesCheckpoint: func(json.RawMessage) (any, error) {
			p, err := devices.BeginExport(db)
			return p.Note, err
		},
	}
}

type devicesPiece struct {
	Part devices.Part `json:"part"`
	Text string       `json:"text"`
}

// KeylogExport writes the key log of devices of the running appliance, or that of a stopped one, to standard output.
func (c Commands) KeylogExport(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("keylog export", args, stderr, 0, 0, nil)
	if l == nil {
		return code
	}
	var p devices.Part
	err := l.AskFor(actDevicesBegin, nil, &p, partWithin, 1<<20)
	if stopped(err) {
		err = c.stoppedDevices(l, func(db *store.DB) error {
			_, err := devices.Export(ctx, stdout, db)
			return err
		})
	} else {
		for err == nil && !p.Done {
			if err = ctx.Err(); err != nil {
				break
			}
			var got devicesPiece
			if err = l.AskFor(actDevicesPart, p, &got, partWithin, maxPart); err == nil {
				_, err = io.WriteString(stdout, got.Text)
				p = got.Part
			}
		}
	}
	if err != nil {
		return l.Fail(deviceFault(err))
	}
	return 0
}

// KeylogCheckpoint writes the last signed checkpoint, to be noted elsewhere.
func (c Commands) KeylogCheckpoint(_ context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("keylog checkpoint", args, stderr, 0, 0, nil)
	if l == nil {
		return code
	}
	var note string
	err := l.AskFor(actDevicesCheckpoint, nil, &note, partWithin, 1<<20)
	if stopped(err) {
		err = c.stoppedDevices(l, func(db *store.DB) error {
			p, err := devices.BeginExport(db)
			note = p.Note
			return err
		})
	}
	if err == nil && note == "" {
		err = control.Unknown("no-checkpoint", "Aucun appareil n'est inscrit : il n'y a pas encore de point de contrôle.", "No device is written down: there is no checkpoint yet.")
	}
	if err != nil {
		return l.Fail(deviceFault(err))
	}
	_, _ = io.WriteString(stdout, note)
	return 0
}

// stoppedDevices reads the database of an appliance that is stopped. It writes nothing.
func (c Commands) stoppedDevices(l *control.Line, f func(*store.DB) error) error {
	db, err := c.Open(l.Data())
	if err != nil {
		return err
	}
	defer db.Close()
	return f(db)
}

// deviceFault says it where the log itself is at fault.
func deviceFault(err error) error {
	if errors.Is(err, devices.ErrDamaged) {
		return &control.Refusal{Code: devices.ErrDamaged.Code(), FR: "Le journal des clés des appareils n'est pas ce que dit son dernier point de contrôle : " + err.Error(),
			EN: "The key log of devices is not what its last checkpoint says: " + err.Error()}
	}
	return err
}

// DevicesOutcome is what a verification of a copy says, as JSON too.
type DevicesOutcome struct {
	OK       bool   `json:"ok"`
	Records  uint64 `json:"records"`
	Devices  uint64 `json:"devices"`
	Restores uint64 `json:"restores"`
	Origin   string `json:"origin,omitempty"`
	Key      string `json:"key,omitempty"`
	Noted    int    `json:"noted,omitempty"`
	// Given: a public key was given, so that the signature is worth something against who holds the machine.
	Given  bool    `json:"given"`
	Fault  *uint64 `json:"fault,omitempty"` // the first record that is not as it was written
	Reason string  `json:"reason,omitempty"`
}

// KeylogVerify verifies a copy that KeylogExport wrote. It asks no appliance.
func (c Commands) KeylogVerify(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var n noted
	l, code := control.Read("keylog verify", args, stderr, 1, 1, func(f *flag.FlagSet) {
		f.Var(texts{&n.Keys}, "key", "")
		f.Var(texts{&n.Checkpoints}, "checkpoint", "")
	})
	if l == nil {
		return code
	}
	parsed, err := audit.Noted{}, n.resolve()
	if err == nil {
		parsed, err = n.parse()
	}
	if err != nil {
		return l.Fail(err)
	}
	f, err := os.Open(l.Operands[0])
	if err != nil {
		return l.Fail(noFile(l.Operands[0], err))
	}
	defer f.Close()
	r, failed := devices.VerifyExport(f, devices.Noted{Keys: parsed.Keys, Checkpoints: parsed.Checkpoints})
	o := DevicesOutcome{OK: failed == nil, Records: r.Records, Devices: r.Devices, Restores: r.Restores, Origin: r.Origin, Key: r.Key.String(), Noted: r.Noted, Given: len(parsed.Keys) > 0}
	var fault *devices.Fault
	switch {
	case errors.As(failed, &fault):
		o.Fault, o.Reason = &fault.Index, fault.Reason
	case errors.Is(failed, keylog.ErrUnsigned), errors.Is(failed, keylog.ErrSignature), errors.Is(failed, keylog.ErrNote):
		o.Reason = failed.Error()
	case errors.Is(failed, devices.ErrExport):
		return l.Fail(&control.Refusal{Code: "file", FR: "Ce fichier n'est pas une copie du journal des clés des appareils : " + failed.Error(), EN: "This file is no copy of a key log of devices: " + failed.Error()})
	case failed != nil:
		return l.Fail(failed)
	}
	return sayDevices(o, l.JSON, stdout)
}

// sayDevices writes an outcome in sentences, and returns the exit code: 0, or 1 where something is not as it was written.
func sayDevices(o DevicesOutcome, asJSON bool, stdout io.Writer) int {
	code := 0
	if !o.OK {
		code = 1
	}
	if asJSON {
		_ = json.NewEncoder(stdout).Encode(o)
		return code
	}
	p := func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) }
	switch {
	case o.Fault != nil:
		p("Le journal des clés n'est pas tel qu'il a été écrit, à l'inscription %d : %s.\nThe key log is not as it was written, at record %[1]d: %[2]s.", *o.Fault, o.Reason)
		return code
	case !o.OK:
		p("Le journal des clés n'est pas celui de ces clés publiques ou de ces points de contrôle : %s.\nThe key log is not that of these public keys or checkpoints: %[1]s.", o.Reason)
		return code
	}
	p("Le journal des clés est tel qu'il a été écrit : inscriptions %d, reprises d'une sauvegarde %d.\nThe key log is as it was written: records %[1]d, restores of a backup %[2]d.", o.Records, o.Restores)
	if o.Origin != "" {
		p("Point de contrôle / Checkpoint: %s, %d", o.Origin, o.Records)
	}
	if o.Noted > 0 {
		p("Il commence par les points de contrôle notés ailleurs. / It begins with the checkpoints noted elsewhere: %d", o.Noted)
	}
	if o.Key != "" {
		p("Clé publique / Public key: %s", o.Key)
	}
	if !o.Given {
		p("Aucune clé notée ailleurs n'a été donnée (--key) : qui tient la machine a pu tout refaire avec une clé à lui.\nNo key noted elsewhere was given (--key): whoever holds the machine may have made everything anew with a key of their own.")
	}
	return code
}
