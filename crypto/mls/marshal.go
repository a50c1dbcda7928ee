package mls

import (
	"fmt"
	"slices"
)

// stateVersion is the first byte of a serialised group.
const stateVersion = 1

// Marshal serialises the group with all its secrets, for tests and interop. A
// restored group receives, and never sends: see [ErrRestored].
func (g *Group) Marshal() ([]byte, error) {
	t := g.messages
	t.mu.Lock()
	defer t.mu.Unlock()
	e := &encoder{}
	e.u8(stateVersion)
	g.context.encode(e)
	g.tree.encode(e)
	e.vec(g.interim)
	e.vec(g.confirmationTag)
	e.u32(uint32(g.own))
	e.optional(g.closed)
	for _, secret := range g.secrets.all() {
		e.vec(secret)
	}
	e.u16(uint16(len(g.keys)))
	for _, x := range sortedKeys(g.keys) {
		private, err := g.keys[x].private.Bytes()
		if err != nil {
			return nil, fmt.Errorf("serialise key of node %d: %w", x, err)
		}
		e.u32(uint32(x))
		e.vec(private)
		wipe(private)
	}
	e.u16(uint16(len(g.past)))
	for _, epoch := range sortedKeys(g.past) {
		e.u64(epoch)
		e.vec(g.past[epoch])
	}
	t.encode(e)
	return e.b, nil
}

func sortedKeys[K interface{ ~uint32 | ~uint64 }, V any](m map[K]V) []K {
	var out []K
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// encode writes what is left of the secret tree. mu is held.
func (t *secretTree) encode(e *encoder) {
	e.u32(uint32(len(t.nodes)))
	for _, x := range sortedKeys(t.nodes) {
		e.u32(uint32(x))
		e.vec(t.nodes[x])
	}
	ids := make([]ratchetID, 0, len(t.ratchets))
	for id := range t.ratchets {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b ratchetID) int { return int(a.code()) - int(b.code()) })
	e.u32(uint32(len(ids)))
	for _, id := range ids {
		r := t.ratchets[id]
		e.u32(id.code())
		e.u32(r.generation)
		e.vec(r.secret)
		e.u32(uint32(len(r.skipped)))
		for _, g := range sortedKeys(r.skipped) {
			e.u32(g)
			e.vec(r.skipped[g].key)
			e.vec(r.skipped[g].nonce)
		}
	}
}

func (r ratchetID) code() uint32 {
	code := uint32(r.leaf) << 1
	if r.handshake {
		code |= 1
	}
	return code
}

func (t *secretTree) decode(d *decoder) {
	for n := d.u32(); n > 0 && d.err == nil; n-- {
		x := nodeIndex(d.u32())
		t.nodes[x] = d.vec()
	}
	for n := d.u32(); n > 0 && d.err == nil; n-- {
		code := d.u32()
		r := &ratchet{generation: d.u32(), secret: d.vec(), skipped: map[uint32]messageKey{}}
		for k := d.u32(); k > 0 && d.err == nil; k-- {
			g := d.u32()
			r.skipped[g] = messageKey{d.vec(), d.vec()}
		}
		t.ratchets[ratchetID{LeafIndex(code >> 1), code&1 == 1}] = r
	}
}

// UnmarshalGroup restores a group that receives and never sends.
func UnmarshalGroup(b []byte, psks PSKStore, policy PolicyFunc) (*Group, error) {
	g := &Group{restored: true, psks: psks, policy: policy, keys: map[nodeIndex]keyPair{}, past: map[uint64][]byte{}}
	var err error
	decoded := decodeAll(b, func(d *decoder) {
		if v := d.u8(); v != stateVersion && d.err == nil {
			d.fail("group state version %d", v)
		}
		g.context.decode(d)
		if d.err == nil {
			g.suite, err = suiteOf(g.context.suite)
		}
		if d.err != nil || err != nil {
			d.fail("group context")
			return
		}
		g.tree = &tree{suite: g.suite}
		g.tree.decode(d)
		g.interim, g.confirmationTag = d.vec(), d.vec()
		g.own, g.closed = LeafIndex(d.u32()), d.optional()
		s := &epochSecrets{}
		for _, secret := range []*[]byte{&s.senderData, &s.encryption, &s.exporter, &s.authenticator, &s.external,
			&s.confirmation, &s.membership, &s.resumption, &s.init} {
			if *secret = d.vec(); d.err == nil && len(*secret) != g.suite.size {
				d.fail("secret of %d bytes", len(*secret))
			}
		}
		if d.err != nil {
			return
		}
		g.enter(s)
		clear(g.messages.nodes)
		err = g.decodeKeys(d)
		for n := d.u16(); n > 0 && d.err == nil; n-- {
			epoch := d.u64()
			g.past[epoch] = d.vec()
		}
		g.messages.decode(d)
	})
	if err != nil {
		return nil, err
	}
	if decoded != nil {
		return nil, fmt.Errorf("group state: %w", decoded)
	}
	if g.tree.leaf(g.own) == nil || string(g.tree.rootHash()) != string(g.context.treeHash) {
		return nil, invalid("group state does not fit its tree")
	}
	return g, nil
}

func (g *Group) decodeKeys(d *decoder) error {
	for n := d.u16(); n > 0 && d.err == nil; n-- {
		x, private := nodeIndex(d.u32()), d.vec()
		if d.err != nil {
			break
		}
		key, err := g.suite.parseKeyPair(private)
		if err != nil {
			return err
		}
		g.keys[x] = key
	}
	return nil
}
