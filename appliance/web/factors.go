package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"

	"huisclos/accounts"
)

type totpJSON struct {
	Since time.Time `json:"since"`
}

func reveal(list []accounts.Token) []string {
	out := make([]string, 0, len(list))
	for _, t := range list {
		out = append(out, t.Reveal())
	}
	return out
}

func (s *Server) getFactors(v *visit) error {
	f, err := s.Accounts.Factors(v.account.ID)
	if err != nil {
		return err
	}
	var totp *totpJSON
	if !f.TOTP.IsZero() {
		totp = &totpJSON{f.TOTP}
	}
	out := map[string]any{"totp": totp, "passkeys": v.passkeyList(f.Passkeys), "recoveryLeft": f.RecoveryLeft, "required": f.Required}
	if v.account.Keyed {
		out["keyed"] = true
	}
	return v.json(http.StatusOK, out)
}

// beginTOTP shows a secret that the server cannot show again. It counts for nothing before its first code.
func (s *Server) beginTOTP(v *visit) error { return s.drawTOTP(v, s.Accounts.BeginTOTP) }

// replaceTOTP is the same where there is one, which counts until the first code of the new one.
func (s *Server) replaceTOTP(v *visit) error { return s.drawTOTP(v, s.Accounts.ReplaceTOTP) }

type drawTOTP func(context.Context, accounts.ID, accounts.Proof, accounts.Client, time.Time) (accounts.Enrolment, error)

func (s *Server) drawTOTP(v *visit, draw drawTOTP) error {
	var b proofJSON
	if err := v.decode(&b); err != nil {
		return err
	}
	p, err := v.proof(b)
	if err != nil {
		return err
	}
	e, err := draw(v.r.Context(), v.account.ID, p, v.from(), v.now)
	if err != nil {
		return err
	}
	rows, err := modules(e.URI.Reveal())
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"secret": e.Secret.Reveal(), "uri": e.URI.Reveal(), "qr": rows, "until": e.Until})
}

// modules are the rows of a QR code, 1 for a dark one, without the quiet zone: the page draws them, so that no picture is
// loaded from anywhere.
func modules(text string) ([]string, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("QR code: %w", err)
	}
	size := code.Bounds()
	rows := make([]string, 0, size.Dy())
	for y := size.Min.Y; y < size.Max.Y; y++ {
		var row strings.Builder
		for x := size.Min.X; x < size.Max.X; x++ {
			if red, _, _, _ := code.At(x, y).RGBA(); red == 0 {
				row.WriteByte('1')
			} else {
				row.WriteByte('0')
			}
		}
		rows = append(rows, row.String())
	}
	return rows, nil
}

func (s *Server) confirmTOTP(v *visit) error {
	var b struct {
		Code string `json:"code"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	c, err := s.Accounts.ConfirmTOTP(v.account.ID, b.Code, v.from(), v.now)
	if err != nil {
		return err
	}
	signIn(v.w, c.Session.Reveal())
	return v.json(http.StatusOK, map[string]any{"recovery": reveal(c.Recovery), "since": c.Since, "csrf": csrfToken(c.Session.Reveal())})
}

func (s *Server) removeTOTP(v *visit) error {
	var b proofJSON
	if err := v.decode(&b); err != nil {
		return err
	}
	p, err := v.proof(b)
	if err != nil {
		return err
	}
	token, err := s.Accounts.RemoveTOTP(v.r.Context(), v.account.ID, p, v.from(), v.now)
	if err != nil {
		return err
	}
	signIn(v.w, token.Reveal())
	return v.done()
}

func (s *Server) renewRecovery(v *visit) error {
	var b proofJSON
	if err := v.decode(&b); err != nil {
		return err
	}
	p, err := v.proof(b)
	if err != nil {
		return err
	}
	codes, err := s.Accounts.RenewRecovery(v.r.Context(), v.account.ID, p, v.from(), v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"recovery": reveal(codes)})
}

// takeFactors is for somebody who lost phone and recovery codes. An administrator's own account is no exception: what is
// left is the passphrase, and every session of it ends.
func (s *Server) takeFactors(v *visit) error {
	id, err := v.subject()
	if err != nil {
		return err
	}
	if err := s.Accounts.TakeFactors(v.actor(), id, v.now); err != nil {
		return err
	}
	if id == v.account.ID {
		dropCookie(v.w, sessionCookie)
	}
	return v.done()
}

// atTheDoor gives a wrong code or passkey at sign-in the status of a wrong passphrase there; elsewhere it is that of a wrong one given again.
func (v *visit) atTheDoor(err error) error {
	c := codeCodeWrong
	switch {
	case errors.Is(err, accounts.ErrPasskeyRefused):
		c = codePasskeyRefused
	case !errors.Is(err, accounts.ErrCodeWrong):
		return err
	}
	return doorRefusal{c, err}
}
