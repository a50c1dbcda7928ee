package accounts

import "testing"

func TestLanguageIsItsOwnersChoice(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	if a, err := w.Get(member.ID); err != nil || a.Language != "" {
		t.Errorf("before a choice: %q, %v", a.Language, err)
	}
	for _, bad := range []Language{"", "de", "FR", "fr-FR", "en\r\n"} {
		_, err := w.SetLanguage(actor(member), bad, noon)
		wantErr(t, string(bad), err, ErrLanguage)
	}
	if a, err := w.SetLanguage(actor(member), English, noon); err != nil || a.Language != English {
		t.Errorf("%q, %v", a.Language, err)
	}
	before := w.db.Revision()
	if a, err := w.SetLanguage(actor(member), English, noon); err != nil || a.Language != English {
		t.Errorf("again: %q, %v", a.Language, err)
	}
	if a, err := w.Get(member.ID); err != nil || a.Language != English || w.db.Revision() > before+1 {
		t.Errorf("kept: %q, %v", a.Language, err)
	}
	_, err := w.Disable(Operator(), member.ID, noon)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.SetLanguage(actor(member), French, noon)
	wantErr(t, "who is disabled", err, ErrForbidden)
}
