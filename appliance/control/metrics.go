package control

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// Names of the acts by which the metrics and their token are asked for.
const (
	ActMetrics      = "metrics"
	ActMetricsToken = "metrics-token"
	ActMetricsShut  = "metrics-token-revoke"
)

// Metrics prints what the running appliance counts, in Prometheus' text format; with --json the same text in a member of that name.
func Metrics(_ context.Context, args []string, stdout, stderr io.Writer) int {
	return asked("metrics", ActMetrics, args, stdout, stderr, func(text string) string { return text })
}

// MetricsToken makes the token that opens the page of metrics, and voids the one before. It is printed once and kept nowhere.
func MetricsToken(_ context.Context, args []string, stdout, stderr io.Writer) int {
	return asked("metrics token", ActMetricsToken, args, stdout, stderr, func(token string) string { return token + "\n" })
}

// RevokeMetricsToken shuts the page of metrics.
func RevokeMetricsToken(_ context.Context, args []string, stdout, stderr io.Writer) int {
	return asked("metrics revoke", ActMetricsShut, args, stdout, stderr, func(string) string {
		return "Le jeton est révoqué ; la page des mesures est fermée. / The token is revoked; the page of metrics is shut.\n"
	})
}

// asked puts a question that takes no operands and is answered by one text.
func asked(path, act string, args []string, stdout, stderr io.Writer, show func(string) string) int {
	l, code := Read(path, args, stderr, 0, 0, nil)
	if l == nil {
		return code
	}
	var text string
	if err := l.Ask(act, nil, &text); err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		_ = json.NewEncoder(stdout).Encode(map[string]string{act: text})
		return 0
	}
	fmt.Fprint(stdout, show(text))
	return 0
}
