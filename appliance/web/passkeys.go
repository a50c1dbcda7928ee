package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/passkey"
)

// Why there can be no passkeys where somebody is now. The page says it in a sentence.
const (
	noName    = "noName"    // the settings have no host name
	untrusted = "untrusted" // the certificate is the appliance's own: browsers make passkeys on pages that they trust alone
	otherName = "otherName" // this page was come to by another name, or by an address
)

// passkeysHere returns the origin that passkeys are used at, as browsers serialise it (RFC 6454 §6.2), or why there can be none.
// Behind a proxy the certificate that people see is the proxy's.
func (s *Server) passkeysHere(r *http.Request) (origin, why string) {
	if s.Passkeys == nil {
		return "", noName
	}
	if !s.strict() && !s.proxied(r) {
		return "", untrusted
	}
	if name, _ := splitHost(r.Host); !strings.EqualFold(name, s.Passkeys.ID()) {
		return "", otherName
	}
	return strings.ToLower(s.base(r)), ""
}

// passkeysJSON says whether passkeys can be had here, and otherwise why not and, if that is so, where.
type passkeysJSON struct {
	Possible bool   `json:"possible"`
	Reason   string `json:"reason,omitempty"`
	At       string `json:"at,omitempty"` // where to come to
}

func (v *visit) passkeys() passkeysJSON {
	_, why := v.srv.passkeysHere(v.r)
	j := passkeysJSON{Possible: why == "", Reason: why}
	if why == otherName {
		j.At = "https://" + v.srv.Passkeys.ID()
		if v.srv.Base != "" {
			j.At = v.srv.base(v.r)
		}
	}
	return j
}

// visitor is the browser as the ceremonies know it: by the cookie that its CSRF token is bound to. owner is zero at sign-in.
func (v *visit) visitor(owner accounts.ID) (passkey.Visitor, error) {
	origin, why := v.srv.passkeysHere(v.r)
	if why != "" {
		return passkey.Visitor{}, refusal{codeNoPasskeys}
	}
	bound := v.token
	if bound == "" {
		bound = cookie(v.r, visitCookie)
	}
	return passkey.Visitor{Cookie: bound, Origin: origin, Account: owner}, nil
}

// ceremony gives an error of the ceremonies the code of its sentence.
func ceremony(err error) error {
	var refused passkey.Refused
	switch {
	case errors.Is(err, passkey.ErrMalformed):
		return refusal{codeBadRequest}
	case errors.Is(err, passkey.ErrOver):
		return refusal{codePasskeyOver}
	case errors.As(err, &refused):
		return refusal{codePasskeyBad}
	}
	return err
}

func known(list []accounts.Passkey) []passkey.Known {
	out := make([]passkey.Known, 0, len(list))
	for _, k := range list {
		out = append(out, passkey.Known{Credential: k.Credential, Transports: k.Transports})
	}
	return out
}

// proofJSON is what is given again before an act on one's own account: passphrase and code, or a passkey's answer.
type proofJSON struct {
	Passphrase string          `json:"passphrase"`
	Code       string          `json:"code"`
	Passkey    json.RawMessage `json:"passkey"`
}

func (v *visit) proof(b proofJSON) (accounts.Proof, error) {
	p := accounts.Proof{Passphrase: b.Passphrase, Code: b.Code, Proved: v.session.Proved}
	if len(b.Passkey) == 0 {
		return p, nil
	}
	at, err := v.visitor(v.account.ID)
	if err != nil {
		return p, err
	}
	use, err := v.srv.Passkeys.FinishUse(b.Passkey, passkey.Prove, at, v.now)
	if err != nil {
		return p, ceremony(err)
	}
	p.Passkey = use
	return p, nil
}

// beginPasskeyLogin asks for any passkey of this host: whose it is, nobody has said yet, so the answer tells nothing of anybody.
func (s *Server) beginPasskeyLogin(v *visit) error {
	at, err := v.visitor(accounts.ID{})
	if err != nil {
		return err
	}
	options, err := s.Passkeys.BeginUse(passkey.SignIn, at, nil, v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"options": options})
}

// passkeyLogin signs in. email is there at the second step, after a passphrase. It has its limits in accounts.
func (s *Server) passkeyLogin(v *visit) error {
	var b struct {
		Credential json.RawMessage `json:"credential"`
		Email      string          `json:"email"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	at, err := v.visitor(accounts.ID{})
	if err != nil {
		return err
	}
	use, err := s.Passkeys.FinishUse(b.Credential, passkey.SignIn, at, v.now)
	if err != nil {
		return ceremony(err)
	}
	in, err := s.Accounts.LoginPasskey(use, b.Email, v.from(), v.now)
	if err != nil {
		return v.atTheDoor(err)
	}
	if v.signedIn {
		if err := s.Accounts.Logout(v.token, v.from(), v.now); err != nil {
			return err
		}
	}
	return v.begin(in.Account, in.Session)
}

// beginProof asks the one who is signed in for one of their passkeys.
func (s *Server) beginProof(v *visit) error {
	at, err := v.visitor(v.account.ID)
	if err != nil {
		return err
	}
	f, err := s.Accounts.Factors(v.account.ID)
	if err != nil {
		return err
	}
	if len(f.Passkeys) == 0 {
		return accounts.ErrNoPasskey
	}
	options, err := s.Passkeys.BeginUse(passkey.Prove, at, known(f.Passkeys), v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"options": options})
}

type passkeyJSON struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Created  time.Time  `json:"created"`
	Used     *time.Time `json:"used,omitempty"`
	BackedUp bool       `json:"backedUp"`
	// Party is the host name that it is for, where that is no longer this appliance's: it can only be removed.
	Party string `json:"party,omitempty"`
}

func (v *visit) passkeyJSON(k accounts.Passkey) passkeyJSON {
	j := passkeyJSON{ID: k.ID.String(), Name: k.Name, Created: k.Created, BackedUp: k.BackedUp}
	if !k.Used.IsZero() {
		j.Used = &k.Used
	}
	if p := v.srv.Passkeys; p == nil || p.ID() != k.Party {
		j.Party = k.Party
	}
	return j
}

func (v *visit) passkeyList(list []accounts.Passkey) []passkeyJSON {
	out := make([]passkeyJSON, 0, len(list))
	for _, k := range list {
		out = append(out, v.passkeyJSON(k))
	}
	return out
}

// beginPasskey asks the owner for passphrase and second factor, and the browser then for a new passkey.
func (s *Server) beginPasskey(v *visit) error {
	var b proofJSON
	if err := v.decode(&b); err != nil {
		return err
	}
	at, err := v.visitor(v.account.ID)
	if err != nil {
		return err
	}
	p, err := v.proof(b)
	if err != nil {
		return err
	}
	list, err := s.Accounts.MayAddPasskey(v.r.Context(), v.account.ID, p, v.from(), v.now)
	if err != nil {
		return err
	}
	options, err := s.Passkeys.BeginAdd(at, v.account.Email, v.account.Name, known(list), v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"options": options})
}

// addPasskey keeps what the browser made. That the owner was asked before, its challenge shows: it was drawn for this session then.
func (s *Server) addPasskey(v *visit) error {
	var b struct {
		Name       string          `json:"name"`
		Credential json.RawMessage `json:"credential"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	at, err := v.visitor(v.account.ID)
	if err != nil {
		return err
	}
	made, err := s.Passkeys.FinishAdd(b.Credential, at, v.now)
	if err != nil {
		return ceremony(err)
	}
	added, c, err := s.Accounts.AddPasskey(v.account.ID, b.Name, accounts.PasskeyKey(made), v.from(), v.now)
	if err != nil {
		return err
	}
	signIn(v.w, c.Session.Reveal())
	return v.json(http.StatusCreated, map[string]any{"passkey": v.passkeyJSON(added), "recovery": reveal(c.Recovery), "csrf": csrfToken(c.Session.Reveal())})
}

func (s *Server) renamePasskey(v *visit) error {
	var b struct {
		Name string `json:"name"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	id, err := accounts.ParsePasskeyID(v.c.Param("passkey"))
	if err != nil {
		return err
	}
	if err := s.Accounts.RenamePasskey(v.account.ID, id, b.Name, v.from(), v.now); err != nil {
		return err
	}
	return v.done()
}

func (s *Server) removePasskey(v *visit) error {
	var b proofJSON
	if err := v.decode(&b); err != nil {
		return err
	}
	id, err := accounts.ParsePasskeyID(v.c.Param("passkey"))
	if err != nil {
		return err
	}
	p, err := v.proof(b)
	if err != nil {
		return err
	}
	token, err := s.Accounts.RemovePasskey(v.r.Context(), v.account.ID, id, p, v.from(), v.now)
	if err != nil {
		return err
	}
	signIn(v.w, token.Reveal())
	return v.done()
}
