package appliance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"huisclos/appliance/backup"
	"huisclos/appliance/backup/s3"
	"huisclos/appliance/backup/sftp"
	"huisclos/appliance/config"
	"huisclos/appliance/outward"
	"huisclos/audit"
	"huisclos/store"
)

// backupCredential is what systemd calls the private key of SFTP, or the secret of S3.
const backupCredential = "huisclos.backup"

// errBackup is what every error of the files that backups need wraps; they are read once, before the process is shut in.
var errBackup = errors.New("backup")

// newBackups reads what backups need of files, and looks whether the recipients are keys.
func (a *Appliance) newBackups(db *store.DB, trail *audit.Log, pepper []byte) (*backups, error) {
	s := a.settings
	if s.Backup.On() {
		if _, err := backup.ForKeys(s.Backup.Recipients...); err != nil {
			return nil, fmt.Errorf("%w: backup.recipients: %w", errBackup, err)
		}
	}
	if err := os.MkdirAll(s.BackupFolder(), 0o700); err != nil {
		// Calls go on without backups; the console, the log and the audit log say that there are none.
		a.log.Warn("the folder of backups can't be made", "error", err)
	}
	b := &backups{db: db, trail: trail, settings: a.backupSettings, pepper: pepper,
		log: a.log.With("part", "backup"), now: s.now, quit: a.quit, aside: a.running.Go}
	var err error
	b.target, err = s.newTarget()
	return b, err
}

// newTarget is the other machine that the settings name, if any.
func (s settings) newTarget() (backup.Target, error) {
	dialer := outward.Dialer{Path: s.OutwardPath()}
	switch b := s.Backup; b.Target {
	case config.ToSFTP:
		key, err := s.backupKey()
		if err != nil {
			return nil, err
		}
		t, err := sftp.New(sftp.Config{User: b.SFTP.User, Folder: b.SFTP.Folder, HostKey: b.SFTP.HostKey, Key: key,
			Dial: func(ctx context.Context) (net.Conn, error) { return dialer.Dial(ctx, outward.SFTP) }})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBackup, err)
		}
		return t, nil
	case config.ToS3:
		login := secret{of: errBackup, what: "secret", none: "backup.s3 has no secret", setting: "backup.s3.secret_file", file: b.S3.SecretFile, credential: backupCredential, given: s.backupSecret}
		text, err := login.read()
		if err != nil {
			return nil, err
		}
		c := s3.Config{Host: b.S3.Host, Port: b.S3.Port, Region: b.S3.Region, Bucket: b.S3.Bucket, Prefix: b.S3.Prefix, AccessKey: b.S3.AccessKey, Secret: text, TLS: &tls.Config{}, Now: s.now,
			Dial: func(ctx context.Context) (net.Conn, error) { return dialer.Dial(ctx, outward.S3) }}
		if b.S3.CAFile == "" {
			c.TLS.RootCAs, err = x509.SystemCertPool()
		} else {
			c.TLS.RootCAs, err = authorities(b.S3.CAFile)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: backup.s3.ca_file: %w", errBackup, err)
		}
		return s3.New(c), nil
	}
	return nil, nil
}

// backupKey is our own private key, which has several lines.
func (s settings) backupKey() ([]byte, error) {
	if s.Backup.SFTP.KeyFile == "" {
		if s.backupSecret == nil {
			return nil, fmt.Errorf("%w: neither backup.sftp.key_file nor the credential %s holds a key", errBackup, backupCredential)
		}
		return s.backupSecret, nil
	}
	info, err := os.Stat(s.Backup.SFTP.KeyFile)
	if err == nil && info.Mode().Perm()&0o007 != 0 {
		err = fmt.Errorf("others may read %s; run: chmod o= %s", s.Backup.SFTP.KeyFile, s.Backup.SFTP.KeyFile)
	}
	var key []byte
	if err == nil {
		key, err = readSaved(s.Backup.SFTP.KeyFile)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: backup.sftp.key_file: %w", errBackup, err)
	}
	return key, nil
}

func authorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate (PEM)", file)
	}
	return pool, nil
}

// backupSettings are those in force: for whom, when and how many change at once, where to with a restart.
func (a *Appliance) backupSettings() config.Settings {
	s, now := a.settings.Settings, a.choices.InForce().Backup
	now.Folder, now.Target, now.SFTP, now.S3 = s.Backup.Folder, s.Backup.Target, s.Backup.SFTP, s.Backup.S3
	s.Backup = now
	return s
}
