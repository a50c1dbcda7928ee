// Package operator is what somebody with a shell on the appliance may do to accounts, groups, rooms, sessions and calls, over the
// control socket: both ends of it, the acts that the appliance carries out and the commands that ask for them.
//
// It decides which acts there are, what they are told and what is shown of an account or a room. It gives no passphrase and reads none:
// who is to sign in gets a link. Of a session it shows neither where from nor with what; names of rooms only where they are asked for.
// The operator's acts take neither a proof nor a second pair of eyes, because whoever opens the socket owns the machine and its data: they are recorded as
// the operator's in the transaction of the act (accounts, meetings), and each stands in the service's log at the level warn.
package operator

import (
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/control"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/meetings"
)

// Hall is what the calls in progress are asked; *meetings.Hall is one.
type Hall interface {
	Calls() []meetings.CallInfo
	Live(room mls.RoomID) (people int, live bool)
	EndAsOperator(room mls.RoomID) bool
	Deleted(room mls.RoomID)
	Drain(on bool, by audit.Event) (changed bool, err error)
}

// Options put the acts together. All are needed but Level.
type Options struct {
	Accounts *accounts.Accounts
	Rooms    *meetings.Rooms
	Hall     Hall
	Trail    *audit.Log
	Level    *slog.LevelVar // of the service's log; nil: it can't be changed
	Settled  func() slog.Level
	Now      func() time.Time
	Log      *slog.Logger
}

// pageLimit is how many lines one answer has at most: with names and addresses of the greatest length they fit into what one may be.
const pageLimit = 200

// Acts are those of this package, by the names under which its commands ask for them.
func Acts(o Options) map[string]control.Act {
	return map[string]control.Act{
		actUserList: act(o.listUsers), actUserShow: act(o.showUser), actUserAdd: act(o.addUser), actUserDisable: act(o.disableUser),
		actUserEnable: act(o.enableUser), actUserDelete: act(o.deleteUser), actUserReset: act(o.resetUser),
		actGroupList: act(o.listGroups), actGroupAdd: act(o.addGroup), actGroupDelete: act(o.deleteGroup), actGroupMembers: act(o.listMembers), actGroupChange: act(o.changeMembers),
		actRoomList: act(o.listRooms), actRoomShow: act(o.showRoom), actRoomDelete: act(o.deleteRoom),
		actCallList: act(o.listCalls), actCallEnd: act(o.endCall),
		actSessionList: act(o.listSessions), actSessionEnd: act(o.endSessions),
		actDrain: act(o.drain), actLevel: act(o.level),
	}
}

// act reads what an act is told, and turns what accounts and meetings refuse into sentences.
func act[Q, A any](do func(Q) (A, error)) control.Act {
	return func(body json.RawMessage) (any, error) {
		var q Q
		if err := json.Unmarshal(body, &q); err != nil {
			return nil, &control.Refusal{Code: "bad-request", FR: "la question n'est pas comprise ; la commande et l'appliance en marche sont de versions différentes.",
				EN: "the question is not understood; the command and the running appliance are of different versions."}
		}
		a, err := do(q)
		if err != nil {
			return nil, refused(err)
		}
		return a, nil
	}
}

// loud writes an act to the service's log, where nobody can miss it.
func (o Options) loud(did string, what ...any) {
	o.Log.Warn("an operator "+did, what...)
}

// sentences are those of the refusals of accounts and meetings that these acts can meet.
var sentences = []struct {
	err    error
	fr, en string
	exit   int
}{
	{accounts.ErrNotFound, "aucun compte n'a cette adresse ni cet identifiant ; rien n'a changé.", "no account has this address or id; nothing was changed.", control.ExitUnknown},
	{accounts.ErrNoGroup, "aucun groupe, ou plusieurs, ont ce nom ; donnez l'identifiant que montre « huisclos group list ».", "no group, or several, have this name; give the id that “huisclos group list” shows.", control.ExitUnknown},
	{accounts.ErrNoSession, "ce compte n'a pas cette session ; rien n'a changé.", "this account has no such session; nothing was changed.", control.ExitUnknown},
	{meetings.ErrNoRoom, "aucune salle n'a cet identifiant ; rien n'a changé.", "no room has this id; nothing was changed.", control.ExitUnknown},
	{accounts.ErrEmail, "ce n'est pas une adresse e-mail.", "this is no e-mail address.", 0},
	{accounts.ErrName, "un nom a de 1 à 128 octets de caractères visibles.", "a name has 1 to 128 bytes of visible characters.", 0},
	{accounts.ErrRole, "ce rôle n'existe pas, ou ne se donne pas à la main.", "there is no such role, or it is not given by hand.", 0},
	{accounts.ErrEmailTaken, "un autre compte a déjà cette adresse.", "another account has this address already.", 0},
	{accounts.ErrEmailLeaving, "un compte qui va être supprimé a cette adresse.", "an account that is about to be deleted has this address.", 0},
	{accounts.ErrEmailKept, "cette adresse était celle d'un autre compte il y a quelques jours, et lui est gardée.", "this address was another account's a few days ago, and is kept for it.", 0},
	{accounts.ErrLastAdministrator, "c'est le dernier administrateur : faites-en d'abord un autre.", "this is the last administrator: make another one first.", 0},
	{accounts.ErrLastOfficer, "c'est le dernier officier de sécurité : faites-en d'abord un autre.", "this is the last security officer: make another one first.", 0},
	{accounts.ErrFromSource, "ce compte vient de l'annuaire ou du fournisseur d'identité de l'organisation : c'est là que cela se décide.", "this account comes from the organisation's directory or identity provider: it is decided there.", 0},
	{accounts.ErrDisabled, "ce compte est désactivé ; « huisclos user enable » le rouvre.", "this account is disabled; “huisclos user enable” opens it again.", 0},
	{accounts.ErrGroupTaken, "un autre groupe a déjà ce nom.", "another group has this name already.", 0},
	{accounts.ErrGroupSource, "ce groupe vient d'ailleurs et se change là-bas.", "this group comes from elsewhere and is changed there.", 0},
	{accounts.ErrTooManyGroups, "il y a autant de groupes qu'il peut y en avoir.", "there are as many groups as can be kept.", 0},
	{accounts.ErrGroupFull, "trop de membres, ou trop en une fois (500).", "too many members, or too many at once (500).", 0},
}

func refused(err error) error {
	var r *control.Refusal
	if errors.As(err, &r) {
		return err
	}
	for _, s := range sentences {
		if !errors.Is(err, s.err) {
			continue
		}
		code := accounts.Code(err)
		if errors.Is(err, meetings.ErrNoRoom) {
			code = "not-found"
		}
		return &control.Refusal{Code: code, FR: s.fr, EN: s.en, Exit: s.exit}
	}
	return err
}
