package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"huisclos/accounts"
	"huisclos/store"
)

// exportsPerHour bounds the copies of what is kept of one account: each reads the whole audit log.
const exportsPerHour = 6

// getLife says what the page about one's own account has to say before an act: what would go with the account, and whether an address
// can be confirmed at all.
func (s *Server) getLife(v *visit) error {
	rooms, meetings, err := s.Rooms.Owned(v.account.ID, v.now)
	if err != nil {
		return err
	}
	guests, err := s.Accounts.Invites(v.account.ID)
	if err != nil {
		return err
	}
	out := map[string]any{"mail": s.Code != nil && s.Undo != nil, "days": int(s.Accounts.Delay().Hours() / 24), "rooms": rooms, "meetings": meetings, "guests": guests}
	if l := v.account.Leaving; l != nil {
		out["leaving"] = l.Until
	}
	return v.json(http.StatusOK, out)
}

// askAddress mails a code to the address that somebody wants. The answer is the same whether another account has it or not.
func (s *Server) askAddress(v *visit) error {
	var b struct {
		Email    string `json:"email"`
		Language string `json:"language"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if s.Code == nil || s.Undo == nil {
		return refusal{codeEmailNeedsMail}
	}
	normal, err := accounts.NormalEmail(b.Email)
	if err != nil {
		return err
	}
	until, err := s.Accounts.AskAddress(v.actor(), b.Email, v.now, func(tx *store.Tx, to string, code accounts.Token, until time.Time) error {
		// Here, so that what is refused anyway takes nobody's turn.
		for _, key := range []string{v.account.ID.String(), normal} {
			if wait, ok := s.codes.take(key, v.now); !ok {
				return accounts.ErrTooMany{Until: v.now.Add(wait)}
			}
		}
		return s.Code(tx, to, code, until, b.Language, v.now)
	})
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"until": until})
}

// confirmOwnAddress checks the code. The address of before gets the link by which it is had back.
func (s *Server) confirmOwnAddress(v *visit) error {
	var b struct {
		Code string `json:"code"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if s.Undo == nil {
		return refusal{codeEmailNeedsMail}
	}
	a, err := s.Accounts.ConfirmAddress(v.actor(), b.Code, v.now, func(tx *store.Tx, u accounts.Undo) error {
		// The token stands in the fragment, which no server and no log ever sees.
		return s.Undo(tx, u, s.base(v.r)+"/undo#"+u.Link.Reveal(), v.now)
	})
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"account": accountOf(a)})
}

// formerAddress tells who holds the link which address it brings back. It changes nothing: a program that opens links does no harm.
func (s *Server) formerAddress(v *visit) error {
	var b struct {
		Token string `json:"token"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	email, until, err := s.Accounts.FormerAddress(b.Token, v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"email": email, "until": until})
}

func (s *Server) restoreAddress(v *visit) error {
	var b struct {
		Token string `json:"token"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	email, err := s.Accounts.UndoAddress(b.Token, v.from(), v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"email": email})
}

// export answers with a file, which the page hands to its owner.
func (s *Server) export(v *visit) error {
	var b struct{}
	if err := v.decode(&b); err != nil {
		return err
	}
	if wait, ok := s.exports.take(v.account.ID.String(), v.now); !ok {
		return accounts.ErrTooMany{Until: v.now.Add(wait)}
	}
	e, err := s.Accounts.Export(v.actor(), v.account.ID, v.now)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="huisclos-`+v.now.UTC().Format("2006-01-02")+`.json"`)
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(append(text, '\n')) // whoever went away gets nothing
	return nil
}

func (s *Server) leave(v *visit) error { return s.leaving(v, v.account.ID, s.Accounts.Leave) }

func (s *Server) stay(v *visit) error { return s.leaving(v, v.account.ID, s.Accounts.Stay) }

// leaveFor and stayFor are an administrator's.
func (s *Server) leaveFor(v *visit) error { return s.otherLeaving(v, s.Accounts.Leave) }

func (s *Server) stayFor(v *visit) error { return s.otherLeaving(v, s.Accounts.Stay) }

func (s *Server) otherLeaving(v *visit, act func(accounts.Actor, accounts.ID, time.Time) (accounts.Account, error)) error {
	id, err := v.subject()
	if err != nil {
		return err
	}
	if id == v.account.ID {
		return refusal{codeOwnAccount}
	}
	return s.leaving(v, id, act)
}

func (s *Server) leaving(v *visit, id accounts.ID, act func(accounts.Actor, accounts.ID, time.Time) (accounts.Account, error)) error {
	a, err := act(v.actor(), id, v.now)
	if err != nil {
		return err
	}
	out := []adminAccountJSON{adminAccountOf(a)}
	if err := s.withOrganisers(out); err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"account": out[0]})
}
