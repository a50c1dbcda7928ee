package web

import (
	"net/http"
	"time"

	"huisclos/accounts"
	"huisclos/meetings"
	"huisclos/store"
)

// invitesPerHour bounds the invitations of one organiser.
const invitesPerHour = 100

type invitationJSON struct {
	ID        string    `json:"id"`
	Email     string    `json:"email,omitempty"` // none: a link
	Made      time.Time `json:"made"`
	Expires   time.Time `json:"expires"`
	Uses      int       `json:"uses"`
	Used      int       `json:"used"`
	Withdrawn bool      `json:"withdrawn,omitempty"`
	Stay      int       `json:"stay,omitempty"` // days that the account of who accepts lasts; none: as the policy has it
}

func invitationOf(i accounts.Invitation) invitationJSON {
	return invitationJSON{i.ID.String(), i.Email, i.Made, i.Expires, i.Uses, i.Used, i.Withdrawn, i.Stay}
}

type invitedJSON struct {
	ID    accounts.ID `json:"id"`
	Name  string      `json:"name"`
	Email string      `json:"email"`
	Until time.Time   `json:"until"`
	Asked bool        `json:"asked,omitempty"` // an organiser wishes a full account
}

func invitedOf(a accounts.Account) invitedJSON {
	return invitedJSON{a.ID, a.Name, a.Email, a.Guest.Until, a.Guest.Asked != accounts.ID{}}
}

// boundsJSON is what the policy lets an organiser choose.
type boundsJSON struct {
	Days    int `json:"days"` // the usual ones
	MaxDays int `json:"maxDays"`
	Uses    int `json:"uses"`
	MaxUses int `json:"maxUses"`
}

// ownRoom is the room that the address names, which has to belong to who asks.
func (v *visit) ownRoom() (meetings.StoredRoom, error) {
	id, err := v.room()
	if err != nil {
		return meetings.StoredRoom{}, err
	}
	r, err := v.srv.Rooms.Get(id)
	if err == nil && r.Owner != v.account.ID {
		err = meetings.ErrNotOwner
	}
	if err != nil {
		return meetings.StoredRoom{}, roomError(err)
	}
	return r, nil
}

// listGuests tells a room's owner who was invited, who came of it, and whether invitations can be made at all.
func (s *Server) listGuests(v *visit) error {
	room, err := v.ownRoom()
	if err != nil {
		return err
	}
	invitations, err := s.Accounts.Invitations(v.account.ID, room.ID)
	if err != nil {
		return err
	}
	guests, err := s.Accounts.Guests(v.account.ID, room.ID)
	if err != nil {
		return err
	}
	made, came := make([]invitationJSON, 0, len(invitations)), make([]invitedJSON, 0, len(guests))
	for _, i := range invitations {
		made = append(made, invitationOf(i))
	}
	for _, g := range guests {
		came = append(came, invitedOf(g))
	}
	p, _, err := s.Accounts.Policy()
	if err != nil {
		return err
	}
	g := p.Guests
	return v.json(http.StatusOK, map[string]any{"mail": s.Invite != nil, "allowed": g.Allows(), "invitations": made, "guests": came,
		"bounds": boundsJSON{g.Usual(), g.Longest(), min(accounts.InvitationUses, g.Uses()), g.Uses()}})
}

// invite makes invitations: one for each address, by mail, or else a link, which is shown once.
func (s *Server) invite(v *visit) error {
	var b struct {
		Emails   []string `json:"emails"`
		Uses     int      `json:"uses"`
		Days     int      `json:"days"` // that the invitation lasts
		Stay     int      `json:"stay"` // that the account of who accepts lasts
		Language string   `json:"language"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	room, err := v.ownRoom()
	if err != nil {
		return err
	}
	// Nobody could confirm an address.
	if s.Invite == nil || s.Code == nil {
		return refusal{codeGuestsNeedMail}
	}
	if b.Days < 0 || b.Days > accounts.MaxInvitationDays || len(b.Emails) > accounts.MaxInvitees {
		return accounts.ErrInvitees
	}
	for range max(1, len(b.Emails)) {
		if wait, ok := s.invites.take(v.account.ID.String(), v.now); !ok {
			return accounts.ErrTooMany{Until: v.now.Add(wait)}
		}
	}
	made, link, err := s.Accounts.Invite(v.actor(), accounts.Inviting{Room: room.ID, Emails: b.Emails, Uses: b.Uses, Stay: b.Stay, Last: time.Duration(b.Days) * 24 * time.Hour,
		Post: func(tx *store.Tx, l accounts.Letter) error {
			return s.Invite(tx, l, room.Name, v.invitationURL(l.Link), b.Language, v.now)
		}}, v.now)
	if err != nil {
		return err
	}
	out := make([]invitationJSON, 0, len(made))
	for _, i := range made {
		out = append(out, invitationOf(i))
	}
	answer := map[string]any{"invitations": out}
	if link.Reveal() != "" {
		answer["url"] = v.invitationURL(link)
	}
	return v.json(http.StatusCreated, answer)
}

// invitationURL: the token stands in the fragment, which no server and no log ever sees.
func (v *visit) invitationURL(token accounts.Token) string {
	return v.srv.base(v.r) + "/i#" + token.Reveal()
}

func (s *Server) withdraw(v *visit) error {
	room, err := v.ownRoom()
	if err != nil {
		return err
	}
	id, err := accounts.ParseInvitationID(v.c.Param("invitation"))
	if err != nil {
		return refusal{codeNotFound}
	}
	if err := s.Accounts.Withdraw(v.actor(), room.ID, id, v.now); err == accounts.ErrInvitation {
		return refusal{codeNotFound}
	} else if err != nil {
		return err
	}
	return v.done()
}

func (s *Server) removeGuest(v *visit) error {
	room, err := v.ownRoom()
	if err != nil {
		return err
	}
	id, err := v.subject()
	if err != nil {
		return err
	}
	if err := s.Accounts.RemoveGuest(v.actor(), room.ID, id, v.now); err != nil {
		return err
	}
	return v.done()
}

// extendInvitation makes one last longer; its link stays the same.
func (s *Server) extendInvitation(v *visit) error {
	var b struct {
		Days int `json:"days"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	room, err := v.ownRoom()
	if err != nil {
		return err
	}
	id, err := accounts.ParseInvitationID(v.c.Param("invitation"))
	if err != nil {
		return refusal{codeNotFound}
	}
	if err := s.Accounts.ExtendInvitation(v.actor(), room.ID, id, b.Days, v.now); err == accounts.ErrInvitation {
		return refusal{codeNotFound}
	} else if err != nil {
		return err
	}
	return v.done()
}

// changeGuest lets a guest stay longer, or tells administrators that a full account is wished, or no longer; one thing at a time.
func (s *Server) changeGuest(v *visit) error {
	var b struct {
		Days *int  `json:"days"` // from now on
		Full *bool `json:"full"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	room, err := v.ownRoom()
	if err != nil {
		return err
	}
	id, err := v.subject()
	if err != nil {
		return err
	}
	var a accounts.Account
	switch {
	case b.Days != nil && b.Full == nil:
		a, err = s.Accounts.ExtendGuest(v.actor(), room.ID, id, *b.Days, v.now)
	case b.Full != nil && b.Days == nil:
		a, err = s.Accounts.AskFull(v.actor(), room.ID, id, *b.Full, v.now)
	default:
		return refusal{codeBadRequest}
	}
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"guest": invitedOf(a)})
}

// guestLink mails a guest a new way in. The organiser sees nothing of it.
func (s *Server) guestLink(v *visit) error {
	var b struct {
		Language string `json:"language"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	room, err := v.ownRoom()
	if err != nil {
		return err
	}
	id, err := v.subject()
	if err != nil {
		return err
	}
	if s.GuestLink == nil {
		return refusal{codeGuestsNeedMail}
	}
	if wait, ok := s.invites.take(v.account.ID.String(), v.now); !ok {
		return accounts.ErrTooMany{Until: v.now.Add(wait)}
	}
	_, err = s.Accounts.GuestLink(v.actor(), room.ID, id, v.now, func(tx *store.Tx, to accounts.Account, link accounts.Activation) error {
		return s.GuestLink(tx, to, v.account, v.activationURL(link), b.Language, link.Expires, v.now)
	})
	if err != nil {
		return err
	}
	return v.done()
}
