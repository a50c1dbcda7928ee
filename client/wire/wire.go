// Package wire is a participant's end of the signalling connection: a WebSocket
// over TLS to one room of an appliance. What is said on it is read and written by
// meetings/signalling, whose server side never opens a connection; this one does
// nothing else.
package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"huisclos/meetings"
	"huisclos/meetings/signalling"
)

// maxMessage is what a client reads at most: a commit that removes many
// leaves of a call of 1,000 is 1.2 MB, a commitRequest of 50 adds less.
const maxMessage = 24 << 20

// A Client is a client's end of a connection. Read and Write may be used side
// by side, each by one caller at a time.
type Client struct{ ws *websocket.Conn }

// Dial connects to a room of the appliance at origin ("https://host[:port]").
// The client's jar holds the session's cookie.
func Dial(ctx context.Context, c *http.Client, origin string, room meetings.ID) (*Client, error) {
	at, ok := strings.CutPrefix(origin, "https://")
	if !ok {
		return nil, fmt.Errorf("wire: %q is not https", origin)
	}
	ws, response, err := websocket.Dial(ctx, "wss://"+at+"/api/rooms/"+room.String()+"/signal", &websocket.DialOptions{
		HTTPClient: c, HTTPHeader: http.Header{"Origin": {origin}}, Subprotocols: []string{signalling.Subprotocol}, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			return nil, &Refused{response.StatusCode}
		}
		return nil, fmt.Errorf("wire: %w", err)
	}
	if ws.Subprotocol() != signalling.Subprotocol {
		_ = ws.CloseNow()
		return nil, &Closed{Code: meetings.CloseReload, Reason: "subprotocol"}
	}
	ws.SetReadLimit(maxMessage)
	return &Client{ws}, nil
}

// Refused says that the appliance answered by HTTP and opened no connection.
type Refused struct{ Status int }

func (r *Refused) Error() string { return fmt.Sprintf("wire: refused with status %d", r.Status) }

// Closed says that the server closed the connection, and why.
type Closed struct {
	Code   meetings.CloseCode
	Reason string
}

func (c *Closed) Error() string {
	return fmt.Sprintf("wire: closed with %d %s", c.Code, c.Reason)
}

// Read waits for the next message. It ends with [*Closed] where the server has
// closed, and with an error of [signalling.DecodeMessage] where it said what this program
// does not read: the connection is of no more use then.
func (c *Client) Read(ctx context.Context) (meetings.Message, error) {
	kind, raw, err := c.ws.Read(ctx)
	if err != nil {
		var closed websocket.CloseError
		if errors.As(err, &closed) {
			return nil, &Closed{meetings.CloseCode(closed.Code), closed.Reason}
		}
		return nil, fmt.Errorf("wire: %w", err)
	}
	if kind != websocket.MessageText {
		return nil, fmt.Errorf("%w: not text", signalling.ErrMalformed)
	}
	return signalling.DecodeMessage(raw)
}

// Write says one thing to the server.
func (c *Client) Write(ctx context.Context, q meetings.Request) error {
	raw, err := signalling.EncodeRequest(q)
	if err != nil {
		return err
	}
	if err := c.ws.Write(ctx, websocket.MessageText, raw); err != nil {
		return fmt.Errorf("wire: %w", err)
	}
	return nil
}

// Ping asks the server for a sign of life; another caller must be in Read.
func (c *Client) Ping(ctx context.Context) error { return c.ws.Ping(ctx) }

// Close ends the connection, with a word to the server if it still listens.
func (c *Client) Close() { _ = c.ws.Close(websocket.StatusNormalClosure, "") }

// Cut ends the connection at once.
func (c *Client) Cut() { _ = c.ws.CloseNow() }
