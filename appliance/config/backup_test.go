package config

import (
	"errors"
	"strings"
	"testing"
)

func TestBackupSettings(t *testing.T) {
	// ASVS 2.2.1
	for text, want := range map[string]string{
		`recipients = ["AGE-SECRET-KEY-PQ-1ABC"]`: "this is a private key",
		`recipients = ["zoe@example.org"]`:        "a public key of backups begins with",
		`recipients = "age1pq1x"`:                 "backup.recipients",
		`at = "2:30"`:                             "is not a time of day",
		`at = "25:00"`:                            "is not a time of day",
		`every_hours = 169`:                       "from 1 to 168",
		`every_hours = -1`:                        "from 1 to 168",
		`keep_daily = -1`:                         "from 0 to 3660",
		`target = "ftp"`:                          "is not folder, sftp or s3",
		`target = "sftp"`:                         "backup.sftp.host",
		`target = "s3"`:                           "backup.s3.host",
		`sftp.folder = "../other"`:                "is not a folder",
		`sftp.host_key = "AAAA"`:                  "ssh-keyscan",
		`sftp.port = 0`:                           "is not a port",
		`s3.bucket = "a/b"`:                       "without spaces and slashes",
		`s3.host = "https://s3.example.org"`:      "host name",
		`recipient = ["age1pq1x"]`:                "backup.recipients",
	} {
		given, err := parse("huisclos.toml", []byte("[backup]\n"+text+"\n"))
		if err == nil {
			s := Defaults()
			given.apply(&s, "huisclos.toml")
			err = s.check()
		}
		if err == nil || !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET-KEY") {
			t.Errorf("the error holds the key: %v", err)
		}
	}
	if s := Defaults(); s.Backup.On() || s.BackupFolder() != "var/backups" {
		t.Errorf("by default: %v, %s", s.Backup.On(), s.BackupFolder())
	}
}
