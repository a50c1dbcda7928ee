package web

import (
	"net/http"
	"time"

	"huisclos/accounts"
)

// What the console shows and does of provisioning: tokens of identity systems.

type provisionerJSON struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Organisers bool       `json:"organisers"`
	Mails      bool       `json:"mails"`
	By         string     `json:"by"` // name; "" when the account is gone
	Created    time.Time  `json:"created"`
	Expires    time.Time  `json:"expires"`
	Expired    bool       `json:"expired"`
	Used       *time.Time `json:"used,omitempty"`
	From       string     `json:"from,omitempty"` // address of the last use
}

func (s *Server) provisionerJSON(p accounts.Provisioner, by string, now time.Time) provisionerJSON {
	j := provisionerJSON{ID: p.ID.String(), Name: p.Name, Organisers: p.Organisers, Mails: p.Mails, By: by, Created: p.Created, Expires: p.Expires, Expired: !now.Before(p.Expires)}
	if !p.Used.IsZero() {
		j.Used = &p.Used
		if p.UsedFrom.IsValid() {
			j.From = p.UsedFrom.Unmap().String()
		}
	}
	return j
}

func (s *Server) getProvisioning(v *visit) error {
	list, err := s.Accounts.Provisioners()
	if err != nil {
		return err
	}
	makers := make([]accounts.ID, 0, len(list))
	for _, p := range list {
		makers = append(makers, p.By)
	}
	names, err := s.Accounts.Names(makers)
	if err != nil {
		return err
	}
	tokens := make([]provisionerJSON, 0, len(list))
	for _, p := range list {
		tokens = append(tokens, s.provisionerJSON(p, names[p.By], v.now))
	}
	_, people, err := s.Accounts.ListProvisioned(nil, 0, 0, 0)
	if err != nil {
		return err
	}
	groups, err := s.Accounts.ProvisionedGroups(func(accounts.Group, func() []accounts.ID) bool { return true })
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"url": s.base(v.r) + scimPath, "mail": s.Post != nil, "most": accounts.MaxProvisioners, "tokens": tokens,
		"accounts": people, "groups": len(groups)})
}

// makeProvisioner makes a token. It is in this answer and nowhere else.
func (s *Server) makeProvisioner(v *visit) error {
	var b struct {
		Name       string `json:"name"`
		Organisers bool   `json:"organisers"`
		Mails      bool   `json:"mails"`
		Days       int    `json:"days"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	p, token, err := s.Accounts.MakeProvisioner(v.actor(), accounts.ProvisionerWish{Name: b.Name, Organisers: b.Organisers, Mails: b.Mails, Days: b.Days}, v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusCreated, map[string]any{"provisioner": s.provisionerJSON(p, v.account.Name, v.now), "token": token.Reveal()})
}

func (s *Server) revokeProvisioner(v *visit) error {
	id, err := accounts.ParseProvisionerID(v.c.Param("provisioner"))
	if err != nil {
		return err
	}
	if err := s.Accounts.RevokeProvisioner(v.actor(), id, v.now); err != nil {
		return err
	}
	return v.done()
}
