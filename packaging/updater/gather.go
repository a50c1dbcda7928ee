package main

import (
	"context"
	"crypto/md5" //nolint:gosec // what dpkg notes; nobody is kept out by it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	records = "/var/lib/dpkg/info"
	// pristine has a copy of each settings file as the package brought it: what stands in /etc may be changed, and packed as the package's
	// own it would be replaced at the next update without a word.
	pristine = "/usr/share/huisclos/pristine"
	program  = "/usr/bin/huisclos"
)

// gather lays out what is installed as dpkg-deb packs it: files, and dpkg's records of the package.
func (d *debian) gather(ctx context.Context, tree string) error {
	if err := os.MkdirAll(filepath.Join(tree, "DEBIAN"), 0o755); err != nil {
		return err
	}
	if err := os.Chmod(tree, 0o755); err != nil { // whatever the umask is
		return err
	}
	settings, err := d.settings(ctx)
	if err != nil {
		return err
	}
	list, err := os.ReadFile(filepath.Join(records, pkg+".list"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(list)) {
		path := strings.TrimRight(line, "\n")
		if path == "" || path == "/." {
			continue
		}
		if !filepath.IsAbs(path) || path != filepath.Clean(path) {
			return fmt.Errorf("dpkg lists the path %q", path)
		}
		from := path
		if sum, ok := settings[path]; ok {
			if from, err = asBrought(path, sum); err != nil {
				return err
			}
		}
		err := lay(from, filepath.Join(tree, path))
		if errors.Is(err, fs.ErrNotExist) && path != program {
			continue // this machine leaves out manuals, or the like (dpkg.cfg, path-exclude)
		}
		if err != nil {
			return err
		}
	}
	return d.recordsOf(ctx, tree)
}

// settings are the files that an administrator may change, with the sum that dpkg has noted of each as it came.
func (d *debian) settings(ctx context.Context) (map[string]string, error) {
	out, err := command(ctx, "dpkg-query", "-W", "-f", "${Conffiles}", pkg)
	if err != nil {
		return nil, err
	}
	list := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) >= 2 {
			list[f[0]] = f[1]
		}
	}
	return list, nil
}

// asBrought finds the file as the package brought it.
func asBrought(path, sum string) (string, error) {
	for _, at := range []string{path, pristine + path} {
		text, err := os.ReadFile(at)
		if err != nil {
			continue
		}
		if has := md5.Sum(text); hex.EncodeToString(has[:]) == sum {
			return at, nil
		}
	}
	return "", fmt.Errorf("%s was changed, and there is no copy of it as the package brought it in %s", path, pristine)
}

// lay puts a folder, a link or a file there, with its mode and time.
func lay(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	// Where /lib leads to /usr/lib, dpkg still lists the folder that the package has.
	if to, err := os.Stat(from); err == nil && to.IsDir() {
		info = to
	}
	switch {
	case info.IsDir():
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		return os.Chmod(to, info.Mode().Perm())
	case info.Mode().Type() == fs.ModeSymlink:
		at, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(at, to)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file", from)
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(info.Mode().Perm()), out.Close(), os.Chtimes(to, info.ModTime(), info.ModTime()))
}

// recordsOf puts dpkg's records back into the form in which they came.
func (d *debian) recordsOf(ctx context.Context, tree string) error {
	out, err := command(ctx, "dpkg-query", "--status", pkg)
	if err != nil {
		return err
	}
	var b strings.Builder
	leave := false
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, " ") {
			field, _, _ := strings.Cut(line, ":")
			leave = field == "Status" || field == "Conffiles" || field == "Config-Version" || field == "Triggers-Pending" || field == "Triggers-Awaited"
		}
		if !leave && strings.TrimSpace(line) != "" {
			b.WriteString(line)
		}
	}
	if err := os.WriteFile(filepath.Join(tree, "DEBIAN", "control"), []byte(b.String()), 0o644); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(records, pkg+".*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := strings.TrimPrefix(filepath.Base(file), pkg+".")
		if name == "list" {
			continue
		}
		if err := lay(file, filepath.Join(tree, "DEBIAN", name)); err != nil {
			return err
		}
	}
	return nil
}
