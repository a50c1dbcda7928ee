package web

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"
)

func TestClientsAreWhatTheirManifestSays(t *testing.T) {
	// ASVS 13.2.5, 13.4.7
	change := func(do func(fstest.MapFS)) fstest.MapFS {
		m := builtClient("/")
		do(m)
		return m
	}
	with := func(old, new string) func(fstest.MapFS) {
		return func(m fstest.MapFS) {
			m["manifest.json"].Data = bytes.Replace(m["manifest.json"].Data, []byte(old), []byte(new), 1)
		}
	}
	for name, files := range map[string]fstest.MapFS{
		"file altered":    change(func(m fstest.MapFS) { m["assets/main-0123456789.js"].Data = []byte("alert(1)") }),
		"file missing":    change(func(m fstest.MapFS) { delete(m, "w/mls-0123456789.wasm") }),
		"no document":     change(with(`"document":"index.html"`, `"document":"other.html"`)),
		"unknown policy":  change(with(`"policy":"mls"`, `"policy":"none"`)),
		"broken manifest": change(with(`{`, `[`)),
		"built for tests": change(with(`{`, `{"testhook":true,`)),
	} {
		if _, err := loadClient(files, "/", false); err == nil {
			t.Errorf("%s: served", name)
		}
	}
	if c, err := loadClient(builtClient("/"), "/", false); err != nil || c.document == nil || len(c.files) != 5 {
		t.Errorf("as built: %v, %d files", err, len(c.files))
	}
	if c, err := loadClient(change(with(`{`, `{"testhook":true,`)), "/", true); err != nil || c.document == nil {
		t.Errorf("a test build does not take its client: %v", err)
	}
	if c, err := loadClient(fstest.MapFS{".keep": {}}, "/", false); err != nil || c.document != nil {
		t.Errorf("not built is an error: %v", err)
	}
	// A file that the manifest does not list is not served.
	c, err := loadClient(change(func(m fstest.MapFS) { m["assets/extra.js"] = &fstest.MapFile{Data: []byte("x")} }), "/", false)
	must(t, err)
	if _, ok := c.files["/assets/extra.js"]; ok {
		t.Error("a file that is not listed is served")
	}
}

func TestNotBuiltIsSaid(t *testing.T) {
	h := newHouse(t)
	h.server.meeting, h.server.console = client{}, client{}
	if h.server.Built() {
		t.Error("built")
	}
	for _, path := range []string{"/", "/console/"} {
		if a := h.browser().do("GET", path, nil); a.status != http.StatusServiceUnavailable || !bytes.Contains(a.body, []byte("make build")) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestCompression(t *testing.T) {
	a := asset{data: []byte("plain plain plain"), brotli: []byte("small"), media: "text/css", policy: policyNone}
	for accept, want := range map[string]string{
		"": "", "gzip": "", "br": "br", "gzip, br": "br", "gzip, br;q=0.5": "br", "br;q=0": "", "br; q=0.0": "", "abr": "", "*": "",
	} {
		r := httptest.NewRequest("GET", "/assets/x.css", nil)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		serveAsset(w, r, a)
		if got := w.Header().Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: %q, want %q", accept, got, want)
		}
		if w.Header().Get("Vary") != "Accept-Encoding" || w.Header().Get("Content-Length") == "" {
			t.Errorf("Accept-Encoding %q: headers %v", accept, w.Header())
		}
	}
}
