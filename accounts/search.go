package accounts

import (
	"encoding/base64"
	"slices"
	"strings"

	"huisclos/store"
)

const (
	// MaxPage bounds what List returns at once; 0 asks for defaultPage.
	MaxPage     = 200
	defaultPage = 50

	// maxExamined bounds the work of one call. A page that is reached so is shorter than its limit and not the last.
	maxExamined = 10000
	maxQuery    = 256
	maxCursor   = 4096
)

// List returns a page of the accounts that have, for each word of query, a word in name or address that begins with it
// (all accounts for ""), and where the next page begins ("": there is none). The order is that of the names, and of the
// matching words before it when there is a query.
func (a *Accounts) List(query, after string, limit int) (page []Account, next string, err error) {
	return a.list(query, after, limit, false)
}

// list is List; namesOnly: addresses find nobody.
func (a *Accounts) list(query, after string, limit int, namesOnly bool) (page []Account, next string, err error) {
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, MaxPage)
	var from []byte
	if after != "" {
		if len(after) > maxCursor || strings.ContainsAny(after, "\r\n") { // the decoder skips line ends
			return nil, "", ErrCursor
		}
		last, err := base64.RawURLEncoding.Strict().DecodeString(after)
		if err != nil {
			return nil, "", ErrCursor
		}
		from = store.Successor(last)
	}
	want := queryWords(query)
	bucket, prefix := nameBucket, ""
	for _, w := range want {
		// The longest word has the fewest entries.
		if bucket = wordBucket; len(w) > len(prefix) {
			prefix = w
		}
	}
	err = a.db.View(func(tx *store.Tx) error {
		var failed error
		var last []byte
		examined := 0
		tx.Scan(bucket, []byte(prefix), from, 0, func(k, v []byte) bool {
			if examined == maxExamined {
				next = base64.RawURLEncoding.EncodeToString(last)
				return false
			}
			examined++
			// All that the question needs stands in the entry: records are read for the answer only.
			if len(want) > 0 && !matches(k, string(v), want, prefix, namesOnly) {
				last = k
				return true
			}
			if len(page) == limit { // there is one more answer, so the next page has something
				next = base64.RawURLEncoding.EncodeToString(last)
				return false
			}
			last = k
			var r record
			if r, failed = load(tx, ID(k[len(k)-len(ID{}):])); failed != nil {
				return false
			}
			page = append(page, r.account())
			return true
		})
		return failed
	})
	if err != nil {
		return nil, "", err
	}
	return page, next, nil
}

// Searches reports whether a query has a word to search for.
func Searches(query string) bool { return len(queryWords(query)) > 0 }

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

// matches reports whether the account at an entry of the index of words is an answer to the words want. An account with
// several words that begin with the prefix is shown once, at the first of them.
func matches(key []byte, normalEmail string, want []string, prefix string, namesOnly bool) bool {
	here, rest, _ := strings.Cut(string(key[:len(key)-len(ID{})-1]), "\x00")
	have := words(rest, normalEmail)
	if namesOnly {
		// Entries of words that the name doesn't have are none.
		if have = strings.Fields(rest); !slices.Contains(have, here) {
			return false
		}
	}
	for _, h := range have {
		if strings.HasPrefix(h, prefix) && h < here {
			return false
		}
	}
	for _, w := range want {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, w) }) {
			return false
		}
	}
	return true
}
