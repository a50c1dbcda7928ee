package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"huisclos/appliance/control"
	"huisclos/store"
)

// exitForGood is the exit code of a start that no further one can better: the service manager leaves it at that
// (RestartPreventExitStatus= of huisclos.service). EX_CONFIG of sysexits.h; a Go program that panics ends with 2.
const exitForGood = 78

// exitCode is that of a start, or of a run, that ended with err.
func exitCode(err error) int {
	if errors.Is(err, store.ErrNewer) || errors.Is(err, store.ErrDamaged) {
		return exitForGood
	}
	return 1
}

// lookAtDatabase reads what the database in a data directory is, for the commands that say why no appliance runs.
func lookAtDatabase(data string) (version, known int, err error) {
	known = len(migrations())
	version, err = store.Peek(filepath.Join(data, databaseFile))
	switch {
	case errors.Is(err, store.ErrInUse):
		err = control.ErrDatabaseInUse
	case errors.Is(err, store.ErrDamaged):
		err = fmt.Errorf("%w: %w", control.ErrDatabaseDamaged, err)
	case errors.Is(err, store.ErrNewer): // another format than ours
		version, err = known+1, nil
	}
	return version, known, err
}

// Check is "huisclos check".
func Check(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return control.Check(lookAtDatabase)(ctx, args, stdout, stderr)
}

// Status is "huisclos status".
func Status(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return control.PrintStatus(lookAtDatabase)(ctx, args, stdout, stderr)
}
