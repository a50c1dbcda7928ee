package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/webhook"
	"huisclos/audit"
)

// What the console shows and does of webhooks.

// maxWebhookBody: authorities in PEM are 32 KiB at most.
const maxWebhookBody = 48 << 10

// A delivery that is tried by hand holds a slot for up to 15 s.
const triesPerSecond, triesBurst = 0.2, 5

type webhookJSON struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	URL       string         `json:"url"`
	Events    []webhook.Kind `json:"events"`
	Authority string         `json:"authority,omitempty"`
	Created   time.Time      `json:"created"`
	Off       bool           `json:"off"`
	// Failed: it was turned off because it failed for so long.
	Failed  bool       `json:"failed"`
	Failing *time.Time `json:"failing,omitempty"` // since then
	Good    *time.Time `json:"good,omitempty"`    // when a delivery last went well
	Waiting int        `json:"waiting"`
	Lost    int        `json:"lost"`
	// Former is until when the secret before signs too.
	Former *time.Time `json:"former,omitempty"`
}

func webhookOf(h webhook.Hook, now time.Time) webhookJSON {
	j := webhookJSON{ID: h.ID.String(), Name: h.Name, URL: h.URL, Events: h.Events, Authority: h.Authority, Created: h.Created, Off: h.Off, Failed: h.Failed, Waiting: h.Waiting, Lost: h.Lost}
	for at, of := range map[**time.Time]time.Time{&j.Failing: h.Since, &j.Good: h.Good} {
		if !of.IsZero() {
			*at = &of
		}
	}
	if now.Before(h.Former) {
		j.Former = &h.Former
	}
	return j
}

type deliveryJSON struct {
	Event   string          `json:"event"`
	Kind    webhook.Kind    `json:"kind"`
	At      time.Time       `json:"at"`
	Outcome webhook.Outcome `json:"outcome"`
	Status  int             `json:"status,omitempty"` // of HTTP
	Took    int64           `json:"took"`             // ms
	Try     int             `json:"try"`
	Next    *time.Time      `json:"next,omitempty"`
	GivenUp bool            `json:"givenUp,omitempty"`
}

func deliveryOf(d webhook.Delivery) deliveryJSON {
	j := deliveryJSON{Event: d.Event, Kind: d.Kind, At: d.At, Outcome: d.Outcome, Status: d.Status, Took: d.Took.Milliseconds(), Try: d.Try, GivenUp: d.GivenUp}
	if !d.Next.IsZero() {
		j.Next = &d.Next
	}
	return j
}

// webhookError gives the refusals of webhooks their codes.
func webhookError(err error) error {
	for of, c := range map[error]code{webhook.ErrNone: codeNotFound, webhook.ErrName: "webhook-name", webhook.ErrURL: "webhook-url", webhook.ErrPlace: "webhook-place", webhook.ErrEvents: "webhook-events",
		webhook.ErrAuthority: "webhook-authority", webhook.ErrTooMany: "too-many-webhooks"} {
		if errors.Is(err, of) {
			return refusal{c}
		}
	}
	return err
}

func (s *Server) getWebhooks(v *visit) error {
	list, err := s.Hooks.List()
	if err != nil {
		return err
	}
	out := make([]webhookJSON, 0, len(list))
	for _, h := range list {
		out = append(out, webhookOf(h, v.now))
	}
	return v.json(http.StatusOK, map[string]any{"webhooks": out, "events": webhook.Kinds(), "most": webhook.Most})
}

type webhookWish struct {
	Name      string   `json:"name"`
	URL       string   `json:"url"`
	Events    []string `json:"events"`
	Authority string   `json:"authority"`
	Off       bool     `json:"off"` // of a change
}

func (w webhookWish) wish() webhook.Wish {
	return webhook.Wish{Name: w.Name, URL: strings.TrimSpace(w.URL), Events: w.Events, Authority: w.Authority}
}

// details are what the audit log says of a webhook: not its path, which may be a secret.
func details(h webhook.Hook) []string {
	events := make([]string, 0, len(h.Events))
	for _, e := range h.Events {
		events = append(events, string(e))
	}
	return []string{"name", h.Name, "host", h.Host(), "events", strings.Join(events, " ")}
}

// makeWebhook makes one. Its secret is in this answer and nowhere else.
func (s *Server) makeWebhook(v *visit) error {
	var b webhookWish
	if err := v.decodeUpTo(&b, maxWebhookBody); err != nil {
		return err
	}
	var made webhook.Hook
	var shown string
	err := s.Accounts.Administer(v.actor(), true, "", v.now, func(d accounts.Deed) (err error) {
		if made, shown, err = s.Hooks.Make(d.Tx, b.wish(), v.now); err != nil {
			return err
		}
		return d.Record(audit.WebhookMade, made.ID.String(), details(made)...)
	})
	if err != nil {
		return webhookError(err)
	}
	return v.json(http.StatusCreated, map[string]any{"webhook": webhookOf(made, v.now), "secret": shown})
}

// onWebhook runs an administrator's act on the webhook that the address names.
func (s *Server) onWebhook(v *visit, proof bool, f func(accounts.Deed, webhook.ID) error) error {
	id, err := webhook.ParseID(v.c.Param("webhook"))
	if err != nil {
		return webhookError(err)
	}
	return webhookError(s.Accounts.Administer(v.actor(), proof, id.String(), v.now, func(d accounts.Deed) error { return f(d, id) }))
}

func (s *Server) changeWebhook(v *visit) error {
	var b webhookWish
	if err := v.decodeUpTo(&b, maxWebhookBody); err != nil {
		return err
	}
	var changed webhook.Hook
	err := s.onWebhook(v, true, func(d accounts.Deed, id webhook.ID) (err error) {
		if changed, err = s.Hooks.Change(d.Tx, id, b.wish(), b.Off); err != nil {
			return err
		}
		off := ""
		if b.Off {
			off = "yes"
		}
		return d.Record(audit.WebhookChanged, id.String(), append(details(changed), "off", off)...)
	})
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"webhook": webhookOf(changed, v.now)})
}

// deleteWebhook takes no proof: whoever finds that too much leaves must not lose time.
func (s *Server) deleteWebhook(v *visit) error {
	err := s.onWebhook(v, false, func(d accounts.Deed, id webhook.ID) error {
		name, err := s.Hooks.Delete(d.Tx, id)
		if err != nil {
			return err
		}
		return d.Record(audit.WebhookDeleted, id.String(), "name", name)
	})
	if err != nil {
		return err
	}
	return v.done()
}

func (s *Server) rotateWebhook(v *visit) error {
	var b struct{}
	if err := v.decode(&b); err != nil {
		return err
	}
	var turned webhook.Hook
	var shown string
	err := s.onWebhook(v, true, func(d accounts.Deed, id webhook.ID) (err error) {
		if turned, shown, err = s.Hooks.Rotate(d.Tx, id, v.now); err != nil {
			return err
		}
		return d.Record(audit.WebhookRotated, id.String(), "name", turned.Name, "until", turned.Former.Format(time.RFC3339))
	})
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"webhook": webhookOf(turned, v.now), "secret": shown})
}

// testWebhook sends an event that says nothing, now, and answers with how it went.
func (s *Server) testWebhook(v *visit) error {
	var b struct{}
	if err := v.decode(&b); err != nil {
		return err
	}
	id, err := webhook.ParseID(v.c.Param("webhook"))
	if err != nil {
		return webhookError(err)
	}
	if wait, ok := s.tries.take(v.account.ID.String(), v.now); !ok {
		v.w.Header().Set("Retry-After", seconds(wait))
		return refusal{codeTooFast}
	}
	d, err := s.Hooks.Test(v.r.Context(), id)
	if err != nil {
		return webhookError(err)
	}
	return v.json(http.StatusOK, map[string]any{"delivery": deliveryOf(d)})
}

func (s *Server) listDeliveries(v *visit) error {
	id, err := webhook.ParseID(v.c.Param("webhook"))
	if err != nil {
		return webhookError(err)
	}
	list, err := s.Hooks.Deliveries(id)
	if err != nil {
		return webhookError(err)
	}
	out := make([]deliveryJSON, 0, len(list))
	for _, d := range list {
		out = append(out, deliveryOf(d))
	}
	return v.json(http.StatusOK, map[string]any{"deliveries": out})
}
