package accounts

import (
	"bytes"
	"encoding/base64"
	"strings"

	"huisclos/store"
)

const (
	// MaxPage bounds what List returns at once; 0 asks for defaultPage.
	MaxPage     = 200
	defaultPage = 50

	// maxExamined bounds the work of one call. A page that is reached so is shorter than its limit and not the last.
	maxExamined = 20000
	maxQuery    = 256
	maxCursor   = 4096
)

// List returns a page of the accounts that have, for each word of query, a word in name or address that begins with it
// (all accounts for ""), and where the next page begins ("": there is none). The order is that of the names, and of the
// matching words before it when there is a query.
func (a *Accounts) List(query, after string, limit int) (page []Account, next string, err error) {
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, MaxPage)
	var from []byte
	if after != "" {
		if len(after) > maxCursor {
			return nil, "", ErrCursor
		}
		last, err := base64.RawURLEncoding.Strict().DecodeString(after)
		if err != nil {
			return nil, "", ErrCursor
		}
		from = store.Successor(last)
	}
	words := queryWords(query)
	bucket, prefix := nameBucket, ""
	for _, w := range words {
		// The longest word has the fewest entries.
		if bucket = wordBucket; len(w) > len(prefix) {
			prefix = w
		}
	}
	err = a.db.View(func(tx *store.Tx) error {
		var failed error
		var last []byte
		examined := 0
		tx.Scan(bucket, []byte(prefix), from, 0, func(k, _ []byte) bool {
			if len(page) == limit || examined == maxExamined {
				next = base64.RawURLEncoding.EncodeToString(last)
				return false
			}
			examined++
			last = k
			var r record
			if r, failed = load(tx, ID(k[len(k)-len(ID{}):])); failed != nil {
				return false
			}
			word, _, _ := bytes.Cut(k, []byte{0})
			if len(words) == 0 || matches(r.words(), words, prefix, string(word)) {
				page = append(page, r.account())
			}
			return true
		})
		return failed
	})
	if err != nil {
		return nil, "", err
	}
	return page, next, nil
}

func queryWords(query string) []string {
	if len(query) > maxQuery {
		query = strings.ToValidUTF8(query[:maxQuery], "")
	}
	var words []string
	for term := range strings.FieldsSeq(query) {
		if strings.Contains(term, "@") {
			words = append(words, strings.ToLower(term))
		} else {
			words = append(words, strings.Fields(fold(term))...)
		}
	}
	return words
}

// matches reports whether an account with the words have is an answer to the words want, at its entry under the word
// here: an account with several words that begin with the prefix is shown once, at the first of them.
func matches(have, want []string, prefix, here string) bool {
	for _, h := range have {
		if strings.HasPrefix(h, prefix) && h < here {
			return false
		}
	}
	for _, w := range want {
		found := false
		for _, h := range have {
			found = found || strings.HasPrefix(h, w)
		}
		if !found {
			return false
		}
	}
	return true
}
