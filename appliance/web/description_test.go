package web

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"huisclos/accounts"
)

// The description of the API (openapi.json) is made of what the handlers do: the Go types that they decode and answer with, as all tests
// of this package see them, the routes, the scopes and summaries of operations, and the names of parameters that the handlers read
// (parameters_test.go). It can't drift: each test run holds every request and answer of its tests against it, and a run of the whole
// package makes it anew and compares. After a change:
//
//	HUISCLOS_API=write go test ./appliance/web                      all of it
//	HUISCLOS_API=write go test ./appliance/web -run 'Matrix/.*NAME'  what these tests see, into what is there

const (
	openapiFile = "openapi.json"
	openapiCopy = "../../docs/openapi.json"
)

type document struct {
	OpenAPI    string                           `json:"openapi"`
	Info       map[string]any                   `json:"info"`
	Servers    []map[string]string              `json:"servers"`
	Tags       []map[string]string              `json:"tags"`
	Paths      map[string]map[string]*described `json:"paths"`
	Components map[string]any                   `json:"components"`
}

// described is one operation.
type described struct {
	ID         string              `json:"operationId"`
	Summary    string              `json:"summary"`
	Tags       []string            `json:"tags"`
	Roles      []accounts.Role     `json:"x-huisclos-roles,omitempty"`
	Programs   bool                `json:"x-huisclos-programs"` // a token can do
	Security   []map[string][]any  `json:"security"`
	Parameters []parameter         `json:"parameters,omitempty"`
	Body       *content            `json:"requestBody,omitempty"`
	Responses  map[string]*content `json:"responses"`
}

type parameter struct {
	Name     string  `json:"name"`
	In       string  `json:"in"`
	About    string  `json:"description"`
	Required bool    `json:"required"`
	Schema   *schema `json:"schema"`
}

type content struct {
	Ref     string           `json:"$ref,omitempty"`
	About   string           `json:"description,omitempty"`
	Content map[string]media `json:"content,omitempty"`
}

type media struct {
	Schema  *schema `json:"schema,omitempty"`
	Example any     `json:"example,omitempty"`
}

// elsewhere is what the routes answer that nobody gets here but a call, or a passkey of a browser (journeys, and tests of appliance, do): by
// status, the media type.
var elsewhere = map[string]map[string]string{
	"GET /api/rooms/:room/tree/:epoch":      {"200": "application/octet-stream"},
	"POST /api/admin/calls/:room/end":       {"204": ""},
	"PATCH /api/account/passkeys/:passkey":  {"204": ""},
	"DELETE /api/account/passkeys/:passkey": {"204": ""},

	"DELETE /api/admin/audit/witnesses/:witness": {"204": ""},
	"DELETE /api/admin/tls/requests/:request":    {"204": ""},
	"POST /api/admin/tls/order":                  {"202": ""},
}

// A witness sees what the routes decode and answer, in all tests.
type witness struct {
	mu        sync.Mutex
	book      *bookkeeper
	requests  map[string]*schema            // by route
	responses map[string]map[string]*schema // by route and status
	others    map[string]map[string]string  // the same: media types of what isn't JSON
	wrong     map[string]bool
}

var seen = newWitness()

func newWitness() *witness {
	return &witness{book: newBookkeeper(), requests: map[string]*schema{}, responses: map[string]map[string]*schema{}, others: map[string]map[string]string{}, wrong: map[string]bool{}}
}

func inAPI(path string) bool { return strings.HasPrefix(path, "/api/") }

func (w *witness) see(rt route, status int, value any) {
	if !inAPI(rt.path) || status >= 400 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	name := rt.method + " " + rt.path
	if status == 0 {
		w.requests[name] = w.book.merge(w.requests[name], w.book.of(reflect.TypeOf(value).Elem(), reflect.Value{}, true))
		return
	}
	s := w.book.of(reflect.TypeOf(value), reflect.ValueOf(value), false)
	of := w.responses[name]
	if of == nil {
		of = map[string]*schema{}
		w.responses[name] = of
	}
	of[strconv.Itoa(status)] = w.book.merge(of[strconv.Itoa(status)], s)
}

// watch is h, seen from outside: what has no JSON, and whether the JSON is as the committed description says.
func (w *witness) watch(s *Server) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if !inAPI(r.URL.Path) || r.Header.Get("Upgrade") != "" {
			s.ServeHTTP(out, r)
			return
		}
		copied := &tee{ResponseWriter: out, status: http.StatusOK}
		s.ServeHTTP(copied, r)
		w.saw(s, r, copied)
	})
}

type tee struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (t *tee) WriteHeader(status int)      { t.status = status; t.ResponseWriter.WriteHeader(status) }
func (t *tee) Write(b []byte) (int, error) { t.body.Write(b); return t.ResponseWriter.Write(b) }
func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (w *witness) saw(s *Server, r *http.Request, t *tee) {
	name := ""
	for _, rt := range s.routes() {
		if rt.method == r.Method && fits(rt.path, r.URL.Path) && (name == "" || !strings.Contains(rt.path, ":")) {
			name = rt.method + " " + rt.path
		}
	}
	if name == "" || t.status >= 500 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	kind, _, _ := strings.Cut(t.Header().Get("Content-Type"), ";")
	if kind == "application/json" && t.status < 400 && w.responses[name][strconv.Itoa(t.status)] == nil && name != "GET "+descriptionPath || t.status < 400 && kind != "application/json" {
		if w.others[name] == nil {
			w.others[name] = map[string]string{}
		}
		w.others[name][strconv.Itoa(t.status)] = kind
		return
	}
	if kind == "application/json" && name != "GET "+descriptionPath {
		w.check(name, t.status, t.body.Bytes())
	}
}

// check holds an answer against the committed description.
func (w *witness) check(name string, status int, body []byte) {
	c := committed()
	if c == nil {
		return
	}
	method, path, _ := strings.Cut(name, " ")
	op := c.Paths[braces(path)][strings.ToLower(method)]
	if op == nil {
		w.wrong[name+": not described"] = true
		return
	}
	ref := "#/components/schemas/Error"
	if status < 400 {
		if op.Responses[strconv.Itoa(status)] == nil {
			w.wrong[fmt.Sprintf("%s: status %d is not described", name, status)] = true
			return
		}
		if op.Responses[strconv.Itoa(status)].Content["application/json"].Schema == nil {
			return // a file, which is described elsewhere
		}
		ref = "#/paths/" + strings.ReplaceAll(braces(path), "/", "~1") + "/" + strings.ToLower(method) + "/responses/" + strconv.Itoa(status) + "/content/application~1json/schema"
	}
	s, err := compiled(ref)
	if err != nil {
		w.wrong[fmt.Sprintf("%s: %d: %v", name, status, err)] = true
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = s.Validate(value)
	}
	if err != nil {
		w.wrong[fmt.Sprintf("%s: %d is not as described: %v", name, status, err)] = true
	}
}

func fits(pattern, path string) bool {
	p, q := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(p) != len(q) {
		return false
	}
	for i := range p {
		if p[i] != q[i] && !strings.HasPrefix(p[i], ":") {
			return false
		}
	}
	return true
}

// braces is a path as OpenAPI writes it.
func braces(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}

// committed is the description as it is in the source; nil while there is none.
var committed = sync.OnceValue(func() *document {
	var d document
	if err := json.Unmarshal(openapi, &d); err != nil || d.OpenAPI == "" {
		return nil
	}
	return &d
})

// compiler has the committed description with every object closed: what it doesn't name is a drift here, and no error for a client.
var compiler = sync.OnceValues(func() (*jsonschema.Compiler, error) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(openapi))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	return c, c.AddResource("openapi.json", closed(value))
})

var schemas sync.Map

func compiled(ref string) (*jsonschema.Schema, error) {
	if s, ok := schemas.Load(ref); ok {
		return s.(*jsonschema.Schema), nil
	}
	c, err := compiler()
	if err != nil {
		return nil, err
	}
	s, err := c.Compile("openapi.json" + ref)
	if err == nil {
		schemas.Store(ref, s)
	}
	return s, err
}

func closed(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"].(map[string]any); ok && v["type"] == "object" && v["x-open"] == nil {
			if _, said := v["additionalProperties"]; !said {
				v["additionalProperties"] = false
			}
		}
		for _, x := range v {
			closed(x)
		}
	case []any:
		for _, x := range v {
			closed(x)
		}
	}
	return v
}

// describe is the description of what was seen. Where base is not nil, what was not seen stands as it is there.
func (w *witness) describe(s *Server, base *document) (*document, []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var faults []string
	d := &document{OpenAPI: "3.1.1", Info: apiInfo(), Servers: []map[string]string{{"url": "/"}}, Paths: map[string]map[string]*described{}}
	names, err := handlers()
	if err != nil {
		return nil, []string{err.Error()}
	}
	examples := map[string]any{}
	for _, r := range rights {
		if r.body != nil && !reflect.DeepEqual(r.body, nothing) {
			examples[r.method+" "+r.route] = exampleOf(r.body)
		}
	}
	uses, tags := map[string]int{}, map[string]bool{}
	for _, rt := range s.routes() {
		if inAPI(rt.path) {
			uses[names[rt.method+" "+rt.path].name]++
		}
	}
	lines := maps.Clone(operations)
	for _, rt := range s.routes() {
		if !inAPI(rt.path) {
			continue
		}
		name := rt.method + " " + rt.path
		line, ok := operations[name]
		if !ok {
			faults = append(faults, name+" has no line in operations (operations.go)")
			continue
		}
		delete(lines, name)
		h := names[name]
		if h.name == "" {
			faults = append(faults, name+": its handler is not found in the source")
			continue
		}
		op := &described{ID: h.name, Summary: line.summary, Roles: rt.access.roles(), Programs: line.scope != "", Responses: map[string]*content{}}
		if uses[h.name] > 1 {
			op.ID = strings.ToLower(rt.method) + strings.NewReplacer("/", " ", ":", "by ").Replace(strings.TrimPrefix(rt.path, "/api"))
			words := strings.Fields(op.ID)
			for i, word := range words[1:] {
				words[i+1] = strings.ToUpper(word[:1]) + word[1:]
			}
			op.ID = strings.Join(words, "")
		}
		tag := strings.Split(rt.path, "/")[2]
		if tag == "admin" {
			tag = strings.Split(rt.path, "/")[3]
		} else if !tags[tag] {
			tags[tag] = true
		}
		op.Tags, tags[tag] = []string{tag}, true
		op.Security = securityOf(rt, line.scope)
		op.Parameters = parametersOf(rt, h.query)
		var old *described
		if base != nil {
			old = base.Paths[braces(rt.path)][strings.ToLower(rt.method)]
		}
		if body := w.requests[name]; body != nil {
			op.Body = &content{Content: map[string]media{"application/json": {Schema: body, Example: examples[name]}}}
		} else if old != nil && old.Body != nil {
			op.Body = &content{Content: map[string]media{"application/json": {Schema: old.Body.Content["application/json"].Schema, Example: examples[name]}}}
		}
		if old != nil {
			maps.Copy(op.Responses, old.Responses)
		}
		for status, answer := range w.responses[name] {
			if old != nil && old.Responses[status] != nil {
				answer = w.book.merge(answer, old.Responses[status].Content["application/json"].Schema)
			}
			op.Responses[status] = &content{About: aboutStatus(status), Content: map[string]media{"application/json": {Schema: answer}}}
		}
		for status, kind := range w.others[name] {
			op.Responses[status] = &content{About: aboutStatus(status)}
			if kind != "" {
				op.Responses[status].Content = map[string]media{kind: {}}
			}
		}
		for status, kind := range elsewhere[name] {
			if op.Responses[status] == nil {
				op.Responses[status] = &content{About: aboutStatus(status)}
				if kind != "" {
					op.Responses[status].Content = map[string]media{kind: {}}
				}
			}
		}
		if rt.kind == socket {
			op.Responses["101"] = &content{About: aboutStatus("101")}
		}
		if rt.path == descriptionPath {
			op.Responses["200"] = &content{About: aboutStatus("200"), Content: map[string]media{"application/json": {Schema: &schema{Type: "object"}}}}
		}
		if len(op.Responses) == 0 {
			faults = append(faults, name+": no test of this package gets anything but refusals from it")
		}
		op.Responses["default"] = &content{Ref: "#/components/responses/Refused"}
		path := braces(rt.path)
		if d.Paths[path] == nil {
			d.Paths[path] = map[string]*described{}
		}
		d.Paths[path][strings.ToLower(rt.method)] = op
	}
	for name := range lines {
		faults = append(faults, name+" has a line in operations, and is no route")
	}
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		d.Tags = append(d.Tags, map[string]string{"name": tag})
	}
	parts := map[string]any{}
	if base != nil {
		maps.Copy(parts, base.Components["schemas"].(map[string]any))
	}
	for name, s := range w.book.parts {
		if old, ok := parts[name]; ok {
			var was schema
			if b, err := json.Marshal(old); err == nil && json.Unmarshal(b, &was) == nil {
				s = w.book.merge(s, &was)
			}
		}
		parts[name] = s
	}
	parts["Error"] = errorSchema()
	d.Components = map[string]any{"schemas": parts, "securitySchemes": securitySchemes(), "responses": map[string]any{"Refused": refusedResponse()}}
	d.prune()
	slices.Sort(faults)
	return d, faults
}

// exampleOf is a body of the privilege matrix, without the people of the tests.
func exampleOf(body any) any {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	text := strings.NewReplacer("marie@example.org", "nora@example.org", memberPassphrase, "a passphrase of somebody").Replace(string(b))
	var out any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		panic(err)
	}
	return out
}

// prune takes out the parts that nothing names any more.
func (d *document) prune() {
	parts := d.Components["schemas"].(map[string]any)
	for {
		text := string(d.bytes())
		gone := false
		for name := range parts {
			if !strings.Contains(text, `"#/components/schemas/`+name+`"`) {
				delete(parts, name)
				gone = true
			}
		}
		if !gone {
			return
		}
	}
}

func (d *document) bytes() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(d); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := conclude(code == 0); err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// conclude compares what the tests saw with the committed description, or writes it.
func conclude(passed bool) error {
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" && !testing.Short() && flag.Lookup("test.fuzzworker").Value.String() != "true"
	write := os.Getenv("HUISCLOS_API") == "write"
	if !write && len(seen.wrong) > 0 {
		return fmt.Errorf("the description of the API differs from what was seen (see description_test.go for how to write it anew):\n%s", strings.Join(slices.Sorted(maps.Keys(seen.wrong)), "\n"))
	}
	if !passed && !write {
		return nil
	}
	base := committed()
	if whole {
		base = nil
	}
	if !whole && !write {
		return seen.partly()
	}
	d, faults := seen.describe(&Server{}, base)
	if write && d != nil {
		if err := os.WriteFile(openapiFile, d.bytes(), 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(openapiCopy, d.bytes(), 0o644); err != nil {
			return err
		}
	}
	if whole && len(faults) > 0 || d == nil {
		return fmt.Errorf("the description of the API is not whole:\n%s", strings.Join(faults, "\n"))
	}
	if write {
		return nil
	}
	if !bytes.Equal(d.bytes(), openapi) {
		return fmt.Errorf("%s is not what the tests see: HUISCLOS_API=write go test ./appliance/web\n%s", openapiFile, firstDifference(openapi, d.bytes()))
	}
	return nil
}

// partly holds the bodies that some tests had decoded against the committed description.
func (w *witness) partly() error {
	c := committed()
	if c == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, s := range w.requests {
		method, path, _ := strings.Cut(name, " ")
		op := c.Paths[braces(path)][strings.ToLower(method)]
		if op == nil || op.Body == nil || op.Body.Content["application/json"].Schema.String() != s.String() {
			return fmt.Errorf("the description of the API has another body for %s: HUISCLOS_API=write go test ./appliance/web", name)
		}
	}
	return nil
}

func firstDifference(a, b []byte) string {
	x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("line %d: %s\ninstead of %s", i+1, strings.TrimSpace(x[i]), strings.TrimSpace(y[i]))
		}
	}
	return fmt.Sprintf("%d lines instead of %d", len(x), len(y))
}
