package sizing

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"testing"
	"time"
)

// TestStopped: a measurement that is stopped, or has no disk, says so and leaves nothing behind. That every figure is there is the
// script's affair (testdata/script/bench.txtar).
func TestStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	dir := t.TempDir()
	if _, err := Measure(ctx, dir, rand.Reader, time.Now); err == nil {
		t.Error("it went on")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	var o, e bytes.Buffer
	if code := Command(t.Context(), []string{"--data", t.TempDir() + "/none"}, &o, &e); code != 1 || o.Len() > 0 {
		t.Errorf("%d %s", code, &e)
	}
}
