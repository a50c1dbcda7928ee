// Package crowd makes the accounts of an organisation for measurements, as an administrator imports them: with index, link and audit entries.
package crowd

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"huisclos/accounts"
	"huisclos/crypto/passhash"
)

// Phrase is the passphrase of everybody who is activated.
const Phrase = "muscade galop triste 41"

// Cheap is the least argon2id there is: what is measured is all else.
var Cheap = passhash.Params{Memory: 8, Time: 1, Threads: 1}

// First and Last are the names of which everybody has two, and a number.
var (
	First = []string{"Marie", "Jean", "Élodie", "Ahmed", "Chloé", "Luc", "Nadia", "Paul", "Zoé", "Quentin"}
	Last  = []string{"Martin", "Durand", "Lefèvre", "Benali", "Nguyen", "Garcia", "Petit", "Robert", "Müller", "Ivanov"}
)

// Email is the address of the i-th.
func Email(i int) string { return fmt.Sprintf("u%d@example.org", i) }

// From is where the i-th signs in from.
func From(i int) accounts.Client {
	return accounts.Client{Address: netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), Agent: "bench"}
}

// Fill imports n members, of whom the first active ones choose [Phrase].
func Fill(ctx context.Context, a *accounts.Accounts, n, active int) error {
	const at = 500 // rows of one transaction: the engine sorts what one writes, small ones are quicker
	for begin := 0; begin < n; begin += at {
		var rows []accounts.ImportRow
		for i := begin; i < min(begin+at, n); i++ {
			rows = append(rows, accounts.ImportRow{Line: i + 2, Name: fmt.Sprintf("%s %s %d", First[i%10], Last[i/10%10], i), Email: Email(i), Role: accounts.Member})
		}
		list, err := a.Import(accounts.Operator(), rows, false, time.Now())
		if err != nil {
			return err
		}
		for i, l := range list {
			if begin+i >= active {
				break
			}
			if _, _, err := a.Activate(ctx, l.Activation.Token.Reveal(), Phrase, From(begin+i), time.Now()); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}
