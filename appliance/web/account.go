package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"huisclos/accounts"
)

// protocol is the version of signalling that this server speaks.
const protocol = 1

type accountJSON struct {
	ID    accounts.ID   `json:"id"`
	Name  string        `json:"name"`
	Email string        `json:"email"`
	Role  accounts.Role `json:"role"`
	// Source is "ldap" where the organisation's directory decides name, role and passphrase, "oidc" where its provider does.
	Source accounts.Source `json:"source,omitempty"`
	// Language is the one that its owner has chosen; absent while they have chosen none.
	Language accounts.Language `json:"language,omitempty"`
	// Provided is said to oneself: there is no passphrase to be typed, and the provider asks again in its place.
	Provided bool `json:"provided,omitempty"`
}

func accountOf(a accounts.Account) accountJSON {
	return accountJSON{ID: a.ID, Name: a.Name, Email: a.Email, Role: a.Role, Source: a.Source, Language: a.Language}
}

type meJSON struct {
	Account  accountJSON `json:"account"`
	CSRF     string      `json:"csrf"`
	Version  string      `json:"version"`
	Protocol int         `json:"protocol"`
	// SecondFactor: a proof takes its code. Must is "factor" while the role needs one and there is none; until then the session
	// is good for setting one up.
	SecondFactor bool            `json:"secondFactor"`
	Factors      map[string]bool `json:"factors"` // which: totp, passkey; keyed: there is no passphrase beside
	Must         string          `json:"must,omitempty"`
	// Wizard: an administrator who has no second factor yet left the first start before its end; it goes on with them.
	Wizard bool     `json:"wizard,omitempty"`
	Idle   idleJSON `json:"idle"`

	Passkeys passkeysJSON  `json:"passkeys"`
	Provider *providerJSON `json:"provider,omitempty"`

	// Leaving is when the account is deleted, as its owner has asked.
	Leaving *time.Time `json:"leaving,omitempty"`
}

// idleJSON is after how many seconds without use a session ends, and the console shuts: pages say so before.
type idleJSON struct {
	Session int `json:"session"`
	Console int `json:"console"`
}

func (v *visit) me(a accounts.Account, token string) meJSON {
	me := meJSON{accountOf(a), csrfToken(token), v.srv.Status().Version, protocol, a.SecondFactor, map[string]bool{"totp": a.TOTP, "passkey": a.Passkey, "keyed": a.Keyed}, "", false, idleJSON{}, v.passkeys(), v.provider(), nil}
	session, console := v.srv.Accounts.Times(a.Role)
	me.Idle = idleJSON{int(session.Idle.Seconds()), int(console.Seconds())}
	if a.Leaving != nil {
		me.Leaving = &a.Leaving.Until
	}
	if a.FactorMissing {
		me.Must = "factor"
		if a.Role == accounts.Administrator {
			p, err := v.srv.Progress.Now()
			if err != nil {
				v.srv.Log.Error("how far the first start has come can't be read", "error", err) // the ordinary page does as well
			}
			me.Wizard = p.Begun && !p.Over
		}
	}
	return me
}

// getMe says who is signed in. Without a session it still gives a CSRF token, bound to the visit's cookie, and says
// whether the appliance waits for its first administrator.
func (s *Server) getMe(v *visit) error {
	if v.signedIn {
		me := v.me(v.account, v.token)
		me.Account.Provided = v.session.Provided && !v.account.Passphrase
		return v.json(http.StatusOK, me)
	}
	if cookie(v.r, sessionCookie) != "" {
		dropCookie(v.w, sessionCookie)
	}
	bound := cookie(v.r, visitCookie)
	if bound == "" {
		bound = s.newVisit(v.w)
	}
	needed, err := s.Accounts.SetupNeeded()
	if err != nil {
		return err
	}
	more := map[string]any{"setupNeeded": needed, "csrf": csrfToken(bound), "passkeys": v.passkeys()}
	if p := v.provider(); p != nil {
		more["provider"] = p
	}
	return v.refuseWith(codeNotSignedIn, more)
}

func (v *visit) begin(a accounts.Account, token accounts.Token) error {
	signIn(v.w, token.Reveal())
	return v.json(http.StatusOK, v.me(a, token.Reveal()))
}

// setup makes the first administrator, for whoever holds the code that the server printed.
func (s *Server) setup(v *visit) error {
	var b struct {
		Code       string `json:"code"`
		Name       string `json:"name"`
		Email      string `json:"email"`
		Passphrase string `json:"passphrase"`
		Wizard     bool   `json:"wizard"` // a person does it, whom the wizard leads on from here
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	a, token, err := s.Accounts.Setup(v.r.Context(), b.Code, b.Name, b.Email, b.Passphrase, v.from(), v.now)
	if err != nil {
		return err
	}
	if b.Wizard {
		if err := s.Progress.Begin(); err != nil {
			s.Log.Error("the wizard's beginning is not noted", "error", err) // the account is made all the same
		}
	}
	return v.begin(a, token)
}

// login has its limits in accounts, which counts by account and by address.
func (s *Server) login(v *visit) error {
	var b struct {
		Email      string `json:"email"`
		Passphrase string `json:"passphrase"`
		Code       string `json:"code"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	in, err := s.Accounts.Login(v.r.Context(), b.Email, accounts.Proof{Passphrase: b.Passphrase, Code: b.Code}, v.from(), v.now)
	if err != nil {
		return v.atTheDoor(err)
	}
	// A session that this browser still had is over: its cookie is about to be replaced.
	if v.signedIn {
		if err := s.Accounts.Logout(v.token, v.from(), v.now); err != nil {
			return err
		}
	}
	if !in.Recovery {
		return v.begin(in.Account, in.Session)
	}
	signIn(v.w, in.Session.Reveal())
	return v.json(http.StatusOK, struct {
		meJSON
		RecoveryLeft int `json:"recoveryLeft"`
	}{v.me(in.Account, in.Session.Reveal()), in.RecoveryLeft})
}

// logout ends the session here, whatever becomes of the provider's.
func (s *Server) logout(v *visit) error {
	leaving := v.leaving()
	if v.signedIn {
		if err := s.Accounts.Logout(v.token, v.from(), v.now); err != nil {
			return err
		}
	}
	dropCookie(v.w, sessionCookie)
	if leaving != nil {
		return v.json(http.StatusOK, map[string]any{"provider": leaving})
	}
	return v.done()
}

// activation looks at a link without using it, so that the page can greet the person by name.
func (s *Server) activation(v *visit) error {
	var b struct {
		Token string `json:"token"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	a, err := s.Accounts.Activation(b.Token, v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"name": a.Name, "email": a.Email, "role": a.Role, "passkey": a.MayBeKeyed()})
}

// beginActivationPasskey asks the browser of who holds a guest's link for a passkey.
func (s *Server) beginActivationPasskey(v *visit) error {
	var b struct {
		Token string `json:"token"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	a, err := s.Accounts.Activation(b.Token, v.now)
	if err != nil {
		return err
	}
	if !a.MayBeKeyed() {
		return refusal{codeForbidden}
	}
	return v.askForKey(a.ID, a.Email, a.Name)
}

func (s *Server) activate(v *visit) error {
	var b struct {
		Token      string `json:"token"`
		Passphrase string `json:"passphrase"`
		// Or a guest's passkey, and its name.
		Credential json.RawMessage `json:"credential"`
		KeyName    string          `json:"keyName"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if len(b.Credential) > 0 {
		of, err := s.Accounts.Activation(b.Token, v.now)
		if err != nil {
			return err
		}
		key, err := v.madeKey(of.ID, b.Credential)
		if err != nil {
			return err
		}
		a, token, err := s.Accounts.ActivateByKey(b.Token, b.KeyName, key, v.from(), v.now)
		if err != nil {
			return err
		}
		return v.begin(a, token)
	}
	a, token, err := s.Accounts.Activate(v.r.Context(), b.Token, b.Passphrase, v.from(), v.now)
	if err != nil {
		return err
	}
	return v.begin(a, token)
}

func (s *Server) changePassphrase(v *visit) error {
	var b struct {
		Old     string          `json:"old"`
		New     string          `json:"new"`
		Code    string          `json:"code"`
		Passkey json.RawMessage `json:"passkey"` // in the place of the code
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	p, err := v.proof(proofJSON{b.Old, b.Code, b.Passkey})
	if err != nil {
		return err
	}
	if v.account.Keyed && b.Old == "" {
		return v.choosePassphrase(p, b.New)
	}
	token, err := s.Accounts.ChangePassphrase(v.r.Context(), v.account.ID, p, b.New, v.from(), v.now)
	if err != nil {
		return err
	}
	return v.begin(v.account, token)
}

// changeOwn changes what the body names of one's own account: the name, the language of what is written to one.
func (s *Server) changeOwn(v *visit) error {
	var b struct {
		Name     *string            `json:"name"`
		Language *accounts.Language `json:"language"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if b.Name == nil && b.Language == nil {
		return refusal{codeBadRequest}
	}
	a, err := v.account, error(nil)
	if b.Language != nil {
		if a, err = s.Accounts.SetLanguage(v.actor(), *b.Language, v.now); err != nil {
			return err
		}
	}
	if b.Name != nil {
		if a, err = s.Accounts.Rename(v.actor(), v.account.ID, *b.Name, v.now); err != nil {
			return err
		}
	}
	return v.json(http.StatusOK, map[string]any{"account": accountOf(a)})
}

type sessionJSON struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	Until   time.Time `json:"until"`
	Address string    `json:"address,omitempty"`
	Agent   string    `json:"agent,omitempty"`
	Current bool      `json:"current"`
}

func (s *Server) listSessions(v *visit) error {
	list, err := s.Accounts.Sessions(v.actor(), v.account.ID, v.now)
	if err != nil {
		return err
	}
	out := make([]sessionJSON, 0, len(list))
	for _, l := range list {
		j := sessionJSON{ID: l.ID.String(), Created: l.Created, Seen: l.Seen, Until: l.Until, Agent: l.Agent, Current: l.ID == v.session.ID}
		if l.Client.IsValid() {
			j.Address = l.Client.String()
		}
		out = append(out, j)
	}
	return v.json(http.StatusOK, map[string]any{"sessions": out})
}

// endOtherSessions leaves only the session that asks for it.
func (s *Server) endOtherSessions(v *visit) error {
	if err := s.Accounts.EndOtherSessions(v.actor(), v.account.ID, v.session.ID, v.now); err != nil {
		return err
	}
	return v.done()
}

func (s *Server) endSession(v *visit) error {
	id, err := accounts.ParseSessionID(v.c.Param("session"))
	if err != nil {
		return refusal{codeNotFound}
	}
	if err := s.Accounts.EndSession(v.actor(), v.account.ID, id, v.now); err != nil {
		if errors.Is(err, accounts.ErrNoSession) { // no session of theirs by that id
			return refusal{codeNotFound}
		}
		return err
	}
	if id == v.session.ID {
		dropCookie(v.w, sessionCookie)
	}
	return v.done()
}
