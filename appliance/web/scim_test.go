package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/scim"
	"huisclos/audit"
	"huisclos/meetings"
	"huisclos/store"
)

// A feeder is an identity system with a token.
type feeder struct {
	h      *house
	token  string
	change func(*http.Request)
}

func (h *house) feeder(w accounts.ProvisionerWish) *feeder {
	h.t.Helper()
	w.Name, w.Days = "Entra ID", 90
	_, token, err := h.accounts.MakeProvisioner(accounts.Operator(), w, h.clock())
	must(h.t, err)
	return &feeder{h: h, token: token.Reveal()}
}

// do sends what a program would: no cookie, no origin.
func (f *feeder) do(method, path string, body any) answer {
	f.h.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		must(f.h.t, err)
		r = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, f.h.tls.URL+"/scim/v2"+path, r)
	must(f.h.t, err)
	req.Host = "visio.example.org"
	if f.token != "" {
		req.Header.Set("Authorization", "Bearer "+f.token)
	}
	if r != nil {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	if f.change != nil {
		f.change(req)
	}
	res, err := f.h.tls.Client().Do(req)
	must(f.h.t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	must(f.h.t, err)
	return answer{res.StatusCode, res.Header, data}
}

// ok is do where the status has to be want.
func (f *feeder) ok(want int, method, path string, body any) map[string]any {
	f.h.t.Helper()
	a := f.do(method, path, body)
	if a.status != want {
		f.h.t.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.body, want)
	}
	if len(a.body) == 0 {
		return nil
	}
	return a.json(f.h.t)
}

// refused expects an error in the protocol's form.
func (f *feeder) refused(status int, kind scim.Type, method, path string, body any) {
	f.h.t.Helper()
	a := f.do(method, path, body)
	m := a.json(f.h.t)
	got, _ := m["scimType"].(string)
	if a.status != status || got != string(kind) || m["status"] != fmt.Sprint(status) || m["detail"] == "" || fmt.Sprint(m["schemas"]) != "["+scim.ErrorSchema+"]" ||
		!strings.HasPrefix(a.header.Get("Content-Type"), scimMedia) {
		f.h.t.Errorf("%s %s: %d %s, want %d %s", method, path, a.status, a.body, status, kind)
	}
}

func at(v any, keys ...any) any {
	for _, k := range keys {
		switch k := k.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			l, _ := v.([]any)
			if k >= len(l) {
				return nil
			}
			v = l[k]
		}
	}
	return v
}

func TestScimNeedsItsToken(t *testing.T) {
	h := newHouse(t)
	f := h.feeder(accounts.ProvisionerWish{})
	if a := f.do("GET", "/Users", nil); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	right := f.token
	for name, change := range map[string]func(*http.Request){
		"none":          func(r *http.Request) { r.Header.Del("Authorization") },
		"two":           func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+right) },
		"basic":         func(r *http.Request) { r.SetBasicAuth("x", right) },
		"another":       func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+strings.Repeat("A", 43)) },
		"in the query":  func(r *http.Request) { r.Header.Del("Authorization"); r.URL.RawQuery = "access_token=" + right },
		"in the cookie": func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("Cookie", sessionCookie+"="+right) },
	} {
		f.change = change
		a := f.do("GET", "/Users", nil)
		if a.status != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer ") || at(a.json(t), "status") != "401" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	f.change = nil
	h.advance(91 * 24 * time.Hour)
	f.refused(http.StatusUnauthorized, "", "GET", "/Users", nil)
	entries, err := h.audit.List(0, 10)
	must(t, err)
	if entries[0].Action != audit.ProvisionerRefused || entries[0].Detail["reason"] != "expired" || entries[0].Object == "" {
		t.Errorf("%+v", entries[0])
	}
	if strings.Contains(h.log.String(), right) {
		t.Error("the token is in the log")
	}
	// Whoever has none that counts is slowed down, and so is the log.
	n := 0
	for range 2 * strangersBurst {
		if f.do("GET", "/Users", nil).status == http.StatusTooManyRequests {
			n++
		}
	}
	if n < strangersBurst {
		t.Errorf("%d of %d were refused before they were looked at", n, 2*strangersBurst)
	}
}

// TestScimReadsNoCookie: a browser that is signed in as an administrator is nobody there, whatever it sends, and a token is good for
// nothing but SCIM.
func TestScimReadsNoCookie(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	for _, r := range h.server.scimRoutes() {
		if a := b.do(r.method, strings.ReplaceAll(r.path, ":id", h.member.ID.String()), nothing); a.status != http.StatusUnauthorized {
			t.Errorf("%s %s: %d %s", r.method, r.path, a.status, a.body)
		}
	}
	f := h.feeder(accounts.ProvisionerWish{})
	for _, path := range []string{"/api/me", "/api/admin/accounts", "/api/admin/audit"} {
		req := h.browser().request("GET", path, nil)
		req.Header.Set("Authorization", "Bearer "+f.token)
		req.AddCookie(&http.Cookie{Name: sessionCookie, Value: f.token})
		res, err := h.tls.Client().Do(req)
		must(t, err)
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s by the token: %d", path, res.StatusCode)
		}
	}
	// With both, the token counts and the session is not looked at.
	f.change = func(r *http.Request) { r.Header.Set("Cookie", sessionCookie+"="+b.cookies()[sessionCookie]) }
	f.ok(http.StatusOK, "GET", "/Users", nil)
}

// TestScimAsTheRFC: the requests of RFC 7644 §3, on what this appliance keeps of a user.
func TestScimAsTheRFC(t *testing.T) {
	h := newHouse(t)
	f := h.feeder(accounts.ProvisionerWish{})
	// §3.3
	a := f.do("POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bjensen@example.org","externalId":"bjensen",
		"name":{"formatted":"Ms. Barbara J Jensen III","familyName":"Jensen","givenName":"Barbara"},"title":"Tour Guide","password":"t1meMa$heen","meta":{"version":"x"},"id":"mine"}`)
	bob := a.json(t)
	id, _ := bob["id"].(string)
	where := "https://visio.example.org/scim/v2/Users/" + id
	if a.status != http.StatusCreated || a.header.Get("Location") != where || at(bob, "meta", "location") != where || at(bob, "meta", "resourceType") != "User" ||
		a.header.Get("ETag") != at(bob, "meta", "version") || id == "mine" || bob["title"] != nil || bob["active"] != true || at(bob, "name", "givenName") != "Barbara" {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	if strings.Contains(string(a.body), "password") || strings.Contains(h.log.String(), "t1meMa") {
		t.Error("the password came back, or is in the log")
	}
	f.refused(http.StatusConflict, scim.Uniqueness, "POST", "/Users", `{"userName":"BJENSEN@example.org","emails":[{"value":"b2@example.org"}]}`)
	f.refused(http.StatusConflict, scim.Uniqueness, "POST", "/Users", `{"userName":"b2","emails":[{"value":"bjensen@example.org"}]}`)
	f.refused(http.StatusConflict, scim.Uniqueness, "POST", "/Users", `{"userName":"ada","emails":[{"value":"ada@example.org"}]}`)
	f.refused(http.StatusConflict, scim.Uniqueness, "POST", "/Users", `{"userName":"b3@example.org","externalId":"bjensen"}`)
	for body, kind := range map[string]scim.Type{`{`: scim.InvalidSyntax, `[]`: scim.InvalidSyntax, `{}`: scim.InvalidValue, `{"userName":"no address"}`: scim.InvalidValue,
		`{"userName":7}`: scim.InvalidValue, `{"userName":"x@example.org","roles":[{"value":"administrator"}]}`: scim.InvalidValue,
		`{"userName":"x@example.org","roles":["organiser"]}`: scim.InvalidValue, `{"userName":"x@example.org","userName":"y@example.org"}`: scim.InvalidSyntax,
		`{"userName":"x@example.org","displayName":"\u202e"}`: scim.InvalidValue, `{"userName":"x@example.org","active":"perhaps"}`: scim.InvalidValue} {
		f.refused(http.StatusBadRequest, kind, "POST", "/Users", body)
	}
	// §3.4.1, §3.14
	a = f.do("GET", "/Users/"+id, nil)
	version := a.header.Get("ETag")
	if a.status != http.StatusOK || version == "" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	f.change = func(r *http.Request) { r.Header.Set("If-None-Match", version) }
	if a := f.do("GET", "/Users/"+id, nil); a.status != http.StatusNotModified || len(a.body) != 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.change = nil
	for _, nobody := range []string{h.administrator.ID.String(), "x", "2819c223-7f76-453a-919d-413861904646", "AAAAAAAAAAAAAAAAAAAAAA"} {
		f.refused(http.StatusNotFound, "", "GET", "/Users/"+nobody, nil)
		f.refused(http.StatusNotFound, "", "PUT", "/Users/"+nobody, `{"userName":"x@example.org"}`)
		f.refused(http.StatusNotFound, "", "PATCH", "/Users/"+nobody, `{"Operations":[{"op":"replace","path":"active","value":false}]}`)
		f.refused(http.StatusNotFound, "", "DELETE", "/Users/"+nobody, nil)
	}
	// §3.4.2
	for query, want := range map[string]float64{"": 1, "?filter=userName+eq+%22bjensen@EXAMPLE.org%22": 1, "?filter=userName+eq+%22ada@example.org%22": 0, "?filter=title+pr": 0,
		"?filter=externalId+eq+%22bjensen%22": 1, "?filter=externalId+eq+%22BJENSEN%22": 0, "?filter=id+eq+%22" + id + "%22": 1, "?filter=id+eq+%22" + h.administrator.ID.String() + "%22": 0,
		"?filter=emails.value+eq+%22ada@example.org%22": 0, "?filter=name.familyName+co+%22ens%22+and+active+eq+true": 1, "?count=0": 1, "?startIndex=2": 1, "?count=-1": 1} {
		m := f.ok(http.StatusOK, "GET", "/Users"+query, nil)
		if m["totalResults"] != want {
			t.Errorf("%s: %v", query, m)
		}
	}
	f.refused(http.StatusBadRequest, scim.InvalidFilter, "GET", "/Users?filter=userName+is+1", nil)
	f.refused(http.StatusBadRequest, scim.InvalidValue, "GET", "/Users?count=x", nil)
	m := f.ok(http.StatusOK, "GET", "/Users?attributes=userName,name.givenName", nil)
	if r := at(m, "Resources", 0); at(r, "id") != id || at(r, "name", "givenName") != "Barbara" || at(r, "name", "familyName") != nil || at(r, "active") != nil || at(r, "meta") != nil {
		t.Errorf("%v", m)
	}
	m = f.ok(http.StatusOK, "GET", "/Users/"+id+"?excludedAttributes=name,meta,id", nil)
	if at(m, "id") != id || at(m, "name") != nil || at(m, "meta") != nil || at(m, "userName") == nil {
		t.Errorf("%v", m)
	}
	// §3.4.3
	m = f.ok(http.StatusOK, "POST", "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"attributes":["displayName","userName"],
		"filter":"userName sw \"b\"","startIndex":1,"count":10}`)
	if m["totalResults"] != 1.0 || at(m, "Resources", 0, "name") != nil || at(m, "schemas", 0) != "urn:ietf:params:scim:api:messages:2.0:ListResponse" {
		t.Errorf("%v", m)
	}
	// §3.5.1
	f.change = func(r *http.Request) { r.Header.Set("If-Match", `W/"other"`) }
	f.refused(http.StatusPreconditionFailed, "", "PUT", "/Users/"+id, `{"userName":"bjensen@example.org"}`)
	f.refused(http.StatusPreconditionFailed, "", "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"active","value":false}]}`)
	f.refused(http.StatusPreconditionFailed, "", "DELETE", "/Users/"+id, nil)
	f.change = func(r *http.Request) { r.Header.Set("If-Match", version) }
	m = f.ok(http.StatusOK, "PUT", "/Users/"+id, `{"userName":"bjensen@example.org","displayName":"Babs","emails":[{"value":"babs@example.org","type":"home"},{"value":"bj@example.org","type":"work"}]}`)
	if at(m, "name") != nil || at(m, "externalId") != nil || at(m, "displayName") != "Babs" || at(m, "emails", 0, "value") != "bj@example.org" || at(m, "emails", 1) != nil || at(m, "meta", "version") == version {
		t.Errorf("%v", m)
	}
	f.refused(http.StatusPreconditionFailed, "", "PUT", "/Users/"+id, `{"userName":"bjensen@example.org"}`)
	f.change = nil
	// §3.5.2
	f.refused(http.StatusBadRequest, scim.Mutability, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"id","value":"x"}]}`)
	f.refused(http.StatusBadRequest, scim.NoTarget, "PATCH", "/Users/"+id, `{"Operations":[{"op":"remove"}]}`)
	f.refused(http.StatusBadRequest, scim.InvalidPath, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"emails[","value":"x"}]}`)
	f.refused(http.StatusConflict, scim.Uniqueness, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"emails[type eq \"work\"].value","value":"marie@example.org"}]}`)
	m = f.ok(http.StatusOK, "PATCH", "/Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"name.familyName","value":"Jensen"},{"op":"replace","path":"displayName","value":"Barbara"}]}`)
	if at(m, "name", "familyName") != "Jensen" || at(m, "displayName") != "Barbara" {
		t.Errorf("%v", m)
	}
	// §3.6
	if a := f.do("DELETE", "/Users/"+id, nil); a.status != http.StatusNoContent || len(a.body) != 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.refused(http.StatusNotFound, "", "GET", "/Users/"+id, nil)
	// §3.7, §3.12, and what isn't there
	for path, status := range map[string]int{"/Bulk": http.StatusNotFound, "/Me": http.StatusNotFound, "/nothing": http.StatusNotFound} {
		f.refused(status, "", "POST", path, `{}`)
	}
	f.refused(http.StatusMethodNotAllowed, "", "DELETE", "/Users", nil)
	f.refused(http.StatusMethodNotAllowed, "", "OPTIONS", "/Users", nil)
	f.change = func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }
	f.refused(http.StatusUnsupportedMediaType, "", "POST", "/Users", `{}`)
	f.change = func(r *http.Request) { r.Header.Set("Accept-Language", "fr-FR") }
	if a := f.do("GET", "/Users/x", nil); !strings.Contains(string(a.body), "n'existe pas") {
		t.Errorf("%s", a.body)
	}
	f.change = nil
	f.refused(http.StatusRequestEntityTooLarge, "", "POST", "/Users", `{"x":"`+strings.Repeat("x", maxUserBody)+`"}`)
	// §4
	m = f.ok(http.StatusOK, "GET", "/ServiceProviderConfig", nil)
	if at(m, "patch", "supported") != true || at(m, "bulk", "supported") != false || at(m, "sort", "supported") != false || at(m, "etag", "supported") != true || at(m, "filter", "maxResults") != 200.0 {
		t.Errorf("%v", m)
	}
	if m = f.ok(http.StatusOK, "GET", "/Schemas", nil); m["totalResults"] != 2.0 {
		t.Errorf("%v", m)
	}
	for _, path := range []string{"/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group", "/ResourceTypes", "/ResourceTypes/User"} {
		if m = f.ok(http.StatusOK, "GET", path, nil); m["schemas"] == nil {
			t.Errorf("%v", m)
		}
	}
	f.refused(http.StatusNotFound, "", "GET", "/Schemas/urn:other", nil)
	f.refused(http.StatusForbidden, "", "GET", "/Schemas?filter=id+pr", nil)
}

// TestScimChunked: a program may send a body without its length; whatever follows it on the connection is no request of its own.
func TestScimChunked(t *testing.T) {
	h := newHouse(t)
	f := h.feeder(accounts.ProvisionerWish{})
	conn, err := tls.Dial("tcp", h.tls.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	body := `{"userName":"x@example.org"}`
	const head = "Host: visio.example.org\r\nAuthorization: Bearer %s\r\nContent-Type: application/scim+json\r\n"
	_, err = fmt.Fprintf(conn, "POST /scim/v2/Users HTTP/1.1\r\n"+head+"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\nGET /scim/v2/Users HTTP/1.1\r\n"+head+"\r\n",
		f.token, len(body), body, f.token)
	must(t, err)
	all, err := io.ReadAll(conn)
	must(t, err)
	if n := bytes.Count(all, []byte("HTTP/1.1 ")); n != 1 || !bytes.HasPrefix(all, []byte("HTTP/1.1 201 ")) || !bytes.Contains(all, []byte("\r\nConnection: close\r\n")) {
		t.Errorf("%d answers: %s", n, all)
	}
}

// TestEntraRequests: what Entra ID sends, as Microsoft documents it and as its validator does.
func TestEntraRequests(t *testing.T) {
	h := newHouse(t)
	f := h.feeder(accounts.ProvisionerWish{Organisers: true})
	// The test of the connection: somebody whom there isn't.
	if m := f.ok(http.StatusOK, "GET", "/Users?filter=userName+eq+%225a5b5c5d-0000-0000-0000-000000000000%22", nil); m["totalResults"] != 0.0 || len(m["Resources"].([]any)) != 0 {
		t.Errorf("%v", m)
	}
	m := f.ok(http.StatusCreated, "POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
		"externalId":"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef","userName":"Test_User_ab6490ee-1e48-479e-a20b-2d77186b5dd1@example.org","active":true,
		"emails":[{"primary":true,"type":"work","value":"Test_User_fd0ea19b@example.org"}],"meta":{"resourceType":"User"},"name":{"formatted":"givenName familyName","familyName":"familyName","givenName":"givenName"},
		"roles":[],"displayName":"givenName familyName","phoneNumbers":[{"type":"mobile","value":"1"}],
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Sales","manager":"x"}}`)
	id := m["id"].(string)
	if at(m, "roles", 0, "value") != "member" || at(m, "emails", 0, "value") != "Test_User_fd0ea19b@example.org" || at(m, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User") != nil {
		t.Errorf("%v", m)
	}
	m = f.ok(http.StatusOK, "PATCH", "/Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
		{"op":"Replace","path":"emails[type eq \"work\"].value","value":"updatedEmail@example.org"},{"op":"Replace","path":"name.familyName","value":"updatedFamilyName"},
		{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"x"},{"op":"Add","path":"phoneNumbers[type eq \"work\"].value","value":"1"}]}`)
	if at(m, "emails", 0, "value") != "updatedEmail@example.org" || at(m, "name", "familyName") != "updatedFamilyName" {
		t.Errorf("%v", m)
	}
	m = f.ok(http.StatusOK, "PATCH", "/Users/"+id, `{"Operations":[{"op":"Replace","path":"userName","value":"5b50642d@example.org"}]}`)
	if at(m, "userName") != "5b50642d@example.org" {
		t.Errorf("%v", m)
	}
	m = f.ok(http.StatusOK, "PATCH", "/Users/"+id, `{"Operations":[{"op":"Add","path":"roles[primary eq \"True\"].value","value":"organiser"}]}`)
	if at(m, "roles", 0, "value") != "organiser" {
		t.Errorf("%v", m)
	}
	m = f.ok(http.StatusOK, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"roles","value":[{"primary":false,"type":"WindowsAzureActiveDirectoryRole","display":"member","value":"{\"id\":\"18d14569\",\"value\":\"member\",\"displayName\":\"Member\"}"}]}]}`)
	if at(m, "roles", 0, "value") != "member" {
		t.Errorf("%v", m)
	}
	// The account is assigned to nothing any more, then again, then gone.
	m = f.ok(http.StatusOK, "PATCH", "/Users/"+id, `{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`)
	if at(m, "active") != false {
		t.Errorf("%v", m)
	}
	if a, err := h.accounts.Get(mustID(t, id)); err != nil || a.State != accounts.Disabled {
		t.Errorf("%+v, %v", a, err)
	}
	f.ok(http.StatusOK, "PATCH", "/Users/"+id, `{"Operations":[{"op":"Add","path":"active","value":"True"}]}`)
	// Groups.
	m = f.ok(http.StatusCreated, "POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
		"externalId":"8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159","displayName":"displayName","meta":{"resourceType":"Group"}}`)
	group := m["id"].(string)
	if m = f.ok(http.StatusOK, "GET", "/Groups?excludedAttributes=members&filter=displayName+eq+%22displayName%22", nil); m["totalResults"] != 1.0 || at(m, "Resources", 0, "members") != nil {
		t.Errorf("%v", m)
	}
	f.ok(http.StatusOK, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"Add","path":"members","value":[{"$ref":null,"value":"`+id+`"}]}]}`)
	if m = f.ok(http.StatusOK, "GET", "/Groups?attributes=id&filter=id+eq+%22"+group+"%22+and+members+eq+%22"+id+"%22", nil); m["totalResults"] != 1.0 || at(m, "Resources", 0, "displayName") != nil {
		t.Errorf("%v", m)
	}
	if m = f.ok(http.StatusOK, "GET", "/Users/"+id, nil); at(m, "groups", 0, "value") != group {
		t.Errorf("%v", m)
	}
	f.ok(http.StatusOK, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"Replace","path":"displayName","value":"1879db59-3bdf-4490-ad68-ab880a269474updatedDisplayName"}]}`)
	f.ok(http.StatusOK, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"Remove","path":"members","value":[{"$ref":null,"value":"`+id+`"}]}]}`)
	if m = f.ok(http.StatusOK, "GET", "/Groups/"+group, nil); at(m, "members") != nil {
		t.Errorf("%v", m)
	}
	f.ok(http.StatusNoContent, "DELETE", "/Groups/"+group, nil)
	f.ok(http.StatusNoContent, "DELETE", "/Users/"+id, nil)
}

// TestOktaRequests: what Okta sends, as it documents it.
func TestOktaRequests(t *testing.T) {
	h := newHouse(t)
	f := h.feeder(accounts.ProvisionerWish{})
	if m := f.ok(http.StatusOK, "GET", "/Users?startIndex=1&count=2", nil); m["totalResults"] != 0.0 || m["startIndex"] != 1.0 {
		t.Errorf("%v", m)
	}
	f.ok(http.StatusOK, "GET", "/Users?filter=userName%20eq%20%22test.user@okta.local%22&startIndex=1&count=100", nil)
	m := f.ok(http.StatusCreated, "POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"test.user@okta.local","name":{"givenName":"Test","familyName":"User"},
		"emails":[{"primary":true,"value":"test.user@okta.local","type":"work"}],"displayName":"Test User","locale":"en-US","externalId":"00ujl29u0le5T6Aj10h7","groups":[],"password":"1mz050nq","active":true}`)
	id := m["id"].(string)
	// An update is the resource as it was read, with other values.
	whole := f.ok(http.StatusOK, "GET", "/Users/"+id, nil)
	whole["name"].(map[string]any)["familyName"], whole["displayName"] = "Utilisateur", "Test Utilisateur"
	if m = f.ok(http.StatusOK, "PUT", "/Users/"+id, whole); at(m, "name", "familyName") != "Utilisateur" || at(m, "meta", "version") == at(whole, "meta", "version") {
		t.Errorf("%v", m)
	}
	if m = f.ok(http.StatusOK, "PATCH", "/Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":false}}]}`); at(m, "active") != false {
		t.Errorf("%v", m)
	}
	f.ok(http.StatusOK, "PUT", "/Users/"+id, whole)
	m = f.ok(http.StatusCreated, "POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Test SCIMv2","members":[]}`)
	group := m["id"].(string)
	f.ok(http.StatusOK, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"replace","value":{"id":"`+group+`","displayName":"Test SCIMv2 b"}}]}`)
	f.ok(http.StatusOK, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"`+id+`","display":"test.user@okta.local"}]}]}`)
	f.ok(http.StatusOK, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"remove","path":"members[value eq \"`+id+`\"]"}]}`)
	f.ok(http.StatusOK, "PUT", "/Groups/"+group, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"`+group+`","displayName":"Test SCIMv2 c","members":[{"value":"`+id+`","display":"x"}]}`)
	m = f.ok(http.StatusOK, "GET", "/Groups/"+group, nil)
	if at(m, "displayName") != "Test SCIMv2 c" || at(m, "members", 0, "value") != id || at(m, "members", 0, "$ref") != "https://visio.example.org/scim/v2/Users/"+id {
		t.Errorf("%v", m)
	}
}

func mustID(t *testing.T, text string) accounts.ID {
	t.Helper()
	id, err := accounts.ParseID(text)
	must(t, err)
	return id
}

// TestScimEndsWhatSomebodyHas: who is set inactive is signed out at that moment, and somebody deleted leaves no room behind.
func TestScimEndsWhatSomebodyHas(t *testing.T) {
	h := newHouse(t)
	var links []string
	h.server.Post = func(_ *store.Tx, to accounts.Account, url string, _, _ time.Time) error {
		links = append(links, url)
		return nil
	}
	f := h.feeder(accounts.ProvisionerWish{Organisers: true, Mails: true})
	id := f.ok(http.StatusCreated, "POST", "/Users", `{"userName":"pia@example.org","displayName":"Pia Provisionnée","roles":[{"value":"organiser","primary":true}]}`)["id"].(string)
	if len(links) != 1 || !strings.HasPrefix(links[0], "https://visio.example.org/activate#") {
		t.Fatalf("links: %q", links)
	}
	_, _, err := h.accounts.Activate(context.Background(), strings.Split(links[0], "#")[1], memberPassphrase, accounts.Client{}, h.clock())
	must(t, err)
	pia := h.signedIn("pia@example.org", memberPassphrase)
	room := pia.do("POST", "/api/rooms", map[string]string{"name": "Salle de Pia"})
	if room.status != http.StatusCreated {
		t.Fatalf("%d %s", room.status, room.body)
	}
	f.ok(http.StatusOK, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"active","value":false}]}`)
	if a := pia.do("GET", "/api/rooms", nil); a.status != http.StatusUnauthorized {
		t.Errorf("still signed in: %d %s", a.status, a.body)
	}
	f.ok(http.StatusOK, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"active","value":true}]}`)
	if len(links) != 1 {
		t.Errorf("a link for who has a passphrase: %q", links)
	}
	pia = h.signedIn("pia@example.org", memberPassphrase)
	f.ok(http.StatusNoContent, "DELETE", "/Users/"+id, nil)
	if a := pia.do("GET", "/api/rooms", nil); a.status != http.StatusUnauthorized {
		t.Errorf("still signed in: %d %s", a.status, a.body)
	}
	if _, err := h.rooms.Get(mustRoom(t, room.json(t)["id"].(string))); !errors.Is(err, meetings.ErrNoRoom) {
		t.Errorf("the room of who is gone: %v", err)
	}
	entries, err := h.audit.List(0, 20)
	must(t, err)
	seen := map[audit.Action]bool{}
	for _, e := range entries {
		if e.Actor == audit.ActorProvisioning {
			seen[e.Action] = true
		}
	}
	for _, want := range []audit.Action{audit.AccountDisabled, audit.AccountEnabled, audit.AccountDeleted, audit.RoomDeleted} {
		if !seen[want] {
			t.Errorf("%s is not in the log", want)
		}
	}
	// As many mails wait as can: nothing is made, and it is asked for again later.
	h.server.Post = func(*store.Tx, accounts.Account, string, time.Time, time.Time) error { return ErrPost }
	a := f.do("POST", "/Users", `{"userName":"pia@example.org"}`)
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.refused(http.StatusNotFound, "", "GET", "/Users/"+id, nil)
}

func TestProvisioningConsole(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	h.advance(accounts.ProofLifetime)
	wish := map[string]any{"name": "Entra ID", "days": 90, "organisers": true, "mails": false}
	expect(t, "without a proof", b.do("POST", "/api/admin/provisioning", wish), http.StatusForbidden, "proofNeeded")
	h.advance(time.Minute)
	if a := b.do("POST", "/api/proof", map[string]string{"passphrase": adminPassphrase, "code": h.code("ada@example.org")}); a.status >= 300 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	a := b.do("POST", "/api/admin/provisioning", wish)
	token, _ := a.json(t)["token"].(string)
	if a.status != http.StatusCreated || len(token) != 43 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	expect(t, "no end", b.do("POST", "/api/admin/provisioning", map[string]any{"name": "x", "days": 0}), http.StatusUnprocessableEntity, "provisioner-days")
	f := &feeder{h: h, token: token}
	f.ok(http.StatusCreated, "POST", "/Users", `{"userName":"x@example.org"}`)
	f.ok(http.StatusCreated, "POST", "/Groups", `{"displayName":"X"}`)
	a = b.do("GET", "/api/admin/provisioning", nil)
	m := a.json(t)
	if strings.Contains(string(a.body), token) || at(m, "accounts") != 1.0 || at(m, "groups") != 1.0 || at(m, "tokens", 0, "name") != "Entra ID" || at(m, "tokens", 0, "by") != "Ada Admin" ||
		at(m, "tokens", 0, "used") == nil || at(m, "tokens", 0, "from") != "127.0.0.1" || at(m, "tokens", 0, "expired") != false || !strings.HasSuffix(at(m, "url").(string), "/scim/v2") {
		t.Errorf("%s", a.body)
	}
	if a := b.do("DELETE", "/api/admin/provisioning/"+at(m, "tokens", 0, "id").(string), nil); a.status != http.StatusNoContent {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.refused(http.StatusUnauthorized, "", "GET", "/Users", nil)
	expect(t, "again", b.do("DELETE", "/api/admin/provisioning/"+at(m, "tokens", 0, "id").(string), nil), http.StatusNotFound, "not-found")
}
