package sim_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/prove"
)

var (
	oneSeed = flag.Uint64("seed", 0, "live this one seed, with its trace")
	seeds   = flag.Int("seeds", 0, "how many seeds to live; 0 is a few")
	pastime = flag.Duration("for", 0, "stop after this time, however many seeds were lived; 0 never")
	least   = flag.Int("least", 0, "how many seeds have to be lived in that time")
	first   = flag.Uint64("first", 1, "the first of the seeds")
)

// outcome is what came of a life.
type outcome struct {
	seed              uint64
	wrongs            []violation
	trace             []string
	digest            uint64
	pings, told, read int
	config            string
}

// memory is a directory for databases, in memory when there is one: the file system
// makes no fsync wait there.
func memory(t *testing.T) string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		if dir, err := os.MkdirTemp(shm, "rollcall-sim-"); err == nil {
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			return dir
		}
	}
	return t.TempDir()
}

var databases atomic.Int64 // made so far

// live lives one seed.
func live(t *testing.T, dir string, seed uint64, b bug) outcome {
	empty, err := template()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fmt.Sprintf("%d.db", databases.Add(1)))
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
			_ = os.Remove(path + suffix)
		}
	}()
	var out outcome
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, seed: seed, bug: b, path: path, began: time.Now(),
			rng: rand.New(rand.NewPCG(seed, 0x726f6c6c)), rouse: make(chan struct{}, 1),
			byID: map[monitor.CheckID]*job{}, wakes: map[monitor.CheckID]time.Time{}, stale: map[monitor.CheckID]time.Time{}, spans: map[string]stretch{},
			replays: map[string][]time.Duration{}, dead: map[address]bool{},
		}
		w.net = newNetwork(w)
		defer w.net.openPost()()
		w.born()
		w.live(span)
		w.peace()
		w.verdict()
		for len(w.nodes) > 0 {
			w.stop(w.nodes[0])
		}
		out = outcome{
			seed: seed, wrongs: w.wrongs, trace: w.trace, digest: w.digest(), read: len(w.net.receptions),
			config: fmt.Sprintf("born %s in %s, two nodes: %v, %d checks, %d channels", clock(w.birth), w.zone, w.twoNodes, len(w.jobs), len(w.hooks)),
		}
		for _, j := range w.jobs {
			out.pings += len(j.sent)
			out.told += len(j.told)
		}
	})
	return out
}

// explain says what went wrong in a life, and what led to it.
func (o outcome) explain() string {
	var s strings.Builder
	v := o.wrongs[0]
	fmt.Fprintf(&s, "seed %d: %d violations, the first is %s %s: %s\n%s\n", o.seed, len(o.wrongs), v.kind, v.check, v.words, o.config)
	var lines []string
	for _, line := range slices.Backward(o.trace[:min(v.line+1, len(o.trace))]) {
		about := !strings.Contains(line, "job-") || v.check == "" || strings.Contains(line, v.check+" ") || strings.Contains(line, v.check+"/") || strings.Contains(line, v.check+",")
		if about && len(lines) < 30 {
			lines = append(lines, line)
		}
	}
	for _, line := range slices.Backward(lines) {
		fmt.Fprintln(&s, line)
	}
	fmt.Fprintf(&s, "again: go test ./internal/sim -run Lives -seed %d", o.seed)
	return s.String()
}

// few is how often to try: in the short form, under the race detector, in the long form.
func few(short, race, long int) int {
	if underRace {
		return race
	}
	return prove.Scale(short, long)
}

// TestLives lives many seeds and finds no promise broken.
func TestLives(t *testing.T) {
	if *oneSeed != 0 {
		out := live(t, memory(t), *oneSeed, 0)
		for _, line := range out.trace {
			fmt.Println(line)
		}
		fmt.Printf("seed %d: trace %x\n", out.seed, out.digest)
		if len(out.wrongs) > 0 {
			t.Error(out.explain())
		}
		return
	}
	n := *seeds
	if n == 0 {
		n = few(12, 1, 1000)
	}
	dir, began := memory(t), time.Now()
	var next, lived, pings, told, read atomic.Int64
	var mu sync.Mutex // guards broken and failures
	broken, failures := map[string]int{}, 0
	t.Run("seeds", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("worker", func(t *testing.T) {
				t.Parallel()
				for {
					seed := *first + uint64(next.Add(1)) - 1
					if seed >= *first+uint64(n) || *pastime > 0 && time.Since(began) > *pastime {
						return
					}
					out := live(t, dir, seed, 0)
					done := lived.Add(1)
					pings.Add(int64(out.pings))
					told.Add(int64(out.told))
					read.Add(int64(out.read))
					mu.Lock()
					for _, v := range out.wrongs {
						broken[v.kind]++
					}
					if len(out.wrongs) > 0 {
						if failures++; failures <= 5 {
							t.Error(out.explain())
						} else {
							t.Errorf("seed %d: %s", out.seed, out.wrongs[0].kind)
						}
					}
					mu.Unlock()
					if done%1000 == 0 {
						fmt.Printf("%d of %d seeds lived in %s, %d failed\n", done, n, time.Since(began).Round(time.Second), failures)
					}
				}
			})
		}
	})
	t.Logf("%d seeds of %d days in %s: %d pings, %d flips told, %d messages read", lived.Load(), span/day, time.Since(began).Round(time.Millisecond), pings.Load(), told.Load(), read.Load())
	if lived.Load() < int64(*least) {
		t.Errorf("%d seeds were lived in %s, want at least %d: the machine is too slow or too busy, or a life has become longer", lived.Load(), *pastime, *least)
	}
	for kind, words := range promises {
		prove.Report(t, words, int(lived.Load()), broken[kind])
	}
}
