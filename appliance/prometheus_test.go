package appliance

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
)

const monitoring = "../packaging/monitoring/"

// program finds one of Debian's package prometheus, which .ci/test installs before the tests in Go.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed (.ci/need prometheus)", name)
	}
	return path
}

// TestPrometheus: a real Prometheus scrapes the appliance over TLS with the token, finds the page without fault, loads the rules and
// has every metric that the dashboard and the rules name.
func TestPrometheus(t *testing.T) {
	prometheus, promtool := program(t, "prometheus"), program(t, "promtool")
	a, _ := start(t, testSettings(t))
	token, err := a.watched.Make(audit.ActorOperator, time.Now())
	must(t, err)

	lint := exec.Command(promtool, "check", "metrics")
	lint.Stdin = strings.NewReader(pageOf(t, a, token))
	if out, err := lint.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("the linter of Prometheus says: %s (%v)", out, err)
	}
	for _, args := range [][]string{{"check", "rules", "huisclos.rules.yml"}, {"test", "rules", "huisclos.rules.test.yml"}} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = monitoring
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}

	dir := t.TempDir()
	served, err := a.keeper.TLS().GetCertificate(nil)
	must(t, err)
	write := func(name, text string) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: served.Certificate[0]})))
	write("token", token)
	rules, err := filepath.Abs(monitoring + "huisclos.rules.yml")
	must(t, err)
	write("prometheus.yml", fmt.Sprintf(`global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: huisclos
    scheme: https
    authorization: {credentials_file: token}
    tls_config: {ca_file: ca.pem}
    static_configs: [{targets: [%q]}]
`, rules, a.at()))
	at := freeAddress(t)
	said := &notes{}
	cmd := exec.Command(prometheus, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+at)
	cmd.Stdout, cmd.Stderr = said, said
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	query := func(expr string) (values map[string]string) {
		res, err := http.Get("http://" + at + "/api/v1/query?query=" + url.QueryEscape(expr))
		if err != nil {
			return nil
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		var answer struct {
			Data struct {
				Result []struct {
					Metric map[string]string
					Value  [2]any
				}
			}
		}
		if json.Unmarshal(body, &answer) != nil {
			return nil
		}
		values = map[string]string{}
		for _, r := range answer.Data.Result {
			values[r.Metric["__name__"]] = fmt.Sprint(r.Value[1])
		}
		return values
	}
	eventually(t, "Prometheus scrapes the appliance", func() bool { return query(`up{job="huisclos"}`)["up"] == "1" })
	have := query(`{job="huisclos"}`)
	if t.Failed() || have["huisclos_calls"] != "0" {
		t.Errorf("calls are %q\n%s", have["huisclos_calls"], said)
	}
	for _, expr := range drawn(t) {
		res, err := http.Get("http://" + at + "/api/v1/query?query=" + url.QueryEscape(expr))
		must(t, err)
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("the dashboard asks for what Prometheus does not understand: %s\n%s", expr, body)
		}
	}
	eventually(t, "the rules are evaluated", func() bool {
		res, err := http.Get("http://" + at + "/api/v1/rules")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return strings.Count(string(body), `"health":"ok"`) >= 20
	})
}

// drawn are the expressions of the dashboard, as they are asked for this job.
func drawn(t *testing.T) (list []string) {
	t.Helper()
	text, err := os.ReadFile(monitoring + "huisclos.dashboard.json")
	must(t, err)
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	must(t, json.Unmarshal(text, &board))
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || len(p.Targets) == 0 {
			t.Errorf("the panel %q has another's number (%d), or draws nothing", p.Title, p.ID)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			list = append(list, strings.NewReplacer("$job", "huisclos", "$__rate_interval", "1m").Replace(target.Expr))
		}
	}
	return list
}

// namesIn are the metrics that a text names, without what Prometheus adds to a histogram's.
func namesIn(text string) map[string]bool {
	out := map[string]bool{}
	for _, name := range regexp.MustCompile(`\b(?:huisclos|process|go)_[a-z0-9_]+\b`).FindAllString(text, -1) {
		out[strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")] = true
	}
	return out
}

// Whatever the dashboard and the rules name is on the page of an appliance that has everything.
func TestMonitoringNamesWhatThereIs(t *testing.T) {
	there := map[string]bool{}
	for _, name := range everything().Page(time.Now()).Names() {
		there[name] = true
	}
	for _, file := range []string{"huisclos.rules.yml", "huisclos.dashboard.json"} {
		text, err := os.ReadFile(monitoring + file)
		must(t, err)
		names := namesIn(string(text))
		if len(names) < 10 {
			t.Errorf("%s names only %v", file, names)
		}
		for name := range names {
			if !there[name] {
				t.Errorf("%s names %s, which there is not", file, name)
			}
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(text) {
			t.Errorf("%s is no JSON", file)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}
