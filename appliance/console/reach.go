package console

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// reach tests the network, step by step: of this machine, and on to a host and one of its ports where one is named.
func (c *Console) reach() error {
	said, err := c.line(reachAsk)
	if err != nil {
		return err
	}
	var lines []string
	if said != "" {
		host, port, err := target(strings.ToLower(said))
		if err != nil {
			return err
		}
		lines = append(lines, "host="+host)
		if port != "" {
			lines = append(lines, "port="+port)
		}
	}
	c.print(reachBegins)
	if err := c.act("reach", findings{c}, lines...); err != nil {
		return err
	}
	return c.pause()
}

// target takes a host and a port apart. An address of IPv6 that a port follows stands in brackets (RFC 3986 §3.2.2).
func target(said string) (host, port string, err error) {
	host = said
	if _, err := netip.ParseAddr(said); err != nil && strings.Contains(said, ":") {
		if host, port, err = net.SplitHostPort(said); err != nil {
			return "", "", refused("host")
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
			return "", "", refused("port")
		}
	}
	if host == "" || strings.ContainsAny(host, " /=") {
		return "", "", refused("host")
	}
	return host, port, nil
}

// findings makes a sentence of each line "CODE VALUE…" of the act reach. A line that it doesn't know is shown as it is.
type findings struct{ c *Console }

func (f findings) Write(line []byte) (int, error) {
	words := strings.Fields(string(bytes.TrimSuffix(line, []byte("\n"))))
	if len(words) > 0 {
		if w, ok := found[words[0]]; ok && len(words)-1 == strings.Count(w.fr, "%s") {
			values := make([]any, len(words)-1)
			for i, v := range words[1:] {
				values[i] = v
			}
			f.c.print(w, values...)
			return len(line), nil
		}
	}
	_, err := fmt.Fprint(f.c.Out, string(line))
	return len(line), err
}
