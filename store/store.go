// Package store keeps the appliance's records: ordered keys and values in named buckets, changed by transactions that
// are on the disk before Update returns.
//
// It decides how records reach the disk, in which order the schema grows, and that one process at a time writes. It never
// sees what a record means. Keys are ordered bytewise, a transaction sees one state, each committed write gives the next
// revision: what etcd offers too, so that it can take the place of the file behind the same interface. Nothing that only
// the present engine can do is exported.
package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Sentinels of this package. The error returned wraps one of them and names the file.
var (
	// ErrInUse: another process holds the database.
	ErrInUse = errors.New("store: the database is in use by another process")
	// ErrNewer: the database was written by a newer version of the program.
	ErrNewer = errors.New("store: the database was written by a newer version of the program")
	// ErrDamaged: the file is not a whole database of this program.
	ErrDamaged = errors.New("store: the database file is damaged")
	// ErrFailed: an earlier write failed in a way that leaves the disk's state unknown; the process must be restarted.
	ErrFailed = errors.New("store: writing is stopped after a disk error; restart the program")
	// ErrFull: there was no room for a write, of which nothing counts; the next one is tried again.
	ErrFull = errors.New("store: there is no room on the disk")
	// ErrClosed: the database was closed.
	ErrClosed = errors.New("store: the database is closed")
)

const (
	// defaultTimeout is how long Open waits for another process to let go of the file: long enough for a restart in
	// which the old process is still closing, short enough that a person sees the sentence.
	defaultTimeout = 3 * time.Second

	// metaBucket holds what the store itself must remember. No migration may make or touch a bucket of this name.
	metaBucket = "store"
)

var (
	keyFormat   = []byte("format")
	keyVersion  = []byte("version")
	keyRevision = []byte("revision")
)

// formatName tells this program's databases from other files of the same engine, and one format from the next.
const formatName = "huisclos 1"

// Options of Open. The zero value is the right one for the server.
type Options struct {
	// Timeout to wait for the lock of the file; 0 means 3 s.
	Timeout time.Duration
	// Logf, if set, is told what the store repaired while opening (file modes). It never receives a record.
	Logf func(format string, args ...any)
	// Committed, if set, is told how long each commit took to be on the disk. It is called by the writer, who waits for it.
	Committed func(took time.Duration)
	// Reserve is how many octets Replenish holds for the moment at which the disk is full; 0: none.
	Reserve int64
	// GaveUp, if set, is told that they were given up, in a goroutine of its own: the Update that failed is not done, and the next ones
	// have that room.
	GaveUp func(octets int64)
}

// DB is one open database. Its methods may be called from any goroutine.
type DB struct {
	path     string
	bolt     *bolt.DB
	revision atomic.Uint64

	writer  sync.Mutex // held for the whole of Update
	trouble atomic.Pointer[trouble]

	// commit is bolt's commit; tests put a failing one in its place.
	commit    func(*bolt.Tx) error
	committed func(time.Duration)

	reserve int64
	gaveUp  func(int64)
}

// trouble is why writes fail: for good after an error that leaves the disk's state unknown, else until there is room again.
type trouble struct {
	lasting bool
	err     error
}

// wrap is the error of every write in this state.
func (t *trouble) wrap() error {
	if t.lasting {
		return fmt.Errorf("%w: %w", ErrFailed, t.err)
	}
	return fmt.Errorf("%w: %w", ErrFull, t.err)
}

// Open opens the database at path and makes it, with its directory (0700), when it does not exist. The file has mode 0600.
func Open(path string, o Options) (*DB, error) {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	if err := prepare(path, o.Timeout, o.Logf); err != nil {
		return nil, err
	}
	db := &DB{path: path, commit: (*bolt.Tx).Commit, committed: o.Committed, reserve: o.Reserve, gaveUp: o.GaveUp}
	b, err := openBolt(path, engineOptions(o.Timeout))
	if err != nil {
		return nil, err
	}
	db.bolt = b
	if err := db.begin(); err != nil {
		b.Close()
		return nil, err
	}
	return db, nil
}

// openBolt opens the engine. The engine panics on some damaged pages: that is an error of the file, not of the program.
func openBolt(path string, o *bolt.Options) (b *bolt.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			b, err = nil, fmt.Errorf("%w: %s: %v", ErrDamaged, path, r)
		}
	}()
	b, err = bolt.Open(path, 0o600, o)
	switch {
	case err == nil:
		return b, nil
	case errors.Is(err, ErrDamaged):
		return nil, err
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%w: %s; stop that process first", ErrInUse, path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch),
		errors.Is(err, bolterrors.ErrChecksum):
		return nil, fmt.Errorf("%w: %s: %v", ErrDamaged, path, err)
	default:
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
}

func engineOptions(timeout time.Duration) *bolt.Options {
	return &bolt.Options{
		Timeout: timeout,
		// The free list is written with each commit: after kill -9 the file opens without a scan of all its pages.
		NoFreelistSync: false,
		FreelistType:   bolt.FreelistMapType,
		// Update returns after fsync.
		NoSync:     false,
		NoGrowSync: false,
		OpenFile:   openChecked,
	}
}

// begin reads the store's own records.
func (db *DB) begin() error {
	return db.bolt.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(metaBucket))
		if b == nil || b.Get(keyFormat) == nil {
			return fmt.Errorf("%w: %s is a database of another program", ErrDamaged, db.path)
		}
		if got := b.Get(keyFormat); string(got) != formatName {
			return fmt.Errorf("%w (format %q): %s", ErrNewer, got, db.path)
		}
		db.revision.Store(readUint64(b.Get(keyRevision)))
		return nil
	})
}

func writeFormat(tx *bolt.Tx) error {
	b, err := tx.CreateBucket([]byte(metaBucket))
	if err != nil {
		return err
	}
	return b.Put(keyFormat, []byte(formatName))
}

// Close waits for the transactions under way, then lets go of the file.
func (db *DB) Close() error {
	if err := db.bolt.Close(); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// Revision grows by one with each committed write, over restarts too.
func (db *DB) Revision() uint64 { return db.revision.Load() }

// View runs f in a transaction that reads one state and writes nothing.
func (db *DB) View(f func(*Tx) error) error {
	tx, err := db.bolt.Begin(false)
	if err != nil {
		return db.beginError(err)
	}
	defer tx.Rollback()
	return f(&Tx{bolt: tx})
}

// Update runs f in the one writing transaction. When f returns nil and Update returns nil, what f wrote is on the disk;
// in every other case nothing of it is. f must not call Update, View or Snapshot: it would wait for itself. An Update
// that writes nothing is not a write: it costs no fsync and no revision.
func (db *DB) Update(f func(*Tx) error) error {
	db.writer.Lock()
	defer db.writer.Unlock()
	if t := db.trouble.Load(); t != nil && t.lasting {
		return t.wrap()
	}
	btx, err := db.bolt.Begin(true)
	if err != nil {
		return db.beginError(err)
	}
	// Also when f panics: the engine's lock is let go.
	defer btx.Rollback()
	tx := &Tx{bolt: btx, writing: true}
	if err := f(tx); err != nil {
		return err
	}
	if !tx.dirty {
		return nil
	}
	next := db.revision.Load() + 1
	if err := btx.Bucket([]byte(metaBucket)).Put(keyRevision, putUint64(next)); err != nil {
		return fmt.Errorf("store: write revision: %w", err)
	}
	began := time.Now()
	if err := db.commit(btx); err != nil {
		// A full disk fails before anything counts, and heals. After any other error of a write or of fsync the
		// kernel may have dropped pages that it will report as written: nothing may be acknowledged any more.
		heals := full(err) || errors.Is(err, syscall.EFBIG)
		t := &trouble{!heals, fmt.Errorf("commit: %w", err)}
		if !full(err) || !db.giveUp() { // what was held in reserve is room for the next one
			db.trouble.Store(t)
		}
		return t.wrap()
	}
	db.revision.Store(next)
	if db.committed != nil {
		db.committed(time.Since(began))
	}
	return nil
}

func (db *DB) beginError(err error) error {
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return fmt.Errorf("store: begin: %w", err)
}

// Snapshot writes one consistent state of the whole database, which Open can open. Writers are not held up.
func (db *DB) Snapshot(w io.Writer) error {
	return db.SnapshotTo(func(int64) (io.Writer, error) { return w, nil })
}

// SnapshotTo is Snapshot to what begin returns when it is told how many bytes will be written.
func (db *DB) SnapshotTo(begin func(size int64) (io.Writer, error)) error {
	tx, err := db.bolt.Begin(false)
	if err != nil {
		return db.beginError(err)
	}
	defer tx.Rollback()
	w, err := begin(tx.Size())
	if err != nil {
		return fmt.Errorf("store: snapshot: %w", err)
	}
	noted := &notingWriter{w: w}
	if _, err := tx.WriteTo(noted); err != nil {
		// The engine keeps only the text of a writer's error.
		if noted.err != nil {
			err = noted.err
		}
		return fmt.Errorf("store: snapshot: %w", err)
	}
	return nil
}

// notingWriter remembers the first error of w.
type notingWriter struct {
	w   io.Writer
	err error
}

func (n *notingWriter) Write(b []byte) (int, error) {
	written, err := n.w.Write(b)
	if err != nil && n.err == nil {
		n.err = err
	}
	return written, err
}

// Check reads the whole file and returns the first fault of its structure. It takes as long as reading the file.
func (db *DB) Check() error {
	tx, err := db.bolt.Begin(false)
	if err != nil {
		return db.beginError(err)
	}
	defer tx.Rollback()
	var first error
	// The channel is read to its end: the engine's checker would else never stop.
	for fault := range tx.Check() {
		if first == nil {
			first = fmt.Errorf("%w: %s: %v", ErrDamaged, db.path, fault)
		}
	}
	return first
}

func putUint64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func readUint64(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}
