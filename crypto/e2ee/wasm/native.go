//go:build !js

package main

import "os"

// The core runs in browsers only; this lets every package of the module build
// on every system.
func main() {
	os.Stderr.WriteString("build this program with GOOS=js GOARCH=wasm\n")
	os.Exit(2)
}
