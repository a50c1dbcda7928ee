package keylog

import "fmt"

// Rows is a Reader of a tree that is kept as one row for each record: what Completed returned for it, joined by Row. It returns the
// row of record n, nil where there is none.
type Rows func(n uint64) []byte

// Subtree returns what lies in the row of the subtree's last record.
func (r Rows) Subtree(level int, n uint64) (Hash, error) {
	last := LastOf(level, n)
	row, at := r(last), level*HashSize
	if len(row) < at+HashSize {
		return Hash{}, fmt.Errorf("keylog: the tree has no hash of level %d at record %d", level, last)
	}
	return Hash(row[at : at+HashSize]), nil
}

// Row joins the hashes of the subtrees that end with a record.
func Row(hashes []Hash) []byte {
	row := make([]byte, 0, len(hashes)*HashSize)
	for _, h := range hashes {
		row = append(row, h[:]...)
	}
	return row
}
