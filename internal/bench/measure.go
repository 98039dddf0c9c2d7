//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// cell is what one load showed on one server.
type cell struct {
	rate             float64 // pings in a second
	ofBare           float64 // the same as a share of what the bare handler took in this round
	p50, p99         time.Duration
	cpu, databaseCPU time.Duration // for 1,000 pings
}

// measure applies every load to every server in turn, as often as there are
// rounds. The first subject is the bare handler.
func measure(ctx context.Context, o options, subjects []*subject) error {
	for round := range o.rounds {
		for _, l := range o.loads() {
			for _, s := range subjects {
				c, err := s.measure(ctx, o, l)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				s.cells[l] = append(s.cells[l], c)
				s.cells[l][round].ofBare = c.rate / subjects[0].cells[l][round].rate
				fmt.Fprintf(os.Stderr, "round %d of %d: %s: %s: %.0f pings/s\n", round+1, o.rounds, l, s.name, c.rate)
			}
		}
	}
	return nil
}

// measure applies one load to one server.
func (s *subject) measure(ctx context.Context, o options, l load) (cell, error) {
	window := time.Duration(o.seconds) * time.Second
	var own, database []time.Duration // processor time as the window begins and ends
	var sum tally
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		sum, err = s.generator.run(groupCtx, l, warmUp, window, func() error {
			of, err := statOf(s.pid)
			own = append(own, of.cpu)
			if err == nil && s.rollcall != nil && s.postmaster != 0 {
				var of time.Duration
				of, err = familyCPU(s.postmaster)
				database = append(database, of)
			}
			return err
		})
		return err
	})
	if s.rollcall != nil && o.profile != "" {
		name := strings.Map(onlyWords, s.name+" "+l.String()) + ".prof"
		group.Go(func() error { return s.profile(groupCtx, filepath.Join(o.profile, name), warmUp+window) })
	}
	if err := group.Wait(); err != nil {
		return cell{}, err
	}
	n := len(sum.inWindow)
	if n == 0 {
		return cell{}, errors.New("no ping was answered")
	}
	if s.rollcall != nil {
		s.acknowledged += sum.acknowledged
	}
	c := cell{rate: float64(n) / window.Seconds(), p50: sum.inWindow[n/2], p99: sum.inWindow[n*99/100]}
	c.cpu = (own[1] - own[0]) * 1000 / time.Duration(n)
	if len(database) == 2 {
		c.databaseCPU = (database[1] - database[0]) * 1000 / time.Duration(n)
	}
	return c, nil
}

// onlyWords makes a file name of words.
func onlyWords(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return r
	case r == ',':
		return -1
	}
	return '-'
}
