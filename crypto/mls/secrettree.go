package mls

import (
	"errors"
	"sync"
)

// maxSkip is how many generations one message may be ahead of what was seen.
// At four messages a second, 8,192 is half an hour of loss.
const maxSkip = 8192

var (
	// ErrGeneration says that a generation was used before or is gone.
	ErrGeneration = errors.New("message generation already used")
	// ErrTooFarAhead says that a message skips more than 8,192 generations.
	ErrTooFarAhead = errors.New("message generation too far ahead")
)

type messageKey struct{ key, nonce []byte }

// ratchet is RFC 9420 §9.1: secret belongs to generation, skipped holds keys
// of earlier generations whose messages have not come.
type ratchet struct {
	secret     []byte
	generation uint32
	skipped    map[uint32]messageKey
}

// secretTree is RFC 9420 §9. Node secrets are derived on demand, and a node's
// secret is deleted as soon as its children have theirs (§9.2).
type secretTree struct {
	suite *suite
	root  nodeIndex

	mu       sync.Mutex
	nodes    map[nodeIndex][]byte
	ratchets map[ratchetID]*ratchet
}

type ratchetID struct {
	leaf      LeafIndex
	handshake bool
}

// newSecretTree takes ownership of encryption, which it wipes on first use.
func newSecretTree(s *suite, leaves int, encryption []byte) *secretTree {
	root := rootOf(leaves)
	return &secretTree{
		suite: s, root: root,
		nodes:    map[nodeIndex][]byte{root: encryption},
		ratchets: map[ratchetID]*ratchet{},
	}
}

// ratchet finds or derives a leaf's ratchet. mu is held.
func (t *secretTree) ratchet(leaf LeafIndex, kind contentType) (*ratchet, error) {
	id := ratchetID{leaf, kind != contentApplication}
	if r, ok := t.ratchets[id]; ok {
		return r, nil
	}
	if leaf >= maxLeaves || !t.root.covers(leaf.node()) {
		return nil, invalid("leaf %d is outside the tree", leaf)
	}
	x := leaf.node()
	for t.nodes[x] == nil {
		if x == t.root {
			return nil, ErrGeneration
		}
		x = x.parent()
	}
	s := t.suite
	for !x.isLeaf() {
		secret := t.nodes[x]
		t.nodes[x.left()] = s.expandWithLabel(secret, "tree", []byte("left"), s.size)
		t.nodes[x.right()] = s.expandWithLabel(secret, "tree", []byte("right"), s.size)
		delete(t.nodes, x)
		wipe(secret)
		if leaf.node() < x {
			x = x.left()
		} else {
			x = x.right()
		}
	}
	secret := t.nodes[x]
	t.ratchets[ratchetID{leaf, true}] = &ratchet{
		secret: s.expandWithLabel(secret, "handshake", nil, s.size), skipped: map[uint32]messageKey{}}
	t.ratchets[ratchetID{leaf, false}] = &ratchet{
		secret: s.expandWithLabel(secret, "application", nil, s.size), skipped: map[uint32]messageKey{}}
	delete(t.nodes, x)
	wipe(secret)
	return t.ratchets[id], nil
}

// deriveTreeSecret is RFC 9420 §9.1.
func (s *suite) deriveTreeSecret(secret []byte, label string, generation uint32, n int) []byte {
	return s.expandWithLabel(secret, label, encoded(func(e *encoder) { e.u32(generation) }), n)
}

func (s *suite) step(secret []byte, generation uint32) (messageKey, []byte) {
	return messageKey{
		s.deriveTreeSecret(secret, "key", generation, s.keySize),
		s.deriveTreeSecret(secret, "nonce", generation, nonceSize),
	}, s.deriveTreeSecret(secret, "secret", generation, s.size)
}

// next consumes the own leaf's next generation.
func (t *secretTree) next(leaf LeafIndex, kind contentType) (generation uint32, key, nonce []byte, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, err := t.ratchet(leaf, kind)
	if err != nil {
		return 0, nil, nil, err
	}
	if r.generation == 1<<32-1 {
		return 0, nil, nil, errors.New("every generation of this epoch is used")
	}
	k, after := t.suite.step(r.secret, r.generation)
	wipe(r.secret)
	generation, r.secret, r.generation = r.generation, after, r.generation+1
	return generation, k.key, k.nonce, nil
}

// at derives the key of one generation without consuming it: the ratchet
// moves when use is called, which the caller does once the message proved
// authentic. use fails if the generation was consumed in between.
func (t *secretTree) at(leaf LeafIndex, kind contentType, generation uint32) (key, nonce []byte, use func() error, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, err := t.ratchet(leaf, kind)
	if err != nil {
		return nil, nil, nil, err
	}
	if generation < r.generation {
		k, ok := r.skipped[generation]
		if !ok {
			return nil, nil, nil, ErrGeneration
		}
		return clone(k.key), clone(k.nonce), func() error { return t.useSkipped(r, generation) }, nil
	}
	if generation-r.generation > maxSkip || generation == 1<<32-1 {
		return nil, nil, nil, ErrTooFarAhead
	}
	passed := make([]messageKey, 0, generation-r.generation)
	from, secret := r.generation, clone(r.secret)
	for g := from; ; g++ {
		k, after := t.suite.step(secret, g)
		wipe(secret)
		secret = after
		if g == generation {
			return k.key, k.nonce, func() error { return t.advance(r, from, passed, secret) }, nil
		}
		passed = append(passed, k)
	}
}

func (t *secretTree) useSkipped(r *ratchet, generation uint32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := r.skipped[generation]
	if !ok {
		return ErrGeneration
	}
	delete(r.skipped, generation)
	wipe(k.key)
	wipe(k.nonce)
	return nil
}

// advance moves the ratchet past the generation after passed.
func (t *secretTree) advance(r *ratchet, from uint32, passed []messageKey, secret []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.generation != from {
		return ErrGeneration
	}
	for i, k := range passed {
		r.skipped[from+uint32(i)] = k
	}
	wipe(r.secret)
	r.secret, r.generation = secret, from+uint32(len(passed))+1
	// Keys more than maxSkip back are given up: the map stays bounded.
	if len(r.skipped) > maxSkip {
		for g, k := range r.skipped {
			if r.generation-g > maxSkip {
				wipe(k.key)
				wipe(k.nonce)
				delete(r.skipped, g)
			}
		}
	}
	return nil
}

func (t *secretTree) erase() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.nodes {
		wipe(s)
	}
	for _, r := range t.ratchets {
		wipe(r.secret)
		for _, k := range r.skipped {
			wipe(k.key)
			wipe(k.nonce)
		}
	}
	clear(t.nodes)
	clear(t.ratchets)
}
