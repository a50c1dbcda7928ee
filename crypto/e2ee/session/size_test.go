package session

import (
	"testing"

	"huisclos/crypto/statement"
	"huisclos/crypto/statement/statementtest"
)

// TestLeafSize: what the key log adds to every leaf, and so to every commit and tree. The figures stand in docs/measurements.md.
func TestLeafSize(t *testing.T) {
	log, d := statementtest.New(), device(t)
	first := log.Inscribe(d.Account, d.ID, d.Signer.PublicKey(), 0)
	for range 10_000 {
		log.Append(statement.Statement{Kind: statement.Restored})
	}
	var err error
	d.Log, err = EnterLog(nil, d.Account, d.ID, d.Signer.PublicKey(), log.Answer(first.Index, first.Time, 0))
	must(t, err)
	p := again(t, d)
	kp, evidence := len(p.keyPackage(t)), len(d.Log.Evidence.Extension().Data)
	t.Logf("10,001 statements: evidence of %d bytes in a key package of %d", evidence, kp)
	if evidence > 800 || kp > 4500 {
		t.Errorf("evidence of %d bytes, key package of %d", evidence, kp)
	}
}
