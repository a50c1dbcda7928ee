package web

import (
	"encoding/json"
	"strings"

	"huisclos/accounts"
	"huisclos/store"
)

const rolePassphrase = "trente grues au bord de l'eau"

func address(role accounts.Role) string { return string(role) + "@example.org" }

// there makes the one account of a role that the house has beside its first three, with a second factor where the role needs one.
func (h *house) there(role accounts.Role) accounts.Account {
	h.t.Helper()
	list, _, err := h.accounts.List(address(role), "", 1)
	must(h.t, err)
	if len(list) == 1 {
		return list[0]
	}
	a := h.newAccount("Rose "+string(role), address(role), rolePassphrase, role)
	if role.Privileged() {
		h.giveFactor(a, rolePassphrase)
	}
	return a
}

func (h *house) asRole(role accounts.Role) *browser {
	h.t.Helper()
	h.there(role)
	return h.signedIn(address(role), rolePassphrase)
}

// asGuest signs in who was made a guest as an invitation will do it: nobody can by hand.
func (h *house) asGuest() *browser {
	h.t.Helper()
	a := h.newAccount("Gus Invité", "guest@example.org", rolePassphrase, accounts.Member)
	must(h.t, h.db.Update(func(tx *store.Tx) error {
		var r map[string]any
		if err := json.Unmarshal(tx.Get("accounts.records", a.ID[:]), &r); err != nil {
			return err
		}
		r["role"] = accounts.Guest
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return tx.Put("accounts.records", a.ID[:], b)
	}))
	return h.signedIn("guest@example.org", rolePassphrase)
}

// roleOf is what the API says of who is signed in.
func (b *browser) roleOf() string {
	b.h.t.Helper()
	account, _ := b.do("GET", "/api/me", nil).json(b.h.t)["account"].(map[string]any)
	role, _ := account["role"].(string)
	return strings.TrimSpace(role)
}
