package webhook

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"huisclos/store"
)

func TestWishes(t *testing.T) {
	d, r := newDesk(t), newReceiver(t)
	good := Wish{Name: "x", URL: "https://hooks.example.org/a?b=c", Events: []string{"account.created", "account.created"}}
	for name, c := range map[string]struct {
		change func(*Wish)
		want   error
	}{
		"well":               {func(*Wish) {}, nil},
		"its own authority":  {func(w *Wish) { w.Authority = r.authority() }, nil},
		"a private address":  {func(w *Wish) { w.URL = "https://10.1.2.3/" }, nil},
		"an IPv6 address":    {func(w *Wish) { w.URL = "https://[2001:db8::1]:443/" }, nil},
		"no name":            {func(w *Wish) { w.Name = " " }, ErrName},
		"a long name":        {func(w *Wish) { w.Name = strings.Repeat("x", 129) }, ErrName},
		"two lines":          {func(w *Wish) { w.Name = "a\nb" }, ErrName},
		"http":               {func(w *Wish) { w.URL = "http://example.org" }, ErrURL},
		"another port":       {func(w *Wish) { w.URL = "https://example.org:8443" }, ErrPlace},
		"a port of ours":     {func(w *Wish) { w.URL = "https://example.org:0443/" }, nil},
		"no port":            {func(w *Wish) { w.URL = "https://example.org:0/" }, ErrURL},
		"no port at all":     {func(w *Wish) { w.URL = "https://example.org:65979/" }, ErrURL}, // 443 and 65536
		"a password":         {func(w *Wish) { w.URL = "https://a:b@example.org" }, ErrURL},
		"a fragment":         {func(w *Wish) { w.URL = "https://example.org/#x" }, ErrURL},
		"loopback":           {func(w *Wish) { w.URL = "https://127.0.0.1/" }, ErrURL},
		"loopback by IPv6":   {func(w *Wish) { w.URL = "https://[::1]/" }, ErrURL},
		"loopback, mapped":   {func(w *Wish) { w.URL = "https://[::ffff:127.0.0.1]/" }, ErrURL},
		"loopback by name":   {func(w *Wish) { w.URL = "https://LocalHost./" }, ErrURL},
		"loopback by number": {func(w *Wish) { w.URL = "https://2130706433/" }, ErrURL},
		"link-local":         {func(w *Wish) { w.URL = "https://169.254.169.254/" }, ErrURL},
		"a zone":             {func(w *Wish) { w.URL = "https://[fe80::1%25eth0]/" }, ErrURL},
		"nowhere":            {func(w *Wish) { w.URL = "https://0.0.0.0/" }, ErrURL},
		"no event":           {func(w *Wish) { w.Events = nil }, ErrEvents},
		"no such event":      {func(w *Wish) { w.Events = []string{"account.created", "x"} }, ErrEvents},
		"no certificate":     {func(w *Wish) { w.Authority = "x" }, ErrAuthority},
		"and something else": {func(w *Wish) { w.Authority = r.authority() + "x" }, ErrAuthority},
		"another block":      {func(w *Wish) { w.Authority = strings.ReplaceAll(r.authority(), "CERTIFICATE", "PUBLIC KEY") }, ErrAuthority},
		"large":              {func(w *Wish) { w.Authority = strings.Repeat(r.authority(), 60) }, ErrAuthority},
	} {
		w := good
		c.change(&w)
		err := d.db.Update(func(tx *store.Tx) error {
			h, _, err := d.Make(tx, w, d.now())
			if err == nil && len(h.Events) != 1 {
				t.Errorf("%s: %v", name, h.Events)
			}
			return err
		})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestPlaces: another port, or this machine, where the settings files name it for webhooks and nowhere else; with hosts shut to the console
// only what they name. What the settings no longer let out to is not delivered, and can be turned off.
func TestPlaces(t *testing.T) {
	d := newDesk(t)
	d.o.Named = []Place{{"hooks.example.org", 8443}, {"127.0.0.1", 9000}, {"2001:db8::1", 443}}
	make := func(url string) (h Hook, err error) {
		err = d.db.Update(func(tx *store.Tx) error {
			h, _, err = d.Make(tx, Wish{Name: "x", URL: url, Events: []string{"account.created"}}, d.now())
			return err
		})
		return h, err
	}
	for _, open := range []bool{true, false} {
		d.o.Open = open
		elsewhere := map[bool]error{true: nil, false: ErrPlace}[open]
		for url, want := range map[string]error{
			"https://HOOKS.example.org:8443/a": nil, "https://127.0.0.1:9000/": nil, "https://[::ffff:127.0.0.1]:9000/": nil, "https://[2001:db8:0::1]/": nil,
			"https://hooks.example.org:8444/": ErrPlace, "https://other.example.org:8443/": ErrPlace, "https://127.0.0.1:9001/": ErrURL, "https://127.0.0.1/": ErrURL, "https://localhost:9000/": ErrURL,
			"https://hooks.example.org/": elsewhere, "https://10.1.2.3/": elsewhere,
		} {
			if h, err := make(url); !errors.Is(err, want) {
				t.Errorf("open %v, %s: %v, want %v", open, url, err, want)
			} else if err == nil {
				must(t, d.db.Update(func(tx *store.Tx) error { _, err := d.Delete(tx, h.ID); return err }))
			}
		}
	}
	h, err := make("https://hooks.example.org:8443/a")
	must(t, err)
	if h.Host() != "hooks.example.org:8443" {
		t.Errorf("its host is %s", h.Host())
	}
	d.o.Named = nil
	d.dial = func(_ context.Context, host string, port int) (net.Conn, error) {
		t.Errorf("connected to %s:%d", host, port)
		return nil, errors.New("nobody is there")
	}
	if tried, err := d.Test(t.Context(), h.ID); err != nil || tried.Outcome != Unreachable {
		t.Errorf("%+v, %v", tried, err)
	}
	must(t, d.db.Update(func(tx *store.Tx) error {
		if _, err := d.Change(tx, h.ID, Wish{Name: "x", URL: "https://hooks.example.org:8443/b", Events: []string{"account.created"}}, false); !errors.Is(err, ErrPlace) {
			t.Errorf("another address there: %v", err)
		}
		_, err := d.Change(tx, h.ID, Wish{Name: "x", URL: h.URL, Events: []string{"account.created"}}, true)
		return err
	}))
}

func FuzzURL(f *testing.F) {
	for _, s := range []string{"https://example.org/x", "https://[::1]:443", "https://example.org:443/?q", "http://x", "https://a@b", "https://%31", "https://0x7f.1/", "https://127.1/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := checkURL(s)
		if err == nil {
			err = (&Hooks{o: Options{Open: true}}).mayGo(p)
		}
		if err != nil {
			return
		}
		host := p.Host
		// What is connected to is what the request names.
		r, err := http.NewRequest(http.MethodPost, s, nil)
		named := strings.TrimSuffix(r.URL.Hostname(), ".")
		if a, err := netip.ParseAddr(named); err == nil {
			named = a.Unmap().String()
		}
		if err != nil || !strings.EqualFold(named, strings.TrimSuffix(host, ".")) || r.URL.Scheme != "https" || p.Port != 443 {
			t.Errorf("%q leads to %q, %v", s, host, err)
		}
		if a := net.ParseIP(host); a != nil && (a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified()) {
			t.Errorf("%q leads to %s", s, a)
		}
	})
}

func FuzzAuthority(f *testing.F) {
	f.Add(newReceiver(f).authority())
	f.Add("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	f.Fuzz(func(t *testing.T, s string) {
		if pool, err := authorities(s); err == nil && pool == nil && s != "" {
			t.Errorf("%q is the system's", s)
		}
	})
}
