// Package web decides which request may do what: routes, sessions, cross-site defences, headers, rate limits and the
// form of every answer. It calls one function of the domain per request and renders what that returns.
//
// It never sees a meeting's secrets: signalling passes through it as an upgraded connection, media not at all.
//
// Follows RFC 6265bis (cookie prefixes), RFC 9110 (HTTP semantics), W3C CSP 3, Trusted Types and Fetch Metadata, and
// ANSSI-PA-009 for the headers.
package web
