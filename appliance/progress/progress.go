// Package progress keeps how far the first start has come: which steps of the wizard are done, and which were put off.
//
// It decides which steps there are and which of them may wait. It never sees what a step sets: that is kept where it belongs, and can be
// set again in the console at any time.
package progress

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"huisclos/store"
)

const bucket = "progress"

var key = []byte("steps")

// CreateBuckets is this package's first migration.
func CreateBuckets(tx *store.Tx) error { return tx.CreateBucket(bucket) }

// Step of the wizard that follows the first administrator's account and second factor, which the accounts themselves show.
type Step string

var steps = []Step{"organisation", "addresses", "tls", "mail", "sources", "people", "connection"}

// Steps are all of them, in their order.
func Steps() []Step { return slices.Clone(steps) }

// State of a step.
type State string

// A step that nobody has come to is open.
const (
	Open  State = "open"
	Done  State = "done"
	Later State = "later"
)

// ErrUnknown says that there is no such step or state.
var ErrUnknown = errors.New("progress: no such step or state")

// One step and where it stands.
type One struct {
	Step  Step  `json:"step"`
	State State `json:"state"`
}

// Progress is where all of them stand. Begun: the appliance was set up in the wizard, and not by a program. Over: the wizard was left by
// its last page, and comes no more by itself.
type Progress struct {
	Steps []One `json:"steps"`
	Begun bool  `json:"begun"`
	Over  bool  `json:"over"`
}

type kept struct {
	States map[Step]State `json:"states"`
	Begun  bool           `json:"begun,omitempty"`
	Over   bool           `json:"over"`
}

// A Keeper keeps it in a database.
type Keeper struct{ DB *store.DB }

// Now is where all steps stand.
func (k Keeper) Now() (p Progress, err error) {
	err = k.DB.View(func(tx *store.Tx) error {
		found, err := load(tx)
		p.Begun, p.Over = found.Begun, found.Over
		for _, s := range steps {
			state := found.States[s]
			if state == "" {
				state = Open
			}
			p.Steps = append(p.Steps, One{s, state})
		}
		return err
	})
	return p, err
}

func load(tx *store.Tx) (k kept, err error) {
	if text := tx.Get(bucket, key); text != nil {
		if err := json.Unmarshal(text, &k); err != nil {
			return k, fmt.Errorf("progress: what is stored can't be read: %w", err)
		}
	}
	if k.States == nil {
		k.States = map[Step]State{}
	}
	return k, nil
}

// Set notes where a step stands. ErrUnknown.
func (k Keeper) Set(step Step, state State) error {
	if !slices.Contains(steps, step) || state != Done && state != Later && state != Open {
		return ErrUnknown
	}
	return k.update(func(o *kept) { o.States[step] = state })
}

// Begin notes that somebody sets the appliance up in the wizard.
func (k Keeper) Begin() error { return k.update(func(o *kept) { o.Begun = true }) }

// SetOver notes that the wizard is left for good, or, with false, wanted again.
func (k Keeper) SetOver(over bool) error {
	return k.update(func(o *kept) { o.Over = over })
}

func (k Keeper) update(f func(*kept)) error {
	return k.DB.Update(func(tx *store.Tx) error {
		found, err := load(tx)
		if err != nil {
			return err
		}
		f(&found)
		text, err := json.Marshal(found)
		if err != nil {
			return err
		}
		return tx.Put(bucket, key, text)
	})
}
