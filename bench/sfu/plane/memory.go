package main

import (
	"errors"
	"os"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"

	"huisclos/media/forward"
)

// memoryClasses are what the program's memory is divided into, in octets (runtime/metrics).
var memoryClasses = map[string]string{
	"heap objects": "/memory/classes/heap/objects:bytes", // live, and dead ones that are not swept yet
	"heap unused":  "/memory/classes/heap/unused:bytes",  // in spans that hold objects
	"heap free":    "/memory/classes/heap/free:bytes",    // not given back to the system yet
	"stacks":       "/memory/classes/heap/stacks:bytes",
	"collector":    "/memory/classes/metadata/other:bytes",
	"profiles":     "/memory/classes/profiling/buckets:bytes",
	"live":         "/gc/heap/live:bytes", // that the last collection found
	"total":        "/memory/classes/total:bytes",
	"released":     "/memory/classes/heap/released:bytes",
}

// memory says what the program's memory is used for, before a collection and, as live, after one. It writes a heap profile to a file, if one is named.
func memory(profile string) (map[string]uint64, error) {
	read := func(into map[string]uint64, names map[string]string) {
		for name, metric := range names {
			sample := []metrics.Sample{{Name: metric}}
			metrics.Read(sample)
			if sample[0].Value.Kind() == metrics.KindUint64 {
				into[name] = sample[0].Value.Uint64()
			}
		}
	}
	classes := make(map[string]uint64)
	read(classes, memoryClasses)
	classes["rings"] = uint64(forward.Kept()) // which are not Go's
	runtime.GC()
	read(classes, map[string]string{"live": memoryClasses["live"]})
	if profile == "" {
		return classes, nil
	}
	file, err := os.Create(profile)
	if err != nil {
		return nil, err
	}
	return classes, errors.Join(pprof.WriteHeapProfile(file), file.Close())
}
