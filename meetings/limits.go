package meetings

import "time"

// ProtocolVersion is the version of the client protocol.
const ProtocolVersion = 2

// Bounds that no configuration moves.
const (
	maxLeaf          = 1<<16 - 1 // a KID holds 16 bits of leaf index
	maxLobby         = 256
	maxChanges       = 8
	maxHosts         = 64
	maxRecoverStates = 64
)

// Limits are the times and sizes of a room. The zero value of a field means its
// default.
type Limits struct {
	Absence      time.Duration // a disconnected leaf is removed after it
	Abandoned    time.Duration // a call without connections gives way to its owner after it
	Batch        time.Duration // adds that arrive within it share a commit
	Deadline     time.Duration // of a committer, and
	DeadlineAdd  time.Duration // for each add, and
	DeadlineNode time.Duration // for each node that its path is encrypted to
	Refresh      time.Duration // least time between two paths of a leaf, and
	RefreshLeaf  time.Duration // for each leaf of the call
	Recover      time.Duration // window in which members hand the group back
	Wedge        time.Duration // window in which reports about one commit count
	Restart      time.Duration // for a host to create the restarted group
	Gather       time.Duration // for the others to come, before its first commit
	RingCommits  int
	RingBytes    int
	RingTime     time.Duration // after the last commit
	TreeTime     time.Duration // a joiner has to fetch its tree
	DeniedTime   time.Duration // a denied device is refused without asking
	LobbyPace    time.Duration // least time between two Lobby messages
	RosterPace   time.Duration // least time between two Roster messages
	Members      int           // leaves in a call
	RecoverUntil time.Time     // no group is taken back after it
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func (l Limits) withDefaults() Limits {
	orDefault(&l.Absence, 30*time.Second)
	orDefault(&l.Abandoned, 8*time.Second)
	orDefault(&l.Batch, 50*time.Millisecond)
	orDefault(&l.Deadline, 2*time.Second)
	orDefault(&l.DeadlineAdd, 10*time.Millisecond)
	// Measured: 5 to 6 s for a path to 1,000 leaves of a blank tree, in WASM.
	orDefault(&l.DeadlineNode, 10*time.Millisecond)
	orDefault(&l.Refresh, 5*time.Minute)
	orDefault(&l.RefreshLeaf, 2*time.Second)
	orDefault(&l.Recover, 3*time.Second)
	orDefault(&l.Wedge, 5*time.Second)
	orDefault(&l.Restart, 5*time.Second)
	orDefault(&l.Gather, 3*time.Second)
	orDefault(&l.RingCommits, 256)
	orDefault(&l.RingBytes, 16<<20)
	orDefault(&l.RingTime, 30*time.Second)
	orDefault(&l.TreeTime, time.Minute)
	orDefault(&l.DeniedTime, 30*time.Second)
	orDefault(&l.LobbyPace, 200*time.Millisecond)
	orDefault(&l.RosterPace, 200*time.Millisecond)
	orDefault(&l.Members, 1000)
	return l
}
