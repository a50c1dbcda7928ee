package accounts

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// Buckets.
const (
	invitationsBucket = "accounts.invitations" // SHA-256 of the token → invitation
	invitedBucket     = "accounts.invited"     // organiser ‖ SHA-256 of the token → nothing
)

// Bounds of invitations.
const (
	InvitationTime    = 14 * 24 * time.Hour // usual
	MaxInvitationTime = 90 * 24 * time.Hour
	InvitationUses    = 20  // of a link, usual
	MaxInvitees       = 50  // addresses in one request
	MaxInvitations    = 500 // kept of one organiser
	// invitationKept is how long one that is over still says why.
	invitationKept = 7 * 24 * time.Hour
)

const invitationLabel = "huisclos invitation 1\x00"

// InvitationID names an invitation in lists; it gives no right.
type InvitationID [16]byte

// String returns the id in base64url without padding.
func (id InvitationID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseInvitationID reads what String wrote. ErrInvitation.
func ParseInvitationID(s string) (InvitationID, error) {
	id, err := ParseID(s)
	if err != nil {
		return InvitationID{}, ErrInvitation
	}
	return InvitationID(id), nil
}

// Invitation brings somebody without an account to a room.
type Invitation struct {
	ID        InvitationID
	Organiser ID
	Room      [16]byte
	Email     string // whom it is for; "" for a link that whoever holds it may use
	Made      time.Time
	Expires   time.Time
	Uses      int // how often it can be accepted
	Used      int // how often it was
	Withdrawn bool
	Stay      int // days that the account of who accepts lasts; 0: as the policy has it
}

// invitation is one as it is stored. Its id is the beginning of its key.
type invitation struct {
	Organiser ID        `json:"organiser"`
	Room      [16]byte  `json:"room"`
	Email     string    `json:"email,omitempty"`
	Made      time.Time `json:"made"`
	Expires   time.Time `json:"expires"`
	Uses      int       `json:"uses"`
	Used      int       `json:"used,omitempty"`
	Withdrawn bool      `json:"withdrawn,omitempty"`
	Stay      int       `json:"stay,omitempty"`
}

func (i invitation) shown(hash []byte) Invitation {
	return Invitation{InvitationID(hash[:16]), i.Organiser, i.Room, i.Email, i.Made, i.Expires, i.Uses, i.Used, i.Withdrawn, i.Stay}
}

// refused says why an invitation counts no longer.
func (i invitation) refused(now time.Time) error {
	switch {
	case i.Withdrawn:
		return ErrInvitationWithdrawn
	case !now.Before(i.Expires):
		return ErrInvitationExpired
	case i.Used >= i.Uses:
		return ErrInvitationUsed
	}
	return nil
}

func loadInvitation(tx *store.Tx, hash []byte) (i invitation, err error) {
	b := tx.Get(invitationsBucket, hash)
	if b == nil {
		return i, ErrInvitation
	}
	if err := json.Unmarshal(b, &i); err != nil {
		return invitation{}, fmt.Errorf("accounts: invitation: %w", err)
	}
	return i, nil
}

func saveInvitation(tx *store.Tx, hash []byte, i invitation) error {
	b, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("accounts: invitation: %w", err)
	}
	if err := tx.Put(invitedBucket, slices.Concat(i.Organiser[:], hash), []byte{}); err != nil {
		return err
	}
	return tx.Put(invitationsBucket, hash, b)
}

func dropInvitation(tx *store.Tx, hash []byte, i invitation) error {
	if err := dropConfirmations(tx, hash); err != nil {
		return err
	}
	if err := tx.Delete(invitedBucket, slices.Concat(i.Organiser[:], hash)); err != nil {
		return err
	}
	return tx.Delete(invitationsBucket, hash)
}

// keptInvitation is one with its key.
type keptInvitation struct {
	invitation
	hash []byte
}

func invitationsOf(tx *store.Tx, by ID) (list []keptInvitation, err error) {
	tx.Scan(invitedBucket, by[:], nil, 0, func(k, _ []byte) bool {
		hash := slices.Clone(k[len(by):])
		var i invitation
		if i, err = loadInvitation(tx, hash); err != nil {
			return false
		}
		list = append(list, keptInvitation{i, hash})
		return true
	})
	return list, err
}

func dropInvitations(tx *store.Tx, by ID, which func(invitation) bool) error {
	list, err := invitationsOf(tx, by)
	for _, k := range list {
		if err == nil && which(k.invitation) {
			err = dropInvitation(tx, k.hash, k.invitation)
		}
	}
	return err
}

func roomText(room [16]byte) string { return base64.RawURLEncoding.EncodeToString(room[:]) }

// Letter is an invitation that goes to one address.
type Letter struct {
	From    Account
	To      string
	Link    Token
	Expires time.Time
}

// Inviting is what an organiser asks for. The caller has checked that the room is theirs.
type Inviting struct {
	Room   [16]byte
	Emails []string      // one invitation each; none: one link
	Uses   int           // of the link; 0: InvitationUses, or as many as the policy has
	Stay   int           // days that the account of who accepts lasts; 0: as the policy has it
	Last   time.Duration // 0: InvitationTime
	// Post writes the mail of one invitation, in the transaction in which it is made. Needed where there are Emails.
	Post func(tx *store.Tx, l Letter) error
}

// Invite makes invitations. The token of a link is returned once; those for addresses are in their mails and nowhere else. A further
// one for the same address and room voids the one before. ErrForbidden, ErrInvitees, ErrNoGuests, ErrGuestBounds, ErrEmail,
// ErrTooManyInvitations.
func (a *Accounts) Invite(actor Actor, in Inviting, now time.Time) (made []Invitation, link Token, err error) {
	uses, last := in.Uses, in.Last
	setDefault(&last, InvitationTime)
	if len(in.Emails) > MaxInvitees || uses < 0 || in.Stay < 0 || last < time.Hour || last > MaxInvitationTime {
		return nil, Token{}, ErrInvitees
	}
	to := make([]string, 0, len(in.Emails))
	for _, e := range in.Emails {
		normal, err := normalEmail(e)
		if err != nil {
			return nil, Token{}, err
		}
		if !slices.Contains(to, normal) {
			to = append(to, normal)
		}
	}
	if len(to) == 0 {
		to = []string{""}
	} else {
		uses = 1
	}
	err = a.actBy(actor, now, func(t *act) error {
		by, rule, err := t.inviter(actor)
		if err != nil {
			return err
		}
		if uses == 0 {
			uses = min(InvitationUses, rule.Uses())
		}
		if uses > rule.Uses() || in.Stay > rule.Longest() {
			return ErrGuestBounds
		}
		if err := t.makeRoomFor(by.ID, in.Room, to); err != nil {
			return err
		}
		for _, email := range to {
			if link, err = t.a.drawToken(); err != nil {
				return err
			}
			hash := hashSecret(invitationLabel, link.Reveal())
			i := invitation{Organiser: by.ID, Room: in.Room, Email: email, Made: now.UTC(), Expires: now.Add(last).UTC(), Uses: uses, Stay: in.Stay}
			if err := saveInvitation(t.tx, hash, i); err != nil {
				return err
			}
			made = append(made, i.shown(hash))
			if err := t.record(audit.InvitationMade, roomText(in.Room), "invitation", made[len(made)-1].ID.String(), "open", yes(email == ""), "expires", stamp(i.Expires)); err != nil {
				return err
			}
			if email == "" {
				return nil
			}
			if err := in.Post(t.tx, Letter{by.account(), email, link, i.Expires}); err != nil {
				return err
			}
		}
		link = Token{}
		return nil
	})
	if err != nil {
		return nil, Token{}, a.forbidden(actor, ID{}, now, err)
	}
	return made, link, nil
}

// inviter returns the account of who invites, or looks after guests, if it may, and the rule that binds it. ErrForbidden, ErrNoGuests.
func (t *act) inviter(actor Actor) (record, GuestRule, error) {
	by, err := load(t.tx, actor.Account)
	if errors.Is(err, ErrNotFound) || err == nil && !(by.active() && (by.Role == Administrator || by.Role == Officer || by.Role == Organiser)) {
		return by, GuestRule{}, ErrForbidden
	} else if err != nil {
		return by, GuestRule{}, err
	}
	p, err := loadPolicy(t.tx)
	if err == nil && !p.Guests.Allows() {
		err = ErrNoGuests
	}
	return by, p.Guests, err
}

// makeRoomFor drops what further invitations void, and what is over, if it stands in the way.
func (t *act) makeRoomFor(by ID, room [16]byte, to []string) error {
	list, err := invitationsOf(t.tx, by)
	if err != nil {
		return err
	}
	n := len(list)
	for _, k := range list {
		again := k.Email != "" && k.Room == room && slices.Contains(to, k.Email)
		if again || n+len(to) > MaxInvitations && k.refused(t.now) != nil {
			if err := dropInvitation(t.tx, k.hash, k.invitation); err != nil {
				return err
			}
			n--
		}
	}
	if n+len(to) > MaxInvitations {
		return ErrTooManyInvitations
	}
	return nil
}

// Invitations lists an organiser's invitations to a room, the newest first.
func (a *Accounts) Invitations(by ID, room [16]byte) (out []Invitation, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		list, err := invitationsOf(tx, by)
		for _, k := range list {
			if k.Room == room {
				out = append(out, k.shown(k.hash))
			}
		}
		return err
	})
	slices.SortFunc(out, func(x, y Invitation) int {
		if c := y.Made.Compare(x.Made); c != 0 {
			return c
		}
		return strings.Compare(x.Email, y.Email)
	})
	return out, err
}

// Withdraw voids an invitation of the actor's. Who has accepted stays. ErrInvitation.
func (a *Accounts) Withdraw(actor Actor, room [16]byte, id InvitationID, now time.Time) error {
	return a.actBy(actor, now, func(t *act) error {
		k, err := t.invitationOf(actor, room, id)
		if err != nil {
			return err
		}
		if k.Withdrawn {
			return nil
		}
		k.Withdrawn = true
		if err := dropConfirmations(t.tx, k.hash); err != nil {
			return err
		}
		if err := saveInvitation(t.tx, k.hash, k.invitation); err != nil {
			return err
		}
		return t.record(audit.InvitationWithdrawn, roomText(room), "invitation", id.String(), "used", strconv.Itoa(k.Used))
	})
}

// findInvitation returns the invitation of a token if it counts: ErrInvitation, ErrNoGuests, ErrInvitationExpired,
// ErrInvitationWithdrawn, ErrInvitationUsed. One whose organiser is no longer active is withdrawn.
func findInvitation(tx *store.Tx, token string, now time.Time) (i invitation, hash []byte, by record, err error) {
	if !wellFormed(token) {
		return i, nil, by, ErrInvitation
	}
	hash = hashSecret(invitationLabel, token)
	if i, err = loadInvitation(tx, hash); err != nil {
		return i, nil, by, err
	}
	switch p, err := loadPolicy(tx); {
	case err != nil:
		return i, hash, by, err
	case !p.Guests.Allows():
		return i, hash, by, ErrNoGuests
	case i.Used >= p.Guests.Uses(): // the bound of now, for links of before
		return i, hash, by, ErrInvitationUsed
	}
	if err := i.refused(now); err != nil {
		return i, hash, by, err
	}
	by, err = load(tx, i.Organiser)
	if errors.Is(err, ErrNotFound) || err == nil && !by.active() {
		err = ErrInvitationWithdrawn
	}
	return i, hash, by, err
}

// Invitation returns what a token invites to, and who invites. It changes nothing. Errors as findInvitation's.
func (a *Accounts) Invitation(token string, now time.Time) (Invitation, Account, error) {
	var out Invitation
	var organiser Account
	err := a.db.View(func(tx *store.Tx) error {
		i, hash, by, err := findInvitation(tx, token, now)
		if err != nil {
			return err
		}
		out, organiser = i.shown(hash), by.account()
		return nil
	})
	return out, organiser, err
}

// sweepInvitations removes invitations and codes that count no longer.
func (a *Accounts) sweepInvitations(now time.Time) error {
	keys, err := a.expired(invitationsBucket, func(_ *store.Tx, value []byte) (bool, error) {
		var i invitation
		if err := json.Unmarshal(value, &i); err != nil {
			return false, fmt.Errorf("accounts: invitation: %w", err)
		}
		return !now.Before(i.Expires.Add(invitationKept)), nil
	})
	if err != nil {
		return err
	}
	err = a.inBatches(keys, now, func(t *act, hash []byte) error {
		i, err := loadInvitation(t.tx, hash)
		if errors.Is(err, ErrInvitation) {
			return nil // gone meanwhile
		}
		if err != nil {
			return err
		}
		return dropInvitation(t.tx, hash, i)
	})
	if err != nil {
		return err
	}
	codes, err := a.expired(confirmationsBucket, func(_ *store.Tx, value []byte) (bool, error) {
		c, err := readConfirmation(value)
		return !now.Before(c.Until), err
	})
	if err != nil {
		return err
	}
	return a.inBatches(codes, now, func(t *act, key []byte) error {
		c, err := readConfirmation(t.tx.Get(confirmationsBucket, key))
		if err != nil || now.Before(c.Until) {
			return err // asked for again meanwhile
		}
		return t.tx.Delete(confirmationsBucket, key)
	})
}
