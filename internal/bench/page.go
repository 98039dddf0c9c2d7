//go:build linux

package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/e2e"
	"rollcall/templates"
)

// The list of checks that is looked at.
const (
	listChecks = 2_000
	listRuns   = 30 // of each check, a start and an end
	looks      = 100
)

// view is one way of looking at the pages, and what it showed.
type view struct {
	name         string
	ask          func(*reader) (*http.Request, error)
	first, whole []time.Duration // until the first byte, and until the last
	cpu          time.Duration   // of the server, for all requests
	sent, plain  int             // bytes
}

// reader is somebody who has logged in and looks at the list.
type reader struct {
	base   string
	client *http.Client
	seen   string            // what the list said that it shows
	rows   []string          // their ids, in their order
	said   map[string]string // what each of them says
	checks []uuid.UUID
	next   int // which check is pinged next
}

// measurePages prints how fast the list of many checks is, on every engine.
func measurePages(ctx context.Context, o options, engines []engine) (string, error) {
	rows := [][]string{{"server", "request", "first byte p50", "p95", "whole p50", "CPU", "sent", "plain"}}
	for _, e := range engines {
		views, err := e.lookAt(ctx, o)
		if err != nil {
			return "", fmt.Errorf("%s: %w", e.name, err)
		}
		for _, v := range views {
			rows = append(rows, []string{
				e.name, v.name, milliseconds(quantile(v.first, 0.5)), milliseconds(quantile(v.first, 0.95)),
				milliseconds(quantile(v.whole, 0.5)), milliseconds(v.cpu / looks), kilobytes(v.sent), kilobytes(v.plain),
			})
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d checks of one project, %d runs of each; %d requests one after another, as a browser sends them.\n\n", listChecks, listRuns, looks)
	write(&text, rows)
	return text.String(), nil
}

func kilobytes(n int) string { return fmt.Sprintf("%.1f kB", float64(n)/1e3) }

func quantile(times []time.Duration, share float64) time.Duration {
	slices.Sort(times)
	return times[int(share*float64(len(times)-1))]
}

// lookAt measures all views on one engine.
func (e engine) lookAt(ctx context.Context, o options) (views []*view, err error) {
	fmt.Fprintln(os.Stderr, "preparing", e.name)
	database, ids, err := e.listed(ctx)
	if err != nil {
		return nil, err
	}
	serve := e2e.Serve{Binary: o.binary, Database: database}
	if serve.Listen, err = e2e.FreeAddress(); err != nil {
		return nil, err
	}
	if serve.Ops, err = e2e.FreeAddress(); err != nil {
		return nil, err
	}
	server, err := serve.Start()
	if err != nil {
		return nil, err
	}
	defer server.Kill()
	if err := server.Answering(ctx); err != nil {
		return nil, err
	}
	r := &reader{base: "http://" + serve.Listen, checks: ids}
	if err := r.logIn(ctx); err != nil {
		return nil, err
	}
	views = waysToLook()
	for _, v := range views {
		if o.profile != "" {
			done := make(chan error, 1)
			s := &subject{rollcall: &rollcall{serve: serve}}
			go func() {
				done <- s.profile(ctx, fmt.Sprintf("%s/%s %s.pprof", o.profile, e.driver, strings.ReplaceAll(v.name, "/", "")), 3*time.Second)
			}()
			defer func() { <-done }()
		}
		before, err := statOf(server.PID())
		if err != nil {
			return nil, err
		}
		for range looks {
			if err := v.look(ctx, r); err != nil {
				return nil, fmt.Errorf("%s: %w", v.name, err)
			}
		}
		after, err := statOf(server.PID())
		if err != nil {
			return nil, err
		}
		v.cpu = after.cpu - before.cpu
	}
	return views, server.Stop(ctx)
}

// waysToLook begins with a few looks that warm the server up.
func waysToLook() []*view {
	page := func(path string) func(*reader) (*http.Request, error) {
		return func(r *reader) (*http.Request, error) { return http.NewRequest(http.MethodGet, r.base+path, nil) }
	}
	return []*view{
		{name: "the list, searched", ask: page("/checks?q=backup")},
		{name: "the list", ask: page("/checks")},
		{name: "the list, live, nothing new", ask: (*reader).poll},
		{name: "the list, live, one ping later", ask: func(r *reader) (*http.Request, error) {
			r.next++
			resp, err := http.Get(r.base + "/ping/" + r.checks[r.next%len(r.checks)].String())
			if err != nil {
				return nil, err
			}
			resp.Body.Close()
			return r.poll()
		}},
		{name: "100 rows scrolled to", ask: func(r *reader) (*http.Request, error) {
			req, err := http.NewRequest(http.MethodGet, r.base+"/checks?rows=760-860", nil)
			if err == nil {
				req.Header.Set("HX-Request", "true")
			}
			return req, err
		}},
		{name: "another page", ask: page("/settings")},
	}
}

func (r *reader) poll() (*http.Request, error) {
	req, err := http.NewRequest(http.MethodGet, r.base+"/checks", nil)
	if err == nil {
		req.Header.Set("HX-Request", "true")
		seen := r.seen
		for _, row := range r.rows {
			seen += r.said[row]
		}
		req.Header.Set(templates.SeenHeader, seen)
	}
	return req, err
}

func (r *reader) logIn(ctx context.Context) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	r.client = &http.Client{Jar: jar, Transport: &http.Transport{DisableCompression: true}} // it is asked for by hand
	form := url.Values{"email": {benchEmail}, "password": {benchPassword}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/checks" {
		return fmt.Errorf("log in: %s at %s", resp.Status, resp.Request.URL)
	}
	return nil
}

var (
	seenInList = regexp.MustCompile(`data-seen="([^"]+)" data-versions="([^"]+)"`)
	rowsOfList = regexp.MustCompile(`<tr id="(c-[^"]+)" data-s="[^"]+"(?: data-v="([^"]+)")?`)
)

// look sends one request, as a browser that takes gzip.
func (v *view) look(ctx context.Context, r *reader) error {
	req, err := v.ask(r)
	if err != nil {
		return err
	}
	var began, first time.Time
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotFirstResponseByte: func() { first = time.Now() },
	}))
	req.Header.Set("Accept-Encoding", "gzip")
	began = time.Now()
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	packed, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	v.first, v.whole = append(v.first, first.Sub(began)), append(v.whole, time.Since(began))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s\n%s", resp.Status, packed)
	}
	html := string(packed)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		unpack, err := gzip.NewReader(strings.NewReader(html))
		if err != nil {
			return err
		}
		plain, err := io.ReadAll(unpack)
		if err != nil {
			return err
		}
		html = string(plain)
	}
	v.sent, v.plain = len(packed), len(html)
	r.remember(html)
	return nil
}

// remember keeps what a browser shows after an answer.
func (r *reader) remember(html string) {
	found := seenInList.FindStringSubmatch(html)
	if found != nil {
		r.seen, r.rows, r.said = found[1], nil, map[string]string{}
	}
	for i, row := range rowsOfList.FindAllStringSubmatch(html, -1) {
		if found != nil {
			r.rows = append(r.rows, row[1])
			row[2] = found[2][3*i : 3*i+3]
		}
		r.said[row[1]] = row[2]
	}
}
