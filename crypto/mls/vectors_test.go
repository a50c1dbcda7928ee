package mls

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hexBytes is binary data in a vector file. null stays nil.
type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		return err
	}
	v, err := hex.DecodeString(*s)
	*h = append(hexBytes{}, v...)
	return err
}

func (h hexBytes) MarshalJSON() ([]byte, error) {
	if h == nil {
		return []byte("null"), nil
	}
	return json.Marshal(hex.EncodeToString(h))
}

// vectorKinds has one runner per section of format.md; a file's kind is the
// prefix of its name.
var vectorKinds = map[string]func(*testing.T, json.RawMessage){
	"tree-math":          testTreeMath,
	"crypto-basics":      testCryptoBasics,
	"secret-tree":        testSecretTree,
	"message-protection": testMessageProtection,
	"key-schedule":       testKeySchedule,
	"psk_secret":         testPSKSecret,
	"transcript-hashes":  testTranscriptHashes,
	"welcome":            testWelcome,
	"tree-operations":    testTreeOperations,
	"tree-validation":    testTreeValidation,
	"treekem":            testTreeKEM,
	"messages":           testMessages,
	"passive-client":     testPassiveClient,
	"deserialization":    testDeserialization,
}

// TestVectors runs every file in testdata/rfc9420.
func TestVectors(t *testing.T) {
	// ASVS 11.6.1
	files, err := filepath.Glob("testdata/rfc9420/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vector files: %v", err)
	}
	covered := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			kind := ""
			for k := range vectorKinds {
				if strings.HasPrefix(name, k) && len(k) > len(kind) {
					kind = k
				}
			}
			if kind == "" {
				t.Fatalf("no runner for this kind of file")
			}
			covered[kind] = true
			var cases []json.RawMessage
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(b, &cases); err != nil {
				t.Fatal(err)
			}
			if len(cases) == 0 {
				t.Fatal("file without cases")
			}
			for i, c := range cases {
				t.Run(fmt.Sprint(i), func(t *testing.T) { vectorKinds[kind](t, c) })
			}
		})
	}
	if !t.Failed() && len(covered) != len(vectorKinds) && testingAll() {
		for k := range vectorKinds {
			if !covered[k] {
				t.Errorf("no vector file of kind %s", k)
			}
		}
	}
}

// parse reads a case and finds its suite. Suites 4 and 6 are X448 and Ed448,
// which the standard library does not have.
func parseCase(t *testing.T, raw json.RawMessage, v any) *suite {
	t.Helper()
	var head struct {
		Suite CipherSuite `json:"cipher_suite"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
	if head.Suite == 4 || head.Suite == 6 {
		t.Skip("X448 and Ed448 are not supported")
	}
	s, err := suiteOf(head.Suite)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %x\nwant %x", what, got, want)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// testingAll says whether no -run pattern picks single files.
func testingAll() bool {
	f := flag.Lookup("test.run")
	return f == nil || f.Value.String() == "" || f.Value.String() == "TestVectors"
}
