package mls

import "testing"

// TestPolicyShape drives Policy with inputs that the core would refuse before
// anybody could commit them.
func TestPolicyShape(t *testing.T) {
	s := newStage(t, nil)
	path := s.observer.tree.leaf(leafB)
	base := PolicyInput{GroupID: s.observer.context.groupID, Suite: Default, Epoch: s.observer.Epoch(), Extensions: s.observer.context.extensions,
		SenderType: SenderMember, Sender: leafB, Path: path, Now: now, before: &s.observer.publicState}
	one := func(p SentProposal) func(*PolicyInput) {
		return func(in *PolicyInput) { in.Proposals = []SentProposal{p} }
	}
	for rule, change := range map[string]func(*PolicyInput){
		"":                func(*PolicyInput) {},
		"not-member":      func(in *PolicyInput) { in.Sender = 200 },
		"external-commit": func(in *PolicyInput) { in.SenderType = SenderNewMemberCommit },
		"no-path":         func(in *PolicyInput) { in.Path = nil },
		"room":            func(in *PolicyInput) { in.Extensions = nil },
		"remove-self":     one(SentProposal{Proposal: Proposal{Type: ProposalRemove, Remove: leafB}}),
		"remove-blank":    one(SentProposal{Proposal: Proposal{Type: ProposalRemove, Remove: 50}}),
		"update":          one(SentProposal{Proposal: Proposal{Type: ProposalUpdate, Update: path}}),
		"reinit":          one(SentProposal{Proposal: Proposal{Type: ProposalReInit, ReInit: &ReInit{}}}),
		"external-init":   one(SentProposal{Proposal: Proposal{Type: ProposalExternalInit}}),
		"proposal-type":   one(SentProposal{Proposal: Proposal{Type: 99}}),
		"by-reference":    one(SentProposal{Proposal: Proposal{Type: ProposalAdd}, ByReference: true}),
		"path-leaf":       func(in *PolicyInput) { in.Path = s.observer.tree.leaf(leafC) },
		"suite": one(SentProposal{Proposal: Proposal{Type: ProposalAdd,
			Add: newPerson(t, P256AES128, 9).bundle(t, P256AES128).KeyPackage}}),
	} {
		in := base
		change(&in)
		if err := Policy(in); Reason(err) != rule {
			t.Errorf("got %v, want rule %q", err, rule)
		}
	}
}
