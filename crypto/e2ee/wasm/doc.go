// Command wasm is the core of the browser's MLS worker: one session of
// huisclos/crypto/e2ee/session behind a few JavaScript functions.
//
// It decides nothing. It turns JavaScript values into Go's and back, lets the
// device's key in WebCrypto sign, and tells the time. Calls run one after the
// other in a goroutine, because Go may wait for a promise there and never
// inside a callback from JavaScript.
//
// It is built with GOOS=js GOARCH=wasm by crypto/e2ee/build.mjs.
package main
