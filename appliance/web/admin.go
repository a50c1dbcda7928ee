package web

import (
	"net/http"
	"strconv"
	"time"

	"huisclos/accounts"
	"huisclos/store"
)

type adminAccountJSON struct {
	accountJSON
	State     accounts.State `json:"state"`
	Created   time.Time      `json:"created"`
	LastLogin *time.Time     `json:"lastLogin,omitempty"`

	SecondFactor bool `json:"secondFactor"`
	Keyed        bool `json:"keyed,omitempty"` // by a passkey alone, without a passphrase
	// Absent: the directory has no such person any more, or has shut them out.
	Absent bool       `json:"absent,omitempty"`
	Guest  *guestJSON `json:"guest,omitempty"` // of a guest

	Leaving *accounts.Leaving `json:"leaving,omitempty"`
}

// guestJSON is what an administrator sees of what binds a guest.
type guestJSON struct {
	Organiser accounts.ID `json:"organiser"`
	Name      string      `json:"name"` // of the organiser; "" is nobody any more
	Rooms     int         `json:"rooms"`
	Until     time.Time   `json:"until"`
	// Asked is who wishes a full account for the guest.
	Asked *personJSON `json:"asked,omitempty"`
}

// withOrganisers names who invited the guests among accounts.
func (s *Server) withOrganisers(list []adminAccountJSON) error {
	var ids []accounts.ID
	for _, a := range list {
		if a.Guest != nil {
			ids = append(ids, a.Guest.Organiser)
			if a.Guest.Asked != nil {
				ids = append(ids, a.Guest.Asked.ID)
			}
		}
	}
	names, err := s.Accounts.Names(ids)
	for _, a := range list {
		if a.Guest != nil {
			a.Guest.Name = names[a.Guest.Organiser]
			if a.Guest.Asked != nil {
				a.Guest.Asked.Name = names[a.Guest.Asked.ID]
			}
		}
	}
	return err
}

func adminAccountOf(a accounts.Account) adminAccountJSON {
	j := adminAccountJSON{accountJSON: accountOf(a), State: a.State, Created: a.Created, SecondFactor: a.SecondFactor, Keyed: a.Keyed, Absent: a.Absent, Leaving: a.Leaving}
	j.Language = "" // theirs
	if !a.LastLogin.IsZero() {
		j.LastLogin = &a.LastLogin
	}
	if g := a.Guest; g != nil {
		j.Guest = &guestJSON{Organiser: g.Organiser(), Rooms: len(g.Rooms), Until: g.Until}
		if g.Asked != (accounts.ID{}) {
			j.Guest.Asked = &personJSON{ID: g.Asked}
		}
	}
	return j
}

// limit reads how many rows are asked for; anything but a number from 1 to most is the usual number.
func (v *visit) limit(usual, most int) int {
	n, err := strconv.Atoi(v.r.URL.Query().Get("limit"))
	if err != nil || n < 1 || n > most {
		return usual
	}
	return n
}

func (s *Server) listAccounts(v *visit) error {
	q := v.r.URL.Query()
	if len(q.Get("query")) > 256 || len(q.Get("after")) > 1024 {
		return refusal{codeBadRequest}
	}
	list, next, err := s.Accounts.List(q.Get("query"), q.Get("after"), v.limit(50, 200))
	if err != nil {
		return err
	}
	out := make([]adminAccountJSON, 0, len(list))
	for _, a := range list {
		out = append(out, adminAccountOf(a))
	}
	if err := s.withOrganisers(out); err != nil {
		return err
	}
	total, err := s.Accounts.Count()
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"accounts": out, "next": next, "total": total})
}

// activationURL: the token stands in the fragment, which no server and no log ever sees.
func (v *visit) activationURL(a accounts.Activation) string {
	return v.srv.base(v.r) + "/activate#" + a.Token.Reveal()
}

// activationJSON shows a link once, to who passes it on; one that was mailed is nobody's but the recipient's.
func (v *visit) activationJSON(a accounts.Activation, mailed bool) map[string]any {
	if mailed {
		return map[string]any{"mailed": true, "expires": a.Expires}
	}
	return map[string]any{"url": v.activationURL(a), "expires": a.Expires}
}

// posted has the link mailed, where that is asked for, in the transaction in which it is made.
func (v *visit) posted(asked bool) ([]accounts.Also, error) {
	switch {
	case !asked:
		return nil, nil
	case v.srv.Post == nil:
		return nil, ErrPost
	}
	return []accounts.Also{func(tx *store.Tx, to accounts.Account, link accounts.Activation) error {
		return v.srv.Post(tx, to, v.activationURL(link), link.Expires, v.now)
	}}, nil
}

func (s *Server) createAccount(v *visit) error {
	var b struct {
		Name  string        `json:"name"`
		Email string        `json:"email"`
		Role  accounts.Role `json:"role"`
		Mail  bool          `json:"mail"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	also, err := v.posted(b.Mail)
	if err != nil {
		return err
	}
	a, activation, err := s.Accounts.Create(v.actor(), b.Name, b.Email, b.Role, v.now, also...)
	if err != nil {
		return err
	}
	return v.json(http.StatusCreated, map[string]any{"account": adminAccountOf(a), "activation": v.activationJSON(activation, b.Mail)})
}

// subject is the account that the address names.
func (v *visit) subject() (accounts.ID, error) { return accounts.ParseID(v.c.Param("account")) }

func (s *Server) newActivation(v *visit) error {
	id, err := v.subject()
	if err != nil {
		return err
	}
	var b struct {
		Mail bool `json:"mail"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	also, err := v.posted(b.Mail)
	if err != nil {
		return err
	}
	activation, err := s.Accounts.NewActivation(v.actor(), id, v.now, also...)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"activation": v.activationJSON(activation, b.Mail)})
}

// changeAccount changes what the body names, in this order: name, address, role, state; asked false is a no to an organiser's wish for a full account. Each is an act of its own in the audit
// log; the first that is refused, or that waits for agreement, ends the request.
func (s *Server) changeAccount(v *visit) error {
	var b struct {
		Name     *string        `json:"name"`
		Email    *string        `json:"email"`
		Role     *accounts.Role `json:"role"`
		Disabled *bool          `json:"disabled"`
		Asked    *bool          `json:"asked"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	id, err := v.subject()
	if err != nil {
		return err
	}
	// Nobody takes their own rights away by a slip; the domain keeps the last administrator besides.
	if id == v.account.ID && (b.Disabled != nil && *b.Disabled || b.Role != nil && *b.Role != v.account.Role) {
		return refusal{codeOwnAccount}
	}
	a, err := s.Accounts.Get(id)
	if err != nil {
		return err
	}
	if b.Name != nil && *b.Name != a.Name {
		if a, err = s.Accounts.Rename(v.actor(), id, *b.Name, v.now); err != nil {
			return err
		}
	}
	if b.Email != nil && *b.Email != a.Email {
		if a, err = s.Accounts.SetAddress(v.actor(), id, *b.Email, v.now); err != nil {
			return err
		}
	}
	if b.Role != nil && *b.Role != a.Role {
		if a, err = s.Accounts.SetRole(v.actor(), id, *b.Role, v.now); err != nil {
			return err
		}
	}
	if b.Disabled != nil && *b.Disabled != (a.State == accounts.Disabled) {
		change := s.Accounts.Enable
		if *b.Disabled {
			change = s.Accounts.Disable
		}
		if a, err = change(v.actor(), id, v.now); err != nil {
			return err
		}
	}
	if b.Asked != nil && !*b.Asked {
		if a, err = s.Accounts.DeclineFull(v.actor(), id, v.now); err != nil {
			return err
		}
	}
	out := []adminAccountJSON{adminAccountOf(a)}
	if err := s.withOrganisers(out); err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"account": out[0]})
}

func (s *Server) deleteAccount(v *visit) error {
	id, err := v.subject()
	if err != nil {
		return err
	}
	if id == v.account.ID {
		return refusal{codeOwnAccount}
	}
	if err := s.Accounts.Delete(v.actor(), id, v.now); err != nil {
		return err
	}
	return v.done()
}
