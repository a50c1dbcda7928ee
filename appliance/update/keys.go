package update

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const (
	// ReleaseKeys is the folder of the keys that the package brings.
	ReleaseKeys = "/usr/share/huisclos/update-keys"
	// maxKeys bounds what is tried, and maxKeyFile what is read of a file.
	maxKeys, maxKeyFile = 32, 16 << 10

	publicBlock, privateBlock = "PUBLIC KEY", "PRIVATE KEY"
)

// A Key is one with which updates are checked.
type Key struct {
	Name   string // of its file
	Public ed25519.PublicKey
}

// ID tells keys apart for people: the first 16 hexadecimal digits of the SHA-256 of the 32 octets.
func (k Key) ID() string {
	sum := sha256.Sum256(k.Public)
	return hex.EncodeToString(sum[:8])
}

// ParseKey reads a public key: PEM of a SubjectPublicKeyInfo with an Ed25519 key (RFC 8410), as "openssl pkey -pubout" writes it.
func ParseKey(text []byte) (ed25519.PublicKey, error) {
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no key in PEM")
	}
	if block.Type == privateBlock {
		return nil, errors.New("this is a private key, which belongs on no appliance")
	}
	if block.Type != publicBlock || strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("not one public key in PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("not an Ed25519 key")
	}
	return public, nil
}

// ParsePrivateKey reads a private key: PEM of PKCS #8, as "openssl genpkey -algorithm ed25519" writes it.
func ParsePrivateKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != privateBlock {
		return nil, errors.New("update: no private key in PEM (PKCS #8)")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("update: private key: %w", err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("update: not an Ed25519 key")
	}
	return private, nil
}

// MakeKey makes a pair, both as PEM.
func MakeKey(random io.Reader) (public, private []byte, err error) {
	pub, priv, err := ed25519.GenerateKey(random)
	if err != nil {
		return nil, nil, fmt.Errorf("update: key: %w", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, nil, fmt.Errorf("update: key: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return nil, nil, fmt.Errorf("update: key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: spki}), pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: pkcs8}), nil
}

// ReadKeys reads the public keys in folders: the files whose names end in .pem. A folder that does not exist has none. A file, or a
// folder, that others than its owner may write is an error, and so is one that is none of owners': whoever could put a key there could
// sign an update.
func ReadKeys(owners []int, folders ...string) ([]Key, error) {
	var list []Key
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("update: keys: %w", err)
		}
		if err := closed(folder, owners); err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), ".pem") || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			path := filepath.Join(folder, e.Name())
			if err := closed(path, owners); err != nil {
				return nil, err
			}
			text, err := readSmall(path)
			if err != nil {
				return nil, fmt.Errorf("update: keys: %w", err)
			}
			public, err := ParseKey(text)
			if err != nil {
				return nil, fmt.Errorf("update: key %s: %w", path, err)
			}
			if !slices.ContainsFunc(list, func(k Key) bool { return k.Public.Equal(public) }) {
				list = append(list, Key{Name: e.Name(), Public: public})
			}
		}
	}
	if len(list) > maxKeys {
		return nil, fmt.Errorf("update: %d keys, at most %d", len(list), maxKeys)
	}
	return list, nil
}

func closed(path string, owners []int) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("update: keys: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("update: others than its owner may write %s (mode %04o): chmod go-w %s", path, info.Mode().Perm(), path)
	}
	if at, ok := info.Sys().(*syscall.Stat_t); !ok || !slices.Contains(owners, int(at.Uid)) {
		return fmt.Errorf("update: %s is not root's: chown root %s", path, path)
	}
	return nil
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}
