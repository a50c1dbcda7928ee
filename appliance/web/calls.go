package web

import (
	"net/http"
	"strconv"
	"time"

	"huisclos/accounts"
)

// sessionsEnded cuts the calls of sessions that no longer count. It runs beside the act that ended them, which waits for
// no room.
func (s *Server) sessionsEnded(e accounts.Ended) {
	names := make([]string, 0, len(e.Sessions))
	for _, id := range e.Sessions {
		names = append(names, id.String())
	}
	// A session that merely grew old keeps the meeting that it is in (security reference, section 9): what it may no
	// longer do is act on the account.
	if e.Reason == accounts.Expired {
		return
	}
	s.presence.forget(e.Account)
	go s.Hall.EndSessions([16]byte(e.Account), names...)
}

// tree answers with the public ratchet tree of an epoch, to those who are in it or were welcomed into it.
func (s *Server) tree(v *visit) error {
	id, err := v.room()
	if err != nil {
		return err
	}
	if err := v.mayEnter(id); err != nil {
		return err
	}
	text := v.c.Param("epoch")
	epoch, err := strconv.ParseUint(text, 10, 64)
	if err != nil || strconv.FormatUint(epoch, 10) != text {
		return refusal{codeNotFound}
	}
	octets, ok := s.Hall.Tree(id, epoch, [16]byte(v.account.ID))
	if !ok {
		return refusal{codeNotFound}
	}
	v.w.Header().Set("Content-Type", "application/octet-stream")
	v.w.Header().Set("Content-Length", strconv.Itoa(len(octets)))
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(octets)
	return nil
}

type memberJSON struct {
	Account   string    `json:"account"`
	Name      string    `json:"name"`
	Leaf      uint32    `json:"leaf"`
	Since     time.Time `json:"since"`
	Connected bool      `json:"connected"`
	Transport string    `json:"transport"`
	Forwarded uint64    `json:"forwarded"`
	Received  uint64    `json:"received"`
	Sending   int       `json:"sending"` // bits a second that the network carries to them
}

type callRoomJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type callJSON struct {
	Call      string            `json:"call"`
	Room      callRoomJSON      `json:"room"`
	Since     time.Time         `json:"since"`
	Epoch     uint64            `json:"epoch"`
	Locked    bool              `json:"locked"`
	Members   []memberJSON      `json:"members"`
	Forwarded uint64            `json:"forwarded"`
	Refused   map[string]uint64 `json:"refused"`
}

// listCalls shows what the server itself knows of the calls in progress: who, since when, how many packets. There is
// nothing of their content to show.
func (s *Server) listCalls(v *visit) error {
	calls := s.Hall.Calls()
	out := make([]callJSON, 0, len(calls))
	for _, c := range calls {
		j := callJSON{Call: string(c.Call), Room: callRoomJSON{c.Room.String(), c.Name}, Since: c.Since, Epoch: c.Epoch, Locked: c.Locked,
			Members: make([]memberJSON, 0, len(c.Members)), Forwarded: c.Forwarded, Refused: c.Refused}
		if j.Refused == nil {
			j.Refused = map[string]uint64{}
		}
		for _, m := range c.Members {
			j.Members = append(j.Members, memberJSON{m.Account.String(), m.Name, uint32(m.Leaf), m.Since, m.Connected, m.Transport,
				m.Forwarded, m.Received, m.Sending})
		}
		out = append(out, j)
	}
	return v.json(http.StatusOK, map[string]any{"calls": out})
}

// endCall ends a call for everybody in it. The room stays.
func (s *Server) endCall(v *visit) error {
	id, err := v.room()
	if err != nil {
		return err
	}
	if _, err := s.Rooms.Get(id); err != nil {
		return roomError(err)
	}
	if _, live := s.Hall.Live(id); !live {
		return refusal{codeNoCall}
	}
	s.Hall.End(id, [16]byte(v.account.ID))
	return v.done()
}

// getStatus is the state of the appliance in one answer.
func (s *Server) getStatus(v *visit) error {
	people, err := s.Accounts.Count()
	if err != nil {
		return err
	}
	rooms, err := s.Rooms.Count()
	if err != nil {
		return err
	}
	var forwarded, refused uint64
	calls := s.Hall.Calls()
	for _, c := range calls {
		forwarded += c.Forwarded
		for _, n := range c.Refused {
			refused += n
		}
	}
	post, err := s.postJSON()
	if err != nil {
		return err
	}
	st := s.Status()
	if st.Address == "" {
		st.Address = s.base(v.r) + "/"
	}
	var backup *time.Time
	if !st.Backup.IsZero() {
		backup = &st.Backup
	}
	return v.json(http.StatusOK, map[string]any{
		"backup":  backup,
		"version": st.Version, "started": st.Started, "accounts": people, "rooms": rooms, "calls": len(calls), "people": connected(calls), "draining": s.Hall.Draining(),
		"forwarded": forwarded, "refused": refused, "fingerprint": st.Fingerprint, "address": st.Address,
		"mail":      post,
		"attention": s.attention(v.now),
	})
}

// probeHeader carries the name of a probe here, and the proof that it is known back (appliance/reach has the other end).
const probeHeader = "Huisclos-Probe"

// health says that the process answers and its database reads, and to a probe which appliance it is.
func (s *Server) health(v *visit) error {
	if named := v.r.Header.Get(probeHeader); named != "" && s.Proof != nil {
		if proof := s.Proof(named); proof != "" {
			v.w.Header().Set(probeHeader, proof)
			v.w.Header().Set(seenHeader, s.seen(v.r))
		}
	}
	if _, err := s.Accounts.SetupNeeded(); err != nil {
		s.Log.Error("health check failed", "error", err)
		return v.refuse(codeInternal)
	}
	v.w.Header().Set("Content-Type", mediaTypes[".txt"])
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write([]byte("ok\n"))
	return nil
}
