package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Backup says for whom backups are encrypted, when they are made, how many are kept, and where. Without a recipient none is made
// by itself.
type Backup struct {
	Folder     string   // "": "backups" in the data directory; see [Settings.BackupFolder]
	Recipients []string // public keys; what a key may be, appliance/backup says
	At         time.Duration
	EveryHours int // 0: daily, at the time of day At
	Daily      int
	Weekly     int
	Monthly    int
	Target     Target
	SFTP       SFTP
	S3         S3
}

// Target is where backups are copied to.
type Target string

// Targets. The folder of this machine has them in any case.
const (
	ToFolder Target = "folder"
	ToSFTP   Target = "sftp"
	ToS3     Target = "s3"
)

// SFTP is a server with SSH (draft-ietf-secsh-filexfer-02).
type SFTP struct {
	Host    string
	Port    int
	User    string
	Folder  string
	HostKey string // the one that the server must have, as in known_hosts(5): kind and key
	KeyFile string // private key, in OpenSSH's form; "": the credential that the service manager hands in
}

// S3 is a server that speaks the protocol of Amazon S3, with requests that are signed by AWS's Signature Version 4.
type S3 struct {
	Host       string
	Port       int
	Region     string
	Bucket     string
	Prefix     string
	AccessKey  string
	SecretFile string // "": the credential that the service manager hands in
	CAFile     string
}

func defaultBackup() Backup {
	return Backup{At: 2*time.Hour + 30*time.Minute, Daily: 7, Weekly: 4, Monthly: 6, Target: ToFolder, SFTP: SFTP{Port: 22}, S3: S3{Port: 443, Region: "us-east-1"}}
}

// On reports whether backups are made by themselves.
func (b Backup) On() bool { return len(b.Recipients) > 0 }

// backupFolder is where backups lie when nothing else is said.
const backupFolder = "backups"

// BackupFolder is the directory of backups.
func (s Settings) BackupFolder() string {
	if s.Backup.Folder != "" {
		return s.Backup.Folder
	}
	return filepath.Join(s.Data, backupFolder)
}

// check looks at what no single setting shows.
func (b Backup) check() error {
	switch b.Target {
	case ToSFTP:
		if b.SFTP.Host == "" || b.SFTP.User == "" || b.SFTP.HostKey == "" {
			return reason("backup.target is \"sftp\": backup.sftp.host, backup.sftp.user and backup.sftp.host_key are needed", "backup.target est « sftp » : il faut backup.sftp.host, backup.sftp.user et backup.sftp.host_key.")
		}
	case ToS3:
		if b.S3.Host == "" || b.S3.Bucket == "" || b.S3.AccessKey == "" {
			return reason("backup.target is \"s3\": backup.s3.host, backup.s3.bucket and backup.s3.access_key are needed", "backup.target est « s3 » : il faut backup.s3.host, backup.s3.bucket et backup.s3.access_key.")
		}
	}
	return nil
}

type backupTable struct {
	Folder      *path             `toml:"folder"`
	Recipients  *[]recipient      `toml:"recipients"`
	At          *timeOfDay        `toml:"at"`
	EveryHours  *everyHours       `toml:"every_hours"`
	KeepDaily   *keptBackups      `toml:"keep_daily"`
	KeepWeekly  *keptBackups      `toml:"keep_weekly"`
	KeepMonthly *keptBackups      `toml:"keep_monthly"`
	Target      *backupTarget     `toml:"target"`
	SFTP        backupTableOfSFTP `toml:"sftp"`
	S3          backupTableOfS3   `toml:"s3"`
}

type backupTableOfSFTP struct {
	Host    *mailHost `toml:"host"`
	Port    *port     `toml:"port"`
	User    *user     `toml:"user"`
	Folder  *remote   `toml:"folder"`
	HostKey *hostKey  `toml:"host_key"`
	KeyFile *path     `toml:"key_file"`
}

type backupTableOfS3 struct {
	Host       *mailHost `toml:"host"`
	Port       *port     `toml:"port"`
	Region     *word     `toml:"region"`
	Bucket     *word     `toml:"bucket"`
	Prefix     *remote   `toml:"prefix"`
	AccessKey  *word     `toml:"access_key"`
	SecretFile *path     `toml:"secret_file"`
	CAFile     *path     `toml:"ca_file"`
}

type backupShape struct {
	Folder      *string   `toml:"folder"`
	Recipients  *[]string `toml:"recipients"`
	At          *string   `toml:"at"`
	EveryHours  *int64    `toml:"every_hours"`
	KeepDaily   *int64    `toml:"keep_daily"`
	KeepWeekly  *int64    `toml:"keep_weekly"`
	KeepMonthly *int64    `toml:"keep_monthly"`
	Target      *string   `toml:"target"`
	SFTP        struct {
		Host    *string `toml:"host"`
		Port    *int64  `toml:"port"`
		User    *string `toml:"user"`
		Folder  *string `toml:"folder"`
		HostKey *string `toml:"host_key"`
		KeyFile *string `toml:"key_file"`
	} `toml:"sftp"`
	S3 struct {
		Host       *string `toml:"host"`
		Port       *int64  `toml:"port"`
		Region     *string `toml:"region"`
		Bucket     *string `toml:"bucket"`
		Prefix     *string `toml:"prefix"`
		AccessKey  *string `toml:"access_key"`
		SecretFile *string `toml:"secret_file"`
		CAFile     *string `toml:"ca_file"`
	} `toml:"s3"`
}

func (t backupTable) apply(b *Backup, said func(key string, is bool) bool) {
	if said("backup.folder", t.Folder != nil) {
		b.Folder = t.Folder.text
	}
	if said("backup.recipients", t.Recipients != nil) {
		b.Recipients = nil
		for _, r := range *t.Recipients {
			b.Recipients = append(b.Recipients, r.text)
		}
	}
	if said("backup.at", t.At != nil) {
		b.At = t.At.value
	}
	if said("backup.every_hours", t.EveryHours != nil) {
		b.EveryHours = t.EveryHours.value
	}
	for _, k := range []struct {
		name  string
		given *keptBackups
		into  *int
	}{{"backup.keep_daily", t.KeepDaily, &b.Daily}, {"backup.keep_weekly", t.KeepWeekly, &b.Weekly}, {"backup.keep_monthly", t.KeepMonthly, &b.Monthly}} {
		if said(k.name, k.given != nil) {
			*k.into = k.given.value
		}
	}
	if said("backup.target", t.Target != nil) {
		b.Target = t.Target.value
	}
	t.SFTP.apply(&b.SFTP, said)
	t.S3.apply(&b.S3, said)
}

func (t backupTableOfSFTP) apply(b *SFTP, said func(key string, is bool) bool) {
	if said("backup.sftp.host", t.Host != nil) {
		b.Host = t.Host.text
	}
	if said("backup.sftp.port", t.Port != nil) {
		b.Port = t.Port.value
	}
	if said("backup.sftp.user", t.User != nil) {
		b.User = t.User.text
	}
	if said("backup.sftp.folder", t.Folder != nil) {
		b.Folder = t.Folder.text
	}
	if said("backup.sftp.host_key", t.HostKey != nil) {
		b.HostKey = t.HostKey.text
	}
	if said("backup.sftp.key_file", t.KeyFile != nil) {
		b.KeyFile = t.KeyFile.text
	}
}

func (t backupTableOfS3) apply(b *S3, said func(key string, is bool) bool) {
	if said("backup.s3.host", t.Host != nil) {
		b.Host = t.Host.text
	}
	if said("backup.s3.port", t.Port != nil) {
		b.Port = t.Port.value
	}
	if said("backup.s3.region", t.Region != nil) {
		b.Region = t.Region.text
	}
	if said("backup.s3.bucket", t.Bucket != nil) {
		b.Bucket = t.Bucket.text
	}
	if said("backup.s3.prefix", t.Prefix != nil) {
		b.Prefix = t.Prefix.text
	}
	if said("backup.s3.access_key", t.AccessKey != nil) {
		b.AccessKey = t.AccessKey.text
	}
	if said("backup.s3.secret_file", t.SecretFile != nil) {
		b.SecretFile = t.SecretFile.text
	}
	if said("backup.s3.ca_file", t.CAFile != nil) {
		b.CAFile = t.CAFile.text
	}
}

// values says the value of each, below "backup".
func (b Backup) values(say func(name string, value any)) {
	say("folder", b.Folder)
	say("recipients", b.Recipients)
	say("at", timeOfDay{b.At}.String())
	say("every_hours", b.EveryHours)
	say("keep_daily", b.Daily)
	say("keep_weekly", b.Weekly)
	say("keep_monthly", b.Monthly)
	say("target", string(b.Target))
	say("sftp.host", b.SFTP.Host)
	say("sftp.port", b.SFTP.Port)
	say("sftp.user", b.SFTP.User)
	say("sftp.folder", b.SFTP.Folder)
	say("sftp.host_key", b.SFTP.HostKey)
	say("sftp.key_file", b.SFTP.KeyFile)
	say("s3.host", b.S3.Host)
	say("s3.port", b.S3.Port)
	say("s3.region", b.S3.Region)
	say("s3.bucket", b.S3.Bucket)
	say("s3.prefix", b.S3.Prefix)
	say("s3.access_key", b.S3.AccessKey)
	say("s3.secret_file", b.S3.SecretFile)
	say("s3.ca_file", b.S3.CAFile)
}

type (
	recipient    struct{ text string }
	timeOfDay    struct{ value time.Duration }
	everyHours   struct{ value int }
	keptBackups  struct{ value int }
	backupTarget struct{ value Target }
	remote       struct{ text string }
	hostKey      struct{ text string }
	word         struct{ text string }
)

// UnmarshalText accepts the beginnings of the public keys that a backup can be encrypted for. Whether the key is whole is looked at
// where it is used: this package knows no keys.
func (r *recipient) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	switch {
	case strings.Contains(s, "SECRET-KEY") || strings.Contains(s, "PRIVATE KEY"):
		return reason("this is a private key; the public one is wanted here, and the private one belongs on no appliance", "C’est une clé privée ; il faut ici la publique, et la privée n’a sa place sur aucune appliance.")
	case len(s) > 4096 || strings.ContainsAny(s, "\r\n\x00"):
		return reason("a public key is one line", "Une clé publique tient sur une ligne.")
	case strings.HasPrefix(s, "age1"), strings.HasPrefix(s, "ssh-ed25519 "), strings.HasPrefix(s, "ssh-rsa "):
		r.text = s
		return nil
	}
	return reason("a public key of backups begins with age1pq1, age1, ssh-ed25519 or ssh-rsa; “huisclos backup key” makes one", "Une clé publique de sauvegarde commence par age1pq1, age1, ssh-ed25519 ou ssh-rsa ; « huisclos backup key » en fait une.")
}

// UnmarshalText accepts a time of day such as 02:30.
func (t *timeOfDay) UnmarshalText(text []byte) error {
	at, err := time.Parse("15:04", string(text))
	if err != nil || len(text) != len("15:04") {
		return reason("%q is not a time of day such as 02:30", "%q n’est pas une heure comme 02:30.", text)
	}
	t.value = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	return nil
}

func (t timeOfDay) String() string {
	return fmt.Sprintf("%02d:%02d", int(t.value.Hours()), int(t.value.Minutes())%60)
}

// UnmarshalText accepts 0 (daily) to a week.
func (e *everyHours) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 || n > 7*24 {
		return reason("backup.every_hours: %s is not a number of hours from 1 to 168 (0: daily)", "%s n’est pas un nombre d’heures de 1 à 168 (0 : chaque jour).", text)
	}
	e.value = n
	return nil
}

// UnmarshalText accepts up to ten years of days.
func (k *keptBackups) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 || n > 3660 {
		return reason("backup: %s is not a number of backups to keep from 0 to 3660", "%s n’est pas un nombre de sauvegardes à garder de 0 à 3660.", text)
	}
	k.value = n
	return nil
}

// UnmarshalText accepts folder, sftp and s3.
func (t *backupTarget) UnmarshalText(text []byte) error {
	v := Target(text)
	if !slices.Contains([]Target{ToFolder, ToSFTP, ToS3}, v) {
		return reason("%q is not folder, sftp or s3", "%q n’est ni folder, ni sftp, ni s3.", text)
	}
	t.value = v
	return nil
}

// UnmarshalText accepts a path on another machine: no way upwards, nothing that is no text.
func (r *remote) UnmarshalText(text []byte) error {
	s := strings.TrimSuffix(string(text), "/")
	if len(s) > 512 || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }) || slices.Contains(strings.Split(s, "/"), "..") {
		return reason("%q is not a folder", "%q n’est pas un dossier.", text)
	}
	r.text = s
	return nil
}

// UnmarshalText accepts the kind of a key and the key.
func (h *hostKey) UnmarshalText(text []byte) error {
	fields := strings.Fields(string(text))
	if len(fields) < 2 || len(text) > 2048 || !strings.HasPrefix(fields[0], "ssh-") && !strings.HasPrefix(fields[0], "ecdsa-") {
		return reason("a host key is a kind and a key, such as “ssh-ed25519 AAAA…”: ssh-keyscan HOST prints them, and whoever runs that machine confirms one", "Une clé de serveur est une sorte et une clé, comme « ssh-ed25519 AAAA… » : ssh-keyscan SERVEUR les affiche, et qui gère cette machine en confirme une.")
	}
	h.text = fields[0] + " " + fields[1]
	return nil
}

// UnmarshalText accepts a name without spaces and slashes.
func (w *word) UnmarshalText(text []byte) error {
	if s := string(text); s == "" || len(s) > 128 || strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || c == '/' || c == '\\' || c == '?' || c == '#' || c == '%'
	}) {
		return reason("%q is not a name without spaces and slashes", "%q n’est pas un nom sans espaces ni barres.", text)
	}
	w.text = string(text)
	return nil
}
