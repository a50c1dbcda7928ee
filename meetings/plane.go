package meetings

import (
	"strconv"
	"time"

	"huisclos/audit"
)

// negotiate passes a media request on, if its sender is in the tree. Before that
// there is no media, in either direction.
func (r *Room) negotiate(c *conn, q Request) {
	if c.member == nil {
		r.fail(c, requestName(q), "not-member")
		return
	}
	if p, ok := q.(*Publish); ok {
		if code := checkStreams(p.Streams); code != "" {
			r.fail(c, "publish", code)
			return
		}
	}
	r.emit(Negotiate{r.call.id, c.peer, q})
}

func requestName(q Request) string {
	switch q.(type) {
	case *Publish:
		return "publish"
	case *Subscribe:
		return "subscribe"
	case *Answer:
		return "answer"
	case *Wants:
		return "wants"
	case *RestartICE:
		return "restartIce"
	case *WantRelay:
		return "relay"
	}
	return ""
}

// checkStreams: each mid and each context once, and of the kind that the
// context means.
func checkStreams(streams []Stream) string {
	mids, contexts := map[string]bool{}, map[uint8]bool{}
	for _, s := range streams {
		if s.MID == "" || mids[s.MID] || contexts[s.Context] {
			return "streams"
		}
		mids[s.MID], contexts[s.Context] = true, true
		if s.Kind != kindOf(s.Context) {
			return "kind"
		}
	}
	return ""
}

// kindOf: 0 microphone, 1 camera, 2+2k screen k, 3+2k its sound.
func kindOf(context uint8) string {
	if context == 1 || (context >= 2 && context%2 == 0) {
		return "video"
	}
	return "audio"
}

// Bounds of auditing what the gate refused: one entry a minute for a peer, and
// only if it is more than what a change of epoch may cost.
const (
	auditRefusedOver  = 100
	auditRefusedEvery = time.Minute
)

// planeReplied hands a message of the media plane to the peer's client, if that
// admission still stands.
func (r *Room) planeReplied(e PlaneReplied) {
	if r.call == nil {
		return
	}
	for _, m := range r.call.members {
		if m.conn == nil || m.conn.peer != e.Peer {
			continue
		}
		r.send(m.conn, e.Message)
		if refused, ok := e.Message.(*MediaRefused); ok {
			r.auditRefused(m, refused)
		}
		return
	}
}

func (r *Room) auditRefused(m *member, refused *MediaRefused) {
	c, total := m.conn, uint64(0)
	detail := map[string]string{"call": string(r.call.id), "account": m.account.String()}
	for reason, n := range refused.Counts {
		total += n
		detail[reason] = strconv.FormatUint(n, 10)
	}
	if total < c.refusedSeen { // counted anew since the last admission
		c.refusedSeen = 0
	}
	if total-c.refusedSeen <= auditRefusedOver || r.now.Before(c.refusedAudit.Add(auditRefusedEvery)) {
		return
	}
	c.refusedSeen, c.refusedAudit = total, r.now
	r.refused(m.account, audit.GateRefused, detail)
}
