//go:build !testhook

package appliance

import (
	"flag"

	"huisclos/crypto/passhash"
	"huisclos/media/transport"
	"huisclos/meetings"
)

const testBuild = false

// hooks are what test builds add to the settings: nothing here.
type hooks struct{}

func (*hooks) flags(*flag.FlagSet)       {}
func (*hooks) writes() []string          { return nil }
func (*hooks) hook() (h transport.Hook)  { return h }
func (*hooks) limits() meetings.Limits   { return meetings.Limits{} }
func (*hooks) cost() (p passhash.Params) { return p }
