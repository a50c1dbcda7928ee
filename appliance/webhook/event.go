package webhook

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// Kind names an event. A released name keeps its meaning; docs/api.md says what each has.
type Kind string

// The events. But for those of the last group each is an action of the audit log.
const (
	AccountCreated  Kind = "account.created"  // account, role, source
	AccountDisabled Kind = "account.disabled" // account, source
	AccountEnabled  Kind = "account.enabled"  // account, source
	AccountDeleted  Kind = "account.deleted"  // account
	AccountRole     Kind = "account.role"     // account, from, to, source
	CallStarted     Kind = "call.started"     // room, call
	CallEnded       Kind = "call.ended"       // room, call, reason, joined, most
	SettingsChanged Kind = "settings.changed" // keys: names, no values
	PolicyChanged   Kind = "policy.changed"   //
	TokenMade       Kind = "token.made"       // program: its id
	TokenRevoked    Kind = "token.revoked"    // program
	BackupMade      Kind = "backup.made"      //
	BackupFailed    Kind = "backup.failed"    // reason
	ServerStarted   Kind = "server.started"   // version

	SignInRefused       Kind = "sign-in.refused-often" // count, since
	CertificateExpiring Kind = "certificate.expiring"  // expires, days
	test                Kind = "webhook.test"
)

// Kinds are all that a webhook can be told, in the order in which they are shown.
func Kinds() []Kind {
	return []Kind{AccountCreated, AccountDisabled, AccountEnabled, AccountDeleted, AccountRole, CallStarted, CallEnded, SignInRefused, SettingsChanged, PolicyChanged, TokenMade, TokenRevoked,
		CertificateExpiring, BackupMade, BackupFailed, ServerStarted}
}

// A form says what leaves of an entry: what its object is called, and which details. All of them are ids, names of settings or words of
// ours; what is not listed stays here.
type form struct {
	kind    Kind
	object  string
	details []string
}

// forms are by action. A refused or failed try is no event but where its action says so.
var forms = map[audit.Action]form{
	audit.AccountCreated:  {AccountCreated, "account", []string{"role", "source"}},
	audit.GuestCreated:    {AccountCreated, "account", nil},
	audit.AccountDisabled: {AccountDisabled, "account", []string{"source"}},
	audit.AccountEnabled:  {AccountEnabled, "account", []string{"source"}},
	audit.AccountDeleted:  {AccountDeleted, "account", nil},
	audit.RoleChanged:     {AccountRole, "account", []string{"from", "to", "source"}},
	audit.CallStarted:     {CallStarted, "room", []string{"call"}},
	audit.CallEnded:       {CallEnded, "room", []string{"call", "reason"}},
	audit.SettingsChanged: {SettingsChanged, "", []string{"keys"}},
	audit.PolicyChanged:   {PolicyChanged, "", nil},
	audit.ProgramMade:     {TokenMade, "program", nil},
	audit.ProgramRevoked:  {TokenRevoked, "program", nil},
	audit.BackupMade:      {BackupMade, "", nil},
	"backup.failed":       {BackupFailed, "", []string{"reason"}},
	audit.ServerStarted:   {ServerStarted, "", []string{"version"}},
}

// An Event is what a request's body says.
type Event struct {
	ID   string    `json:"id"`
	Type Kind      `json:"type"`
	Time time.Time `json:"timestamp"`
	// Entry is the sequence of the entry in the audit log that it follows from; absent: none.
	Entry uint64         `json:"entry,omitempty"`
	Data  map[string]any `json:"data"`
}

// of is what an entry is an event of.
func of(e audit.Entry) (Event, bool) {
	f, ok := forms[e.Action]
	if !ok || e.Result != audit.OK && f.kind != BackupFailed {
		return Event{}, false
	}
	data := map[string]any{}
	if f.object != "" && e.Object != "" {
		data[f.object] = e.Object
	}
	for _, k := range f.details {
		if v := e.Detail[k]; v != "" {
			data[k] = v
		}
	}
	if e.Action == audit.GuestCreated {
		data["role"] = "guest"
	}
	// The same after a crash: the receiver knows it again by its id.
	return Event{ID: "evt_" + strconv.FormatUint(e.Sequence, 10), Type: f.kind, Time: e.Time.UTC(), Entry: e.Sequence, Data: data}, true
}

// A count is what is known of a call under way.
type count struct {
	Now    int `json:"now"`
	Most   int `json:"most"`
	Joined int `json:"joined"`
}

func stateOf[T any](tx *store.Tx, key string) (v T, err error) {
	if b := tx.Get(stateBucket, []byte(key)); b != nil {
		if err = json.Unmarshal(b, &v); err != nil {
			err = fmt.Errorf("webhook: %s: %w", key, err)
		}
	}
	return v, err
}

func setState(tx *store.Tx, key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("webhook: %s: %w", key, err)
	}
	return tx.Put(stateBucket, []byte(key), b)
}

// counted follows how many people are in calls, and adds it to the event of one that ended.
func counted(tx *store.Tx, e audit.Entry, event *Event) error {
	call := e.Detail["call"]
	if call == "" || !strings.HasPrefix(string(e.Action), "call.") {
		return nil
	}
	key := "call " + call
	if e.Action == audit.CallEnded {
		c, err := stateOf[count](tx, key)
		if err != nil {
			return err
		}
		event.Data["joined"], event.Data["most"] = c.Joined, c.Most
		return tx.Delete(stateBucket, []byte(key))
	}
	step := 0
	switch e.Action {
	case audit.CallMemberAdded, audit.CallStarted: // who starts a call is its first member
		step = 1
	case audit.CallMemberRemoved:
		step = -1
	default:
		return nil
	}
	c, err := stateOf[count](tx, key)
	if err != nil {
		return err
	}
	c.Now = max(0, c.Now+step)
	c.Joined += max(0, step)
	c.Most = max(c.Most, c.Now)
	return setState(tx, key, c)
}

// How many refused sign-ins are worth telling: so many within a while, and then not again for longer.
const (
	burst      = 20
	burstIn    = 5 * time.Minute
	burstQuiet = 15 * time.Minute
)

// A run is refused sign-ins one after the other.
type run struct {
	Since time.Time `json:"since"`
	Count int       `json:"count"`
	Told  time.Time `json:"told,omitzero"`
}

// refused counts refused sign-ins; tell is whether that is an event now. Between events it goes on counting, so that none is left out.
func (r run) refused(at time.Time) (next run, tell bool) {
	if r.Told.IsZero() && at.Sub(r.Since) > burstIn || at.Sub(r.Told) > burstQuiet && at.Sub(r.Since) > burstQuiet {
		r = run{Since: at, Told: r.Told}
	}
	r.Count++
	return r, r.Count >= burst && (r.Told.IsZero() || at.Sub(r.Told) >= burstQuiet)
}

// bursts is the event of many refused sign-ins.
func bursts(tx *store.Tx, e audit.Entry) (Event, bool, error) {
	if e.Action != audit.LoginRefused && e.Action != audit.LoginLimited {
		return Event{}, false, nil
	}
	r, err := stateOf[run](tx, "burst")
	if err != nil {
		return Event{}, false, err
	}
	r, tell := r.refused(e.Time)
	event := Event{ID: "evt_" + strconv.FormatUint(e.Sequence, 10), Type: SignInRefused, Time: e.Time.UTC(), Entry: e.Sequence,
		Data: map[string]any{"count": r.Count, "since": r.Since.UTC().Format(time.RFC3339)}}
	if tell {
		r = run{Since: e.Time, Told: e.Time}
	}
	return event, tell, setState(tx, "burst", r)
}

// warnings are how many days before its end a certificate is spoken of.
var warnings = []int{1, 3, 7, 14, 21, 30}

// warned is what was said of a certificate.
type warned struct {
	Expires time.Time `json:"expires"`
	Days    int       `json:"days"`
}

// warning is the event of a certificate that ends, where there is something to say that was not said.
func (w warned) warning(expires, now time.Time) (next warned, tell bool) {
	if !w.Expires.Equal(expires) {
		w = warned{Expires: expires.UTC()}
	}
	left := int(expires.Sub(now).Hours() / 24)
	for _, days := range warnings {
		if left < days {
			return warned{w.Expires, days}, w.Days == 0 || days < w.Days
		}
	}
	return w, false
}
