package mls

import (
	"fmt"
	"sync"
	"testing"
)

// TestConcurrentUse: one Group serves several goroutines. Run with -race.
func TestConcurrentUse(t *testing.T) {
	s := newStage(t, nil)
	p := must(s.groups[leafHost].Commit(CommitOptions{Now: now}))(t)
	b, c := s.groups[leafB], s.groups[leafC]
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	for i := range 8 {
		wg.Go(func() {
			m, err := b.Seal([]byte(fmt.Sprint(i)), nil)
			if err == nil {
				var got AppMessage
				if got, err = c.Open(m); err == nil && string(got.Data) != fmt.Sprint(i) {
					err = fmt.Errorf("message %d became %s", i, got.Data)
				}
			}
			errs <- err
		})
		wg.Go(func() {
			_, _, err := c.Process(p.Commit, now)
			errs <- err
		})
		wg.Go(func() {
			_, _, err := s.observer.Check(p.Commit, Policy, now)
			errs <- err
		})
		wg.Go(func() {
			_, err := c.Commit(CommitOptions{Removes: []LeafIndex{leafB}, Now: now})
			errs <- err
		})
		wg.Go(func() {
			_, err := c.Marshal()
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
}
