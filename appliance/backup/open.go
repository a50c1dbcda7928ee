package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"
)

// Opened is a backup that was read to its end: each of its octets is the one that was written.
type Opened struct {
	Header   Header
	Manifest Manifest
}

// Open decrypts a backup into the folder into, which must be empty, and compares all of it. A refusal is an *Error; any other
// error is of the disk. After an error the folder holds what is worth nothing.
func Open(r io.Reader, keys Keys, into string) (Opened, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	h, sum, err := readHeader(in)
	if err != nil {
		return Opened{}, err
	}
	plain, err := age.Decrypt(in, keys.list...)
	var nobody *age.NoIdentityMatchError
	switch {
	case errors.As(err, &nobody):
		return Opened{}, &Error{WrongKey, err}
	case err != nil:
		return Opened{}, &Error{Damaged, err}
	}
	u := unpacked{into: into}
	m, err := u.all(plain)
	if err != nil {
		return Opened{}, err
	}
	// Only at its end does the stream prove that nothing was cut from it, nor added.
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return Opened{}, &Error{Damaged, err}
	}
	switch {
	case m.Header != sum:
		return Opened{}, refuse(Damaged, "the lines in clear are not those that were written")
	case !slices.Equal(m.Files, u.files):
		return Opened{}, refuse(Damaged, "the files are not those of the manifest")
	}
	return Opened{h, m}, nil
}

// unpacked is an archive that is being read.
type unpacked struct {
	into  string
	files []Entry
}

func (u *unpacked) all(plain io.Reader) (m Manifest, err error) {
	t := tar.NewReader(plain)
	for {
		e, err := t.Next()
		switch {
		case err != nil:
			return m, refuse(Damaged, "archive: %w", err) // its end too: the manifest has not come
		case e.Typeflag != tar.TypeReg || e.Size < 0:
			return m, refuse(Damaged, "archive: %q is no file", e.Name)
		case e.Name == manifestName:
			return u.manifest(t, e.Size)
		case len(u.files) > maxFiles:
			return m, refuse(Damaged, "archive: more than %d files", maxFiles)
		case e.Name != DatabaseName && e.Size > maxFile:
			return m, refuse(Damaged, "archive: %q has %d octets", e.Name, e.Size)
		}
		if err := checkName(e.Name); err != nil {
			return m, refuse(Damaged, "archive: %w", err)
		}
		if err := u.file(t, e.Name, e.Size); err != nil {
			return m, err
		}
	}
}

func (u *unpacked) manifest(t *tar.Reader, size int64) (m Manifest, err error) {
	if size > maxManifest {
		return m, refuse(Damaged, "the manifest has %d octets", size)
	}
	text, err := io.ReadAll(t)
	if err != nil {
		return m, refuse(Damaged, "manifest: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, refuse(Damaged, "manifest: %w", err)
	}
	if _, err := t.Next(); !errors.Is(err, io.EOF) {
		return m, refuse(Damaged, "archive: something follows the manifest: %w", err)
	}
	return m, nil
}

// file writes one file, which must not be there yet.
func (u *unpacked) file(t *tar.Reader, name string, size int64) error {
	to := filepath.Join(u.into, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("backup: unpack: %w", err)
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return refuse(Damaged, "archive: %q stands there twice", name)
	}
	if err != nil {
		return fmt.Errorf("backup: unpack: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	from := &noted{r: t}
	if _, err := io.Copy(io.MultiWriter(f, sum), from); err != nil {
		if from.err != nil {
			return refuse(Damaged, "archive: %q: %w", name, from.err)
		}
		return fmt.Errorf("backup: unpack: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("backup: unpack: %w", err)
	}
	u.files = append(u.files, Entry{name, size, hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// noted tells an error of reading from one of writing.
type noted struct {
	r   io.Reader
	err error
}

func (n *noted) Read(b []byte) (int, error) {
	c, err := n.r.Read(b)
	if err != nil && err != io.EOF {
		n.err = err
	}
	return c, err
}
