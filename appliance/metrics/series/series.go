// Package series keeps how the appliance was doing: a value a minute for a day, a quarter of an hour for a month, a day for
// two years.
//
// It decides how values become means and highest values, and that what is kept never grows: each tier is a ring whose slots are
// written again and again (about 400 KB in all). It never sees whom or what a value is about: a measure is one of [Names]. All of
// a minute is a few short records in one transaction of the caller's, who says what time it is.
package series

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"huisclos/store"
)

// Names are the measures, in the order in which they are kept: a new one goes to the end, none is taken out.
var Names = []string{
	"calls",     // in progress
	"people",    // connected to them
	"sent",      // media, in bits a second
	"received",  // likewise
	"forwarded", // packets a second
	"refused",   // packets that the gate refused, a second
	"cpu",       // of all processors, 0 to 1
	"memory",    // octets
	"load",      // of the forwarding path, 0 to 1
}

// Tier is how finely something is kept.
type Tier byte

const (
	Minutes  Tier = 'm' // for a day
	Quarters Tier = 'q' // for a month
	Days     Tier = 'd' // for two years; days of UTC
)

// tiers are their steps and how many are kept of each.
var tiers = map[Tier]struct {
	step time.Duration
	keep int64
}{
	Minutes:  {time.Minute, 24 * 60},
	Quarters: {15 * time.Minute, 31 * 24 * 4},
	Days:     {24 * time.Hour, 2 * 366},
}

// Step is the time from one point of a tier to the next.
func (t Tier) Step() time.Duration { return tiers[t].step }

// Points is how many points of a tier are kept.
func (t Tier) Points() int { return int(tiers[t].keep) }

// Point is what is kept of one step. Its values are in the order of Names; those of a measure that came later are NaN.
type Point struct {
	Start time.Time
	Count int // values that it was made of
	Mean  []float64
	Most  []float64
}

const bucket = "metrics.series" // tier, slot (2 bytes) → point

// CreateBuckets is this package's migration.
func CreateBuckets(tx *store.Tx) error { return tx.CreateBucket(bucket) }

// ErrValues says that values were not as many as Names.
var ErrValues = errors.New("series: the values are not those of the measures")

// Add notes the values of now in every tier. A value that isn't a number is left out.
func Add(tx *store.Tx, now time.Time, values []float64) error {
	if len(values) != len(Names) {
		return ErrValues
	}
	for _, tier := range []Tier{Minutes, Quarters, Days} {
		start, key := tier.slot(now)
		p, err := decode(tx.Get(bucket, key))
		if err != nil || !p.Start.Equal(start) { // a former round's; or not ours, and then it is written over
			p = Point{Start: start}
		}
		p.add(values)
		if err := tx.Put(bucket, key, encode(p)); err != nil {
			return err
		}
	}
	return nil
}

func (t Tier) slot(at time.Time) (start time.Time, key []byte) {
	step := int64(tiers[t].step / time.Second)
	n := at.Unix() / step
	return time.Unix(n*step, 0).UTC(), binary.BigEndian.AppendUint16([]byte{byte(t)}, uint16(n%tiers[t].keep))
}

func (p *Point) add(values []float64) {
	for len(p.Mean) < len(values) {
		p.Mean, p.Most = append(p.Mean, math.NaN()), append(p.Most, math.NaN())
	}
	n := float64(p.Count)
	for i, v := range values {
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
		case math.IsNaN(p.Mean[i]):
			p.Mean[i], p.Most[i] = v, v
		default:
			p.Mean[i], p.Most[i] = (p.Mean[i]*n+v)/(n+1), max(p.Most[i], v)
		}
	}
	p.Count++
}

// Read returns the points of a tier that begin in [from, to), in their order. Steps in which nothing ran have none.
func Read(tx *store.Tx, tier Tier, from, to time.Time) (list []Point, err error) {
	if _, ok := tiers[tier]; !ok {
		return nil, fmt.Errorf("series: no tier %q", byte(tier))
	}
	tx.Scan(bucket, []byte{byte(tier)}, nil, 0, func(_, v []byte) bool {
		var p Point
		if p, err = decode(v); err != nil {
			return false
		}
		if !p.Start.Before(from) && p.Start.Before(to) {
			list = append(list, p)
		}
		return true
	})
	slices.SortFunc(list, func(a, b Point) int { return a.Start.Compare(b.Start) })
	return list, err
}

const (
	form   = 1
	header = 1 + 8 + 4
)

func encode(p Point) []byte {
	b := make([]byte, 0, header+8*len(p.Mean))
	b = append(b, form)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Start.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(p.Count))
	for i := range p.Mean {
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(float32(p.Mean[i])))
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(float32(p.Most[i])))
	}
	return b
}

// decode fills measures that the point does not have with NaN, and leaves out those that are not known: the file is of an older
// or a newer program.
func decode(b []byte) (Point, error) {
	if len(b) < header || b[0] != form || (len(b)-header)%8 != 0 {
		return Point{}, errors.New("series: a point is not understood")
	}
	p := Point{Start: time.Unix(int64(binary.BigEndian.Uint64(b[1:])), 0).UTC(), Count: int(binary.BigEndian.Uint32(b[9:]))}
	for i := range Names {
		mean, most := math.NaN(), math.NaN()
		if at := header + 8*i; at+8 <= len(b) {
			mean = float64(math.Float32frombits(binary.BigEndian.Uint32(b[at:])))
			most = float64(math.Float32frombits(binary.BigEndian.Uint32(b[at+4:])))
		}
		p.Mean, p.Most = append(p.Mean, mean), append(p.Most, most)
	}
	return p, nil
}
