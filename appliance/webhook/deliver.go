package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// The headers of Standard Webhooks 1.0.
const (
	idHeader, timeHeader, signatureHeader = "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"

	maxAnswer = 4 << 10
)

// pauses are how long an event waits after each failure; the last one for all that follow. A webhook as a whole rests for firstRest,
// then twice as long after each failure, up to longestRest, whatever waits for it; when one arrives again all others follow at once.
var pauses = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}

const firstRest, longestRest = 2 * time.Second, 5 * time.Minute

// sign is the signature of a request by one secret: "v1," and the HMAC-SHA-256 of id, timestamp and body.
func sign(secret []byte, id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Run feeds and delivers until quit is closed, and returns when no delivery is under way.
func (h *Hooks) Run(quit <-chan struct{}, every time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	defer h.running.Wait()
	defer cancel()
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-quit:
			return
		case <-t.C:
			for more := true; more; {
				var err error
				if more, err = h.Feed(h.o.Now()); err != nil {
					h.o.Log.Error("events for webhooks not read", "error", err)
				}
			}
			if err := h.Turn(ctx, h.o.Now()); err != nil {
				h.o.Log.Error("webhooks not delivered", "error", err)
			}
		}
	}
}

// Turn begins a delivery to each webhook for which something is due, and which has none under way.
func (h *Hooks) Turn(ctx context.Context, now time.Time) error {
	var list []stored
	err := h.o.DB.View(func(tx *store.Tx) (err error) {
		list, err = all(tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.Off || s.Failed || !h.begin(s.ID, now) {
			continue
		}
		h.running.Go(func() {
			defer h.end(s.ID)
			if err := h.flush(ctx, s.ID); err != nil && ctx.Err() == nil {
				h.o.Log.Error("webhook not delivered", "webhook", s.ID.String(), "error", err)
			}
		})
	}
	return nil
}

// begin reports whether a delivery to a webhook may begin now.
func (h *Hooks) begin(id ID, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy[id] || len(h.busy) >= maxDeliveries || now.Before(h.rest[id].until) {
		return false
	}
	h.busy[id] = true
	return true
}

func (h *Hooks) end(id ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.busy, id)
}

// wake ends the rest of a webhook that was changed.
func (h *Hooks) wake(id ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.rest, id)
}

// tire lets a webhook rest that failed.
func (h *Hooks) tire(id ID, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rest[id]
	r.next = min(max(2*r.next, firstRest), longestRest)
	r.until = now.Add(r.next)
	h.rest[id] = r
}

// flush delivers what is due to one webhook, one after the other, until one fails.
func (h *Hooks) flush(ctx context.Context, id ID) error {
	again := false // it answers again after failures: nothing has to wait any longer
	for ctx.Err() == nil {
		now := h.o.Now()
		var s stored
		var key []byte
		var w waiting
		err := h.o.DB.View(func(tx *store.Tx) (err error) {
			if s, err = load(tx, id); err != nil {
				return err
			}
			key, w, err = due(tx, id, now, again)
			return err
		})
		if errors.Is(err, ErrNone) || err == nil && (key == nil || s.Off || s.Failed) {
			return nil
		}
		if err != nil {
			return err
		}
		d := h.try(ctx, s, w, now)
		if ctx.Err() != nil {
			return nil // the stop: it is tried at the next start
		}
		again = again || !s.Since.IsZero() && d.Outcome == Delivered
		if err := h.settle(id, key, w, d); err != nil {
			return err
		}
		if d.Outcome != Delivered {
			h.tire(id, h.o.Now())
			return nil
		}
		h.wake(id)
	}
	return nil
}

// due is the event that is to be tried first; key is nil when there is none. any: whether it is due or not.
func due(tx *store.Tx, id ID, now time.Time, any bool) (key []byte, first waiting, err error) {
	tx.Scan(queueBucket, id[:], nil, 0, func(k, v []byte) bool {
		var w waiting
		if err = json.Unmarshal(v, &w); err != nil {
			err = fmt.Errorf("webhook: %w", err)
			return false
		}
		if (any || !now.Before(w.Due)) && (key == nil || w.Due.Before(first.Due)) {
			key, first = slices.Clone(k), w
		}
		return true
	})
	return key, first, err
}

// settle writes what became of a try: the event is done with, waits again, or is given up; the webhook is well, failing, or shut.
func (h *Hooks) settle(id ID, key []byte, w waiting, d Delivery) error {
	return h.o.DB.Update(func(tx *store.Tx) error {
		s, err := load(tx, id)
		if errors.Is(err, ErrNone) || err == nil && tx.Get(queueBucket, key) == nil {
			return nil // deleted, or turned off, meanwhile
		}
		if err != nil {
			return err
		}
		w.Tries++
		switch {
		case d.Outcome == Delivered:
			s.Since, s.Good = time.Time{}, d.At
			err = tx.Delete(queueBucket, key)
		case d.At.Sub(w.Created) >= Patience:
			d.GivenUp = true
			s.Lost++
			err = tx.Delete(queueBucket, key)
		default:
			w.Due = d.At.Add(pauses[min(w.Tries, len(pauses))-1])
			d.Next = w.Due
			var b []byte
			if b, err = json.Marshal(w); err == nil {
				err = tx.Put(queueBucket, key, b)
			}
		}
		if err != nil {
			return err
		}
		if d.Outcome != Delivered && s.Since.IsZero() {
			s.Since = d.At
		}
		if d.Outcome != Delivered && d.At.Sub(s.Since) >= Endurance {
			s.Failed = true
			waits := 0
			tx.Scan(queueBucket, id[:], nil, 0, func(_, _ []byte) bool { waits++; return true })
			s.Lost += waits
			if err := empty(tx, queueBucket, id); err != nil {
				return err
			}
			d.Next = time.Time{}
			if err := h.o.Audit.Record(tx, audit.Event{Time: d.At, Actor: audit.ActorSystem, Action: audit.WebhookDisabled, Object: id.String(), Result: audit.Failed,
				Detail: map[string]string{"name": s.Name, "reason": string(d.Outcome), "lost": strconv.Itoa(s.Lost)}}); err != nil {
				return err
			}
			h.o.Log.Warn("a webhook failed for so long that it was turned off", "webhook", id.String(), "reason", string(d.Outcome))
		}
		if err := note(tx, id, d); err != nil {
			return err
		}
		return put(tx, s)
	})
}

// Test sends an event that says nothing, once, and returns how it went. ErrNone.
func (h *Hooks) Test(ctx context.Context, id ID) (Delivery, error) {
	now := h.o.Now()
	var s stored
	err := h.o.DB.View(func(tx *store.Tx) (err error) {
		s, err = load(tx, id)
		return err
	})
	if err != nil {
		return Delivery{}, err
	}
	drawn, err := h.draw(12)
	if err != nil {
		return Delivery{}, err
	}
	event := Event{ID: "evt_test_" + base64.RawURLEncoding.EncodeToString(drawn), Type: test, Time: now.UTC(), Data: map[string]any{}}
	body, err := json.Marshal(event)
	if err != nil {
		return Delivery{}, fmt.Errorf("webhook: event: %w", err)
	}
	d := h.try(ctx, s, waiting{Event: event.ID, Kind: test, Body: body, Created: now}, now)
	return d, h.o.DB.Update(func(tx *store.Tx) error {
		if _, err := load(tx, id); err != nil {
			return err
		}
		return note(tx, id, d)
	})
}

// try posts an event to a webhook once.
func (h *Hooks) try(ctx context.Context, s stored, w waiting, now time.Time) Delivery {
	d := Delivery{Event: w.Event, Kind: w.Kind, At: now.UTC(), Try: w.Tries + 1}
	status, err := h.post(ctx, s, w, now)
	d.Took, d.Status = h.o.Now().Sub(now), status
	d.Outcome = outcome(status, err)
	if err != nil {
		h.o.Log.Info("webhook not reached", "webhook", s.ID.String(), "outcome", string(d.Outcome), "error", err)
	}
	return d
}

// errDial is what a connection that could not be made is wrapped in.
var errDial = errors.New("webhook: no connection")

func outcome(status int, err error) Outcome {
	var unknown x509.UnknownAuthorityError
	var other x509.HostnameError
	var invalid x509.CertificateInvalidError
	var bad *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case err == nil && status >= 200 && status < 300:
		return Delivered
	case err == nil && status >= 300 && status < 400:
		return Redirected
	case err == nil:
		return Answered
	case errors.Is(err, errDial):
		return Unreachable
	case errors.As(err, &unknown), errors.As(err, &other), errors.As(err, &invalid), errors.As(err, &bad):
		return Untrusted
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return Silent
	}
	return Unreadable
}

// post sends one request over a connection of its own. Nothing of the answer counts but its status; a redirect is not followed.
func (h *Hooks) post(ctx context.Context, s stored, w waiting, now time.Time) (status int, err error) {
	kept, err := h.open(s.ID, s.Sealed)
	if err != nil {
		return 0, err
	}
	place, err := checkURL(kept.URL) // again: rules may have grown, and the settings changed, since it was stored
	if err == nil {
		err = h.mayGo(place)
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errDial, err)
	}
	roots := h.o.Roots
	if own, err := authorities(s.Authority); err != nil {
		return 0, err
	} else if own != nil {
		roots = own
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, kept.URL, bytes.NewReader(w.Body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "huisclos-webhook/1")
	r.Header.Set(idHeader, w.Event)
	r.Header.Set(timeHeader, strconv.FormatInt(now.Unix(), 10))
	signatures := []string{sign(kept.Secret, w.Event, now, w.Body)}
	if len(kept.Former) > 0 && now.Before(s.Former) {
		signatures = append(signatures, sign(kept.Former, w.Event, now, w.Body))
	}
	r.Header.Set(signatureHeader, strings.Join(signatures, " "))
	line := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := h.o.Dial(ctx, place.Host, place.Port)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", errDial, err)
			}
			return c, nil
		},
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Time: h.o.Now},
		DisableKeepAlives: true, MaxResponseHeaderBytes: maxAnswer, Proxy: nil,
	}
	defer line.CloseIdleConnections()
	client := &http.Client{Transport: line, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // so that it sees its answer taken; what it says doesn't matter
	return answer.StatusCode, nil
}
