package ldap

import (
	"testing"
	"time"

	"huisclos/accounts"
)

// BenchmarkTenThousandPeople reads a real directory of ten thousand people: "first" makes their accounts, "again" finds nothing to change.
func BenchmarkTenThousandPeople(b *testing.B) {
	for b.Loop() {
		h := newHouse(b, many(10_000), func(o *Settings) { o.PageSize = 500 })
		began := time.Now()
		found, err := h.client.People(b.Context())
		must(b, err)
		b.ReportMetric(time.Since(began).Seconds(), "s/read")
		began = time.Now()
		r, err := h.accounts.Follow(accounts.Roll{Source: accounts.Directory, People: found.People}, h.now)
		must(b, err)
		b.ReportMetric(time.Since(began).Seconds(), "s/first")
		began = time.Now()
		again, err := h.accounts.Follow(accounts.Roll{Source: accounts.Directory, People: found.People}, h.now)
		must(b, err)
		b.ReportMetric(time.Since(began).Seconds(), "s/again")
		if r.Created != 10_000 || again.Created+again.Changed != 0 {
			b.Fatal(r.Created, again)
		}
		h.stop()
	}
}
