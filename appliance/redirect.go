package appliance

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// challengePath begins the addresses at which an authority of certificates looks for the answer to its challenge (RFC 8555 §8.3).
const challengePath = "/.well-known/acme-challenge/"

// challenges are the answers for port 80, by their paths. A path holds a token that only the authority and we know.
type challenges struct {
	mu    sync.RWMutex
	texts map[string]string
}

// set has a path answered by text; an empty one: no longer.
func (c *challenges) set(path, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text == "" {
		delete(c.texts, path)
		return
	}
	if c.texts == nil {
		c.texts = map[string]string{}
	}
	c.texts[path] = text
}

// before answers challenges, and leaves everything else to next.
func (c *challenges) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, challengePath) {
			next.ServeHTTP(w, r)
			return
		}
		c.mu.RLock()
		text, ok := c.texts[r.URL.Path]
		c.mu.RUnlock()
		w.Header().Set("Connection", "close")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !ok || r.Method != http.MethodGet {
			http.Error(w, "404", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte(text))
	})
}

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
