package scim

import (
	"time"

	"huisclos/accounts"
)

// Provider is the service provider (RFC 7644 §1.1) over the accounts of an appliance.
type Provider struct{ Accounts *accounts.Accounts }

// Request is who asks, and how.
type Request struct {
	By    accounts.Provisioner
	Base  string // of all addresses, without a slash at its end: https://visio.example.org/scim/v2
	Query Query
	Match string // If-Match: "": whatever the version is
	Now   time.Time
	Also  []accounts.Also // is done with the activation link of somebody new
}

// Answer is a resource as it is sent.
type Answer struct {
	Body     map[string]any
	Location string
	Version  string
}

func (q Request) check(version string) error {
	if q.Match != "" && !named(q.Match, version) {
		return ErrChanged
	}
	return nil
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func meta(kind, location, version string, created, changed time.Time) map[string]any {
	if changed.IsZero() {
		changed = created
	}
	return map[string]any{"resourceType": kind, "location": location, "version": version, "created": timestamp(created), "lastModified": timestamp(changed)}
}
