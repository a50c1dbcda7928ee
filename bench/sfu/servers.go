package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"huisclos/bench/sfu/contender"
)

// find lists the servers that there are.
func (b *bench) find() error {
	for _, name := range []string{"plane", "floor"} {
		if _, err := os.Stat(filepath.Join(b.programs, name)); err != nil {
			return fmt.Errorf("%s is not beside this program: make bench-sfu builds it", name)
		}
	}
	if b.servers != nil {
		b.names = b.servers
		return nil
	}
	b.names = []string{"plane", "floor"}
	for name, program := range peers {
		if _, err := exec.LookPath(program); err == nil {
			b.names = append(b.names, name)
		}
	}
	return nil
}

// peers are other servers by the name of their program.
var peers = map[string]string{}

func (b *bench) start(name, row string) (server, error) {
	var log io.Writer = io.Discard
	if b.verbose {
		log = os.Stderr
	}
	switch name {
	case "plane":
		arguments := []string{"-sockets", fmt.Sprint(b.sockets)}
		if b.profiles != "" {
			file := filepath.Join(b.profiles, strings.NewReplacer(" ", "-", "→", "-to-", "×", "x", ",", "").Replace(row))
			arguments = append(arguments, "-cpuprofile", file+".cpu", "-memprofile", file+".heap")
		}
		if b.verbose {
			arguments = append(arguments, "-v")
		}
		return contender.StartPlane(b.options.server, log, filepath.Join(b.programs, "plane"), arguments...)
	case "floor":
		return contender.StartFloor(b.options.server, log, filepath.Join(b.programs, "floor"))
	}
	return nil, fmt.Errorf("no such server: %s", name)
}
