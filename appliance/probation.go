package appliance

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"huisclos/appliance/update"
)

// A probation is the time in which a version that was just installed is tried: root's part of the update has left a mark, and nobody is let
// in while it stands. So nothing is promised to anybody that the way back to the former version would take away. Mails and webhooks wait, too.
type probation struct {
	mark string
	over chan struct{} // closed when people are let in
}

const probationLook = 200 * time.Millisecond

// newProbation looks for the mark. Where root's part never takes it away, because it died and does not come back, the version lets people in
// by itself after update.TrialWithin.
// quits are the ends of the appliance, whichever comes first.
func newProbation(data string, aside func(func()), quits [2]<-chan struct{}, log *slog.Logger) *probation {
	p := &probation{mark: filepath.Join(data, update.Folder, update.TrialFile), over: make(chan struct{})}
	if !p.marked() {
		close(p.over)
		return p
	}
	aside(func() {
		defer close(p.over)
		look := time.NewTicker(probationLook)
		defer look.Stop()
		longest := time.NewTimer(update.TrialWithin)
		defer longest.Stop()
		for p.marked() {
			select {
			case <-quits[0]:
				return
			case <-quits[1]:
				return
			case <-longest.C:
				// Without the mark root's part knows, when it comes back, that what happens from now on must last. With one that can't be
				// removed nobody is let in.
				if err := os.Remove(p.mark); err != nil {
					log.Error("the mark of an update's trial can't be removed; nobody is let in", "error", err)
					longest.Reset(update.TrialWithin)
				}
			case <-look.C:
			}
		}
	})
	return p
}

func (p *probation) marked() bool {
	_, err := os.Lstat(p.mark)
	return err == nil
}

func (p *probation) on() bool {
	select {
	case <-p.over:
		return false
	default:
		return true
	}
}

// before answers everybody that they come back in a moment, while it lasts.
func (p *probation) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.on() {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("Une mise à jour est en cours de vérification. Revenez dans un instant.\nAn update is being checked. Come back in a moment.\n"))
	})
}
