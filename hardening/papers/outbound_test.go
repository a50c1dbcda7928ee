package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// network-tls.md says that the server's own code opens no connection. Held for the packages net, net/http and crypto/tls,
// used by name; what a dependency does by itself is not seen here.
func TestNothingDialsOut(t *testing.T) {
	// ASVS 1.3.6, 13.2.4, 14.2.3
	banned := map[string]bool{
		"net.Dial": true, "net.DialTimeout": true, "net.DialTCP": true, "net.DialUDP": true, "net.DialIP": true, "net.Dialer": true,
		"net.LookupHost": true, "net.LookupIP": true, "net.LookupAddr": true, "net.Resolver": true, "net.DefaultResolver": true,
		"http.Get": true, "http.Head": true, "http.Post": true, "http.PostForm": true, "http.Client": true, "http.DefaultClient": true, "http.Transport": true,
		"http.DefaultTransport": true, "tls.Dial": true, "tls.DialWithDialer": true, "tls.Dialer": true, "websocket.Dial": true, "reach.Look": true, "smtp.Dial": true, "smtp.SendMail": true,
	}
	// The commands of the operator, which are other processes than the server: they ask its control socket, the names in
	// its settings and its own port. The server itself only looks whether another one listens on that socket.
	commands := map[string][]string{"control.go": {"net.DialTimeout"}, "doctor.go": {"net.DefaultResolver", "tls.Dialer"},
		// check network goes the ways of clients, in the command's own process; nothing else looks.
		"look.go": {"net.DefaultResolver", "net.Dialer", "net.DialUDP"}, "network.go": {"reach.Look"},
		// The menu of the image asks for the acts of the machine, by sockets that are files.
		"console.go": {"net.Dial"},
		// The process that connects outward, and how it is asked, by a socket that is a file.
		"connect.go": {"net.Dialer"}, "serve.go": {"net.Resolver"}, "dial.go": {"net.Dialer"},
		// HTTP to the provider of sign-in, to an authority of certificates and to where backups are copied, over the connections that the process above hands over, and
		// over no others.
		"http.go": {"http.Client", "http.Transport"}, "oidc.go": {"http.Client"}, "window.go": {"http.Client"},
		// HTTP to webhooks, likewise.
		"deliver.go": {"http.Client", "http.Transport"}}
	seen := 0
	for _, dir := range []string{"accounts", "appliance", "audit", "media", "meetings", "store", "crypto/mls", "crypto/sframe", "crypto/passhash"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(name string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() && strings.HasSuffix(name, "test") {
				return filepath.SkipDir // only tests import those (TestLayers)
			}
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			seen++
			fset := token.NewFileSet()
			tree, err := parser.ParseFile(fset, name, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && banned[x.Name+"."+s.Sel.Name] &&
						!(slices.Contains([]string{"control", "console", "outward", "reach", "oidc", "order", "s3", "webhook"}, filepath.Base(filepath.Dir(name))) && slices.Contains(commands[filepath.Base(name)], x.Name+"."+s.Sel.Name)) {
						t.Errorf("%s: %s.%s", fset.Position(s.Pos()), x.Name, s.Sel.Name)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 50 {
		t.Fatalf("only %d files were read", seen)
	}
}
