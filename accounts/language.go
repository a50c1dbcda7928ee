package accounts

import "time"

// Language of the product, as a person chooses it.
type Language string

// The languages that there are.
const (
	French  Language = "fr"
	English Language = "en"
)

// SetLanguage keeps its owner's choice, which decides in what language mails to them are written. It has no audit entry: what somebody
// reads more easily decides nothing. ErrLanguage, ErrForbidden.
func (a *Accounts) SetLanguage(actor Actor, language Language, now time.Time) (Account, error) {
	if language != French && language != English {
		return Account{}, ErrLanguage
	}
	return a.administer(actor, actor.Account, true, now, func(t *act, r *record) error {
		if r.Language == language {
			return nil
		}
		r.Language = language
		return save(t.tx, *r)
	})
}
