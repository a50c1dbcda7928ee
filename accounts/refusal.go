package accounts

import (
	"context"
	"errors"
	"slices"
	"time"
)

// MeasureRefusal returns the median time of runs refusals on this machine, each of which costs what the dearest passphrase
// does: an administrator's. It takes its turn among sign-ins, so that no more memory is used than they may use together.
// clock must not go back; ctx ends the measure between two runs.
func (a *Accounts) MeasureRefusal(ctx context.Context, clock func() time.Time, runs int) (time.Duration, error) {
	if runs < 1 {
		return 0, errors.New("accounts: a measure needs one run at least")
	}
	took := make([]time.Duration, 0, runs)
	for range runs {
		began := clock()
		if err := a.hasher.VerifyUnknown(ctx, "a passphrase of nobody"); err != nil {
			return 0, hashError(err)
		}
		took = append(took, clock().Sub(began))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
