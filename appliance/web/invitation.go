package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"huisclos/accounts"
	"huisclos/meetings"
	"huisclos/store"
)

const (
	// codesPerHour bounds the mails to one address, so that nobody's mailbox is filled, and the guesses at one: five codes of five
	// tries each, in a hundred million.
	codesPerHour = 5
	// askedPerHour bounds the codes that one network asks for: a whole meeting may sit behind one address.
	askedPerHour = 60
)

// invited returns what a token invites to. The room may be gone, which is the same as a withdrawn invitation.
func (v *visit) invited(token string) (accounts.Invitation, accounts.Account, meetings.StoredRoom, error) {
	i, organiser, err := v.srv.Accounts.Invitation(token, v.now)
	if err != nil {
		return i, organiser, meetings.StoredRoom{}, err
	}
	room, err := v.srv.Rooms.Get(i.Room)
	if errors.Is(err, meetings.ErrNoRoom) {
		err = accounts.ErrInvitationWithdrawn
	}
	return i, organiser, room, err
}

// invitation tells who holds a token who invites them, and where to.
func (s *Server) invitation(v *visit) error {
	var b struct {
		Token string `json:"token"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	i, organiser, room, err := v.invited(b.Token)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"organiser": organiser.Name, "room": room.Name, "email": i.Email, "expires": i.Expires})
}

// sendCode mails the code that confirms an address. The answer is the same whether the address has an account or not.
func (s *Server) sendCode(v *visit) error {
	var b struct {
		Token    string `json:"token"`
		Email    string `json:"email"`
		Language string `json:"language"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if s.Code == nil {
		return refusal{codeGuestsNeedMail}
	}
	// Whoever holds no invitation for an address takes nobody's turn.
	i, _, _, err := v.invited(b.Token)
	if err != nil {
		return err
	}
	normal, err := accounts.NormalEmail(b.Email)
	if err != nil {
		return err
	}
	if i.Email != "" && i.Email != normal {
		return accounts.ErrInvitationAddress
	}
	if wait, ok := s.askers.take(network(v.client).String(), v.now); !ok {
		return accounts.ErrTooMany{Until: v.now.Add(wait)}
	}
	if wait, ok := s.codes.take(normal, v.now); !ok {
		return accounts.ErrTooMany{Until: v.now.Add(wait)}
	}
	err = s.Accounts.SendCode(b.Token, b.Email, v.from(), v.now, func(tx *store.Tx, to string, code accounts.Token, until time.Time) error {
		return s.Code(tx, to, code, until, b.Language, v.now)
	})
	if err != nil {
		return err
	}
	return v.done()
}

// placeJSON is where an invitation leads: both stand in the link of the room.
type placeJSON struct {
	ID    string      `json:"id"`
	Owner accounts.ID `json:"owner"`
}

// confirmAddress checks the code from the mail and says what comes next.
func (s *Server) confirmAddress(v *visit) error {
	var b struct {
		Token string `json:"token"`
		Email string `json:"email"`
		Code  string `json:"code"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	_, _, room, err := v.invited(b.Token)
	if err != nil {
		return err
	}
	next, err := s.Accounts.Confirm(b.Token, b.Email, b.Code, v.from(), v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"next": next, "room": placeJSON{room.ID.String(), room.Owner}})
}

type acceptanceJSON struct {
	Token      string `json:"token"`
	Email      string `json:"email"`
	Code       string `json:"code"`
	Name       string `json:"name"`
	Passphrase string `json:"passphrase"`
	// Or a passkey, as the browser has made it, and what its owner calls it.
	Credential json.RawMessage `json:"credential"`
	KeyName    string          `json:"keyName"`
}

// beginGuestPasskey asks the browser of somebody who has confirmed an address for a passkey, for the account that is to be made.
func (s *Server) beginGuestPasskey(v *visit) error {
	var b acceptanceJSON
	if err := v.decode(&b); err != nil {
		return err
	}
	if _, _, _, err := v.invited(b.Token); err != nil {
		return err
	}
	id, err := s.Accounts.GuestToBe(b.Token, b.Email, b.Code, b.Name, v.from(), v.now)
	if err != nil {
		return err
	}
	return v.askForKey(id, b.Email, b.Name)
}

// accept makes the guest's account, with a passphrase or a passkey, and signs it in.
func (s *Server) accept(v *visit) error {
	var b acceptanceJSON
	if err := v.decode(&b); err != nil {
		return err
	}
	_, _, room, err := v.invited(b.Token)
	if err != nil {
		return err
	}
	in := accounts.Acceptance{Token: b.Token, Email: b.Email, Code: b.Code, Name: b.Name, Passphrase: b.Passphrase, KeyName: b.KeyName}
	if len(b.Credential) > 0 {
		id, err := s.Accounts.GuestToBe(b.Token, b.Email, b.Code, b.Name, v.from(), v.now)
		if err != nil {
			return err
		}
		key, err := v.madeKey(id, b.Credential)
		if err != nil {
			return err
		}
		in.Key = &key
	}
	a, token, err := s.Accounts.Accept(v.r.Context(), in, v.from(), v.now)
	if err != nil {
		return err
	}
	// A session that this browser still had is over: its cookie is about to be replaced.
	if v.signedIn {
		if err := s.Accounts.Logout(v.token, v.from(), v.now); err != nil {
			return err
		}
	}
	signIn(v.w, token.Reveal())
	return v.json(http.StatusCreated, struct {
		meJSON
		Room placeJSON `json:"room"`
	}{v.me(a, token.Reveal()), placeJSON{room.ID.String(), room.Owner}})
}
