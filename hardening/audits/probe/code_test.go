package main

import (
	"testing"
	"time"
)

// The values of RFC 6238, appendix B (SHA-1), cut to six digits.
func TestCodes(t *testing.T) {
	const secret = "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"} {
		if got, err := codeOf(secret, time.Unix(at, 0)); err != nil || got != want {
			t.Errorf("at %d: %s, %v, want %s", at, got, err, want)
		}
	}
}
