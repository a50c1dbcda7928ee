package mls

import "time"

// Observer follows a group from its public messages. It checks everything that
// needs no secrets: signatures, leaves, tree and parent hashes, ciphertext
// counts, the transcript and the policy. It can't see whether a membership or
// confirmation tag is right, nor whether path secrets open. Immutable.
type Observer struct{ publicState }

// NewObserver starts from a GroupInfo and, unless the GroupInfo holds it, the
// tree.
func NewObserver(info, tree []byte) (*Observer, error) {
	m, err := parseMessage(info)
	if err != nil {
		return nil, err
	}
	if m.groupInfo == nil {
		return nil, invalid("not a group info")
	}
	s, err := suiteOf(m.groupInfo.context.suite)
	if err != nil {
		return nil, err
	}
	state, err := m.groupInfo.open(s, tree, nil)
	if err != nil {
		return nil, err
	}
	o := &Observer{*state}
	if err := o.checkIfCall(); err != nil {
		return nil, err
	}
	return o, nil
}

// Check verifies a commit and returns the observer of the next epoch; o stays
// as it was.
//
// The interim transcript hash takes the confirmation tag as it stands in the
// message: a wrong one makes the members refuse the commit, not the observer.
func (o *Observer) Check(commit []byte, p PolicyFunc, now time.Time) (*Observer, *CommitSummary, error) {
	m, err := parseMessage(commit)
	if err != nil {
		return nil, nil, err
	}
	if m.public == nil {
		return nil, nil, invalid("not a public message")
	}
	a := &m.public.authenticatedContent
	if err := o.authenticate(a); err != nil {
		return nil, nil, err
	}
	s, err := o.stage(a, func([]byte) (SentProposal, bool) { return SentProposal{}, false }, p, now)
	if err != nil {
		return nil, nil, err
	}
	s.finish(&o.publicState, a)
	return &Observer{s.next}, s.summary(commitHash(commit)), nil
}

// PathCiphertexts counts the nodes that a new path of the leaf at l is encrypted
// to in this epoch (RFC 9420 §7.6): what the leaf's next commit costs, from
// log2(N) in a full tree to N in a blank one.
func (o *Observer) PathCiphertexts(l LeafIndex) (n int) {
	if uint64(l) >= uint64(o.tree.leaves()) {
		return 0
	}
	for _, s := range o.tree.filteredPath(l) {
		n += len(o.tree.resolution(s.copath))
	}
	return n
}
