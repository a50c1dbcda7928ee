package web

import (
	"errors"
	"fmt"
	"net/http"

	"huisclos/accounts"
)

// maxImportBody bounds the body of an import: the file, and what JSON adds to it by escapes.
const maxImportBody = 2 * accounts.MaxImportSize

type importedJSON struct {
	Line  int           `json:"line"`
	Name  string        `json:"name"`
	Email string        `json:"email"`
	Role  accounts.Role `json:"role"`
	// What happens, or has happened: create, exists, wrong.
	What  string            `json:"what"`
	Error map[string]string `json:"error,omitempty"` // code, fr, en
}

// importAccounts makes the accounts of a list, or with dry says what would be made. The links are in the answer, as a file for
// a spreadsheet, and cannot be had again.
func (s *Server) importAccounts(v *visit) error {
	var b struct {
		Text string `json:"text"`
		Dry  bool   `json:"dry"`
	}
	if err := v.decodeUpTo(&b, maxImportBody); err != nil {
		return err
	}
	rows, err := accounts.ReadImport([]byte(b.Text))
	var fault accounts.ImportFault
	if errors.As(err, &fault) {
		known := code(fault.Code())
		said := sentences[known]
		if fault.Line > 1 { // the first is named by its sentence
			said.fr, said.en = fmt.Sprintf("Ligne %d : %s", fault.Line, said.fr), fmt.Sprintf("Line %d: %s", fault.Line, said.en)
		}
		v.srv.say(v.w, v.r, known, said, map[string]any{"line": fault.Line})
		return nil
	}
	if err != nil {
		return err
	}
	list, err := s.Accounts.Import(v.actor(), rows, b.Dry, v.now)
	if err != nil && !errors.Is(err, accounts.ErrImport) {
		return err
	}
	out := make([]importedJSON, 0, len(list))
	counts := map[string]int{"create": 0, "exists": 0, "wrong": 0}
	for _, l := range list {
		j := importedJSON{Line: l.Line, Name: l.Name, Email: l.Email, Role: l.Role, What: "create"}
		switch {
		case l.Err != nil:
			known := code(accounts.Code(l.Err))
			said := sentences[known]
			j.What, j.Error = "wrong", map[string]string{"code": string(known), "fr": said.fr, "en": said.en}
		case l.Exists:
			j.What = "exists"
			if l.Leaving { // it is no fault, and there is something to say
				said := sentences["email-leaving"]
				j.Error = map[string]string{"code": "email-leaving", "fr": said.fr, "en": said.en}
			}
		}
		counts[j.What]++
		out = append(out, j)
	}
	answer := map[string]any{"rows": out, "counts": counts}
	if err != nil { // between the dry run and this one, or without a dry run
		return v.refuseWith(code(accounts.Code(err)), answer)
	}
	if b.Dry {
		return v.json(http.StatusOK, answer)
	}
	links, err := accounts.WriteLinks(list, v.activationURL)
	if err != nil {
		return err
	}
	answer["links"] = string(links)
	return v.json(http.StatusCreated, answer)
}
