package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"rollcall/internal/monitor"
	"rollcall/internal/scheduler"
	"rollcall/internal/store"
)

// metrics is what the process counts. Labels come from small fixed sets only, so
// that the number of series does not grow with checks, projects or strangers.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	latency  *prometheus.HistogramVec
}

func newMetrics(version string, parts prometheus.Collector) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered, pings not among them.",
		}, []string{"route", "method", "code"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time until a request was answered, pings not among them.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10},
		}, []string{"route"}),
	}
	m.latency = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "alert_latency_seconds", Help: "Time from the deadline or report that a message tells of until the message was taken.",
		Buckets: []float64{.1, .5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200},
	}, []string{"kind"})
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "build_info", Help: "1 for the version that runs.",
	}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	m.registry.MustRegister(m.requests, m.took, m.latency, build, parts,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe counts an answered request.
func (m *metrics) observe(route, method string, code int, took time.Duration) {
	known := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions}
	if !slices.Contains(known, method) {
		method = "other" // a client can make up as many as it likes
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(code)).Inc()
	m.took.WithLabelValues(route).Observe(took.Seconds())
}

// delivered counts a message that was taken.
func (m *metrics) delivered(kind monitor.ChannelKind, since time.Duration) {
	m.latency.WithLabelValues(string(kind)).Observe(max(0, since).Seconds())
}

// parts reads the counters of the workers, and asks the database what waits, when
// the metrics are asked for.
type parts struct{ *App }

// Describe declares nothing: which series there are depends on what has happened.
func (parts) Describe(chan<- *prometheus.Desc) {}

// Collect sends the values of now.
func (p parts) Collect(out chan<- prometheus.Metric) {
	s := scrape{out}
	p.collectStore(s)
	p.collectVitals(s)
	p.loops.each(func(loop string, last time.Time) {
		s.gauge("loop_last_pass_timestamp_seconds", "When a loop of the process last came by.", float64(last.Unix()), "loop", loop)
	})
	if p.ingest != nil {
		stats, at := p.ingest.Stats(), now()
		if evidence := p.ingest.Evidence(at); !evidence.IsZero() {
			s.gauge("evidence_age_seconds", "Age of the instant up to which every ping that came to this process is stored.", at.Sub(evidence).Seconds())
		}
		s.counter("pings_accepted_total", "Pings stored and answered.", stats.Accepted.Load())
		s.counter("pings_coalesced_total", "Pings of a flood that were counted and not kept.", stats.Coalesced.Load())
		s.counter("pings_unknown_total", "Pings for which there is no check.", stats.Unknown.Load())
		s.counter("pings_refused_total", "Pings that could not be stored and were answered 503.", stats.Refused.Load())
		out <- prometheus.MustNewConstSummary(
			prometheus.NewDesc("ping_commit_duration_seconds", "Time that a batch of pings took to be stored.", nil, nil),
			uint64(stats.Batches.Load()), time.Duration(stats.CommitNs.Load()).Seconds(), nil)
	}
	if p.mailbox != nil {
		stats := p.mailbox.Stats()
		s.counter("mail_pings_total", "Pings stored that came by e-mail.", stats.Stored.Load())
		s.counter("mail_repeated_total", "Pings by e-mail that were stored before: their mail was sent again.", stats.Repeated.Load())
		s.counter("mail_unknown_total", "Recipients that are no check, answered 550.", stats.Unknown.Load())
		s.counter("mail_deferred_total", "Mails and recipients that were answered 451.", stats.Deferred.Load())
		s.counter("mail_limited_total", "Clients that were answered 421 for a limit.", stats.Limited.Load())
		s.gauge("mail_sessions", "Clients of the mailbox.", float64(stats.Sessions.Load()))
	}
	if p.scheduler != nil {
		stats := p.scheduler.Stats()
		if judged := p.scheduler.JudgedUpTo(); !judged.IsZero() {
			s.gauge("scheduler_lag_seconds", "Age of the instant up to which every deadline is judged.", now().Sub(judged).Seconds())
		}
		s.counter("evaluations_total", "Checks judged.", stats.Judged.Load())
		s.counter("flips_total", "Changes of status that the scheduler found.", stats.Flips.Load())
		s.counter("eval_quarantined_total", "Checks that could not be judged.", stats.Quarantined.Load())
		s.counter("scheduler_held_total", "Passes given up for want of evidence.", stats.Held.Load())
		for _, why := range scheduler.Holds() {
			held := map[bool]float64{true: 1}[p.scheduler.Hold() == why]
			s.send(prometheus.GaugeValue, "scheduler_hold", "1 while nothing is judged for this reason.", held, []string{"reason", string(why)})
		}
		s.counter("blind_intervals_total", "Spans of time in which pings could not be stored.", stats.Blind.Load())
		s.seconds("blind_seconds_total", "Length of these spans together.", time.Duration(stats.BlindNs.Load()))
	}
	if p.alerter != nil {
		stats := p.alerter.Stats()
		for class, n := range stats.Attempts {
			s.counter("delivery_attempts_total", "Attempts to deliver.", n, "kind", string(class.Kind), "outcome", string(class.Class))
		}
		for kind, took := range stats.Took {
			s.seconds("delivery_attempt_seconds_total", "Time that attempts to deliver took together.", took, "kind", string(kind))
		}
		for kind, n := range stats.Dead {
			s.counter("notifications_dead_total", "Deliveries given up.", n, "kind", string(kind))
		}
		s.counter("replays_total", "Messages that somebody had sent again.", stats.Replays)
		s.counter("leases_expired_total", "Deliveries taken over because the lease of another attempt ran out.", stats.Expired)
		s.counter("notifications_merged_total", "Changes told by digests instead of one by one.", stats.Merged)
		s.counter("endpoints_disabled_total", "Channels switched off because their receiver is gone or takes nothing.", stats.Gone+p.lookout.SwitchedOff())
		s.gauge("delivery_attempts_in_flight", "Attempts under way.", float64(stats.InFlight))
		s.gauge("deliveries_held", "Deliveries leased that wait for their host.", float64(stats.Waiting))
	}
}

func (p parts) collectStore(s scrape) {
	ctx, cancel := context.WithTimeout(context.Background(), readyLimit)
	defer cancel()
	up := 1.0
	if p.health.database(ctx) != nil {
		up = 0
	}
	s.gauge("db_up", "1 while the database answers.", up)
	pool := p.store.Pool()
	s.gauge("db_pool_in_use", "Connections to the database that are in use.", float64(pool.InUse))
	s.seconds("db_pool_wait_seconds_total", "Time spent waiting for a connection to the database.", pool.Waited)
	if failing, err := p.store.FailingChannels(ctx, 0); err == nil {
		collectFailing(s, failing)
	}
	oldest, waiting, err := p.store.OutboxAge(ctx, now())
	if err != nil {
		return
	}
	age := 0.0
	if !oldest.IsZero() {
		age = now().Sub(oldest).Seconds()
	}
	s.gauge("notifications_pending", "Deliveries due and not sent.", float64(waiting))
	s.gauge("notifications_oldest_age_seconds", "Age of the oldest delivery that is due and not sent; page somebody by this one.", age)
	if counts, err := p.store.CheckCounts(ctx); err == nil {
		for _, status := range []monitor.Status{monitor.New, monitor.Up, monitor.Down, monitor.Paused, monitor.Unknown} {
			s.gauge("checks", "Checks in the database.", float64(counts[status]), "status", string(status))
		}
	}
}

// collectFailing sends how many channels take nothing.
func collectFailing(s scrape, failing []monitor.Failing) {
	open, long := map[monitor.ChannelKind]int{}, 0
	for _, f := range failing {
		if f.Disabled != "" {
			continue
		}
		if !f.Opened.IsZero() {
			open[f.Kind]++
		}
		if f.Due(now()) > monitor.NoWarning {
			long++
		}
	}
	for _, kind := range []monitor.ChannelKind{monitor.Email, monitor.Webhook} {
		s.gauge("breaker_open", "Channels of which only the oldest message is tried, because so many attempts failed in a row.", float64(open[kind]), "kind", string(kind))
	}
	s.gauge("endpoints_failing", "Channels that took nothing for a day or longer and are not switched off.", float64(long))
}

// collectVitals sends what was found by the last look at this process.
func (p parts) collectVitals(s scrape) {
	report := p.vitals.Report()
	count := map[store.Rule]int{}
	for _, b := range report.Broken {
		count[b.Rule] = b.Count
	}
	for _, rule := range store.Rules() {
		s.gauge("consistency_violations", "Cases in which a rule was broken that always holds, by the last look at the database.", float64(count[rule]), "rule", string(rule))
	}
	if !report.Verified.IsZero() {
		s.gauge("consistency_last_look_timestamp_seconds", "When the database was last looked at.", float64(report.Verified.Unix()))
	}
	s.gauge("trouble", "How many things are wrong with this process; what is in /statusz.", float64(len(report.Trouble)))
	if last := p.vitals.Heartbeat.Last(); !last.IsZero() {
		s.gauge("heartbeat_out_last_success_timestamp_seconds", "When a heartbeat was last taken.", float64(last.Unix()))
	}
	if p.vitals.Disk != nil {
		if free, _, err := p.vitals.Disk(); err == nil {
			s.gauge("disk_free_bytes", "Room for the database.", float64(free))
		}
	}
	if !manyNodes(p.config.Database) {
		if log, err := os.Stat(p.config.Database + "-wal"); err == nil {
			s.gauge("sqlite_wal_bytes", "Size of the write-ahead log of SQLite.", float64(log.Size()))
		}
	}
}

// scrape sends metrics; labels are given as names and values in turn.
type scrape struct{ out chan<- prometheus.Metric }

func (s scrape) counter(name, help string, n int64, labels ...string) {
	s.send(prometheus.CounterValue, name, help, float64(n), labels)
}

func (s scrape) seconds(name, help string, d time.Duration, labels ...string) {
	s.send(prometheus.CounterValue, name, help, d.Seconds(), labels)
}

func (s scrape) gauge(name, help string, v float64, labels ...string) {
	s.send(prometheus.GaugeValue, name, help, v, labels)
}

func (s scrape) send(kind prometheus.ValueType, name, help string, v float64, labels []string) {
	var names, values []string
	for pair := range slices.Chunk(labels, 2) {
		names, values = append(names, pair[0]), append(values, pair[1])
	}
	s.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, v, values...)
}

// promLog writes what goes wrong with a scrape.
type promLog struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (l promLog) Println(v ...any) { l.log.Error("metrics not served", "err", fmt.Sprint(v...)) }
