package meetings

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/crypto/mls"
	"huisclos/store"
)

// pastDays is a diary, its clock, and rooms of one owner.
type pastDays struct {
	*Diary
	t     *testing.T
	rooms *Rooms
	owner accounts.ID
	days  int
}

func newHistory(t *testing.T) *pastDays {
	t.Helper()
	rooms, _ := newRooms(t)
	h := &pastDays{t: t, rooms: rooms, owner: accounts.ID{7, 7, 7}, days: 30}
	h.again()
	t.Cleanup(func() { h.Close(start) })
	return h
}

// again opens the diary as the next process does. The one before is not told to stop: that is Close.
func (h *pastDays) again() {
	h.t.Helper()
	d, err := OpenDiary(DiaryOptions{DB: h.rooms.db, Keep: func() time.Duration { return time.Duration(h.days) * 24 * time.Hour }})
	if err != nil {
		h.t.Fatal(err)
	}
	h.Diary = d
}

func (h *pastDays) room(name string) mls.RoomID {
	h.t.Helper()
	r, err := h.rooms.Create(accounts.Actor{Account: h.owner}, name, start)
	if err != nil {
		h.t.Fatal(err)
	}
	return r.ID
}

// written waits for what was told to be on the disk.
func (h *pastDays) written() {
	done := make(chan struct{})
	h.work <- func() { close(done) }
	<-done
}

func (h *pastDays) page(q HistoryQuery, limit int) ([]NamedCall, string) {
	h.t.Helper()
	h.written()
	list, next, err := h.Page(q, limit)
	if err != nil {
		h.t.Fatal(err)
	}
	return list, next
}

func (h *pastDays) only() NamedCall {
	h.t.Helper()
	list, _ := h.page(HistoryQuery{}, 10)
	if len(list) != 1 {
		h.t.Fatalf("%d past calls: %+v", len(list), list)
	}
	return list[0]
}

func TestHistorySaysWhenAndNotWho(t *testing.T) {
	h := newHistory(t)
	a, b := h.room("Conseil"), h.room("Bureau")
	h.Began(a, false, start)
	for _, n := range []int{1, 3, 2} {
		h.Inside(a, n)
	}
	if c := h.only(); !c.Ended.IsZero() || c.Most != 3 || c.Name != "Conseil" || c.How != "" || !c.Began.Equal(start) {
		t.Fatalf("in progress: %+v", c)
	}
	h.Over(a, EndLeft, start.Add(time.Hour))
	h.Over(a, EndEnded, start.Add(2*time.Hour)) // there is none any more
	if c := h.only(); !c.Ended.Equal(start.Add(time.Hour)) || c.About || c.Most != 3 || c.How != EndLeft {
		t.Fatalf("over: %+v", c)
	}
	for i := range 4 {
		at := start.Add(time.Duration(24*(i+1)) * time.Hour)
		h.Began(b, false, at)
		h.Over(b, EndEnded, at.Add(time.Minute))
	}
	// Nothing on the disk names anybody: the room's id and times are all there is.
	h.written()
	err := h.rooms.db.View(func(tx *store.Tx) error {
		for _, bucket := range []string{historyBucket, historyOfBucket} {
			tx.Scan(bucket, nil, nil, 0, func(k, v []byte) bool {
				if bytes.Contains(k, h.owner[:]) || bytes.Contains(v, h.owner[:]) || bytes.Contains(v, []byte(h.owner.String())) || bytes.Contains(v, []byte("Conseil")) {
					t.Errorf("%s: %x %s", bucket, k, v)
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// Pages, the latest first; of one room; of some days.
	var seen []time.Time
	q := HistoryQuery{}
	for {
		list, next := h.page(q, 2)
		for _, c := range list {
			seen = append(seen, c.Began)
		}
		if q.After = next; next == "" {
			break
		}
	}
	if len(seen) != 5 || !seen[0].Equal(start.Add(96*time.Hour)) || !seen[4].Equal(start) {
		t.Fatalf("pages: %v", seen)
	}
	if list, next := h.page(HistoryQuery{Room: b}, 3); len(list) != 3 || next == "" {
		t.Fatalf("of a room: %+v %q", list, next)
	} else if rest, last := h.page(HistoryQuery{Room: b, After: next}, 3); len(rest) != 1 || last != "" {
		t.Fatalf("the rest of a room: %+v %q", rest, last)
	}
	if list, _ := h.page(HistoryQuery{From: start.Add(time.Minute), To: start.Add(48 * time.Hour)}, 10); len(list) != 1 || list[0].Room != b {
		t.Fatalf("of some days: %+v", list)
	}
	for _, bad := range []string{"zz", "00", "0011"} {
		if _, _, err := h.Page(HistoryQuery{After: bad}, 3); !errors.Is(err, ErrCursor) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	// It is in its owner's copy of all that is kept of them.
	if err := h.rooms.db.View(func(tx *store.Tx) error {
		k, err := h.rooms.Kept(tx, h.owner)
		if err == nil && (len(k.Rooms) != 2 || len(k.Rooms[0].Calls)+len(k.Rooms[1].Calls) != 5) {
			t.Errorf("kept: %+v", k.Rooms)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Storage limitation, GDPR art. 5(1)(e): what is due goes, and with the room all of it.
func TestHistoryIsErased(t *testing.T) {
	h := newHistory(t)
	a, b := h.room("a"), h.room("b")
	day := 24 * time.Hour
	h.Began(a, false, start)
	h.Over(a, EndLeft, start.Add(2*day)) // a long one
	h.Began(b, false, start.Add(day))
	h.Over(b, EndLeft, start.Add(day+time.Hour))
	settle := func(at time.Time, want int) {
		t.Helper()
		h.written()
		if err := h.Settle(false, at); err != nil {
			t.Fatal(err)
		}
		if list, _ := h.page(HistoryQuery{}, 10); len(list) != want {
			t.Fatalf("at %v: %+v", at, list)
		}
	}
	settle(start.Add(30*day), 2)
	settle(start.Add(31*day+2*time.Hour), 1) // the one that ended first, though it began last
	settle(start.Add(32*day-time.Second), 1)
	settle(start.Add(32*day+time.Second), 0)

	h.Began(a, false, start)
	h.Over(a, EndLeft, start.Add(time.Hour))
	h.Began(a, false, start.Add(day))
	h.written()
	if err := h.rooms.Delete(accounts.Actor{Account: h.owner}, a, start.Add(day)); err != nil {
		t.Fatal(err)
	}
	h.Over(a, EndBroken, start.Add(day+time.Hour)) // comes after the room is gone, and brings nothing back
	settle(start.Add(day), 0)
	h.left(0)

	// With no days nothing is kept, not even of what is in progress.
	h.Began(b, false, start)
	h.written()
	h.days = 0
	settle(start.Add(time.Minute), 0)
	h.Note(start.Add(2 * time.Minute))
	h.Over(b, EndLeft, start.Add(time.Hour))
	settle(start.Add(time.Hour), 0)
	h.left(0)
}

// left counts what is on the disk.
func (h *pastDays) left(want int) {
	h.t.Helper()
	n := 0
	_ = h.rooms.db.View(func(tx *store.Tx) error {
		for _, bucket := range []string{historyBucket, historyOfBucket} {
			tx.Scan(bucket, nil, nil, 0, func(_, _ []byte) bool { n++; return true })
		}
		return nil
	})
	if n != want {
		h.t.Fatalf("%d records are left", n)
	}
}

// A call that the appliance's stop interrupts ends when it was last known to go on, and not when somebody looks.
func TestRestartInMidCall(t *testing.T) {
	h := newHistory(t)
	a := h.room("a")
	at := start.Add(5 * time.Minute)
	begin := func() {
		h.Began(a, false, start)
		h.Inside(a, 4)
		h.written()
		h.Note(at)
	}
	forget := func() {
		t.Helper()
		h.days = 0
		if err := h.Settle(true, at); err != nil {
			t.Fatal(err)
		}
		h.days = 30
		h.Close(at)
		h.again()
	}

	// A crash, and nobody comes back.
	begin()
	h.again()
	if err := h.Settle(false, at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if c := h.only(); !c.Ended.IsZero() {
		t.Fatalf("closed while it can still be taken up: %+v", c)
	}
	if err := h.Settle(true, at.Add(20*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if c := h.only(); !c.Ended.Equal(at) || !c.About || c.How != EndInterrupted || c.Most != 4 {
		t.Fatalf("after a crash: %+v", c)
	}
	forget()

	// An orderly stop: the end is known to the moment.
	begin()
	h.Close(at.Add(30 * time.Second))
	h.again()
	h.Over(a, EndBroken, at.Add(2*time.Minute)) // its group is not handed back
	if c := h.only(); !c.Ended.Equal(at.Add(30*time.Second)) || c.About || c.How != EndInterrupted {
		t.Fatalf("after a stop: %+v", c)
	}
	forget()

	// It is taken up: one call, from its first beginning to its last end.
	begin()
	h.again()
	h.Began(a, true, at.Add(time.Minute))
	h.Inside(a, 2)
	h.Over(a, EndLeft, at.Add(time.Hour))
	if c := h.only(); !c.Began.Equal(start) || !c.Ended.Equal(at.Add(time.Hour)) || c.About || c.How != EndLeft || c.Most != 4 {
		t.Fatalf("taken up: %+v", c)
	}
	forget()

	// Another call begins in the room instead.
	begin()
	h.again()
	h.Began(a, false, at.Add(time.Minute))
	list, _ := h.page(HistoryQuery{}, 10)
	if len(list) != 2 || list[1].How != EndInterrupted || !list[1].About || !list[1].Ended.Equal(at) || !list[0].Ended.IsZero() || list[0].Most != 0 {
		t.Fatalf("another one: %+v", list)
	}
}

// The hall tells its diary of a call's life, and its limits turn nobody out.
func TestLimitsOfTheHall(t *testing.T) {
	rooms, _ := newRooms(t)
	media := newFakeMedia()
	w := newWorld(t, Limits{})
	w.now = time.Now()
	owner := accounts.ID(account(1))
	first, err := rooms.Create(accounts.Actor{Account: owner}, "first", w.now)
	if err != nil {
		t.Fatal(err)
	}
	second, err := rooms.Create(accounts.Actor{Account: owner}, "second", w.now)
	if err != nil {
		t.Fatal(err)
	}
	d, err := OpenDiary(DiaryOptions{DB: rooms.db, Keep: func() time.Duration { return time.Hour }})
	if err != nil {
		t.Fatal(err)
	}
	h := NewHall(HallOptions{Statements: w.rules, Records: rooms, Media: media, Plane: media, Diary: d, Calls: 1, Limits: Limits{Batch: time.Millisecond}})
	defer func() {
		h.Close()
		d.Close(time.Now())
	}()
	host := w.client(1, 1)
	enter := func(c *client, room mls.RoomID) (*seat, *Line) {
		t.Helper()
		s := newSeat()
		line, err := h.Connect(room, Visitor{Account: c.account, Name: c.name, Session: "s"}, s)
		if err != nil {
			t.Fatal(err)
		}
		line.Receive(&Hello{Protocol: ProtocolVersion, Device: ID(c.device), SignatureKey: c.id.Signer.PublicKey()})
		return s, line
	}
	create := func(line *Line, room mls.RoomID) {
		rules := host.rules()
		rules.ID = room
		line.Receive(host.created(rules))
	}
	one, oneLine := enter(host, first.ID)
	create(oneLine, first.ID)
	await[*Created](t, one)
	two, twoLine := enter(host, second.ID)
	create(twoLine, second.ID)
	if f := await[*Failure](t, two); f.Request != "create" || f.Code != "calls" {
		t.Fatalf("a second call: %+v", f)
	}
	// A call may have one leaf fewer than it has: nobody goes, and nobody comes.
	h.SetLimits(2, 1)
	if n, live := h.Live(first.ID); n != 1 || !live {
		t.Fatalf("%d people after the change, %v", n, live)
	}
	knocker := w.client(2, 1)
	three, threeLine := enter(knocker, first.ID)
	threeLine.Receive(&Knock{KeyPackage: knocker.newPackage().KeyPackage.Marshal()})
	if f := await[*Failure](t, three); f.Request != "knock" || f.Code != "full" {
		t.Fatalf("one too many: %+v", f)
	}
	create(twoLine, second.ID)
	await[*Created](t, two)
	h.End(second.ID, mls.AccountID(owner))
	await[*Ended](t, two)
	oneLine.Receive(&Leave{})
	// Both ends are written from another goroutine.
	deadline := time.Now().Add(10 * time.Second)
	for {
		list, _, err := d.Page(HistoryQuery{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		how := map[string]Ending{}
		for _, c := range list {
			how[c.Name] = c.How
			if !c.Ended.IsZero() && c.Most != 1 {
				t.Errorf("%+v", c)
			}
		}
		if how["first"] == EndLeft && how["second"] == EndEnded {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("history: %+v", list)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestRoomsOfOnePersonAreCounted(t *testing.T) {
	// ASVS 2.3.2
	rooms, _ := newRooms(t)
	most := 2
	rooms.Most = func() int { return most }
	ann, bob := accounts.ID{1}, accounts.ID{2}
	for range 2 {
		if _, err := rooms.Create(accounts.Actor{Account: ann}, "x", start); err != nil {
			t.Fatal(err)
		}
	}
	var many TooMany
	if _, err := rooms.Create(accounts.Actor{Account: ann}, "x", start); !errors.Is(err, ErrTooMany) || !errors.As(err, &many) || many.Most != 2 {
		t.Fatalf("error %v", err)
	}
	if _, err := rooms.Create(accounts.Actor{Account: bob}, "x", start); err != nil {
		t.Fatal(err)
	}
	if n, all, err := rooms.InUse(); n != 2 || all != 3 || err != nil {
		t.Fatalf("%d of %d: %v", n, all, err)
	}
	// Who has more than is allowed now keeps them.
	most = 1
	if list, err := rooms.List(ann, start); err != nil || len(list) != 2 {
		t.Fatalf("%+v: %v", list, err)
	}
}
