package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// magic begins the first line; the number of the format follows.
	magic = "huisclos-backup "
	// Format is the one that this program writes and reads.
	Format = 1

	maxFirst  = 32
	maxHeader = 4 << 10
	maxKeys   = 16
)

// Header is what stands in clear before the encrypted part. It tells nobody anything of people.
type Header struct {
	Appliance string    `json:"appliance"` // version of the program that wrote it
	Database  int       `json:"database"`  // version of the database (number of its last migration)
	Created   time.Time `json:"created"`
	// Keys name for whom it is: the ids of public keys, or "passphrase".
	Keys []string `json:"keys"`
	// Part says what is in it, where that is not all.
	Part Part `json:"part,omitempty"`
}

// Part is what of an appliance a backup has.
type Part string

// The parts. A whole backup has all of them, and is the only one that restore takes.
const (
	Whole    Part = ""
	Settings Part = "settings" // the files of the settings alone: no secret
	Secrets  Part = "secrets"  // the pepper, keys of certificates, files with passwords
)

// encode returns the two lines.
func (h Header) encode() ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	line, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("backup: header: %w", err)
	}
	return fmt.Appendf(nil, "%s%d\n%s\n", magic, Format, line), nil
}

func (h Header) check() error {
	switch {
	case h.Appliance == "" || len(h.Appliance) > 64:
		return errors.New("header: no version of the appliance")
	case h.Database < 1 || h.Database > 1<<30:
		return errors.New("header: no version of the database")
	case h.Created.IsZero() || h.Created.Year() < 2000 || h.Created.Year() > 9999:
		return errors.New("header: no time")
	case len(h.Keys) == 0 || len(h.Keys) > maxKeys:
		return fmt.Errorf("header: %d keys", len(h.Keys))
	case !slices.Contains([]Part{Whole, Settings, Secrets}, h.Part):
		return fmt.Errorf("header: part %q", h.Part)
	}
	for _, k := range h.Keys {
		if k == "" || len(k) > 64 || strings.ContainsFunc(k, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return errors.New("header: a key without a name")
		}
	}
	return nil
}

// ReadHeader reads the lines in clear. They prove nothing: who altered them is found when the file is opened.
func ReadHeader(r io.Reader) (Header, error) {
	h, _, err := readHeader(bufio.NewReaderSize(r, maxHeader))
	return h, err
}

// readHeader also returns the lines' SHA-256, which the manifest has too.
func readHeader(r *bufio.Reader) (h Header, sum string, err error) {
	first, err := readLine(r, maxFirst)
	number, ours := strings.CutPrefix(string(first), magic)
	if err != nil || !ours {
		return h, "", refuse(NotOurs, "the first line is %q", cut(first))
	}
	format, err := strconv.Atoi(strings.TrimSuffix(number, "\n"))
	switch {
	case err != nil || format < 1 || fmt.Sprintf("%d\n", format) != number:
		return h, "", refuse(NotOurs, "the first line is %q", cut(first))
	case format > Format:
		return h, "", refuse(NewerFormat, "it has format %d, this program knows %d", format, Format)
	}
	line, err := readLine(r, maxHeader)
	if err != nil {
		return h, "", refuse(Damaged, "header: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return Header{}, "", refuse(Damaged, "header: %w", err)
	}
	if err := h.check(); err != nil {
		return Header{}, "", refuse(Damaged, "%w", err)
	}
	return h, hexSum(append(first, line...)), nil
}

// readLine reads up to most octets, with the line's end.
func readLine(r *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for len(line) < most {
		b, err := r.ReadByte()
		if err != nil {
			return line, err
		}
		if line = append(line, b); b == '\n' {
			return line, nil
		}
	}
	return line, fmt.Errorf("a line has more than %d octets", most)
}

func cut(b []byte) []byte { return b[:min(len(b), maxFirst)] }

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
