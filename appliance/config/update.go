package config

// Update says where updates come from, who may sign them, and whether the console may ask for them.
type Update struct {
	Console bool   // an administrator may install one from the console
	Source  string // directory in which updates are looked for; "": none
	Keys    string // directory of the administrators' own public keys, beside those of the package
}

func defaultUpdate() Update { return Update{Console: true, Keys: "/etc/huisclos/update-keys"} }

type updateTable struct {
	Console *bool `toml:"console"`
	Source  *path `toml:"source"`
	Keys    *path `toml:"keys"`
}

type updateShape struct {
	Console *bool   `toml:"console"`
	Source  *string `toml:"source"`
	Keys    *string `toml:"keys"`
}

func (t updateTable) apply(u *Update, said func(key string, is bool) bool) {
	if said("update.console", t.Console != nil) {
		u.Console = *t.Console
	}
	if said("update.source", t.Source != nil) {
		u.Source = t.Source.text
	}
	if said("update.keys", t.Keys != nil) {
		u.Keys = t.Keys.text
	}
}

// values says the value of each, below "update".
func (u Update) values(say func(name string, value any)) {
	say("console", u.Console)
	say("source", u.Source)
	say("keys", u.Keys)
}
