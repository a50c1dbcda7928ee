package client

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// door stands for the appliance: passphrase "p", and the code 123456 for who has a second factor. Somebody whose name is
// "incomplete" needs one and has none.
func door(t *testing.T, factor bool) (cfg Config, tries *[]map[string]string) {
	t.Helper()
	tries = &[]map[string]string{}
	refuse := func(w http.ResponseWriter, status int, code string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"csrf":"c","error":{"code":%q,"fr":"Non.","en":"No."}}`, code)
	}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/me" {
			refuse(w, http.StatusUnauthorized, "not-signed-in")
			return
		}
		if r.URL.Path == "/api/logout" {
			*tries = append(*tries, nil)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		var form map[string]string
		if err := json.NewDecoder(r.Body).Decode(&form); err != nil {
			t.Error(err)
		}
		*tries = append(*tries, form)
		switch code, there := form["code"]; {
		case form["passphrase"] != "p":
			refuse(w, http.StatusUnauthorized, "bad-credentials")
		case factor && !there:
			refuse(w, http.StatusUnauthorized, "secondFactorNeeded")
		case factor && code != "123456":
			refuse(w, http.StatusUnauthorized, "codeWrong")
		case form["email"] == "incomplete":
			fmt.Fprint(w, `{"account":{"name":"Ada"},"csrf":"d","must":"factor"}`)
		default:
			fmt.Fprint(w, `{"account":{"name":"Ada"},"csrf":"d"}`)
		}
	}))
	t.Cleanup(s.Close)
	pin := Fingerprint(sha256.Sum256(s.Certificate().Raw))
	return Config{Link: Link{Origin: s.URL}, Account: "ada@example.org", Passphrase: "p", Pinned: &pin}, tries
}

func TestSignInAsksForACode(t *testing.T) {
	for _, c := range []struct {
		name       string
		factor     bool
		passphrase string
		code       func(context.Context) (string, error)
		refused    string // code of the refusal, "" for none
		asked      int    // sign-ins
	}{
		{"no second factor", false, "p", never(t), "", 1},
		{"a wrong passphrase", true, "q", never(t), "bad-credentials", 1},
		{"the right code", true, "p", says("123456"), "", 2},
		{"a wrong code is not asked for twice", true, "p", says("000000"), "codeWrong", 2},
		{"nobody to ask", true, "p", nil, "secondFactorNeeded", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, tries := door(t, c.factor)
			cfg.Passphrase, cfg.Code = c.passphrase, c.code
			a := newAppliance(cfg.Link.Origin, cfg.Pinned)
			defer a.close()
			who, err := a.signIn(t.Context(), cfg)
			if got := Code(err); got != c.refused || err == nil && who.Name != "Ada" {
				t.Errorf("%q, %+v", got, who)
			}
			if len(*tries) != c.asked {
				t.Errorf("%d sign-ins, want %d", len(*tries), c.asked)
			}
			if _, there := (*tries)[0]["code"]; there {
				t.Error("the first sign-in has a code already")
			}
		})
	}
	// Who has none to give is told by their own error, and nothing more is tried.
	cfg, tries := door(t, true)
	gone := errors.New("no code")
	cfg.Code = func(context.Context) (string, error) { return "", gone }
	a := newAppliance(cfg.Link.Origin, cfg.Pinned)
	defer a.close()
	if _, err := a.signIn(t.Context(), cfg); !errors.Is(err, gone) || len(*tries) != 1 {
		t.Errorf("%v after %d sign-ins", err, len(*tries))
	}
}

// Who needs a second factor and has none is told so, and leaves no session behind.
func TestIncompleteSignInEnds(t *testing.T) {
	cfg, tries := door(t, false)
	cfg.Account = "incomplete"
	a := newAppliance(cfg.Link.Origin, cfg.Pinned)
	defer a.close()
	if _, err := a.signIn(t.Context(), cfg); Code(err) != "factorRequired" {
		t.Errorf("%v", err)
	}
	if len(*tries) != 2 || (*tries)[1] != nil {
		t.Errorf("not signed out: %v", *tries)
	}
}

func says(code string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return code, nil }
}

func never(t *testing.T) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		t.Error("a code is asked for")
		return "", errors.New("not asked")
	}
}

func TestPINIsGiven(t *testing.T) {
	for _, c := range []struct {
		name  string
		asked bool // by the room
		pin   func(context.Context) (string, error)
		want  string // what was given
		code  string
	}{
		{"no PIN", false, nil, "", ""},
		{"a right one", true, func(context.Context) (string, error) { return "2468", nil }, "2468", ""},
		{"a wrong one", true, func(context.Context) (string, error) { return "1357", nil }, "1357", "pin-wrong"},
		{"nobody to ask", true, nil, "", "pin-needed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := ""
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					fmt.Fprintf(w, `{"id":"x","pin":%v}`, c.asked)
					return
				}
				var form map[string]string
				if err := json.NewDecoder(r.Body).Decode(&form); err != nil || r.URL.Path != "/api/rooms/AAAAAAAAAAAAAAAAAAAAAA/pin" {
					t.Error(r.URL.Path, err)
				}
				if given = form["pin"]; given != "2468" {
					w.WriteHeader(http.StatusForbidden)
					fmt.Fprint(w, `{"error":{"code":"pin-wrong","fr":"Non.","en":"No."}}`)
					return
				}
				w.WriteHeader(http.StatusNoContent)
			}))
			defer s.Close()
			pin := Fingerprint(sha256.Sum256(s.Certificate().Raw))
			a := newAppliance(s.URL, &pin)
			defer a.close()
			err := a.givePIN(t.Context(), Config{PIN: c.pin})
			if given != c.want || Code(err) != c.code {
				t.Errorf("gave %q: %v", given, err)
			}
		})
	}
}
