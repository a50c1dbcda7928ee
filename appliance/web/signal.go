package web

import (
	"errors"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/meetings"
	"huisclos/meetings/signalling"
)

// recheck is how long after the upgrade the session is looked at again: it may have ended between the first look and the
// moment at which the room knew of the connection.
const recheck = 2 * time.Second

// liveEvery is how often an open call is noted in the session that it came by: whoever is in one is not gone, and comes back after a break
// of their line.
const liveEvery = time.Minute

// keepLive notes it until the call is over, or the session: that keeps no session longer than sessions last.
func (s *Server) keepLive(token string, over <-chan struct{}) {
	every := time.NewTicker(liveEvery)
	defer every.Stop()
	for {
		select {
		case <-over:
			return
		case <-every.C:
			if _, _, err := s.Accounts.SessionFor(token, accounts.ByCall, s.Now()); err != nil {
				return
			}
		}
	}
}

// signal upgrades to the WebSocket of a room and returns when that is over.
func (s *Server) signal(v *visit) error {
	id, err := v.room()
	if err != nil {
		return err
	}
	if err := v.mayEnter(id); err != nil {
		return err
	}
	if !strings.EqualFold(v.r.Header.Get("Upgrade"), "websocket") {
		return refusal{codeUpgrade}
	}
	s.lines.Add(1)
	defer s.lines.Done()
	s.lively.Add(1)
	defer s.lively.Add(-1)
	if v.canary != nil { // its room is deleted when it ends
		visitor := *v.canary
		visitor.Via = arrival(v.r)
		again := time.AfterFunc(recheck, func() {
			if _, ok := s.Canary(v.token, id, s.Now()); !ok {
				s.Hall.Deleted(id)
			}
		})
		defer again.Stop()
		signalling.Serve(v.w, v.r, s.Hall, id, visitor, signalling.Options{Log: s.Log.With("part", "signalling")})
		return nil
	}
	// The rules act on who comes. Who is in the call comes back after a break whatever became of them: a host removes.
	if err := s.Rooms.Enter(v.account.ID, id, v.now); err != nil && !(errors.Is(err, meetings.ErrBarred) || errors.Is(err, meetings.ErrNeedPIN)) {
		return roomError(err)
	} else if err != nil && !s.Hall.Inside(id, [16]byte(v.account.ID)) {
		return roomError(err)
	}
	// Seen once, a room stands in the person's list.
	if err := s.Rooms.Visit(v.account.ID, id, v.now); err != nil {
		return roomError(err)
	}
	account, session := [16]byte(v.account.ID), v.session.ID.String()
	again := time.AfterFunc(recheck, func() {
		// At the time of the first look: a clock that jumps in between ends nothing.
		if _, _, err := s.Accounts.SessionFor(v.token, accounts.Quietly, v.now); errors.Is(err, accounts.ErrNoSession) {
			s.Hall.EndSessions(account, session)
		}
	})
	defer again.Stop()
	over := make(chan struct{})
	defer close(over)
	go s.keepLive(v.token, over)
	visitor := meetings.Visitor{Account: account, Name: v.account.Name, Email: v.account.Email, Session: session, Via: arrival(v.r),
		Role: v.account.Role, TwoFactors: v.account.SecondFactor}
	signalling.Serve(v.w, v.r, s.Hall, id, visitor, signalling.Options{Log: s.Log.With("part", "signalling")})
	return nil
}
