package accounts

import (
	"encoding/json"
	"fmt"

	"huisclos/store"
)

// AddRoles is this package's second migration. There were two roles, and every account could open rooms: who was a member is an
// organiser now. Whoever was an administrator without a second factor sets one up at the next request.
func AddRoles(tx *store.Tx) error {
	for _, name := range []string{officersBucket, proposalsBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	type change struct{ key, value []byte }
	var list []change
	var failed error
	tx.Scan(recordsBucket, nil, nil, 0, func(k, v []byte) bool {
		// Only the role is touched: what else a record holds is for later releases to know.
		var fields map[string]json.RawMessage
		var role string
		if failed = json.Unmarshal(v, &fields); failed == nil {
			failed = json.Unmarshal(fields["role"], &role)
		}
		if failed != nil {
			failed = fmt.Errorf("accounts: record %x: %w", k, failed)
			return false
		}
		if role != "member" {
			return true
		}
		fields["role"] = json.RawMessage(`"organiser"`)
		var b []byte
		if b, failed = json.Marshal(fields); failed != nil {
			return false
		}
		list = append(list, change{k, b})
		return true
	})
	if failed != nil {
		return failed
	}
	for _, c := range list {
		if err := tx.Put(recordsBucket, c.key, c.value); err != nil {
			return err
		}
	}
	return nil
}

// Migrations are this package's, in their order and numbered from first on: a database of accounts, as tests and benchmarks of several
// packages make one. The appliance has a list of its own, where they stand between those of other packages.
func Migrations(first int) (list []store.Migration) {
	for i, m := range []store.Migration{
		{Name: "accounts", Run: CreateBuckets}, {Name: "roles", Run: AddRoles}, {Name: "passkeys", Run: AddPasskeys}, {Name: "sources", Run: AddSources},
		{Name: "groups", Run: AddGroups}, {Name: "guests", Run: AddGuests}, {Name: "provisioning", Run: AddProvisioning}, {Name: "provider", Run: AddProvider},
		{Name: "life", Run: AddLife}, {Name: "programs", Run: AddPrograms},
	} {
		m.Version = first + i
		list = append(list, m)
	}
	return list
}
