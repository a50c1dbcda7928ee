package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"path/filepath"
	"regexp"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/bench/program"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// prepare writes the accounts beside the program, as its operator would, and measures the work of one refusal of each kind.
func prepare(ctx context.Context, dir string, each int) (work map[string][]time.Duration, err error) {
	db, err := store.Open(filepath.Join(dir, "data", "huisclos.db"), store.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	pepper, err := accounts.OpenPepper(db, filepath.Join(dir, "data", "pepper"), rand.Reader)
	if err != nil {
		return nil, err
	}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Pepper: pepper})
	if err != nil {
		return nil, err
	}
	a, err := accounts.New(db, audit.New(db), hasher, rand.Reader, accounts.Options{})
	if err != nil {
		return nil, err
	}
	from := func(n int) accounts.Client {
		return accounts.Client{Address: netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n)})}
	}
	work = map[string][]time.Duration{}
	clients := 0
	for n := range each {
		for _, kind := range kinds {
			if kind != "unknown" {
				role, phrase := accounts.Member, memberPhrase
				if kind == "administrator" {
					role, phrase = accounts.Administrator, administratorPhrase
				}
				_, link, err := a.Create(accounts.Operator(), "Somebody", email(kind, n), role, time.Now())
				if err != nil {
					return nil, err
				}
				if _, _, err := a.Activate(ctx, link.Token.Reveal(), phrase, from(0), time.Now()); err != nil {
					return nil, err
				}
			}
			clients++
			began := time.Now()
			// One of the five quick tries of an account: the program makes four more.
			_, err := a.Login(ctx, email(kind, n), accounts.Proof{Passphrase: "wrong"}, from(clients), time.Now())
			if !errors.Is(err, accounts.ErrCredentials) {
				return nil, fmt.Errorf("a wrong passphrase for %s: %w", kind, err)
			}
			work[kind] = append(work[kind], time.Since(began))
		}
	}
	return work, nil
}

// server is the program in a process of its own.
type server struct {
	*program.Server
	after, measured string // as it says them in its log
}

var saysAfter = regexp.MustCompile(`refused sign-ins are answered at one time.*after["=: ]+([0-9.a-zµ]+).*one passphrase["=: ]+([0-9.a-zµ]+)`)

// start returns when the program answers and has said after what time it refuses.
func start(ctx context.Context, binary, dir string) (*server, error) {
	said := make(chan [2]string, 1)
	s, err := program.Start(ctx, binary, filepath.Join(dir, "data"), func(line string) {
		if m := saysAfter.FindStringSubmatch(line); m != nil {
			said <- [2]string{m[1], m[2]}
		}
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	select {
	case m := <-said:
		return &server{s, m[0], m[1]}, nil
	case <-ctx.Done():
		return nil, errors.Join(errors.New("the program does not say after what time it refuses"), s.Stop())
	}
}

// refused tries a wrong passphrase as a browser would, from the n-th loopback address, and returns the time from the last
// octet of the request to the answer.
func (s *server) refused(ctx context.Context, email, passphrase string, n int) (time.Duration, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return 0, err
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n))}}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	c := http.Client{Jar: jar, Transport: transport}
	origin := "https://" + s.At
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/api/me", nil)
	if err != nil {
		return 0, err
	}
	res, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	var me struct {
		CSRF string `json:"csrf"`
	}
	err = json.NewDecoder(res.Body).Decode(&me)
	res.Body.Close()
	if err != nil {
		return 0, err
	}
	body, err := json.Marshal(map[string]string{"email": email, "passphrase": passphrase})
	if err != nil {
		return 0, err
	}
	if req, err = http.NewRequestWithContext(ctx, http.MethodPost, origin+"/api/login", bytes.NewReader(body)); err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", origin)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("X-Huisclos-CSRF", me.CSRF)
	began := time.Now()
	if res, err = c.Do(req); err != nil {
		return 0, err
	}
	took := time.Since(began)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	if res.StatusCode != http.StatusUnauthorized {
		return 0, fmt.Errorf("%s: %s", res.Status, text)
	}
	return took, nil
}
