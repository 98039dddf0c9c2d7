package demo

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/internal/app"
	"rollcall/internal/monitor"
	"rollcall/internal/sample"
	"rollcall/internal/store"
)

// The account that looks at the sample project, and where its mail comes from.
const (
	email   = "ana@example.test"
	project = "Sample shop"
	sender  = "rollcall@example.test"
)

// newPassword makes a password that can be typed. It is a new one each time, because
// others on the same machine reach the demo, too.
func newPassword() string { return strings.ToLower(rand.Text()[:16]) }

// newSecret makes what signs the webhooks.
func newSecret() string {
	return monitor.SecretPrefix + base64.StdEncoding.EncodeToString([]byte(rand.Text()))
}

// seeded is the sample project as it is at the start.
type seeded struct {
	jobs   []habit
	checks []monitor.Check // of the same indices
}

// watched is the check of the tour.
func (s seeded) watched() monitor.Check {
	for _, c := range s.checks {
		if c.Name == silent {
			return c
		}
	}
	return monitor.Check{}
}

// seed makes the account, the sample project with its past, and its channels. The
// past was told to nobody: all that Deliveries will list was really sent.
func seed(ctx context.Context, database, password string, channels []monitor.Channel, now time.Time) (seeded, error) {
	made, err := app.AddUser(ctx, database, "", app.NewAccount{Email: email, Password: password, Project: project})
	if err != nil {
		return seeded{}, err
	}
	st, err := app.OpenStore(ctx, database, "")
	if err != nil {
		return seeded{}, err
	}
	sown, err := sow(ctx, st, made.Project.ID, channels, now)
	return sown, errors.Join(err, st.Close())
}

func sow(ctx context.Context, st store.Store, project monitor.ProjectID, channels []monitor.Channel, now time.Time) (seeded, error) {
	s := seeded{jobs: habits()}
	past := sample.Past{Store: st, Project: project, Now: now}
	for _, j := range s.jobs {
		check, err := past.Live(ctx, uuid.New(), j.Job)
		if err != nil {
			return s, fmt.Errorf("%s: %w", j.Name, err)
		}
		s.checks = append(s.checks, check)
	}
	var told []monitor.ChannelID
	for _, c := range channels {
		c.Project, c.Created = project, now
		made, err := st.CreateChannel(ctx, c)
		if err != nil {
			return s, err
		}
		told = append(told, made.ID)
	}
	var steps []store.Step
	for _, c := range s.checks {
		same := func(c monitor.Check) monitor.Change { return monitor.Change{Check: c, Unchanged: true} }
		steps = append(steps, store.Step{Ref: store.Ref{ID: c.ID}, Decide: same, Assign: &told})
	}
	_, err := st.Transitions(ctx, steps)
	return s, err
}
