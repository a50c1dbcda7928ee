package web

import (
	"net/http"
	"strconv"
	"strings"

	"huisclos/accounts/scim"
)

// isScim reports whether a request is for the routes of SCIM, whatever becomes of it there.
func isScim(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, scimPath+"/") }

// scimForms are the refusals of ours that the protocol has a form of its own for (RFC 7644 §3.12, table 8 and 9).
var scimForms = map[code]struct {
	status int
	kind   scim.Type
}{
	"email-taken":      {http.StatusConflict, scim.Uniqueness},
	"email-leaving":    {http.StatusConflict, scim.Uniqueness},
	"email-kept":       {http.StatusConflict, scim.Uniqueness},
	"user-name-taken":  {http.StatusConflict, scim.Uniqueness},
	"subject-taken":    {http.StatusConflict, scim.Uniqueness},
	"group-taken":      {http.StatusConflict, scim.Uniqueness},
	"bad-email":        {http.StatusBadRequest, scim.InvalidValue},
	"bad-name":         {http.StatusBadRequest, scim.InvalidValue},
	"bad-user-name":    {http.StatusBadRequest, scim.InvalidValue},
	"bad-subject":      {http.StatusBadRequest, scim.InvalidValue},
	"bad-role":         {http.StatusBadRequest, scim.InvalidValue},
	"provisioned-role": {http.StatusBadRequest, scim.InvalidValue},
	"group-member":     {http.StatusBadRequest, scim.InvalidValue},
	"group-full":       {http.StatusBadRequest, scim.InvalidValue},
	codeBadRequest:     {http.StatusBadRequest, scim.InvalidSyntax},
	codeNoMail:         {http.StatusServiceUnavailable, ""},
}

// sayScim is say in the form of the protocol. Its detail is read in the logs of an identity system, in the language that this asks for.
func (s *Server) sayScim(w http.ResponseWriter, r *http.Request, c code, said sentence) {
	e := scim.Error{Status: said.status, FR: said.fr, EN: said.en}
	if form, ok := scimForms[c]; ok {
		e.Status, e.Type = form.status, form.kind
	}
	scimRefusal(w, r, &e)
}

func scimRefusal(w http.ResponseWriter, r *http.Request, e *scim.Error) {
	detail := e.EN
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "fr") {
		detail = e.FR
	}
	body := map[string]any{"schemas": []string{scim.ErrorSchema}, "status": strconv.Itoa(e.Status), "detail": detail}
	if e.Type != "" {
		body["scimType"] = e.Type
	}
	scimJSON(w, e.Status, body)
}
