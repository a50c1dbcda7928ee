package order

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/crypto/acme"
)

// Challenge is a way to show an authority that a name is ours.
type Challenge string

// The challenges that are answered here.
const (
	TLSALPN Challenge = "tls-alpn-01" // at port 443
	HTTP    Challenge = "http-01"     // at port 80
)

// Other is the one to try after this one has failed.
func (c Challenge) Other() Challenge {
	if c == HTTP {
		return TLSALPN
	}
	return HTTP
}

// choose picks the preferred challenge, or the other one that we can answer.
func (c *Client) choose(offered []*acme.Challenge, prefer Challenge) *acme.Challenge {
	for _, kind := range []Challenge{prefer, prefer.Other()} {
		if kind == HTTP && c.Plain == nil {
			continue
		}
		if i := slices.IndexFunc(offered, func(o *acme.Challenge) bool { return o.Type == string(kind) }); i >= 0 {
			return offered[i]
		}
	}
	return nil
}

// authorize shows that one name is ours.
func (c *Client) authorize(ctx context.Context, client *acme.Client, at string, prefer Challenge) error {
	ctx, cancel := context.WithTimeout(ctx, challengeWithin)
	defer cancel()
	a, err := client.GetAuthorization(ctx, at)
	if err != nil {
		return err
	}
	if a.Status == acme.StatusValid {
		return nil
	}
	name := a.Identifier.Value
	picked := c.choose(a.Challenges, prefer)
	if picked == nil {
		return &Failure{Kind: NoChallenge, Name: name}
	}
	away, err := c.answer(client, picked, name)
	if err != nil {
		return err
	}
	defer away()
	if _, err := client.Accept(ctx, picked); err != nil {
		return err
	}
	if _, err := client.WaitAuthorization(ctx, at); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return &Failure{Kind: TooSlow, Name: name, Challenge: Challenge(picked.Type)}
		}
		return &challengeError{name, Challenge(picked.Type), err}
	}
	return nil
}

// answer puts the answer where the authority looks for it, until away is called.
func (c *Client) answer(client *acme.Client, picked *acme.Challenge, name string) (away func(), err error) {
	if picked.Type == string(HTTP) {
		text, err := client.HTTP01ChallengeResponse(picked.Token)
		if err != nil {
			return nil, err
		}
		path := client.HTTP01ChallengePath(picked.Token)
		c.Plain(path, text)
		return func() { c.Plain(path, "") }, nil
	}
	cert, err := client.TLSALPN01ChallengeCert(picked.Token, name)
	if err != nil {
		return nil, err
	}
	c.Secure(name, &cert)
	return func() { c.Secure(name, nil) }, nil
}

// challengeError is a challenge that the authority found wrong.
type challengeError struct {
	name string
	kind Challenge
	err  error
}

func (e *challengeError) Error() string { return e.err.Error() }
func (e *challengeError) Unwrap() error { return e.err }
