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
}

func invitationOf(i accounts.Invitation) invitationJSON {
	return invitationJSON{i.ID.String(), i.Email, i.Made, i.Expires, i.Uses, i.Used, i.Withdrawn}
}

type invitedJSON struct {
	ID    accounts.ID `json:"id"`
	Name  string      `json:"name"`
	Email string      `json:"email"`
	Until time.Time   `json:"until"`
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
		came = append(came, invitedJSON{g.ID, g.Name, g.Email, g.Guest.Until})
	}
	return v.json(http.StatusOK, map[string]any{"mail": s.Invite != nil, "invitations": made, "guests": came})
}

// invite makes invitations: one for each address, by mail, or else a link, which is shown once.
func (s *Server) invite(v *visit) error {
	var b struct {
		Emails   []string `json:"emails"`
		Uses     int      `json:"uses"`
		Days     int      `json:"days"`
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
	if b.Days < 0 || time.Duration(b.Days) > accounts.MaxInvitationTime/(24*time.Hour) || len(b.Emails) > accounts.MaxInvitees {
		return accounts.ErrInvitees
	}
	for range max(1, len(b.Emails)) {
		if wait, ok := s.invites.take(v.account.ID.String(), v.now); !ok {
			return accounts.ErrTooMany{Until: v.now.Add(wait)}
		}
	}
	made, link, err := s.Accounts.Invite(v.actor(), accounts.Inviting{Room: room.ID, Emails: b.Emails, Uses: b.Uses, Last: time.Duration(b.Days) * 24 * time.Hour,
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
