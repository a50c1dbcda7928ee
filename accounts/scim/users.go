package scim

import (
	"encoding/json"
	"errors"
	"strings"

	"huisclos/accounts"
)

// writable is what an identity system may say of a person, as it has said it.
func writable(p accounts.ProvisionedAccount) resource {
	r := resource{"userName": p.Person.UserName, "active": !p.Person.Off, "roles": []any{map[string]any{"value": string(p.Person.Role), "primary": true}}}
	name := map[string]any{}
	for _, part := range []struct {
		in       map[string]any
		at, text string
	}{{r, "externalId", p.Person.Subject}, {r, "displayName", p.Person.Display}, {name, "formatted", p.Person.Formatted},
		{name, "givenName", p.Person.Given}, {name, "familyName", p.Person.Family}} {
		if part.text != "" {
			part.in[part.at] = part.text
		}
	}
	if len(name) > 0 {
		r["name"] = name
	}
	if p.Person.Email != "" {
		email := map[string]any{"value": p.Person.Email, "primary": true}
		if p.Person.EmailType != "" {
			email["type"] = p.Person.EmailType
		}
		r["emails"] = []any{email}
	}
	return r
}

// user is the resource of a provisioned account.
func (q Request) user(p accounts.ProvisionedAccount) Answer {
	r := writable(p)
	id := p.Account.ID.String()
	version, location := versionOf([]any{id, r}), q.Base+"/Users/"+id
	if len(p.Groups) > 0 {
		groups := make([]any, 0, len(p.Groups))
		for _, g := range p.Groups {
			groups = append(groups, map[string]any{"value": g.ID.String(), "$ref": q.Base + "/Groups/" + g.ID.String(), "display": g.Name, "type": "direct"})
		}
		r["groups"] = groups
	}
	r["schemas"], r["id"] = []any{UserSchema}, id
	r["meta"] = meta("User", location, version, p.Account.Created, p.Changed)
	return Answer{r, location, version}
}

func (q Request) shownUser(p accounts.ProvisionedAccount) Answer {
	a := q.user(p)
	a.Body = q.Query.projection().of(userSchema, a.Body)
	return a
}

// person reads what a resource says. Role "": nothing.
func person(r resource) (accounts.ProvisionedPerson, error) {
	var p accounts.ProvisionedPerson
	text := func(m map[string]any, name string) string { s, _ := m[name].(string); return s }
	if p.UserName = text(r, "userName"); strings.TrimSpace(p.UserName) == "" {
		return p, errRequired("userName")
	}
	p.Subject, p.Display = text(r, "externalId"), text(r, "displayName")
	name, _ := r["name"].(map[string]any)
	p.Formatted, p.Given, p.Family = text(name, "formatted"), text(name, "givenName"), text(name, "familyName")
	if active, said := r["active"].(bool); said {
		p.Off = !active
	}
	email := chosen(r["emails"], "work")
	p.Email, p.EmailType = text(email, "value"), text(email, "type")
	if email != nil && p.Email == "" {
		return p, errValue("emails.value")
	}
	if role := chosen(r["roles"], ""); role != nil {
		var ok bool
		if p.Role, ok = roleCalled(text(role, "value")); !ok {
			return p, bad(InvalidValue, "L'attribut roles accepte member et organiser ; les rôles d'administration se donnent dans la console.",
				"The attribute roles takes member and organiser; administrative roles are given in the console.")
		}
	}
	return p, nil
}

// chosen is the one of several values that is kept: the primary one, else that of the kind, else the first.
func chosen(values any, kind string) (found map[string]any) {
	for _, v := range valuesOf(values) {
		m, ok := v.(map[string]any)
		switch {
		case !ok:
		case m["primary"] == true:
			return m
		case found == nil, kind != "" && found["type"] != kind && m["type"] == kind:
			found = m
		}
	}
	return found
}

// roleCalled is a role by its name. Entra ID sends an application's role as the text of an object that has it as its value.
func roleCalled(name string) (accounts.Role, bool) {
	if strings.HasPrefix(name, "{") {
		var role struct{ Value string }
		if json.Unmarshal([]byte(name), &role) != nil {
			return "", false
		}
		name = role.Value
	}
	switch strings.ToLower(name) {
	case "member", "membre":
		return accounts.Member, true
	case "organiser", "organizer", "organisateur":
		return accounts.Organiser, true
	}
	return "", false
}

// GetUser shows one account. accounts.ErrNotFound.
func (s Provider) GetUser(q Request, id string) (Answer, error) {
	key, err := accounts.ParseID(id)
	if err != nil {
		return Answer{}, err
	}
	p, err := s.Accounts.ProvisionedByID(key)
	if err != nil {
		return Answer{}, err
	}
	return q.shownUser(p), nil
}

// CreateUser makes an account (RFC 7644 §3.3).
func (s Provider) CreateUser(q Request, body []byte) (Answer, error) {
	who, err := readUser(body)
	if err != nil {
		return Answer{}, err
	}
	p, err := s.Accounts.Provision(q.By, who, q.Now, q.Also...)
	if err != nil {
		return Answer{}, err
	}
	return q.shownUser(p), nil
}

func readUser(body []byte) (accounts.ProvisionedPerson, error) {
	m, err := object(body)
	if err != nil {
		return accounts.ProvisionedPerson{}, err
	}
	r, err := userSchema.fitting(m)
	if err != nil {
		return accounts.ProvisionedPerson{}, err
	}
	return person(r)
}

// ReplaceUser is PUT (RFC 7644 §3.5.1). A role that isn't said stays.
func (s Provider) ReplaceUser(q Request, id string, body []byte) (Answer, error) {
	who, err := readUser(body)
	if err != nil {
		return Answer{}, err
	}
	return s.changeUser(q, id, func(accounts.ProvisionedAccount) (accounts.ProvisionedPerson, error) { return who, nil })
}

// PatchUser is PATCH (RFC 7644 §3.5.2). A role that is taken away leaves a member.
func (s Provider) PatchUser(q Request, id string, body []byte) (Answer, error) {
	ops, err := readPatch(body)
	if err != nil {
		return Answer{}, err
	}
	return s.changeUser(q, id, func(p accounts.ProvisionedAccount) (accounts.ProvisionedPerson, error) {
		r := writable(p)
		if err := userSchema.apply(r, ops); err != nil {
			return accounts.ProvisionedPerson{}, err
		}
		who, err := person(r)
		if who.Role == "" {
			who.Role = accounts.Member
		}
		return who, err
	})
}

func (s Provider) changeUser(q Request, id string, change func(accounts.ProvisionedAccount) (accounts.ProvisionedPerson, error)) (Answer, error) {
	key, err := accounts.ParseID(id)
	if err != nil {
		return Answer{}, err
	}
	p, err := s.Accounts.Reprovision(q.By, key, func(p accounts.ProvisionedAccount) (accounts.ProvisionedPerson, error) {
		if err := q.check(q.user(p).Version); err != nil {
			return accounts.ProvisionedPerson{}, err
		}
		return change(p)
	}, q.Now, q.Also...)
	if err != nil {
		return Answer{}, err
	}
	return q.shownUser(p), nil
}

// DeleteUser removes an account for ever. It returns whose it was.
func (s Provider) DeleteUser(q Request, id string) (accounts.ID, error) {
	key, err := accounts.ParseID(id)
	if err != nil {
		return key, err
	}
	return key, s.Accounts.Deprovision(q.By, key, func(p accounts.ProvisionedAccount) error { return q.check(q.user(p).Version) }, q.Now)
}

// ListUsers is a page of the accounts that a filter keeps, in the order of user names.
func (s Provider) ListUsers(q Request) (map[string]any, error) {
	start, count, err := q.Query.page()
	if err != nil {
		return nil, err
	}
	f, err := q.Query.parsed(userSchema)
	if err != nil {
		return nil, err
	}
	var found []accounts.ProvisionedAccount
	var total int
	if one, indexed, err := s.indexed(f); err != nil {
		return nil, err
	} else if indexed {
		if one != nil && f.matches(userSchema, q.user(*one).Body) {
			total = 1
			if start == 1 && count > 0 {
				found = append(found, *one)
			}
		}
	} else {
		var keep func(accounts.ProvisionedAccount) bool
		if f != nil {
			keep = func(p accounts.ProvisionedAccount) bool { return f.matches(userSchema, q.user(p).Body) }
		}
		found, total, err = s.Accounts.ListProvisioned(keep, start-1, count, maxExamined)
		if errors.Is(err, accounts.ErrTooMuch) {
			return nil, ErrTooMany
		}
		if err != nil {
			return nil, err
		}
	}
	resources := make([]any, 0, len(found))
	for _, p := range found {
		resources = append(resources, q.shownUser(p).Body)
	}
	return list(total, start, resources), nil
}

// indexed looks the one account up that a filter can be true of. indexed is false where there may be several.
func (s Provider) indexed(f *filter) (one *accounts.ProvisionedAccount, indexed bool, err error) {
	if f == nil {
		return nil, false, nil
	}
	var p accounts.ProvisionedAccount
	if v, ok := f.required(userSchema, "id", ""); ok {
		id, failed := accounts.ParseID(v)
		if failed != nil {
			return nil, true, nil
		}
		p, err = s.Accounts.ProvisionedByID(id)
	} else if v, ok := f.required(userSchema, "userName", ""); ok {
		p, err = s.Accounts.ProvisionedBy(v, "", "")
	} else if v, ok := f.required(userSchema, "externalId", ""); ok && v != "" {
		p, err = s.Accounts.ProvisionedBy("", v, "")
	} else if v, ok := f.required(userSchema, "emails", "value"); ok && v != "" {
		p, err = s.Accounts.ProvisionedBy("", "", v)
	} else {
		return nil, false, nil
	}
	if errors.Is(err, accounts.ErrNotFound) {
		return nil, true, nil
	}
	return &p, true, err
}
