package main

import (
	"fmt"
	"math"
	"strings"
)

// draw is the report as a picture: join times beside what the server needs.
func draw(r Report) string {
	const width, height, top, bottom = 860, 384, 64, 76
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" role="img" aria-label="Join time and server load by people in a room">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="20" y="24" font-size="15" fill="#1c2b2d">One room with real keys: %d processors for server and participants together, %s UTC</text>`+"\n", r.Processors, r.Date)
	panel(&b, 20, 400, top, height-bottom, r.Results, "ms, start to first opened frame", []series{
		{"half are in within", "#8fb7b3", func(x Result) float64 { return x.Join50 }}, {"95 % are in within", "#27424a", func(x Result) float64 { return x.Join95 }}})
	panel(&b, 440, 400, top, height-bottom, r.Results, "server: % of one processor, and MiB", []series{
		{"processor, nobody comes or goes", "#8fb7b3", func(x Result) float64 { return x.ServerCPU }}, {"processor, while all join", "#d8b48a", func(x Result) float64 { return x.PeakCPU }},
		{"memory (MiB)", "#27424a", func(x Result) float64 { return x.ServerMem }}})
	b.WriteString("</svg>\n")
	return b.String()
}

type series struct {
	name, color string
	of          func(Result) float64
}

// panel draws groups of bars, one for each room.
func panel(b *strings.Builder, x, width, top, bottom int, rooms []Result, title string, list []series) {
	most := 1.0
	for _, r := range rooms {
		for _, s := range list {
			most = max(most, s.of(r))
		}
	}
	step := nice(most / 4)
	most = math.Ceil(most/step) * step
	y := func(v float64) float64 { return float64(bottom) - v/most*float64(bottom-top) }
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="#1c2b2d">%s</text>`+"\n", x, top-20, title)
	left := x + 44
	for v := 0.0; v <= most+step/2; v += step {
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#d9e1e0"/><text x="%d" y="%.1f" text-anchor="end" fill="#555">%.0f</text>`+"\n", left, x+width-20, y(v), y(v), left-6, y(v)+4, v)
	}
	group := float64(x+width-20-left) / float64(max(1, len(rooms)))
	bar := min(28, group/float64(len(list)+1))
	for i, r := range rooms {
		at := float64(left) + group*(float64(i)+0.5) - bar*float64(len(list))/2
		for j, s := range list {
			v := s.of(r)
			fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s: %.0f</title></rect>`+"\n", at+bar*float64(j), y(v), bar-2, float64(bottom)-y(v), s.color, s.name, v)
		}
		label := fmt.Sprint(r.People)
		if r.Storm {
			label += " in 10 s"
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#1c2b2d">%s</text>`+"\n", float64(left)+group*(float64(i)+0.5), bottom+16, label)
	}
	for i, s := range list {
		y := bottom + 28 + 15*i
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="10" height="10" fill="%s"/><text x="%d" y="%d" font-size="11" fill="#1c2b2d">%s</text>`+"\n", left, y, s.color, left+14, y+9, s.name)
	}
}

// nice is the next of 1, 2, 5 times a power of ten.
func nice(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if f*p >= v {
			return f * p
		}
	}
	return 10 * p
}
