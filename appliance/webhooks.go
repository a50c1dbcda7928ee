package appliance

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"time"

	"huisclos/appliance/outward"
	"huisclos/appliance/webhook"
)

// hooksEvery is how often the audit log is read for events, and what waits looked at.
const hooksEvery = time.Second

// newWebhooks reads what webhooks need of the system, which can't be read any more once the process is shut in. Their connections are made
// by the process that connects outward, which refuses names that lead to loopback or link-local addresses.
func (s settings) newWebhooks(o webhook.Options) (*webhook.Hooks, error) {
	var err error
	if o.Roots, err = x509.SystemCertPool(); err != nil {
		return nil, fmt.Errorf("webhooks: the system's authorities: %w", err)
	}
	o.Open = s.ConsoleDestinations
	for _, at := range placesOf(s.Settings)[outward.Webhook] {
		o.Named = append(o.Named, webhook.Place{Host: at.Host, Port: at.Port})
	}
	dialer := outward.Dialer{Path: s.OutwardPath()}
	o.Dial = func(ctx context.Context, host string, port int) (net.Conn, error) {
		return dialer.DialTo(ctx, outward.Webhook, host, port)
	}
	return webhook.New(o), nil
}

// tellWebhooks delivers events until the stop, which waits for what is under way.
func (a *Appliance) tellWebhooks() {
	quit, done := make(chan struct{}), make(chan struct{})
	a.onStop(func() {
		close(quit)
		<-done // what a receiver has taken is noted before the database closes
	})
	a.running.Go(func() {
		defer close(done)
		select {
		case <-a.probation.over:
		case <-quit:
			return
		}
		a.hooks.Run(quit, hooksEvery)
	})
	a.every(renewEvery, func(now time.Time) {
		if err := a.hooks.Certificate(a.keeper.Expires(), now); err != nil {
			a.log.Error("webhooks are not told of the certificate", "error", err)
		}
	})
}
