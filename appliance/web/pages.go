package web

import (
	"html"
	"net/http"
	"strconv"
	"strings"
)

// meetingPage answers with the meeting client's document: one document, the client reads its own address.
func (s *Server) meetingPage(v *visit) error { return s.document(v, s.meeting) }

// consolePage answers with the console's document.
func (s *Server) consolePage(v *visit) error { return s.document(v, s.console) }

func (s *Server) document(v *visit, c client) error {
	if c.document == nil {
		return v.refuse(codeNotBuilt)
	}
	h := v.w.Header()
	h.Set("Content-Security-Policy", policyDocument)
	h.Set("Content-Type", mediaTypes[".html"])
	h.Set("Content-Length", strconv.Itoa(len(c.document)))
	v.w.WriteHeader(http.StatusOK)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(c.document)
	}
	return nil
}

// asset answers with a built file of either client, or with not-found.
func (s *Server) asset(v *visit) error {
	for _, c := range []client{s.meeting, s.console} {
		if a, ok := c.files[v.r.URL.Path]; ok {
			serveAsset(v.w, v.r, a)
			return nil
		}
	}
	return v.refuse(codeNotFound)
}

// redirect leads to a fixed address of ours, never to one that the request names.
func redirect(to string) func(*visit) error {
	return func(v *visit) error {
		v.w.Header().Set("Location", to)
		v.w.WriteHeader(http.StatusPermanentRedirect)
		return nil
	}
}

// sentencePage is a page that only says something, in the language that the browser prefers first.
func (s *Server) sentencePage(w http.ResponseWriter, r *http.Request, said sentence) {
	first, second, lang, other, home := said.fr, said.en, "fr", "en", "Retour à l'accueil – Back to the start"
	if prefersEnglish(r.Header.Get("Accept-Language")) {
		first, second, lang, other, home = said.en, said.fr, "en", "fr", "Back to the start – Retour à l'accueil"
	}
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html lang=\"" + lang + "\">\n<head>\n<meta charset=\"utf-8\">\n")
	b.WriteString("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	b.WriteString("<meta name=\"robots\" content=\"noindex\">\n<title>Huis Clos – " + strconv.Itoa(said.status) + "</title>\n")
	if s.meeting.style != "" {
		b.WriteString("<link rel=\"stylesheet\" href=\"" + html.EscapeString(s.meeting.style) + "\">\n")
	}
	b.WriteString("</head>\n<body>\n<main class=\"sentence\">\n<h1>Huis Clos</h1>\n<p>" + html.EscapeString(first) + "</p>\n")
	b.WriteString("<p lang=\"" + other + "\">" + html.EscapeString(second) + "</p>\n")
	b.WriteString("<p><a href=\"/\">" + home + "</a></p>\n</main>\n</body>\n</html>\n")
	h := w.Header()
	h.Set("Content-Security-Policy", policyPage)
	h.Set("Content-Type", mediaTypes[".html"])
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(said.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(b.String()))
	}
}

// prefersEnglish: the first of the two languages that the browser lists, French when it lists neither.
func prefersEnglish(accept string) bool {
	for part := range strings.SplitSeq(strings.ToLower(accept), ",") {
		switch tag := strings.TrimSpace(part); {
		case strings.HasPrefix(tag, "fr"):
			return false
		case strings.HasPrefix(tag, "en"):
			return true
		}
	}
	return false
}
