package mls

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// ErrNotWelcome says that a Welcome is for somebody else's key package.
var ErrNotWelcome = errors.New("welcome is for another key package")

// JoinOptions complete a Welcome.
type JoinOptions struct {
	Tree     []byte     // unless the Welcome holds it
	PSKs     PSKStore   // nil: none
	Identity Identity   // its Signer replaces the bundle's, if set
	Rand     io.Reader  // for what the member sends later
	Policy   PolicyFunc // nil: [Policy] if the group has a room, else none
	Verify   VerifyFunc // nil: verify in Go
	Now      time.Time  // if set, the key package must not have expired
}

// JoinWelcome joins a group (RFC 9420 §12.4.3.1).
func JoinWelcome(b []byte, bundle *KeyPackageBundle, o JoinOptions) (*Group, error) {
	m, err := parseMessage(b)
	if err != nil {
		return nil, err
	}
	if m.welcome == nil {
		return nil, invalid("not a welcome")
	}
	kp := bundle.KeyPackage
	s, err := suiteOf(kp.Suite)
	if err != nil {
		return nil, err
	}
	if m.welcome.suite != kp.Suite {
		return nil, invalid("welcome for suite %v", m.welcome.suite)
	}
	if !o.Now.IsZero() && !kp.leaf.Lifetime.covers(o.Now, Leeway) {
		return nil, fmt.Errorf("%w: own key package: %w", ErrInvalid, ErrLifetime)
	}
	secrets, info, err := m.welcome.open(s, bundle, o.PSKs)
	if err != nil {
		return nil, err
	}
	defer wipe(secrets.joiner)
	state, err := info.open(s, o.Tree, o.Verify)
	if err != nil {
		return nil, err
	}
	return state.join(bundle, info, secrets, o)
}

// open decrypts the secrets for the bundle's key package and the group info.
func (w *welcome) open(s *suite, bundle *KeyPackageBundle, psks PSKStore) (*groupSecrets, *groupInfo, error) {
	ref := bundle.KeyPackage.Ref()
	i := slices.IndexFunc(w.secrets, func(e encryptedGroupSecrets) bool { return bytes.Equal(e.newMember, ref) })
	if i < 0 {
		return nil, nil, ErrNotWelcome
	}
	if bundle.init.private == nil {
		return nil, nil, invalid("key package bundle is erased")
	}
	plain, err := s.decryptWithLabel(bundle.init.private, "Welcome", w.groupInfo, w.secrets[i].secrets)
	if err != nil {
		return nil, nil, err
	}
	secrets := &groupSecrets{}
	d := decoder{b: plain}
	secrets.decode(&d)
	if err := d.done(); err != nil {
		return nil, nil, err
	}
	psk, err := s.welcomePSK(secrets.psks, psks)
	if err != nil {
		return nil, nil, err
	}
	key, nonce := s.infoKey(s.welcomeSecret(secrets.joiner, psk))
	defer wipe(key)
	aead, err := s.newAEAD(key)
	if err != nil {
		return nil, nil, err
	}
	opened, err := aead.Open(nil, nonce, w.groupInfo, nil)
	if err != nil {
		return nil, nil, invalid("group info of the welcome does not open")
	}
	info := &groupInfo{}
	if err := decodeAll(opened, info.decode); err != nil {
		return nil, nil, err
	}
	return secrets, info, nil
}

func (s *suite) welcomePSK(ids []PreSharedKeyID, store PSKStore) ([]byte, error) {
	for _, id := range ids {
		if len(id.Nonce) != s.size {
			return nil, invalid("psk nonce of %d bytes", len(id.Nonce))
		}
		// RFC 9420 §12.4.3.1: a reinit or branch PSK comes alone among such.
		if special(id) && slices.ContainsFunc(ids, func(o PreSharedKeyID) bool {
			return special(o) && !bytes.Equal(encoded(o.encode), encoded(id.encode))
		}) {
			return nil, invalid("several reinit or branch psks")
		}
	}
	secrets, err := collectPSKs(ids, func(PreSharedKeyID) ([]byte, bool) { return nil, false }, store)
	if err != nil {
		return nil, err
	}
	return s.pskSecret(ids, secrets), nil
}

func special(id PreSharedKeyID) bool {
	return id.Type == PSKResumption && id.Usage != UsageApplication
}

// join builds the member's state from an opened Welcome.
func (p *publicState) join(bundle *KeyPackageBundle, info *groupInfo, secrets *groupSecrets, o JoinOptions) (*Group, error) {
	s := p.suite
	own, found := LeafIndex(0), false
	p.tree.members(func(l LeafIndex, leaf *LeafNode) bool {
		found = bytes.Equal(leaf.raw, bundle.KeyPackage.leaf.raw)
		own = l
		return !found
	})
	if !found {
		return nil, invalid("own leaf is not in the tree")
	}
	if slices.ContainsFunc(secrets.psks, special) && p.context.epoch != 1 {
		return nil, invalid("reinit or branch psk at epoch %d", p.context.epoch)
	}
	g := &Group{
		publicState: *p, own: own, signer: bundle.signer, rand: o.Rand, policy: o.Policy, psks: o.PSKs,
		keys: map[nodeIndex]keyPair{own.node(): bundle.leaf}, past: map[uint64][]byte{},
	}
	// Nobody takes part in a call without its rule.
	if _, call := findExtension(p.context.extensions, ExtensionRoom); call && g.policy == nil {
		g.policy = Policy
	}
	if o.Identity.Signer != nil {
		g.signer = o.Identity.Signer
	}
	if !bundle.leaf.matches(bundle.KeyPackage.leaf.EncryptionKey) ||
		g.signer == nil || !bytes.Equal(g.signer.PublicKey(), bundle.KeyPackage.leaf.SignatureKey) {
		return nil, invalid("private keys are not those of the key package")
	}
	if secrets.path != nil {
		steps := p.tree.filteredPath(info.signer)
		steps = slices.DeleteFunc(steps, func(x step) bool { return !x.node.covers(own.node()) })
		if own == info.signer || len(steps) == 0 || steps[0].node != commonAncestor(own, info.signer) {
			return nil, invalid("path secret without a common ancestor")
		}
		keys, commit, err := p.tree.climb(steps, secrets.path)
		if err != nil {
			return nil, err
		}
		wipe(commit)
		maps.Copy(g.keys, keys)
	}
	psk, err := s.welcomePSK(secrets.psks, o.PSKs)
	if err != nil {
		return nil, err
	}
	epoch, welcomeSecret := s.epochFromJoiner(secrets.joiner, psk, p.context.bytes())
	wipe(welcomeSecret)
	g.enter(epoch)
	if !g.confirmed(info.confirmationTag) {
		return nil, ErrConfirmation
	}
	if err := g.checkIfCall(); err != nil {
		return nil, err
	}
	return g, nil
}
