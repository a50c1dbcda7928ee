package operator

import (
	"huisclos/appliance/config"
	"huisclos/appliance/control"
	"huisclos/audit"
)

// The acts on the running appliance, by their names on the socket.
const (
	actDrain = "drain"
	actLevel = "log-level"
)

func noCall() error {
	return control.Unknown("no-call", "il n'y a pas d'appel dans cette salle ; rien n'a changé.", "there is no call in this room; nothing was changed.")
}

type (
	drainAsked struct {
		On bool `json:"on"`
	}
	drainGiven struct {
		Draining bool `json:"draining"`
		Calls    int  `json:"calls"` // in progress
	}
)

// drain has the appliance begin no further call, or begin calls again.
func (o Options) drain(q drainAsked) (drainGiven, error) {
	changed, err := o.Hall.Drain(q.On, audit.Event{Time: o.Now(), Actor: audit.ActorOperator})
	if err != nil {
		return drainGiven{}, err
	}
	switch {
	case changed && q.On:
		o.loud("has no further call begin")
	case changed:
		o.loud("has calls begin again")
	}
	return drainGiven{q.On, len(o.Hall.Calls())}, nil
}

type levelAsked struct {
	Level string `json:"level,omitempty"` // "": only say it; "settings": that of the settings
}

type levelGiven struct {
	Level string `json:"level"`
}

// level sets what is written to the service's log until the next start, or the next time that the settings are read.
func (o Options) level(q levelAsked) (levelGiven, error) {
	if o.Level == nil {
		return levelGiven{}, &control.Refusal{Code: "fixed", FR: "le niveau du journal ne peut pas changer ici.", EN: "the log's level can't be changed here."}
	}
	if q.Level == "" {
		return levelGiven{config.LogLevelName(o.Level.Level())}, nil
	}
	next := o.Settled()
	if q.Level != levelOfSettings {
		known, ok := config.LogLevels[q.Level]
		if !ok {
			return levelGiven{}, &control.Refusal{Code: "level", FR: "un niveau est debug, info, warn, error ou settings.", EN: "a level is debug, info, warn, error or settings.", Exit: 2}
		}
		next = known
	}
	if before := o.Level.Level(); before != next {
		e := audit.Event{Time: o.Now(), Actor: audit.ActorOperator, Action: audit.LogLevelSet, Result: audit.OK, Detail: map[string]string{"from": config.LogLevelName(before), "to": config.LogLevelName(next)}}
		if err := o.Trail.Write(e); err != nil {
			return levelGiven{}, err
		}
		o.Level.Set(next)
		o.loud("has set what is logged", "level", config.LogLevelName(next))
	}
	return levelGiven{config.LogLevelName(next)}, nil
}

// levelOfSettings stands for the level that the settings say.
const levelOfSettings = "settings"
