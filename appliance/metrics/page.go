package metrics

import (
	"bufio"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ContentType is that of a page.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// kind is what Prometheus takes a family for.
type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

// family is one metric with all its samples.
type family struct {
	name, help string
	kind       kind
	samples    []sample
}

// sample is one line. labels are name and value in turn.
type sample struct {
	suffix string
	labels []string
	value  float64
}

// Page is an exposition.
type Page struct{ families []family }

// Names are those of the families, in their order.
func (p Page) Names() []string {
	out := make([]string, 0, len(p.families))
	for _, f := range p.families {
		out = append(out, f.name)
	}
	return out
}

func (p *Page) add(name, help string, k kind, samples ...sample) {
	p.families = append(p.families, family{name, help, k, samples})
}

// one adds a family of a single value.
func (p *Page) one(k kind, name, help string, value float64) {
	p.add(name, help, k, sample{value: value})
}

// by adds a family with one label, in the order of its values. Values that are not known are counted together as "other":
// what a page may say is decided here, whatever is counted elsewhere.
func by[N uint64 | int | float64](p *Page, k kind, name, help, label string, known []string, values map[string]N) {
	var list []sample
	var other float64
	for _, v := range known {
		list = append(list, sample{labels: []string{label, v}, value: float64(values[v])})
	}
	for v, n := range values {
		if !slices.Contains(known, v) {
			other += float64(n)
		}
	}
	if other > 0 {
		list = append(list, sample{labels: []string{label, "other"}, value: other})
	}
	p.add(name, help, k, list...)
}

// distribution adds a histogram.
func (p *Page) distribution(name, help string, d Distribution) {
	var list []sample
	var sum uint64
	for i, bound := range d.Bounds {
		sum += d.Counts[i]
		list = append(list, sample{"_bucket", []string{"le", number(bound)}, float64(sum)})
	}
	if len(d.Counts) > len(d.Bounds) {
		sum += d.Counts[len(d.Bounds)]
	}
	list = append(list, sample{"_bucket", []string{"le", "+Inf"}, float64(sum)}, sample{"_sum", nil, d.Sum}, sample{"_count", nil, float64(sum)})
	p.add(name, help, histogram, list...)
}

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// Write writes the page.
func (p Page) Write(to io.Writer) error {
	w := bufio.NewWriter(to)
	for _, f := range p.families {
		_, _ = w.WriteString("# HELP " + f.name + " " + helpEscapes.Replace(f.help) + "\n# TYPE " + f.name + " " + string(f.kind) + "\n")
		for _, s := range f.samples {
			_, _ = w.WriteString(f.name + s.suffix)
			for i := 0; i+1 < len(s.labels); i += 2 {
				open := ","
				if i == 0 {
					open = "{"
				}
				_, _ = w.WriteString(open + s.labels[i] + `="` + labelEscapes.Replace(s.labels[i+1]) + `"`)
			}
			if len(s.labels) > 0 {
				_ = w.WriteByte('}')
			}
			_, _ = w.WriteString(" " + number(s.value) + "\n")
		}
	}
	return w.Flush() // the first error of all
}

// number is a value in the words of the format.
func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	case math.IsNaN(v):
		return "NaN"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
