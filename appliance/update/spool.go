package update

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// What is asked of root's part, and what that one answers, are files in two folders: the service's, below its data, where the console's
// wishes stand; and root's own, where those of the command line stand. Root's part takes nothing in the former for granted.
const (
	// Home is root's own folder: mode 0700.
	Home = "/var/lib/huisclos-update"
	// Folder is the service's, in the data directory.
	Folder = "update"

	BundleFile  = "bundle"  // the update that is meant
	RequestFile = "request" // what is wanted; systemd's path unit waits for it
	// OutcomeFile is what came of the last request. The service takes it away once it is in the audit log; root's own stays.
	OutcomeFile = "outcome"
	// TrialFile stands in the service's folder while a program that was just installed is tried: it lets nobody in.
	TrialFile   = "trial"
	JournalFile = "journal" // how far root's part is; only while it works
	FormerFile  = "former"  // what is kept of the former version, beside it

	// VersionFile is in the data directory: the version of the database that the installed program knows, as the package notes it.
	VersionFile = "database-version"
	// Database is the file of the database in the data directory.
	Database = "huisclos.db"

	// TrialWithin is how long a program stays shut to people when nobody takes the mark away. It is longer than any trial.
	TrialWithin = 5 * time.Minute

	// KeptFor is how long the former version and its database are kept: people who were deleted meanwhile are in it.
	// packaging/debian's huisclos.tmpfiles says the same.
	KeptFor = 30 * 24 * time.Hour

	maxFile = 64 << 10
)

// An Act is what is wanted.
type Act string

// Acts.
const (
	Apply    Act = "apply"
	Rollback Act = "rollback"
)

// A Request is what is wanted of root's part.
type Request struct {
	ID  string `json:"id"` // 32 hexadecimal digits; the outcome has the same
	Act Act    `json:"act"`
	By  string `json:"by"` // for the outcome: an account's id, or "operator"
	// SHA256 is that of the whole file that was looked at: no other is installed.
	SHA256 string `json:"sha256,omitempty"`
	// Data says of a rollback that the former database comes back as well, and what was done since is given up.
	Data bool `json:"data,omitempty"`
}

// Result is how an act ended.
type Result string

// Results. After all but Stuck the appliance runs.
const (
	Applied    Result = "applied"     // the new version runs
	RolledBack Result = "rolled-back" // the former version runs: as asked, or because the new one did not do
	Refused    Result = "refused"     // nothing was changed
	Stuck      Result = "stuck"       // neither version runs; somebody has to look
)

// Outcome is what came of a request.
type Outcome struct {
	ID      string    `json:"id"`
	Act     Act       `json:"act"`
	Result  Result    `json:"result"`
	By      string    `json:"by"`
	From    string    `json:"from"`         // version before
	To      string    `json:"to,omitempty"` // version that was wanted
	Cause   Cause     `json:"cause,omitempty"`
	Detail  string    `json:"detail,omitempty"` // for an operator; no secret is in it
	Data    bool      `json:"data,omitempty"`   // the former database came back
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended"`
	Stopped float64   `json:"stopped,omitempty"` // seconds during which nobody was let in
}

// Cause is why an update was not applied, beside the reasons of a file.
type Cause string

// Causes.
const (
	NoUpdater   Cause = "no-updater"  // nobody took the request up
	Closed      Cause = "closed"      // update.console is false
	NoRequest   Cause = "request"     // it is not understood, or no file belongs to it
	Changed     Cause = "changed"     // another file than the one that was looked at
	NoSpace     Cause = "space"       //
	Busy        Cause = "busy"        // another installation is under way
	NoFormer    Cause = "no-former"   // nothing is kept to go back to
	NeedsData   Cause = "needs-data"  // the former version can't read the database of now
	Interrupted Cause = "interrupted" // the machine or the process stopped in the middle
	NotKept     Cause = "keep"        // the former version or the database could not be kept
	NotPlaced   Cause = "install"     // the package could not be installed
	NotHealthy  Cause = "health"      // it did not become ready, or did not stay so
)

// Sentence says it to a person.
func (c Cause) Sentence() (fr, en string) {
	switch c {
	case NoUpdater:
		return "Le service qui installe n'a pas pris la demande : « systemctl status huisclos-update.path ». Rien n'a été changé.",
			"The service that installs did not take the request: “systemctl status huisclos-update.path”. Nothing was changed."
	case Closed:
		return "Les mises à jour depuis la console sont fermées par les fichiers de réglages (update.console). Rien n'a été changé.",
			"Updates from the console are closed by the settings files (update.console). Nothing was changed."
	case NoRequest:
		return "La demande est incomplète. Rien n'a été changé.", "The request is incomplete. Nothing was changed."
	case Changed:
		return "Le fichier n'est plus celui qui avait été vérifié. Rien n'a été changé.", "The file is no longer the one that was checked. Nothing was changed."
	case NoSpace:
		return "Le disque n'a pas la place pour la mise à jour et pour garder la version d'avant. Rien n'a été changé.",
			"The disk has no room for the update and for keeping the former version. Nothing was changed."
	case Busy:
		return "Une autre installation de paquets est en cours sur cette machine. Réessayez quand elle sera finie. Rien n'a été changé.",
			"Another installation of packages is under way on this machine. Try again when it is done. Nothing was changed."
	case NoFormer:
		return "Aucune version d'avant n'est gardée ici. Rien n'a été changé.", "No former version is kept here. Nothing was changed."
	case NeedsData:
		return "La version d'avant ne sait pas lire la base d'aujourd'hui : y revenir demande de reprendre aussi la base d'avant. Rien n'a été changé.",
			"The former version can't read the database of now: going back takes the former database as well. Nothing was changed."
	case Interrupted:
		return "La mise à jour a été interrompue. La version d'avant est en place, avec sa base.", "The update was interrupted. The former version is in place, with its database."
	case NotKept:
		return "La version d'avant n'a pas pu être gardée. Elle est restée en place.", "The former version could not be kept. It has stayed in place."
	case NotPlaced:
		return "Le paquet n'a pas pu être installé. La version d'avant est en place, avec sa base.", "The package could not be installed. The former version is in place, with its database."
	case NotHealthy:
		return "La nouvelle version n'a pas démarré comme il faut. La version d'avant est en place, avec sa base.", "The new version did not start as it should. The former version is in place, with its database."
	}
	return Reason(c).Sentence()
}

var (
	idForm  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	sumForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// ParseRequest reads a request. Whoever wrote it may be an enemy.
func ParseRequest(text []byte) (r Request, err error) {
	if len(text) > maxFile {
		return r, fmt.Errorf("update: a request of %d octets", len(text))
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return Request{}, fmt.Errorf("update: request: %w", err)
	}
	if !idForm.MatchString(r.ID) || len(r.By) > 64 || r.Act != Apply && r.Act != Rollback || r.Act == Apply && !sumForm.MatchString(r.SHA256) {
		return Request{}, fmt.Errorf("update: a request that is none: %q %q", r.ID, r.Act)
	}
	return r, nil
}

// Former is what is kept of the version that was there before the last update.
type Former struct {
	Version  string    `json:"version"`
	Database int       `json:"database"` // that it knows; 0: not known
	Kept     time.Time `json:"kept"`
}

// NewID is a request's name.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (Go 1.24)
	return hex.EncodeToString(b[:])
}
