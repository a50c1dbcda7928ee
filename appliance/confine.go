package appliance

import (
	"os"
	"path/filepath"
	"slices"

	"huisclos/appliance/config"
	"huisclos/appliance/update"
	"huisclos/hardening"
)

// policy is what the process keeps after its start: the data, and the directories of the files that a reload reads again.
// Directories, because whoever renews a file puts another in its place. Of a link, the place where it leads counts as
// well. A file in the root directory is not read again: that would open every file.
func (s settings) policy() hardening.Policy {
	p := hardening.Policy{Write: append(s.writes(), s.Data)}
	if info, err := os.Stat(s.BackupFolder()); err == nil && info.IsDir() {
		p.Write = append(p.Write, s.BackupFolder())
	}
	if s.Mail.On() || s.Directory.On() || s.OIDC.On() || s.Backup.Target != config.ToFolder || s.CertificateMode() == config.ByACME || s.ConsoleDestinations {
		if dir, err := filepath.Abs(filepath.Dir(s.OutwardPath())); err == nil && dir != "/" {
			p.Sockets = append(p.Sockets, dir)
		}
	}
	for _, folder := range []string{update.ReleaseKeys, s.Update.Keys, s.Update.Source} {
		if dir, err := filepath.Abs(folder); folder != "" && err == nil && dir != "/" && !slices.Contains(p.Read, dir) {
			p.Read = append(p.Read, dir)
		}
	}
	for _, file := range append([]string{s.file, s.Certificate, s.Key, s.ACME.KeyFile, s.ACME.CAFile}, s.Files...) {
		if file == "" {
			continue
		}
		for _, path := range []string{file, resolved(file)} {
			dir, err := filepath.Abs(filepath.Dir(path))
			if err == nil && dir != "/" && !slices.Contains(p.Read, dir) {
				p.Read = append(p.Read, dir)
			}
		}
	}
	return p
}

func resolved(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	return path // it is missing: the start says so
}
