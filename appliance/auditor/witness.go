package auditor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"huisclos/appliance/control"
	"huisclos/crypto/keylog"
)

// A memory is what a witness keeps: its key, the log's public key, and every checkpoint that it has signed. It is one file, of mode 0600.
type memory struct {
	Key   string   `json:"key"` // secret
	Log   string   `json:"log"`
	Notes []string `json:"notes"` // the newest last
}

const maxMemory = 64 << 20

// Witness is a witness: with --new it makes its file, else it signs a checkpoint when the log only grew since the last one it signed.
func (c Commands) Witness(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var file, log, name, restored string
	l, code := control.ReadAlone("audit witness", args, stderr, 0, 1, func(f *flag.FlagSet) {
		f.StringVar(&file, "memory", "", "")
		f.StringVar(&name, "new", "", "")
		f.StringVar(&log, "log", "", "")
		f.StringVar(&restored, "accept-restore", "", "")
	})
	if l == nil {
		return code
	}
	var err error
	switch {
	case file == "":
		err = control.Usage("--memory names the witness's file")
	case name != "" && len(l.Operands) == 0:
		err = c.newWitness(file, name, log, stdout)
	case name == "" && len(l.Operands) == 0:
		err = c.remind(file, stdout)
	case name == "":
		err = c.attest(file, l.Operands[0], restored, stdout)
	default:
		err = control.Usage("--new stands alone")
	}
	if err != nil {
		return l.Fail(err)
	}
	return 0
}

// newWitness draws a key and writes the file. It never replaces one.
func (c Commands) newWitness(file, name, log string, stdout io.Writer) error {
	public, err := keylog.ParsePublicKey(log)
	if err != nil || public.Use() != keylog.Log {
		return &control.Refusal{Code: "key", FR: "Donnez avec --log la clé publique du journal : la console la montre à la page du journal d'audit.", EN: "Give the log's public key with --log: the console shows it on the page of the audit log."}
	}
	key, err := keylog.NewKey(name, keylog.Witness, c.Random)
	if errors.Is(err, keylog.ErrKey) {
		return control.Usage("--new is a name without spaces and plus signs")
	}
	if err != nil {
		return err
	}
	secret, err := key.Secret()
	if err != nil {
		return err
	}
	defer clear(secret)
	if err := write(file, memory{Key: string(secret), Log: public.String()}, true); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Clé publique du témoin, à inscrire dans la console / The witness's public key, to be enrolled in the console:\n%s\n", key.Public())
	return nil
}

// remind says who the witness is and what it has signed last, which the console asks for.
func (c Commands) remind(file string, stdout io.Writer) error {
	m, key, _, err := c.open(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Clé publique du témoin / The witness's public key:\n%s\n", key.Public())
	last, err := m.last("")
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Dernier point de contrôle signé / Last checkpoint signed: %d\n", last.Size)
	return nil
}

// attest checks that the log has only grown, keeps the checkpoint, and prints it with the witness's signature.
func (c Commands) attest(file, given, restored string, stdout io.Writer) error {
	m, key, log, err := c.open(file)
	if err != nil {
		return err
	}
	text, err := read(given, maxNoted)
	if err != nil {
		return noFile(given, err)
	}
	growth, err := keylog.ParseGrowth(text)
	if err != nil {
		return &control.Refusal{Code: "file", FR: "Ce fichier n'est pas ce que la console donne à un témoin.", EN: "This file is not what the console gives a witness."}
	}
	before, err := m.last(restored)
	if err != nil {
		return err
	}
	_, err = growth.Check(before, log)
	switch {
	case errors.Is(err, keylog.ErrUnsigned), errors.Is(err, keylog.ErrSignature):
		return &control.Refusal{Code: "unsigned", Exit: exitForked, FR: "Ce point de contrôle n'est pas signé par la clé du journal. Rien n'a été signé.", EN: "This checkpoint is not signed by the log's key. Nothing was signed."}
	case errors.Is(err, keylog.ErrProof) && growth.Old != before.Size:
		return &control.Refusal{Code: "other-size", FR: fmt.Sprintf("Ce fichier prouve ce qui suit %d entrées ; ce témoin en a signé %d : demandez à la console le fichier depuis %[2]d.", growth.Old, before.Size),
			EN: fmt.Sprintf("This file proves what follows %d entries; this witness has signed %d: ask the console for the file from %[2]d on.", growth.Old, before.Size)}
	case errors.Is(err, keylog.ErrProof):
		return &control.Refusal{Code: "forked", Exit: exitForked, FR: fmt.Sprintf("Le journal n'est pas celui que ce témoin a signé à %d entrées : il a été réécrit ou coupé. Rien n'a été signé.", before.Size),
			EN: fmt.Sprintf("The log is not the one that this witness signed at %d entries: it was rewritten or cut. Nothing was signed.", before.Size)}
	case err != nil:
		return err
	}
	line, err := key.Cosign(growth.Note, c.Now())
	if err != nil {
		return err
	}
	note, err := keylog.Join(growth.Note, line)
	if err != nil {
		return err
	}
	m.Notes = append(m.Notes, string(note))
	if err := write(file, m, false); err != nil { // before anybody has the signature: what was signed is never forgotten
		return err
	}
	_, err = stdout.Write(note)
	return err
}

// exitForked is the exit code of a log that is not the one that was signed.
const exitForked = 5

// last is the newest checkpoint that was signed, or the one of that size: that is how the keeper accepts a log that goes on from a backup.
func (m memory) last(size string) (keylog.Checkpoint, error) {
	list := m.Notes
	if size != "" {
		n, err := strconv.ParseUint(size, 10, 64)
		if err != nil {
			return keylog.Checkpoint{}, control.Usage("--accept-restore is a number of entries")
		}
		if n == 0 {
			return keylog.Checkpoint{}, control.Usage("a log never begins anew: make another witness")
		}
		at := slices.IndexFunc(list, func(note string) bool { c, err := keylog.Peek([]byte(note)); return err == nil && c.Size == n })
		if at < 0 {
			return keylog.Checkpoint{}, &control.Refusal{Code: "unknown-size", FR: "Ce témoin n'a signé aucun point de contrôle de cette taille.", EN: "This witness has signed no checkpoint of that size."}
		}
		list = list[:at+1]
	}
	if len(list) == 0 {
		return keylog.Checkpoint{}, nil
	}
	return keylog.Peek([]byte(list[len(list)-1]))
}

// open reads the witness's file.
func (c Commands) open(file string) (m memory, key *keylog.Key, log keylog.PublicKey, err error) {
	info, err := os.Stat(file)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("others may read it; run: chmod 600 %s", file)
	}
	var text []byte
	if err == nil {
		text, err = read(file, maxMemory)
	}
	if err != nil {
		return m, nil, log, noFile(file, err)
	}
	defer clear(text)
	wrong := &control.Refusal{Code: "memory", FR: "Le fichier " + file + " n'est pas celui d'un témoin.", EN: "The file " + file + " is not that of a witness."}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, nil, log, wrong
	}
	if key, err = keylog.ParseKey([]byte(m.Key), c.Random); err != nil || key.Public().Use() != keylog.Witness {
		return m, nil, log, wrong
	}
	if log, err = keylog.ParsePublicKey(m.Log); err != nil {
		return m, nil, log, wrong
	}
	return m, key, log, nil
}

func read(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = errors.New("it is too long")
	}
	return b, err
}

// write puts the file in place as a whole; a new one takes no other's.
func write(file string, m memory, fresh bool) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	if err := e.Encode(m); err != nil {
		return err
	}
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, ".witness-*") // mode 0600
	if err != nil {
		return noFile(file, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b.Bytes())
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil && fresh {
		err = os.Link(f.Name(), file) // fails where rename would replace
	} else if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return &control.Refusal{Code: "write", FR: "Le fichier " + file + " ne s'écrit pas : " + err.Error(), EN: "The file " + file + " can't be written: " + err.Error()}
	}
	return nil
}
