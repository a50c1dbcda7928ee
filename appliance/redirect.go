package appliance

import (
	"net"
	"net/http"
	"strconv"
	"strings"
)

// fromOtherPort answers on a port of plain HTTP as next does on ours: the visitor's name for us, with our port.
func fromOtherPort(port int, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		switch {
		case port != 443:
			host = net.JoinHostPort(host, strconv.Itoa(port))
		case strings.Contains(host, ":"):
			host = "[" + host + "]"
		}
		r.Host = host
		next.ServeHTTP(w, r)
	})
}

// toHTTPS answers plain HTTP on the port. own says whether a Host is ours; any other gets no address back, so that we
// never send a person to somebody else's. Neither does the API: a program that speaks to it in the clear must not go unnoticed.
func toHTTPS(own func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Connection", "close")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		if (r.Method != http.MethodGet && r.Method != http.MethodHead) || !own(r) || !strings.HasPrefix(r.URL.Path, "/") || strings.HasPrefix(r.URL.Path, "/api/") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte("Ce port parle HTTPS. / This port speaks HTTPS.\n"))
			return
		}
		h.Set("Location", "https://"+r.Host+r.URL.RequestURI())
		w.WriteHeader(http.StatusPermanentRedirect)
	})
}
