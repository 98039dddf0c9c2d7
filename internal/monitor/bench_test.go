package monitor_test

import (
	"testing"
	"time"

	"rollcall/internal/monitor"
)

// BenchmarkReceive measures the decision on an ordinary ping that comes in time.
func BenchmarkReceive(b *testing.B) {
	config := monitor.Config{Name: "job", Grace: time.Minute}
	config.Schedule.Kind, config.Schedule.Period = "every", time.Minute
	c := monitor.Create(monitor.Check{ID: 1, Config: config}, day)
	p := monitor.Ping{Signal: monitor.Success, Method: "POST", Scheme: "https"}
	for i := 0; b.Loop(); i++ {
		p.At = day.Add(time.Duration(i) * 30 * time.Second)
		c = c.Receive(p).Check
	}
}
