package auditor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"huisclos/appliance/control"
	"huisclos/audit"
)

// Acts are what the commands ask of the running appliance.
func Acts(log *audit.Log, signer *audit.Signer, version string, now func() time.Time) map[string]control.Act {
	operator := func(a audit.Action) audit.Event {
		return audit.Event{Time: now(), Actor: audit.ActorOperator, Action: a}
	}
	return map[string]control.Act{
		actVerify: func(body json.RawMessage) (any, error) {
			var n noted
			if err := json.Unmarshal(body, &n); err != nil {
				return nil, fmt.Errorf("audit: %w", err)
			}
			parsed, err := n.parse()
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(context.Background(), verifyWithin)
			defer cancel()
			r, failed := log.Examine(ctx, parsed, nil)
			o, err := outcomeOf(r, parsed, failed)
			if err != nil {
				return nil, err
			}
			return o, log.RecordVerified(r, failed, operator(audit.LogVerified))
		},
		actBegin: func(body json.RawMessage) (any, error) {
			var q wanted
			if err := json.Unmarshal(body, &q); err != nil {
				return nil, fmt.Errorf("audit: %w", err)
			}
			return BeginExport(log, signer, q.Format, q.From, q.To, operator(audit.LogExported))
		},
		actGrowth: func(body json.RawMessage) (any, error) {
			var old uint64
			if err := json.Unmarshal(body, &old); err != nil {
				return nil, fmt.Errorf("audit: %w", err)
			}
			if _, err := signer.Sign(now()); err != nil {
				return nil, err
			}
			g, err := log.Growth(old)
			if errors.Is(err, audit.ErrNoCheckpoint) {
				return nil, control.Unknown("no-checkpoint", "Le journal a moins d'entrées que cela.", "The log has fewer entries than that.")
			}
			return string(g.Text()), err
		},
		actPart: func(body json.RawMessage) (any, error) {
			var p audit.Part
			if err := json.Unmarshal(body, &p); err != nil {
				return nil, fmt.Errorf("audit: %w", err)
			}
			var b strings.Builder
			p, err := log.WritePart(&b, p, version)
			return piece{p, b.String()}, err
		},
	}
}

// BeginExport records that the log is handed out, has all of it signed, and prepares the export. e names who asks.
func BeginExport(log *audit.Log, signer *audit.Signer, format audit.Format, from, to time.Time, e audit.Event) (audit.Part, error) {
	e.Action, e.Detail = audit.LogExported, map[string]string{"format": string(format)}
	for name, t := range map[string]time.Time{"from": from, "to": to} {
		if !t.IsZero() {
			e.Detail[name] = t.UTC().Format(time.RFC3339)
		}
	}
	if format != audit.JSONL && format != audit.CEF {
		return audit.Part{}, audit.ErrQuery
	}
	if err := log.Write(e); err != nil {
		return audit.Part{}, err
	}
	if _, err := signer.Sign(e.Time); err != nil {
		return audit.Part{}, err
	}
	return log.Begin(context.Background(), format, from, to)
}
