package accounts

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxImportSize bounds the file of an import, in octets.
const MaxImportSize = 1 << 20

// ImportFault is why a file cannot be read as a list of people at all. Cause is ErrImportText, ErrImportHeader, ErrImportLine
// or ErrImportRows.
type ImportFault struct {
	Cause *Error
	Line  int // from 1; 0: none in particular
}

func (e ImportFault) Error() string { return e.Cause.Error() }

// Code returns the stable name of the cause.
func (e ImportFault) Code() string { return e.Cause.Code() }

// Unwrap returns the cause, for errors.Is.
func (e ImportFault) Unwrap() error { return e.Cause }

// columns are the names that a header may give, in lower case, and what they stand for.
var columns = map[string]int{
	"name": columnName, "nom": columnName,
	"email": columnEmail, "e-mail": columnEmail, "courriel": columnEmail, "adresse e-mail": columnEmail, "e-mail address": columnEmail,
	"role": columnRole, "rôle": columnRole,
}

const (
	columnName = iota
	columnEmail
	columnRole
)

// importRoles are the roles that a row may give. Another word is kept as it is, and refused with its row.
var importRoles = map[string]Role{
	"": Organiser, "organiser": Organiser, "organisateur": Organiser, "member": Member, "membre": Member,
}

// ReadImport reads a list of people: comma-separated values (RFC 4180) in UTF-8, with or without a byte order mark, separated
// by commas or, as spreadsheets in French write them, by semicolons. The first row names the columns: name, email and, if
// there is one, role. Empty lines count for nothing. Its error is an ImportFault.
func ReadImport(text []byte) ([]ImportRow, error) {
	if len(text) > MaxImportSize {
		return nil, ImportFault{ErrImportRows, 0}
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return nil, ImportFault{ErrImportText, 0}
	}
	r := csv.NewReader(bytes.NewReader(text))
	head, _, _ := bytes.Cut(text, []byte("\n"))
	if bytes.Count(head, []byte(";")) > bytes.Count(head, []byte(",")) {
		r.Comma = ';'
	}
	r.FieldsPerRecord = -1 // told apart below, with a line
	header, err := r.Read()
	if err != nil {
		return nil, ImportFault{ErrImportHeader, 1}
	}
	at := map[int]int{} // column of the file → what it is
	found := map[int]bool{}
	for i, name := range header {
		is, ok := columns[strings.ToLower(norm.NFC.String(strings.TrimSpace(name)))]
		if !ok || found[is] {
			return nil, ImportFault{ErrImportHeader, 1}
		}
		at[i], found[is] = is, true
	}
	if !found[columnName] || !found[columnEmail] {
		return nil, ImportFault{ErrImportHeader, 1}
	}
	var rows []ImportRow
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			var where *csv.ParseError
			if errors.As(err, &where) {
				return nil, ImportFault{ErrImportLine, where.Line}
			}
			return nil, ImportFault{ErrImportLine, 0}
		}
		line, _ := r.FieldPos(0)
		if len(fields) != len(header) {
			return nil, ImportFault{ErrImportLine, line}
		}
		if strings.Join(fields, "") == "" { // what a spreadsheet leaves below its last row
			continue
		}
		if len(rows) == MaxImportRows {
			return nil, ImportFault{ErrImportRows, line}
		}
		row := ImportRow{Line: line, Role: Organiser}
		for i, f := range fields {
			switch at[i] {
			case columnName:
				row.Name = f
			case columnEmail:
				row.Email = f
			case columnRole:
				word := strings.ToLower(strings.TrimSpace(f))
				var ok bool
				if row.Role, ok = importRoles[word]; !ok {
					row.Role = Role(word)
				}
			}
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, ImportFault{ErrImportRows, 0}
	}
	return rows, nil
}

// WriteLinks returns the links of an import as a file for a spreadsheet: with a byte order mark, without which some take it
// for another encoding. link makes the address of one. Cells that a spreadsheet would compute are kept as text.
func WriteLinks(list []Imported, link func(Activation) string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\xef\xbb\xbf")
	w := csv.NewWriter(&b)
	w.UseCRLF = true // RFC 4180 §2
	if err := w.Write([]string{"name", "email", "link", "expires"}); err != nil {
		return nil, err
	}
	for _, l := range list {
		if l.Account.ID == (ID{}) {
			continue
		}
		if err := w.Write([]string{Inert(l.Name), Inert(l.Email), link(l.Activation), stamp(l.Activation.Expires)}); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// Inert puts an apostrophe before what a spreadsheet takes for a formula (OWASP, CSV Injection).
func Inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	// Full-width forms are read as the plain ones by some.
	if strings.HasPrefix(cell, "＝") || strings.HasPrefix(cell, "＋") || strings.HasPrefix(cell, "－") || strings.HasPrefix(cell, "＠") {
		return "'" + cell
	}
	return cell
}
