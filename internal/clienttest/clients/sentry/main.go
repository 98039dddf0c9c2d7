// Command sentry reports a run of a job with Sentry's SDK, and an error besides, as
// a program does that uses it for both.
//
//	sentry <dsn> <slug>
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/getsentry/sentry-go"
)

func main() {
	if err := report(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func report(dsn, slug string) error {
	answers := &answers{}
	err := sentry.Init(sentry.ClientOptions{Dsn: dsn, Release: "app@1.2", Environment: "production", HTTPTransport: answers})
	if err != nil {
		return err
	}
	id := sentry.CaptureCheckIn(&sentry.CheckIn{MonitorSlug: slug, Status: sentry.CheckInStatusInProgress}, &sentry.MonitorConfig{
		Schedule: sentry.IntervalSchedule(10, sentry.MonitorScheduleUnitMinute), CheckInMargin: 5, MaxRuntime: 30,
		Timezone: "UTC", FailureIssueThreshold: 2, RecoveryThreshold: 1,
	})
	if id == nil {
		return errors.New("the SDK sent no check-in")
	}
	sentry.CaptureException(errors.New("something else"))
	sentry.CaptureCheckIn(&sentry.CheckIn{ID: *id, MonitorSlug: slug, Status: sentry.CheckInStatusOK, Duration: 1500 * time.Millisecond}, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if !sentry.FlushWithContext(ctx) {
		return errors.New("the SDK could not send everything")
	}
	fmt.Println(answers.codes)
	return nil
}

// answers keeps what the server answers, which the SDK does not tell.
type answers struct {
	mu    sync.Mutex
	codes []int
}

// RoundTrip implements http.RoundTripper.
func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.codes = append(a.codes, answer.StatusCode)
	}
	return answer, err
}
