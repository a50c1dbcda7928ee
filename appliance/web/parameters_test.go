package web

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"huisclos/accounts"
)

// A handler is what the source says of the function behind a route: its name, and the query parameters that it reads, itself or by a
// function of this package that it calls.
type handlerSource struct {
	name  string
	query []string
}

// handlers reads the routes and what their handlers take from the query out of this package's source.
func handlers() (map[string]handlerSource, error) {
	fset := token.NewFileSet()
	entries, err := os.ReadDir(".")
	if err != nil {
		return nil, err
	}
	functions := map[string]*ast.FuncDecl{}
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
		for _, d := range f.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				functions[f.Name.Name] = f
			}
		}
	}
	methods := map[string]string{"get": http.MethodGet, "post": http.MethodPost, "patch": http.MethodPatch, "del": http.MethodDelete}
	out := map[string]handlerSource{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			c, ok := n.(*ast.CompositeLit)
			if !ok || len(c.Elts) != 5 {
				return true
			}
			method, ok := c.Elts[0].(*ast.Ident)
			path := pathIn(c.Elts[1])
			if !ok || methods[method.Name] == "" || !inAPI(path) {
				return true
			}
			at := c.Elts[4]
			if call, ok := at.(*ast.CallExpr); ok {
				at = call.Fun
			}
			if s, ok := at.(*ast.SelectorExpr); ok {
				out[methods[method.Name]+" "+path] = handlerSource{s.Sel.Name, queryOf(functions, s.Sel.Name, map[string]bool{})}
			}
			return true
		})
	}
	return out, nil
}

func pathIn(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.Ident:
		if e.Name == "descriptionPath" {
			return descriptionPath
		}
	}
	return ""
}

// queryOf are the names that a function reads from the query.
func queryOf(functions map[string]*ast.FuncDecl, name string, done map[string]bool) (list []string) {
	f := functions[name]
	if f == nil || f.Body == nil || done[name] {
		return nil
	}
	done[name] = true
	add := func(names ...string) {
		for _, n := range names {
			if !slices.Contains(list, n) {
				list = append(list, n)
			}
		}
	}
	queries := map[string]bool{} // variables that hold the query
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, right := range n.Rhs {
				if isQuery(right) && i < len(n.Lhs) {
					queries[n.Lhs[i].(*ast.Ident).Name] = true
				}
			}
		case *ast.CallExpr:
			s, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, _ := s.X.(*ast.Ident)
			switch {
			case (s.Sel.Name == "Get" || s.Sel.Name == "Has") && (isQuery(s.X) || of != nil && queries[of.Name]):
				if lit, ok := n.Args[0].(*ast.BasicLit); ok {
					text, _ := strconv.Unquote(lit.Value)
					add(text)
				}
			case of != nil && (of.Name == "v" || of.Name == "s"):
				if s.Sel.Name == "limit" {
					add("limit")
				}
				add(queryOf(functions, s.Sel.Name, done)...)
			}
		}
		return true
	})
	slices.Sort(list)
	return list
}

// isQuery is a call of URL.Query.
func isQuery(e ast.Expr) bool {
	c, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	s, ok := c.Fun.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Query"
}

// queryAbout says what each name means; more to one route is said under "METHOD path name".
var queryAbout = map[string]string{
	"limit": "How many at most", "after": "Where the page before ended: its “next”; none for the first page",
	"from": "From this moment on (RFC 3339)", "to": "Up to before this moment (RFC 3339)", "person": "An account's id, or a part of a name or an address", "action": "An action, or a family of them with a dot at its end",
	"object": "What was acted upon, by its id", "result": "ok, refused or failed", "format": "jsonl or cef", "since": "How many entries the witness has signed",
	"room":  "A room's id: only what is of it",
	"sizes": "Sizes of the log, 2 to 64 ascending numbers with commas between them",
	"query": "Part of a name or an address", "q": "Part of a name or an address",
}

func parametersOf(rt route, query []string) (list []parameter) {
	for _, part := range strings.Split(rt.path, "/") {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			list = append(list, parameter{Name: name, In: "path", About: "Of the " + name + " in lists, or in the address", Required: true, Schema: &schema{Type: "string"}})
		}
	}
	for _, name := range query {
		about, kind := queryAbout[rt.method+" "+rt.path+" "+name], "string"
		if about == "" {
			about = queryAbout[name]
		}
		if about == "" {
			about = name
		}
		if name == "limit" {
			kind = "integer"
		}
		list = append(list, parameter{Name: name, In: "query", About: about, Schema: &schema{Type: kind}})
	}
	return list
}

func securityOf(rt route, scope accounts.Scope) []map[string][]any {
	list := []map[string][]any{}
	session := map[string][]any{}
	if rt.access != anyone {
		session["session"] = []any{}
	}
	if rt.method != http.MethodGet {
		session["csrf"] = []any{}
	}
	list = append(list, session)
	if scope != "" {
		list = append(list, map[string][]any{"token": {scope}})
	}
	return list
}

func apiInfo() map[string]any {
	return map[string]any{"title": "Huis Clos", "version": "1", "license": map[string]string{"name": "See LICENSE"},
		"description": "The API of the appliance, which the console uses itself. Programs use it with a token that an administrator makes under “Access for programs”, where x-huisclos-programs is true; " +
			"everything else takes a person who is signed in. What is not below /api/ is not described here: pages and their files, the provider's calls, SCIM 2.0 (which describes itself at /scim/v2/Schemas), and /healthz. " +
			"Answers may have further fields in later versions; what is here keeps its name and meaning. A field of a request that is left out counts as empty."}
}

func securitySchemes() map[string]any {
	return map[string]any{
		"token":   map[string]any{"type": "http", "scheme": "bearer", "description": "A token of the API, with the scope that is named. With it no cookie is read, and no CSRF token is asked for."},
		"session": map[string]any{"type": "apiKey", "in": "cookie", "name": sessionCookie, "description": "The session of a browser."},
		"csrf":    map[string]any{"type": "apiKey", "in": "header", "name": csrfHeader, "description": "The token of GET /api/me, bound to the cookie; and an Origin or Sec-Fetch-Site of the appliance itself."},
	}
}

// errorSchema is every refusal: a code for programs and a sentence for people. Some say more beside it.
func errorSchema() map[string]any {
	text := map[string]any{"type": "string"}
	return map[string]any{"type": "object", "required": []string{"error"}, "additionalProperties": true, "properties": map[string]any{
		"error": map[string]any{"type": "object", "required": []string{"code", "fr", "en"}, "properties": map[string]any{"code": text, "fr": text, "en": text}}}}
}

func refusedResponse() map[string]any {
	return map[string]any{"description": "Refused: 401 no session or token that counts, 403 not allowed, 404 not there, 409, 410 and 422 by a rule, 429 too often (Retry-After says how many seconds to wait), 5xx not possible now",
		"content": map[string]any{"application/json": map[string]any{"schema": map[string]string{"$ref": "#/components/schemas/Error"}}}}
}

func aboutStatus(status string) string {
	switch status {
	case "101":
		return "The connection is a WebSocket from here on"
	case "201":
		return "Made"
	case "202":
		return "Not done yet: it waits for a second security officer"
	case "204":
		return "Done"
	}
	return "As asked"
}

// TestDescription: the document is what OpenAPI 3.1 says, by the standard's own schema; every route below /api/ is in it, and nothing else;
// each schema in it is one; names of operations are unique; what has a path parameter declares it.
func TestDescription(t *testing.T) {
	c := jsonschema.NewCompiler()
	text, err := os.Open("testdata/openapi-3.1.schema.json")
	must(t, err)
	defer text.Close()
	standard, err := jsonschema.UnmarshalJSON(text)
	must(t, err)
	must(t, c.AddResource("openapi-3.1.schema.json", standard))
	s, err := c.Compile("openapi-3.1.schema.json")
	must(t, err)
	var value any
	must(t, json.Unmarshal(openapi, &value))
	if err := s.Validate(value); err != nil {
		t.Fatalf("not OpenAPI 3.1: %v", err)
	}
	if err := s.Validate(map[string]any{"openapi": "3.1.1", "info": map[string]any{"title": "x"}}); err == nil {
		t.Fatal("the validator takes anything")
	}
	d := committed()
	routed := map[string]bool{}
	for _, rt := range (&Server{}).routes() {
		if inAPI(rt.path) {
			routed[strings.ToLower(rt.method)+" "+braces(rt.path)] = true
		}
	}
	ids := map[string]string{}
	for path, methods := range d.Paths {
		for method, op := range methods {
			name := method + " " + path
			if !routed[name] {
				t.Errorf("%s is described, and no route", name)
			}
			delete(routed, name)
			if was, ok := ids[op.ID]; ok {
				t.Errorf("%s and %s are both called %s", was, name, op.ID)
			}
			ids[op.ID] = name
			for _, part := range strings.Split(path, "/") {
				if strings.HasPrefix(part, "{") && !slices.ContainsFunc(op.Parameters, func(p parameter) bool { return p.In == "path" && "{"+p.Name+"}" == part }) {
					t.Errorf("%s: %s is not declared", name, part)
				}
			}
			if op.Programs != (len(op.Security) == 2) {
				t.Errorf("%s: whether programs may use it is said in two ways", name)
			}
		}
	}
	for name := range routed {
		t.Errorf("%s is not described", name)
	}
	for name := range d.Components["schemas"].(map[string]any) {
		if _, err := compiled("#/components/schemas/" + name); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
	}
	beside, err := os.ReadFile(openapiCopy)
	must(t, err)
	if string(beside) != string(openapi) {
		t.Errorf("%s is another", openapiCopy)
	}
	answer := newHouse(t).browser().do("GET", descriptionPath, nil)
	if answer.status != http.StatusOK || string(answer.body) != string(openapi) {
		t.Errorf("%d, %d octets", answer.status, len(answer.body))
	}
}

// TestWhatIsNotDescribed: the rule of what the description leaves out: what is no JSON of ours below /api/.
func TestWhatIsNotDescribed(t *testing.T) {
	for _, rt := range (&Server{}).routes() {
		api := rt.kind == call || rt.kind == secret || rt.kind == socket
		if api != inAPI(rt.path) {
			t.Errorf("%s: kind %d", fmt.Sprint(rt.method, " ", rt.path), rt.kind)
		}
	}
}
