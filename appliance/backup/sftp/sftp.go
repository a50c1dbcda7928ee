// Package sftp keeps backups in a folder of another machine, over SSH (RFC 4253, draft-ietf-secsh-filexfer-02).
//
// It decides that the server has the one host key that was given, that nothing but a key of our own is shown to it, and that a file
// has its name there only when all of it is there. It never sees what a backup holds, and runs no command.
package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"huisclos/appliance/backup"
)

// Config says which folder of which machine, and who comes.
type Config struct {
	User    string
	Folder  string // "": where the server lets its user in
	HostKey string // kind and key
	Key     []byte // private key, in OpenSSH's or PEM form
	// Dial connects to the server.
	Dial func(ctx context.Context) (net.Conn, error)
}

// Target is a folder.
type Target struct {
	c       Config
	hostKey ssh.PublicKey
	signer  ssh.Signer
}

var _ backup.Target = (*Target)(nil)

const (
	// quiet is how long nothing may come or go.
	quiet = 2 * time.Minute
	// partial begins the name of a file that is not whole.
	partial = backup.Partial
)

// ErrKey says that our own key is none, or has a passphrase, which nobody is there to type.
var ErrKey = errors.New("sftp: the private key can't be read: it must be one of OpenSSH without a passphrase")

// ErrHostKey says that the server has another key than the one that was given.
var ErrHostKey = errors.New("sftp: the server has another host key than the one in the settings")

// New returns the folder; nobody is asked yet.
func New(c Config) (*Target, error) {
	hostKey, _, _, _, err := ssh.ParseAuthorizedKey([]byte(c.HostKey))
	if err != nil {
		return nil, fmt.Errorf("sftp: host key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(c.Key)
	if err != nil {
		return nil, ErrKey // its own text may hold some of the key
	}
	return &Target{c, hostKey, signer}, nil
}

// with does something in the folder.
func (t *Target) with(ctx context.Context, do func(*sftp.Client) error) error {
	conn, err := t.c.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	quietly := &patient{conn}
	other := false
	config := &ssh.ClientConfig{
		User: t.c.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(t.signer)}, ClientVersion: "SSH-2.0-huisclos",
		HostKeyAlgorithms: algorithms(t.hostKey.Type()),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if string(key.Marshal()) != string(t.hostKey.Marshal()) {
				other = true
				return ErrHostKey
			}
			return nil
		},
	}
	c, channels, requests, err := ssh.NewClientConn(quietly, "", config)
	switch {
	case other, err != nil && strings.Contains(err.Error(), "no common algorithm for host key"):
		return ErrHostKey
	case err != nil:
		return fmt.Errorf("sftp: %w", err)
	}
	shell := ssh.NewClient(c, channels, requests)
	defer shell.Close()
	client, err := sftp.NewClient(shell, sftp.UseConcurrentWrites(true))
	if err != nil {
		return fmt.Errorf("sftp: %w", err)
	}
	defer client.Close()
	if err := do(client); err != nil {
		return fmt.Errorf("sftp: %w", err)
	}
	return nil
}

// algorithms are those by which a key of that kind signs; SHA-1 is none of them (RFC 8332).
func algorithms(kind string) []string {
	if kind == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{kind}
}

// patient ends a connection on which nothing moves.
type patient struct{ net.Conn }

func (p *patient) Read(b []byte) (int, error) {
	_ = p.SetReadDeadline(time.Now().Add(quiet))
	return p.Conn.Read(b)
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.SetWriteDeadline(time.Now().Add(quiet))
	return p.Conn.Write(b)
}

// Put stores a backup. sum is not looked at: SSH proves what has arrived.
func (t *Target) Put(ctx context.Context, name string, size int64, _ string, from io.Reader) error {
	return t.with(ctx, func(c *sftp.Client) error {
		if t.c.Folder != "" {
			if err := c.MkdirAll(t.c.Folder); err != nil {
				return err
			}
		}
		half, whole := path.Join(t.c.Folder, partial+name), path.Join(t.c.Folder, name)
		f, err := c.Create(half)
		if err != nil {
			return err
		}
		n, err := f.ReadFrom(from)
		if err == nil && n != size {
			err = fmt.Errorf("%d of %d octets were sent", n, size)
		}
		if err == nil {
			err = quietlySync(f)
		}
		err = errors.Join(err, f.Chmod(0o600), f.Close())
		if err == nil {
			err = c.Rename(half, whole)
		}
		if err != nil {
			_ = c.Remove(half)
		}
		return err
	})
}

// quietlySync has the file on the server's disk, where the server can do that (fsync@openssh.com).
func quietlySync(f *sftp.File) error {
	err := f.Sync()
	var status *sftp.StatusError
	if errors.As(err, &status) && status.FxCode() == sftp.ErrSSHFxOpUnsupported {
		return nil
	}
	return err
}

// List returns the backups in the folder. One that isn't there has none.
func (t *Target) List(ctx context.Context) (list []backup.Stored, err error) {
	err = t.with(ctx, func(c *sftp.Client) error {
		folder := t.c.Folder
		if folder == "" {
			folder = "."
		}
		entries, err := c.ReadDirContext(ctx, folder)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		sizes := map[string]int64{}
		for _, e := range entries {
			if e.Mode().IsRegular() {
				sizes[e.Name()] = e.Size()
			}
		}
		list = backup.StoredAs(sizes)
		return err
	})
	return list, err
}

// Remove removes a backup.
func (t *Target) Remove(ctx context.Context, name string) error {
	if _, ok := backup.ParseName(name); !ok {
		return fmt.Errorf("sftp: %q is no name of a backup", name)
	}
	return t.with(ctx, func(c *sftp.Client) error { return c.Remove(path.Join(t.c.Folder, name)) })
}
