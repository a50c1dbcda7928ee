package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
)

// Two cookies, both __Host-: Secure, Path=/, no Domain, so that neither another host nor plain HTTP can set them
// (RFC 6265bis §4.1.3.2). Neither is readable by a script.
const (
	sessionCookie = "__Host-huisclos"       // the session's token
	visitCookie   = "__Host-huisclos-visit" // before sign-in: a random value that the CSRF token is bound to
)

const csrfHeader = "X-Huisclos-CSRF"

func setCookie(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

func dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: -1})
}

// cookie returns the one cookie of that name. Two of them are none: it is not for us to choose.
func cookie(r *http.Request, name string) string {
	list := r.CookiesNamed(name)
	if len(list) != 1 || len(list[0].Value) > 128 {
		return ""
	}
	return list[0].Value
}

// csrfToken is bound to a cookie's secret and says nothing of it. It lives as long as the cookie does.
func csrfToken(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("huisclos csrf 1"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func csrfMatches(r *http.Request, secret string) bool {
	given := r.Header.Values(csrfHeader)
	return secret != "" && len(given) == 1 && hmac.Equal([]byte(given[0]), []byte(csrfToken(secret)))
}

// newVisit gives a browser that has none the cookie that its CSRF token is bound to.
func (s *Server) newVisit(w http.ResponseWriter) string {
	var b [24]byte
	s.Rand(b[:])
	value := base64.RawURLEncoding.EncodeToString(b[:])
	setCookie(w, visitCookie, value)
	return value
}

// signIn gives the browser its session. The visit's cookie has done its work.
func signIn(w http.ResponseWriter, token string) {
	setCookie(w, sessionCookie, token)
	dropCookie(w, visitCookie)
}
