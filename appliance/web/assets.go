package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// A client is one built single-page application: its document, and files whose names hold their content's hash.
// Everything is read once, so that no request ever names a file of the file system.
type client struct {
	document []byte // nil: this client was not built
	style    string // address of the style sheet, for the pages that are only a sentence
	files    map[string]asset
}

type asset struct {
	data, brotli []byte
	media        string
	policy       string
}

// manifest is written by build.mjs beside the files. It is read again here, hash by hash: what does not match it is
// refused at the start rather than served.
type manifest struct {
	Document string                  `json:"document"`
	Style    string                  `json:"style"`
	Files    map[string]manifestFile `json:"files"`
	Workers  map[string]string       `json:"workers,omitempty"`
	TestHook bool                    `json:"testhook,omitempty"`
}

type manifestFile struct {
	SHA256 string `json:"sha256"`
	Policy string `json:"policy,omitempty"` // "mls" or "frame": a worker's own policy
}

var mediaTypes = map[string]string{
	".js":    "text/javascript; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".svg":   "image/svg+xml",
	".png":   "image/png",
	".ico":   "image/x-icon",
	".woff2": "font/woff2",
	".wasm":  "application/wasm",
	".json":  "application/json",
	".txt":   "text/plain; charset=utf-8",
	".mp3":   "audio/mpeg",
	".ogg":   "audio/ogg",
	".wav":   "audio/wav",
	".webp":  "image/webp",
}

// loadClient reads a client's files. prefix is where its folder stands in the address space: "/" or "/console/".
// A folder without manifest.json is a client that was not built: not an error here, a sentence for whoever asks.
// A client that was built for tests gives its keys away: only a test build of the server takes it.
func loadClient(files fs.FS, prefix string, testBuild bool) (client, error) {
	text, err := fs.ReadFile(files, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return client{}, nil
	}
	if err != nil {
		return client{}, fmt.Errorf("read the client's manifest: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return client{}, fmt.Errorf("read the client's manifest: %w", err)
	}
	if m.TestHook && !testBuild {
		return client{}, errors.New("it was built for tests, with readable keys; run make build")
	}
	c := client{files: map[string]asset{}, style: m.Style}
	for name, want := range m.Files {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return client{}, fmt.Errorf("read a built file: %w", err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want.SHA256 {
			return client{}, fmt.Errorf("built file %s is not the one of its manifest", name)
		}
		media, ok := mediaTypes[path.Ext(name)]
		if !ok {
			return client{}, fmt.Errorf("built file %s: unknown kind", name)
		}
		if name == m.Document {
			c.document = data
			continue
		}
		a := asset{data: data, media: media, policy: policyNone}
		switch want.Policy {
		case "mls":
			a.policy = policyMLSWorker
		case "frame":
			a.policy = policyFrameWorker
		case "":
		default:
			return client{}, fmt.Errorf("built file %s: unknown policy %q", name, want.Policy)
		}
		if small, err := fs.ReadFile(files, name+".br"); err == nil && len(small) < len(data) {
			a.brotli = small
		}
		c.files[prefix+name] = a
	}
	if c.document == nil {
		return client{}, errors.New("the client's manifest names no document")
	}
	return c, nil
}

// serveAsset answers with a built file. Its address holds its content's hash, so it never changes.
func serveAsset(w http.ResponseWriter, r *http.Request, a asset) {
	h := w.Header()
	h.Set("Content-Security-Policy", a.policy)
	h.Set("Content-Type", a.media)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := a.data
	if a.brotli != nil && acceptsBrotli(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "br")
		body = a.brotli
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = bytes.NewReader(body).WriteTo(w) // the connection is gone: nobody to tell
	}
}

// acceptsBrotli reads RFC 9110 §12.5.3 as far as one coding needs it.
func acceptsBrotli(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if strings.TrimSpace(coding) != "br" {
			continue
		}
		weight = strings.ReplaceAll(weight, " ", "")
		q, ok := strings.CutPrefix(weight, "q=")
		return !ok || strings.Trim(q, "0.") != ""
	}
	return false
}
