package operator

import (
	"time"

	"huisclos/accounts"
)

// The acts on accounts and sessions, by their names on the socket.
const (
	actUserList    = "user.list"
	actUserShow    = "user.show"
	actUserAdd     = "user.add"
	actUserDisable = "user.disable"
	actUserEnable  = "user.enable"
	actUserDelete  = "user.delete"
	actUserReset   = "user.reset"
	actSessionList = "session.list"
	actSessionEnd  = "session.end"
)

// User is what is shown of an account.
type User struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Email        string    `json:"email"`
	Role         string    `json:"role"`
	State        string    `json:"state"`  // invited, active or disabled
	Source       string    `json:"source"` // "local": the appliance itself
	SecondFactor bool      `json:"secondFactor"`
	Created      time.Time `json:"created"`
	LastLogin    time.Time `json:"lastLogin,omitzero"`
	Leaving      time.Time `json:"leaving,omitzero"` // it is deleted then
}

func user(a accounts.Account) User {
	u := User{ID: a.ID.String(), Name: a.Name, Email: a.Email, Role: string(a.Role), State: string(a.State), Source: string(a.Source), SecondFactor: a.SecondFactor,
		Created: a.Created, LastLogin: a.LastLogin}
	if a.Source == "" {
		u.Source = "local"
	}
	if a.Leaving != nil {
		u.Leaving = a.Leaving.Until
	}
	return u
}

type (
	usersAsked struct {
		Query string `json:"query,omitempty"` // words that begin a word of the name or the address
		After string `json:"after,omitempty"`
		Limit int    `json:"limit,omitempty"`
	}
	usersGiven struct {
		Users []User `json:"users"`
		Next  string `json:"next,omitempty"`
	}
	// who names an account by its address or id.
	who struct {
		Who string `json:"who"`
	}
	userShown struct {
		User
		Groups   []string `json:"groups"`
		Rooms    int      `json:"rooms"`
		Meetings int      `json:"meetings"` // planned ones that are not over
		Sessions int      `json:"sessions"`
	}
	userWanted struct {
		Email string `json:"email"`
		Name  string `json:"name"`
		Role  string `json:"role"`
	}
	// linkMade is an account with the token of its activation link.
	linkMade struct {
		User
		Token   string    `json:"token"`
		Expires time.Time `json:"expires"`
	}
)

func (o Options) listUsers(q usersAsked) (usersGiven, error) {
	if q.Limit <= 0 || q.Limit > pageLimit {
		q.Limit = pageLimit
	}
	page, next, err := o.Accounts.List(q.Query, q.After, q.Limit)
	out := usersGiven{Users: make([]User, 0, len(page)), Next: next}
	for _, a := range page {
		out.Users = append(out.Users, user(a))
	}
	return out, err
}

func (o Options) showUser(q who) (userShown, error) {
	a, err := o.Accounts.Find(q.Who)
	if err != nil {
		return userShown{}, err
	}
	out := userShown{User: user(a), Groups: []string{}}
	groups, err := o.Accounts.GroupsOf(a.ID)
	if err != nil {
		return out, err
	}
	for _, g := range groups {
		out.Groups = append(out.Groups, g.Name)
	}
	sessions, err := o.Accounts.Sessions(accounts.Operator(), a.ID, o.Now())
	if err != nil {
		return out, err
	}
	out.Sessions = len(sessions)
	out.Rooms, out.Meetings, err = o.Rooms.Owned(a.ID, o.Now())
	return out, err
}

func (o Options) addUser(q userWanted) (linkMade, error) {
	a, link, err := o.Accounts.Create(accounts.Operator(), q.Name, q.Email, accounts.Role(q.Role), o.Now())
	if err != nil {
		return linkMade{}, err
	}
	o.loud("has made an account", "account", a.ID, "role", a.Role)
	return linkMade{user(a), link.Token.Reveal(), link.Expires}, nil
}

// change runs an act on the account that a question names, and makes it loud.
func (o Options) change(q who, did string, do func(accounts.Account) (accounts.Account, error)) (User, error) {
	a, err := o.Accounts.Find(q.Who)
	if err != nil {
		return User{}, err
	}
	after, err := do(a)
	if err != nil {
		return User{}, err
	}
	o.loud(did, "account", a.ID, "role", a.Role)
	return user(after), nil
}

func (o Options) disableUser(q who) (User, error) {
	return o.change(q, "has disabled an account", func(a accounts.Account) (accounts.Account, error) {
		return o.Accounts.Disable(accounts.Operator(), a.ID, o.Now())
	})
}

func (o Options) enableUser(q who) (User, error) {
	return o.change(q, "has enabled an account", func(a accounts.Account) (accounts.Account, error) {
		return o.Accounts.Enable(accounts.Operator(), a.ID, o.Now())
	})
}

func (o Options) deleteUser(q who) (User, error) {
	return o.change(q, "has deleted an account", func(a accounts.Account) (accounts.Account, error) {
		return a, o.Accounts.Delete(accounts.Operator(), a.ID, o.Now())
	})
}

// resetUser makes an activation link: with it the account's owner chooses a passphrase. The one before, the second factors and the
// sessions count until then.
func (o Options) resetUser(q who) (linkMade, error) {
	var out linkMade
	u, err := o.change(q, "has made an activation link", func(a accounts.Account) (accounts.Account, error) {
		link, err := o.Accounts.NewActivation(accounts.Operator(), a.ID, o.Now())
		if err != nil {
			return a, err
		}
		out.Token, out.Expires = link.Token.Reveal(), link.Expires
		return o.Accounts.Get(a.ID)
	})
	out.User = u
	return out, err
}

// Session is what is shown of one: no address, no browser.
type Session struct {
	ID       string    `json:"id"`
	Created  time.Time `json:"created"`
	Seen     time.Time `json:"seen"`
	Until    time.Time `json:"until"` // it ends then in any case
	Provided bool      `json:"provided"`
}

type (
	sessionsGiven struct {
		Sessions []Session `json:"sessions"`
	}
	sessionsEnded struct {
		Who     string `json:"who"`
		Session string `json:"session,omitempty"` // "": all
		Ended   int    `json:"ended"`
	}
)

func (o Options) listSessions(q who) (sessionsGiven, error) {
	out := sessionsGiven{Sessions: []Session{}}
	a, err := o.Accounts.Find(q.Who)
	if err != nil {
		return out, err
	}
	list, err := o.Accounts.Sessions(accounts.Operator(), a.ID, o.Now())
	for _, s := range list {
		out.Sessions = append(out.Sessions, Session{s.ID.String(), s.Created, s.Seen, s.Until, s.Provided})
	}
	return out, err
}

func (o Options) endSessions(q sessionsEnded) (sessionsEnded, error) {
	a, err := o.Accounts.Find(q.Who)
	if err != nil {
		return q, err
	}
	list, err := o.Accounts.Sessions(accounts.Operator(), a.ID, o.Now())
	if err != nil {
		return q, err
	}
	if q.Session == "" {
		q.Ended, err = len(list), o.Accounts.EndSessions(accounts.Operator(), a.ID, o.Now())
	} else {
		var id accounts.SessionID
		if id, err = accounts.ParseSessionID(q.Session); err != nil {
			return q, accounts.ErrNoSession
		}
		q.Ended, err = 1, o.Accounts.EndSession(accounts.Operator(), a.ID, id, o.Now())
	}
	if err != nil {
		return q, err
	}
	o.loud("has ended sessions", "account", a.ID, "sessions", q.Ended)
	return q, nil
}
