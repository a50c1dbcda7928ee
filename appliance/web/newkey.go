package web

import (
	"encoding/json"
	"net/http"

	"huisclos/accounts"
)

// A passkey that somebody makes who is not signed in, for an account that a secret in their hands names: an invitation with its code,
// or a guest's link. It is all that the account signs in with then.

// askForKey asks the browser for a passkey of an account.
func (v *visit) askForKey(id accounts.ID, email, name string) error {
	at, err := v.visitor(id)
	if err != nil {
		return err
	}
	options, err := v.srv.Passkeys.BeginAdd(at, email, name, nil, v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"options": options})
}

// madeKey checks what the browser made when it was asked for the same account.
func (v *visit) madeKey(id accounts.ID, credential json.RawMessage) (accounts.PasskeyKey, error) {
	at, err := v.visitor(id)
	if err != nil {
		return accounts.PasskeyKey{}, err
	}
	made, err := v.srv.Passkeys.FinishAdd(credential, at, v.now)
	if err != nil {
		return accounts.PasskeyKey{}, ceremony(err)
	}
	return accounts.PasskeyKey(made), nil
}

// choosePassphrase is changePassphrase of somebody who has none yet. The recovery codes that come with it are shown once.
func (v *visit) choosePassphrase(p accounts.Proof, passphrase string) error {
	if p.Passkey == nil {
		return refusal{codeBadRequest}
	}
	c, err := v.srv.Accounts.ChoosePassphrase(v.r.Context(), v.account.ID, p.Passkey, passphrase, v.from(), v.now)
	if err != nil {
		return err
	}
	a, err := v.srv.Accounts.Get(v.account.ID)
	if err != nil {
		return err
	}
	signIn(v.w, c.Session.Reveal())
	return v.json(http.StatusOK, struct {
		meJSON
		Recovery []string `json:"recovery"`
	}{v.me(a, c.Session.Reveal()), reveal(c.Recovery)})
}
