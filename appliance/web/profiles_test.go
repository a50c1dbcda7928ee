package web

import (
	"net/http"
	"slices"
	"testing"
)

func TestProfileOfARoom(t *testing.T) {
	s, owner := newScene(t)
	list := owner.do("GET", "/api/profiles", nil)
	expect(t, "profiles", list, http.StatusOK, "")
	profiles := list.json(t)["profiles"].([]any)
	var names []string
	for _, p := range profiles {
		names = append(names, p.(map[string]any)["id"].(string))
	}
	if !slices.Equal(names, []string{"standard", "sensible", "restreint"}) {
		t.Fatal(names)
	}
	path := "/api/rooms/" + s.room
	of := func(a answer) map[string]any { return a.json(t)["profile"].(map[string]any) }
	if p := of(owner.do("GET", path, nil)); p["id"] != "standard" || p["name"] != "Standard" || len(p["conditions"].([]any)) != 0 || p["members"] != 0.0 {
		t.Errorf("%v", p)
	}
	changed := owner.do("PATCH", path, map[string]string{"profile": "restreint"})
	expect(t, "change", changed, http.StatusOK, "")
	if p := of(changed); p["id"] != "restreint" || p["members"] != 25.0 || !slices.Contains(p["conditions"].([]any), any("compared")) {
		t.Errorf("%v", p)
	}
	expect(t, "unknown", owner.do("PATCH", path, map[string]string{"profile": "secret"}), http.StatusUnprocessableEntity, "no-profile")
	expect(t, "nothing", owner.do("PATCH", path, map[string]string{}), http.StatusBadRequest, "bad-request")
	expect(t, "two things", owner.do("PATCH", path, map[string]string{"profile": "standard", "name": "x"}), http.StatusBadRequest, "bad-request")
	expect(t, "of somebody else", s.asAdministrator().do("PATCH", path, map[string]string{"profile": "standard"}), http.StatusForbidden, "forbidden")
	if p := of(owner.do("GET", path, nil)); p["id"] != "restreint" {
		t.Errorf("%v", p)
	}
}
