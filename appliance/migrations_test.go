package appliance

import (
	"reflect"
	"testing"

	"huisclos/accounts"
	"huisclos/store"
)

// TestMigrations: versions follow one another from 1 on, and the migrations of accounts, from which tests of other packages start, are all
// there and in their order.
func TestMigrations(t *testing.T) {
	run := func(m store.Migration) uintptr { return reflect.ValueOf(m.Run).Pointer() }
	rest := accounts.Migrations(1)
	for i, m := range migrations() {
		if m.Version != i+1 || m.Name == "" {
			t.Errorf("line %d: version %d, %q", i+1, m.Version, m.Name)
		}
		if len(rest) > 0 && run(m) == run(rest[0]) {
			rest = rest[1:]
		}
	}
	for _, m := range rest {
		t.Errorf("%s of accounts is missing, or not in its place", m.Name)
	}
}
