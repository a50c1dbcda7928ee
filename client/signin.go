package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"huisclos/meetings"
)

const (
	// sessionCookie and csrfHeader are appliance/web's.
	sessionCookie = "__Host-huisclos"
	csrfHeader    = "X-Huisclos-CSRF"

	// maxJSON bounds an answer; a tree of 1,000 leaves is 1.5 MB.
	maxJSON = 1 << 20
	maxTree = 16 << 20
	// A passphrase costs the server a second of hashing, more when many come.
	answerWithin = time.Minute
	dialWithin   = 10 * time.Second
)

var errPinned = errors.New("the appliance's certificate is not the one whose fingerprint was given")

// tlsConfig checks the appliance's certificate by the system's roots and the
// link's host name, or, pinned, by its fingerprint alone: that names one
// certificate, whoever signed it and for whatever name.
func tlsConfig(pinned *Fingerprint) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}}
	if pinned != nil {
		want := *pinned
		c.InsecureSkipVerify = true // VerifyConnection is stricter; it also runs when a session is resumed
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) > 0 {
				got := sha256.Sum256(s.PeerCertificates[0].Raw)
				if subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
					return nil
				}
			}
			return errPinned
		}
	}
	return c
}

// appliance is a signed-in visitor's way to the HTTP interface.
type appliance struct {
	origin string
	http   *http.Client
	csrf   string
	// loopback says that the last connection went to this machine itself.
	loopback atomic.Bool
}

func newAppliance(origin string, pinned *Fingerprint) *appliance {
	jar, _ := cookiejar.New(nil) // never fails without options
	a := &appliance{origin: origin}
	dialer := &net.Dialer{Timeout: dialWithin}
	transport := &http.Transport{TLSClientConfig: tlsConfig(pinned), Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: dialWithin,
		IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 1,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err == nil {
				to, bad := netip.ParseAddrPort(c.RemoteAddr().String())
				a.loopback.Store(bad == nil && to.Addr().IsLoopback())
			}
			return c, err
		}}
	a.http = &http.Client{Jar: jar, Transport: transport, Timeout: answerWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return a
}

func (a *appliance) close() { a.http.CloseIdleConnections() }

// socketClient is for the WebSocket, whose request has no end.
func (a *appliance) socketClient() *http.Client {
	c := *a.http
	c.Timeout = 0
	return &c
}

// Account is who is signed in.
type Account struct {
	ID    meetings.ID `json:"id"`
	Name  string      `json:"name"`
	Email string      `json:"email"`
}

type me struct {
	Account Account `json:"account"`
	CSRF    string  `json:"csrf"`
	Must    string  `json:"must"` // "factor": the role needs a second factor that the account has not
}

// refusal is the appliance's own no: a code and sentences.
type refusal struct {
	status int
	code   string
	fr, en string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the appliance answers %d (%s): %s", r.status, r.code, r.en)
}

// ask makes one request of the API. An answer of another status than 200 to 299
// is a *refusal.
func (a *appliance) ask(ctx context.Context, method, path string, body, into any) error {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, a.origin+path, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "huisclos call")
	if method != http.MethodGet {
		r.Header.Set("Origin", a.origin)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(csrfHeader, a.csrf)
	}
	answer, err := a.http.Do(r)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxJSON))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	var said struct {
		CSRF  string
		Error struct{ Code, FR, EN string }
	}
	_ = json.Unmarshal(text, &said) // an empty answer has none
	if said.CSRF != "" {
		a.csrf = said.CSRF
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return &refusal{answer.StatusCode, said.Error.Code, said.Error.FR, said.Error.EN}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s %s: the answer is not understood", method, path)
	}
	return nil
}

// signIn begins a session, or takes up one whose token was given.
func (a *appliance) signIn(ctx context.Context, cfg Config) (Account, error) {
	var who me
	if cfg.Session != "" {
		at, err := url.Parse(a.origin)
		if err != nil {
			return Account{}, ErrLink
		}
		a.http.Jar.SetCookies(at, []*http.Cookie{{Name: sessionCookie, Value: cfg.Session, Path: "/", Secure: true, HttpOnly: true}})
		if cfg.As != nil {
			return *cfg.As, nil
		}
		if err = a.ask(ctx, http.MethodGet, "/api/me", nil, &who); err == nil && who.Must != "" {
			err = errIncomplete
		}
		return who.Account, err
	}
	// Without a session it answers 401, and gives the token that signing in asks for.
	var r *refusal
	if err := a.ask(ctx, http.MethodGet, "/api/me", nil, &who); err != nil && (!errors.As(err, &r) || r.code != "not-signed-in") {
		return Account{}, err
	}
	form := map[string]string{"email": cfg.Account, "passphrase": cfg.Passphrase}
	err := a.ask(ctx, http.MethodPost, "/api/login", form, &who)
	// The appliance says so after the right passphrase only.
	if errors.As(err, &r) && r.code == "secondFactorNeeded" && cfg.Code != nil {
		code, asked := cfg.Code(ctx)
		if asked != nil {
			return Account{}, asked
		}
		form["code"] = code
		err = a.ask(ctx, http.MethodPost, "/api/login", form, &who)
	}
	if err == nil && who.Must != "" {
		a.signOut(ctx) // the session is good for setting a factor up, which takes a page
		err = errIncomplete
	}
	return who.Account, err
}

var errIncomplete = &Error{"factorRequired", ""}

// givePIN gives the room's PIN, where it has one that this account has not given
// lately; elsewhere nobody is asked. What else keeps this account from the room,
// the line to it says.
func (a *appliance) givePIN(ctx context.Context, cfg Config) error {
	if cfg.As != nil {
		return nil // a test call's session is good for its room's line alone, which asks for none
	}
	var r *refusal
	var room struct {
		PIN bool `json:"pin"`
	}
	path := "/api/rooms/" + cfg.Link.Room.String()
	switch err := a.ask(ctx, http.MethodGet, path, nil, &room); {
	case errors.As(err, &r):
		return nil
	case err != nil:
		return err
	case !room.PIN:
		return nil
	case cfg.PIN == nil:
		return &Error{"pin-needed", ""}
	}
	pin, err := cfg.PIN(ctx)
	if err != nil {
		return err
	}
	return a.ask(ctx, http.MethodPost, path+"/pin", map[string]string{"pin": pin}, nil)
}

// signOut ends the session, so that none is left behind.
func (a *appliance) signOut(ctx context.Context) {
	_ = a.ask(ctx, http.MethodPost, "/api/logout", struct{}{}, nil) // it ends by itself otherwise
}

// tree fetches the public tree that a Welcome refers to.
func (a *appliance) tree(ctx context.Context, room meetings.ID, epoch uint64) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/api/rooms/%s/tree/%d", a.origin, room, epoch), nil)
	if err != nil {
		return nil, fmt.Errorf("fetching the tree: %w", err)
	}
	answer, err := a.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("fetching the tree: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetching the tree: status %d", answer.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxTree+1))
	if err != nil || len(b) > maxTree {
		return nil, fmt.Errorf("fetching the tree: cut short or too large: %w", errors.Join(err))
	}
	return b, nil
}
