package signalling

import (
	"context"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// Bounds of an echo: a page asks a dozen times within a few seconds.
const (
	echoFor      = 20 * time.Second
	echoMessages = 64
	echoSize     = 64 // octets of one message
)

// Echo takes a WebSocket request as Serve does, sends each short message back, and ends the connection after a while. It tells
// whoever tests a network whether WebSockets pass and how long a message takes; it has nothing to do with a room.
func Echo(w http.ResponseWriter, r *http.Request) {
	if !originAllowed(r, nil) {
		http.Error(w, "this origin may not connect", http.StatusForbidden)
		return
	}
	protocol := offered(r)
	if protocol != Subprotocol {
		refuseVersion(w, r, protocol)
		return
	}
	ws, err := websocket.Accept(w, r, accept(protocol))
	if err != nil {
		return // Accept has answered
	}
	defer ws.CloseNow()
	ws.SetReadLimit(echoSize)
	ctx, cancel := context.WithTimeout(r.Context(), echoFor)
	defer cancel()
	for range echoMessages {
		kind, data, err := ws.Read(ctx)
		if err != nil || ws.Write(ctx, kind, data) != nil {
			return
		}
	}
	ws.Close(websocket.StatusNormalClosure, "")
}
