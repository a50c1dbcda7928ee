package install

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"huisclos/appliance/update"
)

// keep keeps the installed version and, once the service is stopped, its database.
func (w *work) keep(ctx context.Context) error {
	part := w.at("." + keptPackage)
	if err := errors.Join(remove(part), remove(w.at(keptPackage)), remove(w.at(keptData))); err != nil {
		return err
	}
	if err := w.Machine.Keep(ctx, part); err != nil {
		return &refusal{update.NotKept, err}
	}
	if err := os.Rename(part, w.at(keptPackage)); err != nil {
		return err
	}
	if err := w.reach(keeping); err != nil {
		return err
	}
	w.journal.Stopped = w.Now().UTC()
	if err := w.reach(stopping); err != nil {
		return err
	}
	err := w.Machine.Stop(ctx)
	if err == nil {
		err = w.save()
	}
	if err == nil {
		err = w.mark()
	}
	if err == nil {
		err = w.reach(saved)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	// Nothing is changed yet: as it was, with everybody let in.
	if again := errors.Join(removeData(w.data, inSpool(update.TrialFile)), w.Machine.Start(ctx)); again != nil {
		return &down{errors.Join(err, again)}
	}
	return unfit(err)
}

// down says that the service was stopped and does not start again.
type down struct{ err error }

func (d *down) Error() string { return "install: the service does not start again: " + d.err.Error() }
func (d *down) Unwrap() error { return d.err }

// save copies the database. Nothing writes it: the service is stopped.
func (w *work) save() error {
	f, _, err := plain(w.data, update.Database)
	if errors.Is(err, fs.ErrNotExist) {
		w.journal.Empty = true // it was never started
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return replace(w.Home, keptData, f)
}

// mark lets nobody in until it is taken away: what the new version writes may be given up again.
func (w *work) mark() error {
	return giveData(w.data, inSpool(update.TrialFile), strings.NewReader(w.journal.Request.ID))
}

// place puts the package in place and tries it.
func (w *work) place(ctx context.Context, payload string) (update.Outcome, error) {
	if w.journal.Request.Act == update.Rollback && w.journal.Request.Data {
		if err := w.putDatabase(formerData, w.journal.ToDB); err != nil {
			return w.revert(ctx, update.NotPlaced, err)
		}
	}
	w.journal.Placed = true
	if err := w.reach(placing); err != nil {
		return w.revert(ctx, update.NotPlaced, err)
	}
	if err := w.Machine.Install(ctx, payload); err != nil {
		return w.revert(ctx, update.NotPlaced, err)
	}
	if err := w.reach(trying); err != nil {
		return w.revert(ctx, update.NotPlaced, err)
	}
	err := w.Machine.Start(ctx)
	if sick := w.healthy(ctx, w.journal.To, w.Ready); sick != nil {
		return w.revert(ctx, update.NotHealthy, errors.Join(err, sick))
	}
	if err := w.reach(finishing); err != nil {
		return w.revert(ctx, update.NotHealthy, err)
	}
	return w.finish()
}

// healthy waits until that version says that it is ready, and goes on saying so.
func (w *work) healthy(ctx context.Context, version string, within time.Duration) error {
	began := w.Now()
	var good time.Time
	var last error
	for {
		is, ready, err := w.Machine.Health(ctx)
		now := w.Now()
		switch {
		case err != nil:
			last, good = err, time.Time{}
		case is != version:
			last, good = fmt.Errorf("version %q answers instead of %q", is, version), time.Time{}
		case !ready:
			last, good = errors.New("it says that a part is not ready"), time.Time{}
		case good.IsZero():
			good = now
		case now.Sub(good) >= w.Steady:
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if good.IsZero() && now.Sub(began) >= within {
			return fmt.Errorf("not ready after %s: %w", within, last)
		}
		// One that comes and goes is not waited for without end.
		if now.Sub(began) >= within+w.Steady {
			return fmt.Errorf("it did not stay ready: %w", last)
		}
		w.Pause(ctx, lookEvery)
	}
}

// finish makes it last. Each part may have been done before.
func (w *work) finish() (update.Outcome, error) {
	j := &w.journal
	var err error
	if j.Request.Act == update.Apply {
		err = errors.Join(w.moveHome(keptPackage, formerPackage), w.moveHome(keptData, formerData))
		if j.Empty {
			err = errors.Join(err, remove(w.at(formerData)))
		}
		former := update.Former{Version: j.From, Database: j.FromDB, Kept: w.Now().UTC()}
		if err == nil {
			err = w.putHome(update.FormerFile, former)
		}
		err = errors.Join(err, w.tellFormer(former))
		// Another may have come meanwhile; this one is done.
		err = errors.Join(err, removeData(w.data, inSpool(update.BundleFile)))
	} else {
		err = errors.Join(removeData(w.data, inSpool(update.FormerFile)), remove(w.at(update.FormerFile)), remove(w.at(formerPackage)), remove(w.at(formerData)), remove(w.at(keptPackage)))
		if j.Request.Data {
			err = errors.Join(err, w.moveHome(keptData, replacedData))
		} else {
			err = errors.Join(err, remove(w.at(keptData)))
		}
	}
	if err != nil {
		return update.Outcome{}, fmt.Errorf("install: what is kept: %w", err)
	}
	if j.Request.Act == update.Apply {
		return w.end(update.Applied)
	}
	return w.end(update.RolledBack)
}

// tellFormer lets the service say what is kept. What root's part goes by is its own file.
func (w *work) tellFormer(f update.Former) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return giveData(w.data, inSpool(update.FormerFile), bytes.NewReader(text))
}

// revert puts back what was there: program and database. It may be called again after it was cut off.
func (w *work) revert(ctx context.Context, cause update.Cause, err error) (update.Outcome, error) {
	if ctx.Err() != nil {
		return update.Outcome{}, ctx.Err() // the machine stops: the next run does it
	}
	j := &w.journal
	again := j.Step == reverting
	if !again {
		j.Cause, j.Detail = cause, detail(err)
		w.Log.Error("the former version comes back", "cause", cause, "error", err)
	}
	if err := w.reach(reverting); err != nil {
		w.Log.Error("the journal can't be written; going on", "error", err)
	}
	stop := w.Machine.Stop(ctx)
	back := w.mark()
	if !again {
		w.setAside()
	}
	if j.Empty {
		back = errors.Join(back, removeData(w.data, update.Database))
	} else {
		back = errors.Join(back, w.putDatabase(keptData, j.FromDB))
	}
	if j.Placed {
		back = errors.Join(back, w.Machine.Install(ctx, w.at(keptPackage)))
	}
	start := w.Machine.Start(ctx)
	sick := w.healthy(ctx, j.From, 2*w.Ready)
	if ctx.Err() != nil {
		return update.Outcome{}, ctx.Err()
	}
	if sick != nil || back != nil {
		// A later run must not put an old database over what somebody has mended by hand: what is kept gets another name, for them.
		j.Detail = detail(errors.Join(errors.New(j.Detail), back, stop, start, sick))
		w.Log.Error("neither version runs as it should", "error", j.Detail)
		if err := errors.Join(w.moveHome(keptPackage, stuckPackage), w.moveHome(keptData, stuckData)); err != nil {
			w.Log.Error("what is kept has not got its other name", "error", err)
		}
		return w.end(update.Stuck)
	}
	if err := errors.Join(remove(w.at(keptPackage)), remove(w.at(keptData))); err != nil {
		w.Log.Warn("what was kept is not removed", "error", err)
	}
	return w.end(update.RolledBack)
}

// setAside keeps the database that the failed version left: for somebody who looks for the cause.
func (w *work) setAside() {
	f, _, err := plain(w.data, update.Database)
	if err == nil {
		err = errors.Join(replace(w.Home, failedData, f), f.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.Log.Warn("the database of the failed version is not kept", "error", err) // the way back goes before
	}
}

// putDatabase puts a kept database in place, and notes its version as the package does.
func (w *work) putDatabase(name string, version int) error {
	f, err := os.Open(w.at(name))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := giveData(w.data, update.Database, f); err != nil {
		return err
	}
	if version == 0 {
		return removeData(w.data, update.VersionFile)
	}
	return giveData(w.data, update.VersionFile, strings.NewReader(strconv.Itoa(version)+"\n"))
}

// recover brings to its end what an earlier run began.
func (w *work) recover(ctx context.Context) (update.Outcome, error) {
	j := &w.journal
	w.Log.Warn("an update was interrupted", "id", j.Request.ID, "step", j.Step)
	switch j.Step {
	case finishing:
		return w.finish()
	case trying:
		// The version waited in vain for us and let people in (update.TrialWithin): what they did since is not given up.
		if _, err := w.data.Lstat(inSpool(update.TrialFile)); errors.Is(err, fs.ErrNotExist) {
			return w.finish()
		}
	case taken, keeping, stopping:
		j.Cause = update.Interrupted
		if j.Step == stopping {
			if err := errors.Join(removeData(w.data, inSpool(update.TrialFile)), w.Machine.Start(ctx)); err != nil {
				return update.Outcome{}, fmt.Errorf("install: start again: %w", err)
			}
		}
		if err := errors.Join(remove(w.at(keptPackage)), remove(w.at(keptData))); err != nil {
			return update.Outcome{}, err
		}
		return w.end(update.Refused)
	}
	release, err := w.Machine.Lock(ctx)
	if err != nil {
		return update.Outcome{}, err
	}
	defer release()
	return w.revert(ctx, update.Interrupted, errors.New("interrupted at the step "+string(j.Step)))
}

// end says what came of it, lets everybody in, and forgets how far it was. Everything before may be done again.
func (w *work) end(r update.Result) (update.Outcome, error) {
	j := w.journal
	now := w.Now().UTC()
	o := update.Outcome{ID: j.Request.ID, Act: j.Request.Act, Result: r, By: j.Request.By, From: j.From, To: j.To, Cause: j.Cause, Detail: j.Detail, Data: j.Request.Data && j.Request.Act == update.Rollback && r == update.RolledBack && j.Cause == "", Began: j.Began, Ended: now}
	if !j.Stopped.IsZero() {
		o.Stopped = max(now.Sub(j.Stopped).Seconds(), 0)
	}
	if err := w.putHome(update.OutcomeFile, o); err != nil {
		return o, fmt.Errorf("install: outcome: %w", err)
	}
	f, err := os.Open(w.at(update.OutcomeFile))
	if err != nil {
		return o, fmt.Errorf("install: outcome: %w", err)
	}
	// The service may be stopped: it records this at its next start.
	err = errors.Join(giveData(w.data, inSpool(update.OutcomeFile), f), f.Close())
	err = errors.Join(err, removeData(w.data, inSpool(update.TrialFile)), remove(w.at(newBundle)), remove(w.at(newPackage)), remove(w.at(update.BundleFile)))
	if err != nil {
		return o, fmt.Errorf("install: outcome: %w", err)
	}
	if err := remove(w.at(update.JournalFile)); err != nil {
		return o, fmt.Errorf("install: journal: %w", err)
	}
	w.Log.Info("done", "result", r, "cause", j.Cause, "from", j.From, "to", j.To)
	return o, nil
}
