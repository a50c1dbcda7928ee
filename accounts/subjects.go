package accounts

import (
	"strings"

	"huisclos/store"
)

// Subjects returns the accounts of a source by the source's own name of each person.
func (a *Accounts) Subjects(source Source) (map[string]ID, error) {
	list, prefix := map[string]ID{}, subjectKey(source, "")
	err := a.db.View(func(tx *store.Tx) error {
		tx.Scan(subjectBucket, []byte(prefix), nil, 0, func(k, v []byte) bool {
			list[strings.TrimPrefix(string(k), prefix)] = ID(v)
			return true
		})
		return nil
	})
	return list, err
}
