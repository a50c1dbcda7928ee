package meetings

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/mls"
)

// knock is a device that asks to be added.
type knock struct {
	id        string
	conn      *conn
	raw       []byte
	pkg       *mls.KeyPackage
	since     time.Time
	admission []byte // a host's, checked
	host      *member
	expires   time.Time
	skipped   int // accepted commits that left it out
}

// standing says whether a knock may be added now and, if not, why it waits.
func (r *Room) standing(k *knock) (bool, WaitReason) {
	c := r.call
	if c == nil {
		return false, WaitHostAbsent
	}
	m := r.memberOf(k.conn)
	switch {
	case m != nil && m.leaving != RemoveByHost && m.leaving != RemoveWedged:
		return true, "" // re-entry: also when locked
	case c.isHost(k.conn.visitor.Account):
		return true, "" // also when locked, or nobody could unlock it
	case c.rules.Locked:
		return false, WaitLocked
	case slices.Contains(c.rules.Admits, k.conn.visitor.Account):
		return true, ""
	case r.admitted(k):
		return true, ""
	case !r.hostPresent():
		return false, WaitHostAbsent
	}
	return false, WaitLobby
}

// admitted: a host signed the knock's KeyPackage, and its leaf is still there to
// check the signature with.
func (r *Room) admitted(k *knock) bool {
	return k.admission != nil && r.now.Before(k.expires) &&
		r.call.members[k.host.leaf] == k.host && r.call.isHost(k.host.account)
}

func (r *Room) hostPresent() bool {
	for _, m := range r.call.members {
		if m.conn != nil && r.call.isHost(m.account) {
			return true
		}
	}
	return false
}

// knock takes a KeyPackage. What it says must be what the session and Hello say.
func (r *Room) knock(c *conn, q *Knock, unrecorded bool) {
	pkg, code := r.checkPackage(c, q.KeyPackage)
	if code != "" {
		r.refused(c.visitor.Account, actionKnockRefused, map[string]string{"reason": code})
		r.fail(c, "knock", code)
		return
	}
	if r.call == nil && r.recovery == nil && r.restart == nil && c.visitor.Account == r.card.Owner {
		r.status(c) // a host does not wait for a host: it creates
		return
	}
	if code := r.unfit(c); code != "" {
		r.refused(c.visitor.Account, actionKnockRefused, map[string]string{"reason": code})
		r.fail(c, "knock", code)
		return
	}
	// Who is known to the call, and comes back to it, is no new entry.
	if unrecorded && r.memberOf(c) == nil && r.recovery == nil && r.restart == nil {
		r.fail(c, "knock", codeUnrecorded)
		return
	}
	if until, ok := r.denied[deniedKey(c)]; ok && r.now.Before(until) {
		r.send(c, &Denied{})
		r.close(c, CloseDenied, "denied")
		return
	}
	// Who knocks has no group keys any more: its leaf can only be replaced.
	r.dropKnock(c)
	r.detach(c)
	c.resume = nil
	if m := r.memberOf(c); m != nil {
		m.lost = true
	} else if r.full() {
		r.fail(c, "knock", "full")
		return
	}
	r.knockcount++
	k := &knock{id: "k" + strconv.FormatUint(r.knockcount, 10), conn: c, raw: q.KeyPackage, pkg: pkg, since: r.now}
	c.knock, c.told = k, ""
	r.knocks = append(r.knocks, k)
	r.lobbyDirty = true
}

// codeUnrecorded is the refusal of what the audit log must hold while it can't be written. No entry says so, for the same reason.
const codeUnrecorded = "not-recorded"

// codeClock is the refusal of a device whose clock and ours are too far apart: what it and others' devices sign with their own time does not
// count here. codeExpired is that of an admission, and mls.CheckAdmission's word too: a host's device signs five minutes of its own time.
const codeClock, codeExpired = "clock", "admission-expired"

// clockIsOff reports whether the device that knocked and this server did not have the same time then: a KeyPackage is made for its knock.
func (k *knock) clockIsOff() bool {
	apart := k.since.Unix() - int64(k.pkg.Leaf().Lifetime.NotBefore)
	return max(apart, -apart) > int64(mls.Leeway.Seconds())
}

func deniedKey(c *conn) string { return string(c.visitor.Account[:]) + string(c.device[:]) }

func (r *Room) expireDenied() {
	for k, until := range r.denied {
		if !r.now.Before(until) {
			delete(r.denied, k)
		}
	}
}

func (r *Room) full() bool {
	members := 0
	if r.call != nil {
		members = len(r.call.members)
	}
	return len(r.knocks) >= maxLobby || r.profile().Full(members) || members+len(r.knocks) >= min(r.limits.Members, maxLeaf)
}

// turnAway tells those who would be one too many for the profile that the call is full.
func (r *Room) turnAway() {
	if r.call == nil || !r.profile().Full(len(r.call.members)) {
		return
	}
	for _, c := range r.sorted() {
		if c.knock != nil && r.memberOf(c) == nil {
			r.dropKnock(c)
			r.fail(c, "knock", "full")
		}
	}
}

func (r *Room) checkPackage(c *conn, raw []byte) (*mls.KeyPackage, string) {
	pkg, err := mls.ParseKeyPackage(raw)
	if err != nil {
		return nil, mls.Reason(err)
	}
	leaf := pkg.Leaf()
	credential, err := mls.ParseDeviceCredential(leaf.Credential.Identity)
	switch {
	case err != nil || leaf.Credential.Type != mls.CredentialBasic:
		return nil, "credential"
	case credential.Account != c.visitor.Account:
		return nil, "other-account"
	case credential.Device != c.device:
		return nil, "other-device"
	case !bytes.Equal(leaf.SignatureKey, c.key):
		return nil, "signature-key"
	case leafName(leaf.Extensions) != c.visitor.Name:
		return nil, "name"
	case pkg.Suite != mls.Default:
		return nil, "suite"
	}
	switch err := pkg.Verify(r.now); {
	case errors.Is(err, mls.ErrLifetime):
		return nil, codeClock
	case err != nil:
		return nil, mls.Reason(err)
	}
	if _, err := r.log.Leaf(leaf.Credential.Identity, leaf.SignatureKey, leaf.Extensions); err != nil {
		return nil, mls.Reason(err)
	}
	if r.call != nil {
		for _, m := range []*member{r.call.keys[string(c.key)], r.call.devices[c.device]} {
			if m != nil && m.account != c.visitor.Account {
				return nil, "key-in-use"
			}
		}
	}
	return pkg, ""
}

func (r *Room) dropKnock(c *conn) {
	if c.knock == nil {
		return
	}
	r.knocks = slices.DeleteFunc(r.knocks, func(k *knock) bool { return k == c.knock })
	c.knock = nil
	r.lobbyDirty = true
}

func (r *Room) findKnock(id string) *knock {
	for _, k := range r.knocks {
		if k.id == id {
			return k
		}
	}
	return nil
}

// hostAsks returns the call if c is attached to a host's leaf.
func (r *Room) hostAsks(c *conn, request string) *call {
	if c.member == nil {
		r.fail(c, request, "not-member")
		return nil
	}
	if !r.call.isHost(c.visitor.Account) {
		r.fail(c, request, "not-host")
		return nil
	}
	return r.call
}

// admit takes a host's signature on a waiting KeyPackage.
func (r *Room) admit(c *conn, q *Admit) {
	call := r.hostAsks(c, "admit")
	if call == nil {
		return
	}
	k := r.findKnock(q.Knock)
	if k == nil {
		r.fail(c, "admit", "no-knock")
		return
	}
	if call.rules.Locked {
		r.fail(c, "admit", "locked")
		return
	}
	expires, code := r.checkAdmission(c.member, k, q.Admission)
	if code != "" {
		r.refused(c.visitor.Account, actionAdmissionRefused, map[string]string{"reason": code})
		r.fail(c, "admit", code)
		if code == codeExpired && k.clockIsOff() {
			r.refused(k.conn.visitor.Account, actionKnockRefused, map[string]string{"reason": codeClock})
			r.dropKnock(k.conn)
			r.fail(k.conn, "knock", codeClock)
		}
		return
	}
	k.admission, k.host, k.expires = q.Admission, c.member, expires
	r.lobbyDirty = true
	r.noted(c.visitor.Account, actionKnockAdmitted, map[string]string{"account": k.conn.visitor.Account.String()})
}

// checkAdmission checks a host's signature as the members will, and says until
// when it may be used. Half of the leeway stays for the members' clocks.
func (r *Room) checkAdmission(host *member, k *knock, raw []byte) (time.Time, string) {
	list, err := mls.ParseAdmissions(raw)
	if err != nil || len(list) != 1 {
		return time.Time{}, "malformed"
	}
	a := list[0]
	if a.Host != host.leaf {
		return time.Time{}, "admission-not-host"
	}
	if err := r.call.observer.CheckAdmission(a, k.pkg, r.now); err != nil {
		return time.Time{}, mls.Reason(err)
	}
	expires := time.Unix(int64(min(a.Expiry, uint64(r.now.Add(mls.MaxLifetime).Unix()))), 0).Add(mls.Leeway / 2)
	if !r.now.Before(expires) {
		return time.Time{}, codeExpired
	}
	return expires, ""
}

func (r *Room) deny(c *conn, q *Deny) {
	if r.hostAsks(c, "deny") == nil {
		return
	}
	k := r.findKnock(q.Knock)
	if k == nil {
		r.fail(c, "deny", "no-knock")
		return
	}
	if queued, _ := r.standing(k); queued {
		r.fail(c, "deny", "admitted")
		return
	}
	r.noted(c.visitor.Account, audit.KnockDenied, map[string]string{"account": k.conn.visitor.Account.String()})
	r.denied[deniedKey(k.conn)] = r.now.Add(r.limits.DeniedTime)
	r.send(k.conn, &Denied{})
	r.close(k.conn, CloseDenied, "denied")
}

// early reports whether at, which was set as pace after what was told last, is still to come. One that is further away was set before the
// clock was set back.
func (r *Room) early(at time.Time, pace time.Duration) bool {
	return r.now.Before(at) && at.Sub(r.now) <= pace
}

// tellLobby tells hosts who waits, and those who wait why.
func (r *Room) tellLobby() {
	list := []LobbyEntry{}
	for _, k := range r.knocks {
		queued, reason := r.standing(k)
		if queued {
			continue
		}
		if k.conn.told != reason {
			k.conn.told = reason
			r.send(k.conn, &Waiting{Reason: reason})
		}
		v := k.conn.visitor
		list = append(list, LobbyEntry{
			ID: k.id, Account: ID(v.Account), Name: v.Name, Email: v.Email,
			KeyPackage: k.raw, Since: k.since.UnixMilli(), Rejoin: k.conn.rejoins, Guest: v.Role == accounts.Guest,
		})
	}
	if r.call == nil {
		r.lobbyDirty = false // hosts of the next call get the list when they attach
	}
	if !r.lobbyDirty || r.early(r.lobbyAt, r.limits.LobbyPace) {
		return
	}
	r.lobbyDirty = false
	var hosts []ConnID
	for _, m := range r.call.inOrder() {
		if m.conn != nil && r.call.isHost(m.account) {
			hosts = append(hosts, m.conn.id)
		}
	}
	if len(hosts) == 0 {
		return
	}
	r.lobbyAt = r.now.Add(r.limits.LobbyPace)
	r.tell(hosts, &Lobby{Knocks: list})
}

// tellRoster tells members who is connected.
func (r *Room) tellRoster() {
	if !r.rosterDirty || r.call == nil || r.early(r.rosterAt, r.limits.RosterPace) {
		return
	}
	r.rosterDirty = false
	r.rosterAt = r.now.Add(r.limits.RosterPace)
	list := []RosterEntry{}
	for _, m := range r.call.inOrder() {
		list = append(list, RosterEntry{m.leaf, ID(m.account), m.conn != nil, m.guest})
	}
	r.tell(r.attached(nil), &Roster{Members: list})
}

// tellStatus tells those outside the call that the room has changed.
func (r *Room) tellStatus() {
	if !r.statusDirty {
		return
	}
	r.statusDirty = false
	for _, c := range r.sorted() {
		if c.greeted && c.member == nil {
			r.status(c)
		}
	}
}
