//go:build js

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"syscall/js"

	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/mls"
)

// main gives the worker a function that opens sessions, and stays.
func main() {
	js.Global().Get("huisclosCore").Call("ready", js.FuncOf(func(_ js.Value, args []js.Value) any {
		return open(args[0])
	}))
	select {}
}

// queued bounds the calls that wait; the worker sends one at a time.
const queued = 256

type call struct {
	op              string
	args            js.Value
	resolve, reject js.Value
}

// open makes the session of a device {account, device, name, publicKey, sign,
// verify, log} and returns the function that calls it: (op, args, resolve, reject).
func open(device js.Value) any {
	s, err := newSession(device)
	if err != nil {
		return failure(err)
	}
	calls := make(chan call, queued)
	go func() {
		for c := range calls {
			c.run(s)
		}
	}()
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		select {
		case calls <- call{args[0].String(), args[1], args[2], args[3]}:
		default:
			args[3].Invoke(failure(errors.New("too many calls wait")))
		}
		return nil
	})
}

func newSession(device js.Value) (*session.Session, error) {
	account, err := mls.ParseAccountID(text(device, "account"))
	if err != nil {
		return nil, err
	}
	id, err := mls.ParseDeviceID(text(device, "device"))
	if err != nil {
		return nil, err
	}
	signer := webSigner{public: octets(device, "publicKey"), sign: device.Get("sign")}
	log, err := logOf(device.Get("log"), account, id, signer.public)
	if err != nil {
		return nil, err
	}
	return session.New(session.Device{
		Signer: signer, Account: account, ID: id, Name: text(device, "name"), Verify: webVerify(device.Get("verify")), Log: log,
	}, rand.Reader)
}

func (c call) run(s *session.Session) {
	defer func() {
		// A fault in one call must not take the group's keys down with it.
		if r := recover(); r != nil {
			c.reject.Invoke(failure(fmt.Errorf("fault in %s: %v", c.op, r)))
		}
	}()
	op, ok := operations[c.op]
	if !ok {
		c.reject.Invoke(failure(fmt.Errorf("no operation %q", c.op)))
		return
	}
	value, err := op(s, c.args)
	if err != nil {
		c.reject.Invoke(failure(err))
		return
	}
	c.resolve.Invoke(toJS(value))
}

// failure is what the page's MLSError is made of.
func failure(err error) js.Value {
	f := object{"message": err.Error(), "reason": mls.Reason(err)}
	var policy *mls.PolicyError
	var refusal *session.Refusal
	switch {
	case errors.As(err, &policy):
		f["rule"] = policy.Rule
	case errors.As(err, &refusal):
		f["rule"], f["reason"] = refusal.Rule, refusal.Rule
	}
	return toJS(object{"failure": f})
}

// webSigner signs with a key that WebCrypto keeps.
type webSigner struct {
	public []byte
	sign   js.Value // Uint8Array → promise of r‖s
}

func (w webSigner) PublicKey() []byte { return w.public }

func (w webSigner) Sign(message []byte) ([]byte, error) {
	raw, err := await(w.sign.Invoke(toJS(message)))
	if err != nil {
		return nil, fmt.Errorf("signing with the device's key: %w", err)
	}
	return mls.SignatureFromRaw(bytesOf(raw))
}

// webVerify has WebCrypto check many ECDSA P-256 signatures: verify takes a list
// of {publicKey, message, signature} with r‖s, and promises whether all hold.
func webVerify(verify js.Value) mls.VerifyFunc {
	return func(suite mls.CipherSuite, checks []mls.SignatureCheck) bool {
		if suite != session.Suite {
			return false
		}
		wanted := make([]any, len(checks))
		for i, c := range checks {
			raw, err := mls.SignatureToRaw(c.Signature, 32)
			if err != nil {
				return false
			}
			wanted[i] = object{"publicKey": c.PublicKey, "message": c.Message, "signature": raw}
		}
		good, err := await(verify.Invoke(toJS(wanted)))
		return err == nil && good.Type() == js.TypeBoolean && good.Bool()
	}
}

// await waits for a promise. It must run in a goroutine.
func await(promise js.Value) (js.Value, error) {
	type outcome struct {
		value js.Value
		err   error
	}
	done := make(chan outcome, 1)
	good := js.FuncOf(func(_ js.Value, args []js.Value) any {
		done <- outcome{value: args[0]}
		return nil
	})
	bad := js.FuncOf(func(_ js.Value, args []js.Value) any {
		done <- outcome{err: errors.New(js.Global().Get("String").Invoke(args[0]).String())}
		return nil
	})
	defer good.Release()
	defer bad.Release()
	promise.Call("then", good, bad)
	o := <-done
	return o.value, o.err
}
