// Package scim is the SCIM 2.0 protocol (RFC 7643, RFC 7644) without its transport: resources, schemas, filters, PATCH, and what they
// mean for provisioned accounts and groups.
//
// It never sees HTTP, a session, a passphrase or an account of another source. What it doesn't know of a resource it leaves out and
// keeps nowhere: an appliance for calls has no need of telephone numbers and managers.
package scim
